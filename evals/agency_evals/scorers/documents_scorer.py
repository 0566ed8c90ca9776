"""`documents`: assertions in CEL and Rego over any files."""

from collections.abc import Mapping, Sequence
from typing import Any

from agency_evals.assertions import compiled, denials
from agency_evals.documents import Documents, Format, parse
from agency_evals.finished import Finished
from agency_evals.globs import matching
from agency_evals.results import Score
from agency_evals.scorer_file import Documents as Spec
from agency_evals.scorer_file import That, name_of
from agency_evals.scorers.verdict import asserted, broken


def score(spec: Spec, finished: Finished) -> Score:
    """Passed where enough files are there, all can be read, and everything asked of them holds."""
    name = name_of(spec)
    files, problems = read(finished, spec.files, spec.format)
    if len(files) < spec.at_least:
        problems.append(f"{len(files)} files match {', '.join(spec.files)}; at least {spec.at_least} must be there")
    if problems:
        return asserted(name, problems)
    return judged(name, finished, given_of(files, finished), spec.that, spec.policies)


def read(finished: Finished, globs: Sequence[str], form: Format = "auto") -> tuple[dict[str, Documents], list[str]]:
    """The documents of each file that matches, and what is wrong with those that cannot be read."""
    files: dict[str, Documents] = {}
    problems: list[str] = []
    for path in matching(finished.after, globs):
        entry = finished.after[path]
        if entry.kind != "file" or entry.large:
            continue
        try:
            files[path] = parse(path, entry.text, form)
        except ValueError as error:
            problems.append(str(error))
    return files, problems


def given_of(files: Mapping[str, Documents], finished: Finished) -> dict[str, Any]:
    """What assertions see of files."""
    return {
        "docs": [document for documents in files.values() for document in documents],
        "files": dict(files),
        "changed": finished.changed,
    }


def judged(
    name: str, finished: Finished, given: Mapping[str, Any], that: Sequence[That], policies: Sequence[str]
) -> Score:
    """Whether every assertion holds and no policy denies anything; an assertion that is none is the scorer's error."""
    try:
        problems = [
            f"{each.says} ({each.cel}: {why})" for each in that if (why := compiled(each.cel)(given)) is not None
        ]
        problems += denials([finished.case.folder / "tests" / policy for policy in policies], given)
    except ValueError as error:
        return broken(name, str(error))
    return asserted(name, problems)
