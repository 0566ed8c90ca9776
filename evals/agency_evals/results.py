"""What came of a run of cases, as frozen values: one result for each case and epoch, and their totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

Outcome = Literal["passed", "failed", "unscored", "error"]
Expected = Literal["passed", "failed"]
Value: TypeAlias = bool | float | str | None
EXCERPT = 4000  # characters of evidence that are kept


class Cause(StrEnum):
    """Whose fault it was that an attempt ended as it did."""

    SANDBOX = "sandbox"
    MODEL = "model provider"
    HARNESS = "harness"
    BUDGET = "agent budget"
    REFUSAL = "agent refusal"
    VERIFIER = "verifier"
    CANCELLED = "cancelled"


RETRIED = frozenset({Cause.SANDBOX, Cause.MODEL, Cause.VERIFIER})
"""Infrastructure: another attempt may come out otherwise. What the agent did is never tried again."""

GRADED = frozenset({Cause.BUDGET, Cause.REFUSAL})
"""The agent's own ending: what it left is scored all the same. After any other fault the outcome is `error`."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why an attempt ended otherwise than by the agent's own end; `message` in one line."""

    cause: Cause
    message: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a score rests on: the command that was run, if any, its exit code, and what it said (cut to EXCERPT)."""

    excerpt: str = ""
    command: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one scorer found.

    value: a bool asserts, a number scores, a string labels; None where nothing could be found.
    outcome: None where the scorer only measures and judges nothing.
    evidence: always there where the outcome is failed, unscored or error.
    recorded: the verdict was taken over from an earlier look at the same files by the same scorer.
    """

    scorer: str
    value: Value = None
    outcome: Outcome | None = None
    evidence: Evidence | None = None
    recorded: bool = False


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What came of one case in one epoch; `(id, epoch)` names it.

    id: the case's, with `@NAME` for a recording other than the case's first. digest: of the case and its recording.
    expected: what the outcome should be: `failed` for the agents nop and cheat and for recordings of a failure.
    status, exit_code: the run's own, as `agency work` gives them; empty for agents that are no model.
    usage: tokens by the API's names. seconds: of the whole attempt, scoring included.
    diverged_at_step: the first turn with a live result other than the recorded one; divergences: each in one line.
    drifted: the parts of the request (system, tools) that are no longer the recorded ones.
    earlier: faults of attempts before this one. session, workspace: where log and final files lie, relative to the run.
    """

    id: str
    epoch: int = 1
    digest: str
    outcome: Outcome
    expected: Expected = "passed"
    agent: str = "replay"
    recording: str | None = None
    scores: Sequence[Score] = ()
    status: str = ""
    exit_code: int | None = None
    turns: int = 0
    usage: Mapping[str, int] = field(default_factory=dict[str, int])
    cost_usd: float = 0.0
    seconds: float = 0.0
    started: str = ""
    diverged_at_step: int | None = None
    divergences: Sequence[str] = ()
    drifted: Sequence[str] = ()
    fault: Fault | None = None
    earlier: Sequence[Fault] = ()
    tags: Sequence[str] = ()
    difficulty: str = ""
    files: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    session: str | None = None
    workspace: str | None = None
    version: int = 1

    @property
    def case(self) -> str:
        """The id of the case, whichever recording was replayed."""
        return self.id.partition("@")[0]

    @property
    def key(self) -> tuple[str, int]:
        """What names this result within its run."""
        return self.id, self.epoch

    @property
    def as_expected(self) -> bool:
        """Whether the outcome is what it should be; unscored and error never are."""
        return self.outcome == self.expected

    def json(self) -> dict[str, Any]:
        """As the log and `--json` hold it."""
        value: dict[str, Any] = RESULT.dump_python(self, mode="json")
        return value


RESULT: TypeAdapter[CaseResult] = TypeAdapter(CaseResult)


def outcome_of(scores: Iterable[Score]) -> Outcome:
    """A case's outcome by its scores: what could not be judged never counts as passed."""
    found = {score.outcome for score in scores}
    for outcome in ("error", "failed", "unscored", "passed"):
        if outcome in found:
            return outcome
    return "unscored"


def rescored(result: CaseResult, scores: Sequence[Score]) -> CaseResult:
    """The same result with other scores; a fault that stands in the way of scoring keeps its outcome."""
    broken = result.fault is not None and result.fault.cause not in GRADED
    return replace(result, scores=tuple(scores), outcome="error" if broken else outcome_of(scores))


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Counts over a run. Every result is in `cases`; infrastructure faults are among the errors and counted apart."""

    cases: int
    passed: int
    failed: int
    unscored: int
    error: int
    as_expected: int
    infrastructure: int
    turns: int
    usage: Mapping[str, int]
    cost_usd: float
    seconds: float


def totals(results: Iterable[CaseResult]) -> Totals:
    """Count them."""
    counts = {"passed": 0, "failed": 0, "unscored": 0, "error": 0}
    usage: dict[str, int] = {}
    cases = as_expected = infrastructure = turns = 0
    cost = seconds = 0.0
    for result in results:
        cases += 1
        counts[result.outcome] += 1
        as_expected += result.as_expected
        infrastructure += result.fault is not None and result.fault.cause not in GRADED
        turns += result.turns
        cost += result.cost_usd
        seconds += result.seconds
        for name, count in result.usage.items():
            usage[name] = usage.get(name, 0) + count
    return Totals(
        cases=cases,
        as_expected=as_expected,
        infrastructure=infrastructure,
        turns=turns,
        usage=usage,
        cost_usd=round(cost, 6),
        seconds=round(seconds, 3),
        **counts,
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished or interrupted run: its results in the order of their keys, and the lock it was made under."""

    id: str
    cases: Sequence[CaseResult]
    lock: Mapping[str, Any]

    @property
    def totals(self) -> Totals:
        """Counts over all results."""
        return totals(self.cases)

    def json(self) -> dict[str, Any]:
        """The object of `agency eval run --json FILE`."""
        return {
            "run": self.id,
            "cases": [result.json() for result in self.cases],
            "totals": TOTALS.dump_python(self.totals, mode="json"),
            "lock": self.lock,
        }


TOTALS: TypeAdapter[Totals] = TypeAdapter(Totals)
