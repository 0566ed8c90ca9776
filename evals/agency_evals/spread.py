"""How sure a mean is: standard errors and confidence intervals.

Repeats of one case are no independent observations: where cases are repeated, the clustered forms with the case as
cluster are the honest ones. With fewer than two observations (or clusters) nothing can be said: None.
"""

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from agency_evals.student import t_quantile

LEVEL = 0.95
RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Two ends that hold the true value at the given level of confidence."""

    low: float
    high: float
    level: float = LEVEL

    def json(self) -> dict[str, float]:
        """For reports."""
        return {"low": self.low, "high": self.high, "level": self.level}


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean, by the central limit theorem (ddof=1)."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def clustered_error(values: Sequence[float], clusters: Sequence[Hashable]) -> float | None:
    """Of the mean where values of one cluster go together; with every value its own cluster, the plain one."""
    groups = _groups(values, clusters)
    if len(groups) < 2:
        return None
    centre = statistics.fmean(values)
    squares = math.fsum((math.fsum(group) - centre * len(group)) ** 2 for group in groups)
    return math.sqrt(squares * len(groups) / (len(groups) - 1)) / len(values)


def t_interval(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None, *, level: float = LEVEL
) -> Interval | None:
    """Mean ± t · standard error, with one degree of freedom fewer than there are observations (or clusters)."""
    error = standard_error(values) if clusters is None else clustered_error(values, clusters)
    if error is None:
        return None
    count = len(values) if clusters is None else len(set(clusters))
    centre, reach = statistics.fmean(values), t_quantile((1 + level) / 2, count - 1) * error
    return Interval(low=centre - reach, high=centre + reach, level=level)


def bootstrap_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """The middle share of the means of resamples; whole clusters are drawn. The same seed gives the same interval."""
    groups = _groups(values, range(len(values)) if clusters is None else clusters)
    if len(groups) < 2:
        return None
    draw = random.Random(seed)
    sums = [(math.fsum(group), len(group)) for group in groups]
    means = sorted(_mean_of(draw.choices(sums, k=len(sums))) for _ in range(resamples))
    tail = (1 - level) / 2
    return Interval(low=quantile(means, tail), high=quantile(means, 1 - tail), level=level)


def wilson_interval(successes: int, n: int, *, level: float = LEVEL) -> Interval | None:
    """For a share of yes or no; unlike mean ± error it stays within 0 and 1 and says something of 0 in n and n in n."""
    if n == 0:
        return None
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    share, scale = successes / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - reach)
    return Interval(low=low, high=1.0 if successes == n else min(1.0, centre + reach), level=level)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered values lie, between two neighbours linearly."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _groups(values: Sequence[float], clusters: Sequence[Hashable]) -> list[list[float]]:
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        groups[cluster].append(value)
    return list(groups.values())


def _mean_of(sums: Sequence[tuple[float, int]]) -> float:
    return sum(total for total, _ in sums) / sum(count for _, count in sums)
