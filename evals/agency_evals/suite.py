"""A whole run: which attempts there are, which of them are done already, and making the others."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agency_evals.agents import Choices
from agency_evals.attempt import Job, job_digest
from agency_evals.case import Case, Unread, digest_of
from agency_evals.engine import Engine
from agency_evals.globs import matching
from agency_evals.results import GRADED, RETRIED, CaseResult, Cause, Expected
from agency_evals.run_folder import RunFolder
from agency_tools.errors import UsageError

Tell = Callable[[CaseResult], None]


def jobs_of(
    cases: Iterable[Case], choices: Choices, run: Path, *, recordings: Sequence[str] = ("*",), epochs: int = 1,
    unread: Sequence[Unread] = (),
) -> tuple[Job, ...]:  # fmt: skip
    """Every attempt, case by case; of a case that cannot be read one, which says so. Raises UsageError where there is none."""
    jobs = tuple(
        Job(
            id=case.result_id(name), case=case.folder, run=run, digest=job_digest(case, name),
            expected=_expected(case, choices, name), choices=choices, recording=name, epoch=epoch,
        )
        for case in cases
        for name in _recordings(case, choices, recordings)
        for epoch in range(1, epochs + 1)
    )  # fmt: skip
    if not jobs:
        raise UsageError(f"nothing to run: {_nothing(choices, recordings)}")
    return jobs + tuple(
        Job(
            id=each.folder.name, case=each.folder, run=run, digest=digest_of(each.folder), choices=choices,
            expected="failed" if choices.agent in ("nop", "cheat") else "passed",
        )
        for each in unread
    )  # fmt: skip


def _nothing(choices: Choices, recordings: Sequence[str]) -> str:
    if choices.agent == "replay":
        return f"no case has a recording {', '.join(recordings)}; record one, or give --agent live, oracle or nop"
    return "no case has a cheat/cheat.sh"


def _recordings(case: Case, choices: Choices, wanted: Sequence[str]) -> Sequence[str | None]:
    """What is replayed; for any other agent one attempt without a recording."""
    if choices.agent == "replay":
        return matching(case.recordings, wanted)
    return [] if choices.agent == "cheat" and case.cheat is None else [None]


def _expected(case: Case, choices: Choices, recording: str | None) -> Expected:
    if choices.agent in ("nop", "cheat"):
        return "failed"
    return case.expected(recording) if recording else "passed"


def missing(jobs: Iterable[Job], done: Iterable[CaseResult]) -> list[Job]:
    """The attempts without a result on the same case and recording; what came to a fault is made again."""
    digests = {result.key: result.digest for result in done if settled(result)}
    return [job for job in jobs if digests.get(job.key) != job.digest]


def settled(result: CaseResult) -> bool:
    """Whether the result says something of the case, and not only of the machine."""
    return result.fault is None or result.fault.cause in GRADED


def perform(jobs: Iterable[Job], engine: Engine, folder: RunFolder, *, retries: int = 0, tell: Tell) -> bool:
    """Make the attempts and keep each result as it comes; False where they were interrupted.

    Infrastructure faults are tried again, `retries` times each; what the agent did never is.
    """
    try:
        for result in _results(deque(jobs), engine, retries):
            if result.fault is not None and result.fault.cause is Cause.CANCELLED:
                return False
            folder.append(result)
            tell(result)
    except KeyboardInterrupt:
        return False
    finally:
        engine.close()
    return True


def _results(waiting: "deque[Job]", engine: Engine, retries: int) -> Iterator[CaseResult]:
    under_way = 0
    while waiting or under_way:
        while waiting and under_way < engine.capacity:
            engine.submit(waiting.popleft())
            under_way += 1
        job, result = engine.next()
        under_way -= 1
        if result.fault is not None and result.fault.cause in RETRIED and len(job.earlier) < retries:
            waiting.append(replace(job, earlier=(*job.earlier, result.fault)))
            continue
        yield result
