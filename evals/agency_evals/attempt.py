"""One attempt at a case: lay out the workspace, let the agent act, take down what it left, score that."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agency_evals.agents import Acted, Choices, act
from agency_evals.case import Case, read_case
from agency_evals.finished import OWN, Box, Finished
from agency_evals.fixture import Fixture, fixture_digest, laid_out
from agency_evals.kept_tree import Kept, kept_in
from agency_evals.results import GRADED, RESULT, CaseResult, Cause, Evidence, Expected, Fault, Score, outcome_of
from agency_evals.run_folder import RunFolder
from agency_evals.scorers import score_all
from agency_evals.tree import Tree, applied, difference, read_tree
from agency_evals.verdicts import verdicts_path
from agency_runtime.recording import digest
from agency_runtime.session import now
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.redaction import Redactor


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt to be made. It can be sent to another process or machine that has the same files.

    case, run: folders. recording: a name, for the agent replay. earlier: faults of attempts before this one.
    """

    id: str
    case: Path
    run: Path
    digest: str
    expected: Expected
    choices: Choices
    recording: str | None = None
    epoch: int = 1
    earlier: Sequence[Fault] = ()

    @property
    def key(self) -> tuple[str, int]:
        """The key of its result."""
        return self.id, self.epoch

    @property
    def stem(self) -> str:
        """The name of what it leaves in the run's folder."""
        return f"{self.id}.{self.epoch}"


def attempt(job: Job) -> CaseResult:
    """Make the attempt. Whatever goes wrong is told in the result; only an interruption is raised."""
    began, started = time.perf_counter(), now()
    try:
        result = _attempt(job)
    except (UsageError, WorkspaceError) as error:
        cause = Cause.SANDBOX if isinstance(error, WorkspaceError) else Cause.HARNESS
        result = failed(job, cause, str(error))
    except Exception as error:  # a fault of ours in one case must not end the others; it is told as what it is
        result = failed(job, Cause.HARNESS, f"{type(error).__name__}: {error}")
    whole = replace(result, started=started, seconds=round(time.perf_counter() - began, 3), earlier=tuple(job.earlier))
    redacted: Any = Redactor.of_environment().inside(whole.json())
    return RESULT.validate_python(redacted)


def failed(job: Job, cause: Cause, message: str) -> CaseResult:
    """The result of an attempt that came to nothing."""
    case = _case_or_none(job.case)
    return CaseResult(
        id=job.id, epoch=job.epoch, digest=job.digest, outcome="error", expected=job.expected,
        agent=job.choices.agent, recording=job.recording, fault=Fault(cause=cause, message=message),
        tags=case.tags if case else (), difficulty=case.task.metadata.difficulty if case else "",
        version=case.agency.version if case else 1,
    )  # fmt: skip


def _case_or_none(folder: Path) -> Case | None:
    try:
        return read_case(folder)
    except UsageError:
        return None


def _attempt(job: Job) -> CaseResult:
    case = read_case(job.case)
    with laid_out(case, keep=job.choices.keep) as fixture:
        finished, acted = performed(job, case, fixture)
    keep(finished, job)
    return _result(job, finished, acted)


def performed(job: Job, case: Case, fixture: Fixture, record: Path | None = None) -> tuple[Finished, Acted]:
    """Let the agent act in the workspace; what came of it. Raises UsageError for a recording that cannot be used."""
    recording = case.recordings[job.recording] if job.recording else None
    pure = job.choices.agent == "replay" and job.choices.tools == "recorded"
    kept = _kept(case, recording) if pure and recording else None
    before = read_tree(fixture.root)
    box = _box(job.choices, fixture)
    folder = job.run / "sessions" / job.stem
    (folder / "events.jsonl").unlink(missing_ok=True)
    acted = act(case, fixture, job.choices, recording=recording, folder=folder, record=record)
    finished = Finished(
        case=case, agent=job.choices.agent, before=before, after=_after(fixture, before, kept), events=acted.events,
        ended=acted.outcome.json() if acted.outcome else {}, executes=not pure, own_git=fixture.own_git, grades=job.choices.agent == "live",
        box=replace(box, beside={inside: read_tree(Path(path)) for path, inside in fixture.read_write.items()}),
        kept=verdicts_path(recording) if recording else None,
    )  # fmt: skip
    return finished, acted


def _kept(case: Case, recording: Path) -> Kept:
    """What the recording keeps of the files. Raises UsageError where it keeps none, or those of another workspace."""
    kept, remedy = kept_in(recording), f"`agency eval record {case.id} --name {recording.stem} --refresh` keeps them"
    if kept is None:
        raise UsageError(f"{recording}: keeps no files, which a replay that executes nothing needs; {remedy}")
    if kept.fixture != fixture_digest(case):
        raise UsageError(f"{recording}: keeps files of another workspace than the case has now; {remedy}")
    return kept


def _after(fixture: Fixture, before: Tree, kept: Kept | None) -> Tree:
    """The files as they were left; in a pure replay those that the recording keeps, with the handoff written now."""
    there = read_tree(fixture.root)
    if kept is None:
        return there
    own = {path: entry for path, entry in there.items() if path.startswith(OWN)}
    return applied(before, kept.left) | own


def _box(choices: Choices, fixture: Fixture) -> Box:
    return Box(
        kind=choices.sandbox,
        image=choices.image,
        aliases=tuple(fixture.aliases),
        start=fixture.start,
        variables=fixture.variables,
    )


def kept_of(finished: Finished) -> Kept:
    """What a recording keeps of an attempt: the files it left, but for what the runtime writes anew each time."""
    left = difference(finished.before, finished.after)
    changed = {path: entry for path, entry in left.changed.items() if not path.startswith(OWN)}
    return Kept(left=replace(left, changed=changed), fixture=fixture_digest(finished.case))


def keep(finished: Finished, job: Job) -> None:
    """Put what was left into the run's folder, for scoring it again."""
    import json

    folder = RunFolder(job.run).path / "workspaces"
    folder.mkdir(exist_ok=True)
    kept = Kept(left=difference(finished.before, finished.after), fixture=fixture_digest(finished.case))
    (folder / f"{job.stem}.json").write_text(json.dumps(kept.json(), ensure_ascii=False) + "\n", encoding="utf-8")


def _result(job: Job, finished: Finished, acted: Acted) -> CaseResult:
    """The result, scored unless a fault stands in the way."""
    fault, scores = acted.fault, tuple[Score, ...]()
    if fault is None or fault.cause in GRADED:
        try:
            scores = (*score_all(finished), *_diverged(job.choices, acted))
        except (WorkspaceError, ValueError) as error:
            fault = Fault(cause=Cause.VERIFIER, message=str(error))
    ended, case = acted.outcome, finished.case
    broken = fault is not None and fault.cause not in GRADED
    heeded = job.choices.divergence != "ignore"
    return CaseResult(
        id=job.id, epoch=job.epoch, digest=job.digest, outcome="error" if broken else outcome_of(scores),
        expected=job.expected, agent=job.choices.agent, recording=job.recording, scores=scores,
        status=ended.status if ended else "", exit_code=ended.exit_code if ended else None,
        turns=ended.turns if ended else 0, usage=ended.usage.json() if ended else {},
        cost_usd=round(ended.cost_usd, 6) if ended else 0.0, diverged_at_step=acted.diverged_at if heeded else None,
        divergences=tuple(acted.divergences) if heeded else (), drifted=tuple(acted.drifted), fault=fault,
        tags=case.tags, difficulty=case.task.metadata.difficulty, version=case.agency.version, files=finished.changed,
        session=f"sessions/{job.stem}/events.jsonl" if acted.events else None, workspace=f"workspaces/{job.stem}.json",
    )  # fmt: skip


def _diverged(choices: Choices, acted: Acted) -> tuple[Score, ...]:
    """A failure where results that differ from the recorded ones are not put up with."""
    if choices.divergence != "fail" or not acted.divergences:
        return ()
    evidence = Evidence(excerpt="\n".join(acted.divergences[:10]))
    return (Score(scorer="divergence", value=False, outcome="failed", evidence=evidence),)


def job_digest(case: Case, recording: str | None) -> str:
    """What an attempt's outcome rests on: the case, and the recording where one is replayed."""
    path = case.recordings.get(recording) if recording else None
    return digest([case.digest, path.read_text(encoding="utf-8") if path else ""])
