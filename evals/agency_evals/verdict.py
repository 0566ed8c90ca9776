"""Whether a run is good enough. One value decides what is printed and how the command ends."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agency_evals.comparison import Comparison, Pair
from agency_evals.standing import Key, Standing

NAMED = 10  # cases named in one reason; the others are counted


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run has to reach. With neither a share nor a comparison asked for, every result must be as expected.

    fail_under: share of results as expected, over the whole run, 0 to 1. case_fail_under: the same for each case over
    its epochs. regressions: compare with what was before. tolerance: share of a case's pairs that may regress.
    """

    fail_under: float | None = None
    case_fail_under: float | None = None
    regressions: bool = False
    tolerance: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The reasons why a run is not good enough; none where it is."""

    reasons: Sequence[str] = ()
    summary: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    @property
    def exit_code(self) -> int:
        """0 where it passed, else 1."""
        return 0 if self.passed else 1

    @property
    def word(self) -> str:
        """PASSED or FAILED."""
        return "PASSED" if self.passed else "FAILED"

    def __str__(self) -> str:
        said = "; ".join(self.reasons) or self.summary
        return f"{self.word}: {said}" if said else self.word

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"passed": self.passed, "exit_code": self.exit_code, "reasons": list(self.reasons)}


def judge(results: Sequence[Standing], limits: Limits, comparison: Comparison | None = None) -> Verdict:
    """Hold a run to its limits. A run of nothing is never good enough."""
    good = sum(result.good for result in results)
    summary = f"{good} of {len(results)} as expected"
    if not results:
        return Verdict(reasons=("no case ran",))
    reasons = [*_shares(results, limits, good), *(_regressions(comparison, limits) if comparison else ())]
    plain = limits.fail_under is None and limits.case_fail_under is None and not limits.regressions
    if plain and good < len(results):
        reasons += [f"{summary}, not {names(result.key for result in results if not result.good)}"]
    return Verdict(reasons=tuple(reasons), summary=summary)


def _shares(results: Sequence[Standing], limits: Limits, good: int) -> Iterator[str]:
    if limits.fail_under is not None and good / len(results) < limits.fail_under:
        yield f"{good} of {len(results)} as expected, {share(good / len(results))}, less than {share(limits.fail_under)}"
    if limits.case_fail_under is None:
        return
    cases: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        cases[result.case].append(result.good)
    for case, found in cases.items():
        if sum(found) / len(found) < limits.case_fail_under:
            yield f"{case}: {sum(found)} of {len(found)} as expected, less than {share(limits.case_fail_under)}"


def _regressions(comparison: Comparison, limits: Limits) -> Iterator[str]:
    """What got worse, what is gone, and what is new and not as it should be."""
    if not limits.regressions:
        return
    worse = [
        pair.key
        for case, pairs in comparison.by_case.items()
        if comparison.lost_share(case) > limits.tolerance
        for pair in pairs
        if pair.change == "regression"
    ]
    gone = [pair.key for pair in comparison.of("gone")]
    new = [pair.key for pair in comparison.of("new") if not _good(pair)]
    if worse:
        yield f"{counted(len(worse), 'regression')}: {names(worse)}"
    if gone:
        yield f"{len(gone)} gone: {names(gone)}"
    if new:
        yield f"{len(new)} new and not as expected: {names(new)}"


def _good(pair: Pair) -> bool:
    return pair.after is not None and pair.after.good


def names(keys: Iterable[Key]) -> str:
    """Results by name, the first few; the epoch only where it is not the first."""
    all_names = [name if epoch == 1 else f"{name} (epoch {epoch})" for name, epoch in keys]
    more = len(all_names) - NAMED
    return ", ".join(all_names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def share(value: float) -> str:
    """As percent, without needless digits, and never rounded up to a threshold that it misses."""
    return f"{int(value * 10000 + 1e-6) / 100:g} %"


def counted(number: int, noun: str) -> str:
    """`1 regression`, `2 regressions`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
