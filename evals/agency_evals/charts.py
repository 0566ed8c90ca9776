"""Bars: the parts of a whole, from 0 to 100, with what they say in words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agency_evals.results import CaseResult
from agency_evals.transcript import Done

OUTCOMES = ("passed", "failed", "unscored", "error")
ROWS = 9


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of a bar, in hundredths of its length."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar with its name, its parts, its count, and the same in words."""

    name: str
    parts: Sequence[Part]
    count: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Bars under a title; `more` were left out."""

    title: str
    bars: Sequence[Bar]
    more: int = 0


def bar(name: str, counts: Mapping[str, float], *, whole: float = 0, count: str = "") -> Bar:
    """Counts by kind, drawn to the scale of `whole`; 0 means that they fill the bar."""
    scale = 100 / (whole or sum(counts.values()) or 1)
    parts: list[Part] = []
    x = 0.0
    for kind, number in counts.items():
        if number:
            parts.append(Part(kind=kind, x=round(x, 3), width=round(number * scale, 3)))
            x += number * scale
    said = ", ".join(f"{number:g} {kind}" for kind, number in counts.items() if number) or "none"
    return Bar(name=name, parts=parts, count=count, said=said)


def by_standing(results: Iterable[CaseResult]) -> dict[str, int]:
    """How many are as expected (drawn as passed), of the wrong outcome (as failed), unscored, or errors."""
    counts = Counter(_standing(result) for result in results)
    return {kind: counts[kind] for kind in OUTCOMES}


def _standing(result: CaseResult) -> str:
    if result.as_expected:
        return "passed"
    return "failed" if result.outcome == "passed" else result.outcome


def tag_chart(results: Iterable[CaseResult]) -> Chart | None:
    """What is as expected by tag, the tags with most results first."""
    tagged: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        for tag in result.tags:
            tagged[tag].append(result)
    ordered = sorted(tagged.items(), key=lambda item: (-len(item[1]), item[0]))
    bars = [
        bar(tag, by_standing(found), count=f"{sum(each.as_expected for each in found)}/{len(found)}")
        for tag, found in ordered
    ]
    return _chart("As expected, by tag", bars)


def scorer_chart(results: Iterable[CaseResult]) -> Chart | None:
    """Outcomes by scorer, those that failed most first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        for score in result.scores:
            if score.outcome:
                counts[score.scorer][score.outcome] += 1
    ordered = sorted(counts.items(), key=lambda item: (-(item[1].total() - item[1]["passed"]), item[0]))
    bars = [
        bar(name, {kind: found[kind] for kind in OUTCOMES}, count=f"{found['passed']}/{found.total()}")
        for name, found in ordered
    ]
    return _chart("Outcomes, by scorer", bars)


def tool_chart(calls: Iterable[Done]) -> Chart | None:
    """Calls by tool, the most used first; failed and denied ones in their colour."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for call in calls:
        counts[call.tool]["passed" if call.outcome == "ok" else "failed"] += 1
    most = max((found.total() for found in counts.values()), default=0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))
    bars = [
        bar(name, {"plain": found["passed"], "failed": found["failed"]}, whole=most, count=str(found.total()))
        for name, found in ordered
    ]
    return _chart("Tool calls, failed or denied in red", bars)


def cost_chart(results: Iterable[CaseResult]) -> Chart | None:
    """The dearest results, in US dollars."""
    ordered = sorted((each for each in results if each.cost_usd), key=lambda each: (-each.cost_usd, each.key))
    most = ordered[0].cost_usd if ordered else 0
    bars = [
        bar(each.id, {"plain": each.cost_usd}, whole=most, count=f"${each.cost_usd:.2f}, {each.turns} turns")
        for each in ordered
    ]
    return _chart("Dearest", bars)


def _chart(title: str, bars: Sequence[Bar]) -> Chart | None:
    return Chart(title=title, bars=bars[:ROWS], more=max(0, len(bars) - ROWS)) if bars else None
