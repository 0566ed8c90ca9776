"""`files`: which files were created, modified and deleted."""

from collections.abc import Iterator, Sequence

from agency_evals.finished import Finished
from agency_evals.globs import matching
from agency_evals.results import Score
from agency_evals.scorer_file import FilesChanged as Spec
from agency_evals.scorer_file import name_of
from agency_evals.scorers.verdict import asserted


def score(spec: Spec, finished: Finished) -> Score:
    """Passed where the changes are those asked for."""
    return asserted(name_of(spec), list(_problems(spec, finished)))


def _problems(spec: Spec, finished: Finished) -> Iterator[str]:
    changed = finished.changed
    for kind, globs in (("created", spec.created), ("modified", spec.modified), ("deleted", spec.deleted)):
        for glob in globs:
            if not matching(changed[kind], [glob]):
                yield f"{glob} was not {kind}"
        if spec.exact:
            yield from (f"{path} was {kind}, which was not asked for" for path in _beyond(changed[kind], globs))
    everything = [path for paths in changed.values() for path in paths]
    if spec.only:
        yield from (f"{path} was changed, outside of {', '.join(spec.only)}" for path in _beyond(everything, spec.only))
    yield from (f"{path} was changed and must not be" for path in matching(everything, spec.unchanged))


def _beyond(paths: Sequence[str], globs: Sequence[str]) -> list[str]:
    within = set(matching(paths, globs))
    return [path for path in paths if path not in within]
