"""What several tries at one case come to: reducers, pass@k and pass^k.

A value that is NaN was not scored. It counts for nothing, neither as a success nor as a try; where too few tries are
left for a question, the answer is NaN too.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import TypeAlias

from agency_tools.errors import UsageError

Reducer: TypeAlias = Callable[[Sequence[float]], float]


def scored(values: Sequence[float]) -> list[float]:
    """The values that are numbers."""
    return [value for value in values if not math.isnan(value)]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    numbers = scored(values)
    return statistics.fmean(numbers) if numbers else math.nan


def median(values: Sequence[float]) -> float:
    """The value in the middle."""
    numbers = scored(values)
    return statistics.median(numbers) if numbers else math.nan


def mode(values: Sequence[float]) -> float:
    """The most frequent value; of equally frequent ones the lowest, so that order of arrival decides nothing."""
    numbers = scored(values)
    return min(statistics.multimode(numbers)) if numbers else math.nan


def best(values: Sequence[float]) -> float:
    """The highest value."""
    numbers = scored(values)
    return max(numbers) if numbers else math.nan


def at_least(k: int, *, threshold: float = 1.0) -> Reducer:
    """1 where at least `k` tries reach the threshold, else 0."""

    def reduce(values: Sequence[float]) -> float:
        numbers = scored(values)
        return float(successes(numbers, threshold) >= k) if numbers else math.nan

    return reduce


def pass_at(k: int, *, threshold: float = 1.0) -> Reducer:
    """The chance that at least one of `k` tries succeeds: 1 - C(n-c, k) / C(n, k)."""

    def reduce(values: Sequence[float]) -> float:
        numbers = scored(values)
        return pass_at_k(len(numbers), successes(numbers, threshold), k)

    return reduce


def pass_all(k: int, *, threshold: float = 1.0) -> Reducer:
    """pass^k, the chance that all of `k` tries succeed: C(c, k) / C(n, k)."""

    def reduce(values: Sequence[float]) -> float:
        numbers = scored(values)
        return pass_hat_k(len(numbers), successes(numbers, threshold), k)

    return reduce


def successes(values: Sequence[float], threshold: float = 1.0) -> int:
    """How many reach the threshold."""
    return sum(value >= threshold for value in values)


def pass_at_k(n: int, c: int, k: int) -> float:
    """1 - C(n-c, k) / C(n, k), unbiased, exact for any n; NaN where n < k."""
    return math.nan if n < k else 1 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """C(c, k) / C(n, k), unbiased, exact for any n; NaN where n < k."""
    return math.nan if n < k else math.comb(c, k) / math.comb(n, k)


PLAIN: dict[str, Reducer] = {"mean": mean, "median": median, "mode": mode, "max": best}
COUNTED: dict[str, Callable[[int], Reducer]] = {"at_least": at_least, "pass@": pass_at, "pass^": pass_all}
NAMES = "mean, median, mode, max, at_least_K, pass@K, pass^K"


def reducer(name: str) -> Reducer:
    """The reducer of that name: `mean`, `median`, `mode`, `max`, `at_least_2`, `pass@2`, `pass^2`. Raises UsageError."""
    if name in PLAIN:
        return PLAIN[name]
    for stem, make in COUNTED.items():
        k = name.removeprefix(stem).removeprefix("_")
        if name.startswith(stem) and k.isdecimal() and int(k) > 0:
            return make(int(k))
    raise UsageError(f"no reducer {name!r}; there are {NAMES}, K being 1 or more")
