"""A run for the terminal: a line a result, the evidence of what is not as expected, the totals."""

from collections.abc import Iterator, Sequence

from agency_evals.comparison import CHANGES, Comparison
from agency_evals.html_page import certainty, duration
from agency_evals.junit_report import evidence_text, first_line, suite_name
from agency_evals.results import CaseResult, Run
from agency_evals.verdict import counted
from agency_runtime.terminal import cells, in_one_line, money, shortened, tokens
from agency_runtime.wire import Usage


def table_report(run: Run, *, width: int = 100) -> Iterator[str]:
    """The lines; names and evidence are cut to the terminal's width."""
    names = [in_one_line(suite_name(result)) for result in run.cases]
    column = min(max((cells(name) for name in names), default=0), max(28, width - 62))
    for name, result in zip(names, run.cases, strict=True):
        shown = shortened(name, column)
        numbers = f"{counted(result.turns, 'turn'):>9} {money(result.cost_usd):>9} {duration(result.seconds):>9}"
        yield f"{result.outcome:<9} {shown}{' ' * (column - cells(shown))} {numbers}{_mark(result)}".rstrip()
    yield from _faults(run.cases, width)
    yield ""
    yield from totals_lines(run)


def _mark(result: CaseResult) -> str:
    if result.expected == "failed":
        return "  as it should" if result.as_expected else "  should have failed"
    return "  ≠ recorded" if result.diverged_at_step else ""


def _faults(results: Sequence[CaseResult], width: int) -> Iterator[str]:
    for result in results:
        if result.as_expected:
            continue
        yield ""
        yield f"{in_one_line(suite_name(result))}: {result.outcome}, expected {result.expected}"
        if result.fault:
            yield _line(f"{result.fault.cause.value}: {result.fault.message}", width)
        for score in result.scores:
            if score.outcome not in ("passed", None):
                said = first_line(evidence_text(score.evidence))
                yield _line(f"{score.scorer} {score.outcome}: {said}".rstrip(": "), width)


def _line(text: str, width: int) -> str:
    return "  " + shortened(in_one_line(text), width - 2)


def totals_lines(run: Run) -> Iterator[str]:
    """Counts, interval, cost."""
    totals, interval = run.totals, certainty(run.cases)
    counts = [f"{totals.passed} passed", f"{totals.failed} failed"]
    counts += [f"{totals.unscored} unscored"] if totals.unscored else []
    counts += [f"{totals.error} error ({totals.infrastructure} infrastructure)"] if totals.error else []
    sure = f" (95 %: {100 * interval.low:.0f} to {100 * interval.high:.0f} %)" if interval else ""
    yield f"{', '.join(counts)} · {totals.as_expected} of {totals.cases} as expected{sure}"
    usage = tokens({**Usage().json(), **totals.usage})
    yield f"{counted(totals.turns, 'turn')} · {usage} · {money(totals.cost_usd)} · {duration(totals.seconds)} of work"


def comparison_lines(comparison: Comparison, *, width: int = 100) -> Iterator[str]:
    """What changed, a line a pair, then the counts and the test."""
    for change in CHANGES[:-1]:
        for pair in comparison.of(change):
            stood = [each.outcome for each in (pair.before, pair.after) if each]
            name = pair.key[0] if pair.key[1] == 1 else f"{pair.key[0]} (epoch {pair.key[1]})"
            more = [" → ".join(stood), *pair.scorers, *(["the case was edited"] if pair.edited else [])]
            yield f"{change:<11} " + shortened(in_one_line(f"{name}: {', '.join(more)}"), width - 12)
    yield ", ".join(f"{len(comparison.of(change))} {change}" for change in CHANGES)
    if comparison.difference is not None:
        interval = comparison.interval
        sure = f", 95 %: {100 * interval.low:+.1f} to {100 * interval.high:+.1f}" if interval else ""
        yield f"difference {100 * comparison.difference:+.1f} points{sure}, exact p = {comparison.p:.3g}"
