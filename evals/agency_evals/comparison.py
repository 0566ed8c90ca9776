"""Two runs, paired by case and epoch: what got worse, what better, and whether chance explains it.

Better and worse are about what was expected: a recording of a failure that suddenly passes is a regression too, since
the scorers no longer tell it from a good one.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agency_evals.exact import sign_test
from agency_evals.spread import Interval, t_interval
from agency_evals.standing import Key, Standing

Change: TypeAlias = Literal["regression", "fix", "unchanged", "new", "gone"]
CHANGES: tuple[Change, ...] = ("regression", "fix", "new", "gone", "unchanged")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One case in one epoch, in both runs or in one of them."""

    key: Key
    before: Standing | None
    after: Standing | None

    @property
    def case(self) -> str:
        """The case, whichever recording was replayed."""
        return self.key[0].partition("@")[0]

    @property
    def change(self) -> Change:
        """What became of it."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        if self.before.good == self.after.good:
            return "unchanged"
        return "fix" if self.after.good else "regression"

    @property
    def edited(self) -> bool:
        """Whether the case itself, or its recording, is another than before."""
        before, after = self.before, self.after
        return bool(before and after and before.digest and after.digest and before.digest != after.digest)

    @property
    def scorers(self) -> list[str]:
        """The scorers whose outcome differs, each as `name: before → after`."""
        if not self.before or not self.after:
            return []
        before, after = self.before.scores, self.after.scores
        return [
            f"{name}: {before.get(name, 'absent')} → {after.get(name, 'absent')}"
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "id": self.key[0],
            "epoch": self.key[1],
            "change": self.change,
            "before": self.before.outcome if self.before else None,
            "after": self.after.outcome if self.after else None,
            "expected": next(each.expected for each in (self.after, self.before) if each),
            "scorers": self.scorers,
            "edited": self.edited,
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Every pair of two runs, in the order of their keys."""

    pairs: Sequence[Pair]

    def of(self, change: Change) -> list[Pair]:
        """The pairs that changed so."""
        return [pair for pair in self.pairs if pair.change == change]

    @property
    def both(self) -> list[Pair]:
        """The pairs that are in both runs."""
        return [pair for pair in self.pairs if pair.before and pair.after]

    @property
    def by_case(self) -> dict[str, list[Pair]]:
        """The pairs in both runs, by case."""
        cases: dict[str, list[Pair]] = defaultdict(list)
        for pair in self.both:
            cases[pair.case].append(pair)
        return cases

    def lost_share(self, case: str) -> float:
        """The share of a case's pairs that regressed."""
        pairs = self.by_case[case]
        return sum(pair.change == "regression" for pair in pairs) / len(pairs)

    @property
    def difference(self) -> float | None:
        """The share as expected, after less before, over the pairs in both runs."""
        return statistics.fmean(self._steps) if self.both else None

    @property
    def interval(self) -> Interval | None:
        """Of the difference at 95 %; epochs and recordings of one case go together. None with fewer than two cases."""
        return t_interval(self._steps, [pair.case for pair in self.both])

    @property
    def p(self) -> float:
        """Exact two-sided sign test over cases; with one try a case it is McNemar's."""
        nets = [sum(_step(pair) for pair in pairs) for pairs in self.by_case.values()]
        return sign_test(sum(net < 0 for net in nets), sum(net > 0 for net in nets))

    @property
    def _steps(self) -> list[float]:
        return [float(_step(pair)) for pair in self.both]

    def json(self) -> dict[str, Any]:
        """For `--json`: counts, the test, and every pair that is not unchanged."""
        return {
            "counts": {change: len(self.of(change)) for change in CHANGES},
            "difference": self.difference,
            "interval": self.interval.json() if self.interval else None,
            "p": self.p,
            "changes": [pair.json() for pair in self.pairs if pair.change != "unchanged" or pair.scorers],
        }


def compare(before: Iterable[Standing], after: Iterable[Standing]) -> Comparison:
    """Pair two runs by case and epoch."""
    old = {each.key: each for each in before}
    new = {each.key: each for each in after}
    return Comparison(pairs=[Pair(key=key, before=old.get(key), after=new.get(key)) for key in sorted({*old, *new})])


def _step(pair: Pair) -> int:
    return {"regression": -1, "fix": 1}.get(pair.change, 0)
