"""Scoring a run again from what it kept: nothing is run but the scorers."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agency_evals.case import Case
from agency_evals.finished import Box, Finished
from agency_evals.fixture import fixture_digest, laid_out
from agency_evals.kept_tree import read_kept
from agency_evals.results import GRADED, CaseResult, Evidence, Outcome, Score, rescored
from agency_evals.run_folder import RunFolder, latest
from agency_evals.scorers import score_all
from agency_evals.suite import Tell
from agency_evals.tree import applied, read_tree
from agency_evals.verdicts import verdicts_path
from agency_runtime.session import read_events
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError

Action = Literal["append", "overwrite"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """A score from elsewhere, for one case and epoch."""

    id: str
    epoch: int
    score: Score


def rescore(
    folder: RunFolder, cases: Mapping[str, Case], *, action: Action, box: Box, only: Sequence[str] = (), tell: Tell
) -> None:
    """Score every result whose case is given, and add the new results to the run's log.

    action: `append` keeps scores of scorers that the case no longer has; `overwrite` does not. only: names of scorers.
    Raises UsageError where a case's workspace is no longer the one the result was made on.
    """
    for result in latest(folder.results()):
        case = cases.get(result.case)
        if case is None or result.workspace is None or (result.fault and result.fault.cause not in GRADED):
            continue
        fresh = score_all(finished_of(folder, result, case, box))
        chosen = [score for score in fresh if not only or score.scorer in only]
        new = rescored(result, merged(result.scores, chosen, keep=action == "append" or bool(only)))
        folder.append(new)
        tell(new)


def finished_of(folder: RunFolder, result: CaseResult, case: Case, box: Box) -> Finished:
    """The attempt as it ended, from the run's folder. Raises UsageError where that is no longer to be had."""
    kept = read_kept(folder.path / (result.workspace or ""))
    if kept is None:
        raise UsageError(f"{folder.path}/{result.workspace}: not there; the attempt has to be made again")
    if kept.fixture != fixture_digest(case):
        raise UsageError(f"{case.folder}: its workspace has changed since {folder.id}; run it again")
    with laid_out(case) as fixture:
        before = read_tree(fixture.root)
        public = replace(box, aliases=tuple(fixture.aliases), start=fixture.start, variables=fixture.variables)
    events = list(read_events(folder.path / result.session)) if result.session else []
    recording = case.recordings.get(result.recording or "")
    agent: Any = result.agent
    return Finished(
        case=case, agent=agent, before=before, after=applied(before, kept.left), events=events, box=public,
        ended=next((event for event in reversed(events) if event["type"] == "session.ended"), json_object(None)),
        own_git=fixture.own_git, kept=verdicts_path(recording) if recording else None,
    )  # fmt: skip


def import_scores(folder: RunFolder, given: Iterable[Given], *, tell: Tell) -> None:
    """Add scores from elsewhere to their results. Raises UsageError for one whose case and epoch the run has not."""
    results = {result.key: result for result in latest(folder.results())}
    for each in given:
        result = results.get((each.id, each.epoch))
        if result is None:
            raise UsageError(
                f"{folder.id} has no case {each.id!r} in epoch {each.epoch}; nothing after it was imported"
            )
        new = results[result.key] = rescored(result, merged(result.scores, [each.score], keep=True))
        folder.append(new)
        tell(new)


def read_scores(path: Path, scorer: str) -> Iterator[Given]:
    """Scores of a JSONL file: `{"id", "value", "epoch"?, "outcome"?, "evidence"?}` a line. Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _given(path, number, line, scorer)


def _given(path: Path, number: int, line: str, scorer: str) -> Given:
    try:
        value = json_object(json.loads(line))
        outcome: Outcome | None = value.get("outcome") or _outcome(value["value"])
        evidence = Evidence(excerpt=str(value.get("evidence") or f"imported from {path.name}:{number}"))
        score = Score(scorer=scorer, value=value["value"], outcome=outcome, evidence=evidence)
        return Given(id=str(value["id"]), epoch=int(value.get("epoch", 1)), score=score)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f'{path}:{number}: give {{"id": …, "value": …}}: {error!r}') from error


def _outcome(value: object) -> Outcome | None:
    """A bool asserts; a number or label from elsewhere only measures."""
    return ("passed" if value else "failed") if isinstance(value, bool) else None


def merged(old: Sequence[Score], new: Sequence[Score], *, keep: bool) -> tuple[Score, ...]:
    """The new scores, after the old ones of other scorers where those are kept."""
    names = {score.scorer for score in new}
    return (*(score for score in old if keep and score.scorer not in names), *new)
