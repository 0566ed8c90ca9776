"""What of a result a later run is compared with, from a run, a run's JSON, or a committed baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from agency_evals.results import CaseResult, Expected, Outcome, Run

Key: TypeAlias = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one case stood in one epoch: its outcome, and that of each scorer that judges."""

    id: str
    epoch: int = 1
    digest: str = ""
    outcome: Outcome
    expected: Expected = "passed"
    scores: Mapping[str, Outcome] = field(default_factory=dict[str, Outcome])

    @property
    def key(self) -> Key:
        """What names it."""
        return self.id, self.epoch

    @property
    def case(self) -> str:
        """The case, whichever recording was replayed."""
        return self.id.partition("@")[0]

    @property
    def good(self) -> bool:
        """Whether it came out as it should; unscored and error never do."""
        return self.outcome == self.expected


def standing(result: CaseResult) -> Standing:
    """A result's."""
    return Standing(
        id=result.id,
        epoch=result.epoch,
        digest=result.digest,
        outcome=result.outcome,
        expected=result.expected,
        scores={score.scorer: score.outcome for score in result.scores if score.outcome},
    )


def standings(run: Run) -> Sequence[Standing]:
    """A run's."""
    return [standing(result) for result in run.cases]
