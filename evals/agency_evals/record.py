"""Recording a case: a live run, taken down with the files it left and the verdicts on them."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agency_evals.agents import Acted, Choices
from agency_evals.attempt import Job, kept_of, performed
from agency_evals.case import Case, read_case
from agency_evals.finished import Box, Finished
from agency_evals.fixture import fixture_digest, laid_out
from agency_evals.kept_tree import keep_in, kept_in
from agency_evals.results import GRADED, Outcome, Score, outcome_of
from agency_evals.scorers import score_all
from agency_evals.scorers.judging import is_kept
from agency_evals.tree import applied, read_tree
from agency_evals.verdicts import Verdicts, verdicts_path, write
from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was recorded: where, and what the scorers said."""

    path: Path
    outcome: Outcome
    scores: tuple[Score, ...]
    unlike: tuple[str, ...] = ()


def record(case: Case, name: str, choices: Choices, *, overwrite: bool = False) -> Recorded:
    """Do the case live and keep the recording as `recordings/NAME.jsonl`.

    Raises UsageError where one of that name is there, or the run came to a fault that is not the agent's.
    """
    target = case.folder / "recordings" / f"{name}.jsonl"
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: there is such a recording; give another --name, or --overwrite")
    with tempfile.TemporaryDirectory(prefix="agency-record-") as place:
        fresh = Path(place) / target.name
        finished, _ = _run(case, replace(choices, agent="live"), Path(place), record=fresh)
        target.parent.mkdir(exist_ok=True)
        keep_in(fresh, kept_of(finished))
        shutil.move(fresh, target)
    return _judged(replace(finished, kept=verdicts_path(target)), target)


def refresh(case: Case, name: str, choices: Choices) -> Recorded:
    """Replay a recording with its tools live, and keep the files and verdicts of that.

    `unlike` names the results that were others than the recorded ones. Raises UsageError as `record`.
    """
    path = case.recordings.get(name)
    if path is None:
        raise UsageError(f"{case.folder}/recordings/{name}.jsonl is not there; there are: {', '.join(case.recordings)}")
    with tempfile.TemporaryDirectory(prefix="agency-record-") as place:
        chosen = replace(choices, agent="replay", tools="live")
        finished, acted = _run(case, chosen, Path(place), recording=name)
    keep_in(path, kept_of(finished))
    return replace(_judged(finished, path), unlike=tuple(acted.divergences))


def verdicts(case: Case, name: str, choices: Choices) -> Recorded:
    """Run the scorers that execute on the files a recording keeps, and keep their verdicts; nothing is replayed.

    Raises UsageError where the recording keeps no files, or those of another workspace.
    """
    path = case.recordings[name]
    kept = kept_in(path)
    if kept is None or kept.fixture != fixture_digest(case):
        raise UsageError(f"{path}: keeps no files of the workspace as it is now; --refresh keeps them")
    with laid_out(case) as fixture:
        before = read_tree(fixture.root)
    box = Box(kind=choices.sandbox, image=choices.image)
    finished = Finished(
        case=case, agent="replay", before=before, after=applied(before, kept.left), box=box, kept=verdicts_path(path)
    )
    return _judged(finished, path, whole=False)


def _run(
    case: Case, choices: Choices, place: Path, *, recording: str | None = None, record: Path | None = None
) -> tuple[Finished, Acted]:
    job = Job(
        id=case.id, case=case.folder, run=place, digest="", expected="passed", choices=choices, recording=recording
    )
    with laid_out(case) as fixture:
        finished, acted = performed(job, case, fixture, record)
    if acted.fault is not None and acted.fault.cause not in GRADED:
        raise UsageError(f"{case.id}: not recorded: {acted.fault.cause.value}: {acted.fault.message}")
    return finished, acted


def _judged(finished: Finished, path: Path, *, whole: bool = True) -> Recorded:
    """Score it, and keep the verdicts that a pure replay cannot give."""
    finished = replace(finished, case=_with_kept(read_case(finished.case.folder), whole=whole), grades=True)
    scores = score_all(finished)
    keys = Verdicts.of(finished)
    by_name = {score.scorer: score for score in scores}
    kept: Mapping[str, Score] = {
        keys.key(spec): by_name[spec.name or spec.kind]
        for spec in finished.case.scorers
        if is_kept(spec) and by_name[spec.name or spec.kind].outcome in ("passed", "failed")
    }
    if kept:
        write(verdicts_path(path), kept)
    return Recorded(path=path, outcome=outcome_of(scores), scores=scores)


def _with_kept(case: Case, *, whole: bool) -> Case:
    """The case with all its scorers, or only with those whose verdicts are kept."""
    return case if whole else replace(case, scorers=[spec for spec in case.scorers if is_kept(spec)])
