"""What the HTML report says, worked out: the page as a frozen value, before any markup."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeAlias

from agency_evals.charts import Bar, Chart, bar, by_standing, cost_chart, scorer_chart, tag_chart, tool_chart
from agency_evals.comparison import Comparison
from agency_evals.excerpts import Line, diff_lines, fitting
from agency_evals.materials import Material, Materials
from agency_evals.repeats import pass_at_k, pass_hat_k
from agency_evals.results import CaseResult, Run, Value
from agency_evals.spread import Interval, t_interval, wilson_interval
from agency_evals.standing import Key
from agency_evals.transcript import Step, Transcript, by_turn
from agency_evals.verdict import Verdict
from agency_runtime.terminal import money, tokens
from agency_runtime.wire import Usage, json_object

Found: TypeAlias = Sequence[tuple[CaseResult, Material]]
LEGEND = {"passed": "as expected", "failed": "not as expected", "unscored": "unscored", "error": "error"}
NO_TOKENS = Usage().json()
Facts: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One result with what is shown of it."""

    result: CaseResult
    transcript: Transcript | None
    turns: Sequence[tuple[int, Sequence[Step]]]
    diff: Sequence[Line]
    files: str
    facts: Facts
    change: str
    repeated: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """What the epochs of one case come to."""

    case: str
    good: int
    tries: int
    any1: str
    any: str
    every: str
    interval: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything the page says."""

    title: str
    facts: Facts
    verdict: Verdict | None
    good: int
    interval: Interval | None
    overall: Bar
    legend: Sequence[tuple[str, str, int]]
    figures: Facts
    charts: Sequence[Chart]
    comparison: Comparison | None
    against: str
    repeats: Sequence[Repeat]
    k: int
    tags: Sequence[str]
    rows: Sequence[Row]
    limit: int  # characters of one text
    lock: str
    version: str


def page_of(
    run: Run, materials: Materials, *, verdict: Verdict | None, comparison: Comparison | None, against: str, title: str
) -> Page:
    """The page of a run."""
    found = [(result, materials(result)) for result in run.cases]
    return Page(
        title=title,
        facts=facts(run),
        verdict=verdict,
        good=run.totals.as_expected,
        interval=certainty(run.cases),
        overall=bar("all", by_standing(run.cases)),
        legend=[(kind, LEGEND[kind], number) for kind, number in by_standing(run.cases).items()],
        figures=figures(run),
        charts=charts(found),
        comparison=comparison,
        against=against,
        repeats=repeats(run.cases),
        k=most_epochs(run.cases),
        tags=sorted({tag for result in run.cases for tag in result.tags}),
        rows=rows(found, comparison),
        limit=fitting(len(found)),
        lock=json.dumps(run.lock, indent=2, ensure_ascii=False) if run.lock else "",
        version=version("agency-runtime"),
    )


def facts(run: Run) -> Facts:
    """The run's name, and what of its lock a reader looks for first."""
    agency = json_object(run.lock.get("agency"))
    sandbox = json_object(run.lock.get("sandbox"))
    told = [
        ("run", run.id),
        ("made", str(run.lock.get("created", ""))),
        ("agent", str(json_object(run.lock.get("choices")).get("agent", ""))),
        ("version", str(agency.get("version", ""))),
        ("commit", str(agency.get("commit", ""))[:12] + (", with changes" if agency.get("dirty") else "")),
        ("sandbox", str(sandbox.get("kind") or "")),
        ("parts", str(len(run.lock.get("merged", ())) or "")),
    ]
    return [(name, said) for name, said in told if said]


def certainty(results: Sequence[CaseResult]) -> Interval | None:
    """The interval of the share as expected: Wilson's, or clustered by case where cases were tried more than once."""
    good = [float(result.as_expected) for result in results]
    cases = [result.case for result in results]
    if len(set(cases)) == len(cases):
        return wilson_interval(int(sum(good)), len(good))
    found = t_interval(good, cases)
    return found and Interval(low=max(0.0, found.low), high=min(1.0, found.high), level=found.level)


def figures(run: Run) -> Facts:
    """The numbers at the top: value and label."""
    totals = run.totals
    return [
        (money(totals.cost_usd), "by the model's prices"),
        (f"{totals.turns:,}", "turns"),
        (f"{sum(totals.usage.values()):,}", "tokens, read and written"),
        (duration(totals.seconds), "all cases one after another"),
    ]


def charts(found: Found) -> list[Chart]:
    """The charts that there is something for."""
    results = [result for result, _ in found]
    calls = [call for _, material in found if material.transcript for call in material.transcript.calls]
    drawn = (tag_chart(results), scorer_chart(results), tool_chart(calls) or cost_chart(results))
    return [chart for chart in drawn if chart]


def most_epochs(results: Sequence[CaseResult]) -> int:
    """How often the case tried most was tried."""
    return max((result.epoch for result in results), default=1)


def repeats(results: Sequence[CaseResult]) -> list[Repeat]:
    """A line for each case with more than one epoch; none where there is none."""
    tries: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        tries[result.id].append(result)
    k = most_epochs(results)
    return [_repeat(name, found, k) for name, found in tries.items()] if k > 1 else []


def _repeat(name: str, found: Sequence[CaseResult], k: int) -> Repeat:
    scored = [result for result in found if result.outcome in ("passed", "failed")]
    n, c = len(scored), sum(result.outcome == "passed" for result in scored)
    interval = wilson_interval(c, n)
    return Repeat(
        case=name,
        good=c,
        tries=n,
        any1=share_text(pass_at_k(n, c, 1)),
        any=share_text(pass_at_k(n, c, k)),
        every=share_text(pass_hat_k(n, c, k)),
        interval=f"{interval.low:.2f} to {interval.high:.2f}" if interval else "",
    )


def rows(found: Found, comparison: Comparison | None) -> list[Row]:
    """Every result, what is not as expected first, then by name."""
    changes = {pair.key: pair.change for pair in comparison.pairs} if comparison else {}
    repeated = most_epochs([result for result, _ in found]) > 1
    ordered = sorted(found, key=lambda each: (each[0].as_expected, each[0].key))
    limit = fitting(len(found))
    return [_row(result, material, changes.get(result.key, ""), repeated, limit) for result, material in ordered]


def _row(result: CaseResult, material: Material, change: str, repeated: bool, limit: int) -> Row:
    transcript = material.transcript
    return Row(
        result=result,
        transcript=transcript,
        turns=by_turn(transcript.steps) if transcript else (),
        diff=diff_lines(material.diff, limit // 8),
        files=files_text(result),
        facts=_facts(result, transcript),
        change=change,
        repeated=repeated,
        words=_words(result, change),
    )


def _facts(result: CaseResult, transcript: Transcript | None) -> Facts:
    told = [
        ("agent", result.agent),
        ("recording", result.recording or ""),
        ("status", result.status),
        ("exit", "" if result.exit_code is None else str(result.exit_code)),
        ("tokens", tokens({**NO_TOKENS, **result.usage}) if any(result.usage.values()) else ""),
        ("persona", transcript.persona if transcript else ""),
        ("model", transcript.model if transcript else ""),
        ("tags", ", ".join(result.tags)),
        ("difficulty", result.difficulty),
    ]
    return [(name, said) for name, said in told if said]


def _words(result: CaseResult, change: str) -> str:
    """What the search looks through."""
    said = [result.id, result.outcome, result.difficulty, result.agent, change, *result.tags, *result.drifted]
    said += [result.fault.message] if result.fault else []
    for score in result.scores:
        said += [score.scorer, score.outcome or ""]
        said += [score.evidence.excerpt[:600]] if score.evidence and score.outcome != "passed" else []
    return " ".join(" ".join(said).lower().split())


def files_text(result: CaseResult) -> str:
    """The changed files, a line each with its sign."""
    signs = {"created": "+", "modified": "~", "deleted": "-"}
    return "\n".join(f"{signs.get(how, '?')} {path}" for how, paths in result.files.items() for path in paths)


def anchor(key: Key) -> str:
    """A result's place in the page."""
    name = re.sub(r"[^\w.-]+", "-", key[0])
    return f"{name}.{key[1]}"


def label(key: Key) -> str:
    """A result's name; the epoch only where it is not the first."""
    return key[0] if key[1] == 1 else f"{key[0]}, epoch {key[1]}"


def duration(seconds: float) -> str:
    """`0.4 s`, `2:05 min`, `1:02 h`."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60) if seconds >= 3600 else int(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02} h"
    return f"{minutes}:{int(seconds % 60):02} min"


def value_text(value: Value) -> str:
    """A score's value for a reader."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return "" if value is None else str(value)


def share_text(value: float) -> str:
    """A probability with two digits; nothing where it is not known."""
    return "?" if math.isnan(value) else f"{value:.2f}"
