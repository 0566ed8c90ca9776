"""A run as Markdown for a job's summary: the verdict, what changed, what is not as expected with its evidence, the rest folded.

GitHub shows at most 1 MiB a step; what does not fit is counted.
"""

import html
from collections.abc import Iterator, Sequence

from agency_evals.comparison import CHANGES, Comparison
from agency_evals.excerpts import excerpt
from agency_evals.html_page import certainty, duration, share_text
from agency_evals.junit_report import evidence_text, suite_name
from agency_evals.results import CaseResult, Run
from agency_evals.verdict import Verdict, names
from agency_runtime.terminal import money

LIMIT = 900_000  # bytes
DETAILED = 40  # results with their evidence


def markdown_report(run: Run, *, verdict: Verdict | None = None, comparison: Comparison | None = None) -> str:
    """The summary."""
    parts = [*_head(run, verdict), *(_changes(comparison) if comparison else ()), *_unexpected(run.cases)]
    text = "\n".join([*parts, *_table(run.cases)]) + "\n"
    if len(text.encode()) <= LIMIT:
        return text
    return "\n".join([*parts, f"The table of all {len(run.cases)} results is too long to be shown here."]) + "\n"


def _head(run: Run, verdict: Verdict | None) -> Iterator[str]:
    totals, interval = run.totals, certainty(run.cases)
    sure = f" (95 %: {share_text(interval.low)} to {share_text(interval.high)})" if interval else ""
    yield f"## Agency evals: {f'{verdict.word}' if verdict else f'{totals.as_expected} of {totals.cases} as expected'}"
    yield ""
    if verdict and (verdict.reasons or verdict.summary):
        yield from [escaped(str(verdict)), ""]
    yield "| as expected | passed | failed | unscored | error | turns | cost | time |"
    yield "|---|---|---|---|---|---|---|---|"
    yield (
        f"| {totals.as_expected} of {totals.cases}{sure} | {totals.passed} | {totals.failed} | {totals.unscored} "
        f"| {totals.error} | {totals.turns} | {money(totals.cost_usd)} | {duration(totals.seconds)} |"
    )
    yield ""


def _changes(comparison: Comparison) -> Iterator[str]:
    yield "### Compared with before"
    yield ""
    for change in CHANGES[:-1]:
        pairs = comparison.of(change)
        if pairs:
            yield f"- **{len(pairs)} {change}**: {escaped(names(pair.key for pair in pairs))}"
    unchanged = len(comparison.of("unchanged"))
    yield f"- {unchanged} unchanged, exact p = {comparison.p:.3g}"
    yield ""


def _unexpected(results: Sequence[CaseResult]) -> Iterator[str]:
    wrong = [result for result in results if not result.as_expected]
    if wrong:
        yield from ["### Not as expected", ""]
    for result in wrong[:DETAILED]:
        yield f"<details><summary><b>{escaped(suite_name(result))}</b>: {_wording(result)}</summary>"
        yield ""
        for text in _evidence(result):
            yield from ["<pre>" + html.escape(excerpt(text, 1500)) + "</pre>", ""]
        yield from ["</details>", ""]
    if len(wrong) > DETAILED:
        yield from [f"and {len(wrong) - DETAILED} more", ""]


def _evidence(result: CaseResult) -> Iterator[str]:
    if result.fault:
        yield f"{result.fault.cause.value}: {result.fault.message}"
    for score in result.scores:
        if score.outcome not in ("passed", None):
            yield f"{score.scorer}: {score.outcome}\n{evidence_text(score.evidence)}".strip()


def _wording(result: CaseResult) -> str:
    """The outcome in words; what is known to be a failure and passed needs them."""
    return "passed, but is known to be a failure" if result.outcome == "passed" else result.outcome


def _table(results: Sequence[CaseResult]) -> Iterator[str]:
    yield f"<details><summary>All {len(results)} results</summary>"
    yield ""
    yield "| case | outcome | scorers that did not pass | turns | cost | time |"
    yield "|---|---|---|---|---|---|"
    for result in results:
        wrong = ", ".join(f"{score.scorer}" for score in result.scores if score.outcome not in ("passed", None))
        meant = ", as it should" if result.expected == "failed" and result.as_expected else ""
        yield (
            f"| {escaped(suite_name(result))} | {result.outcome}{meant} | {escaped(wrong)} | {result.turns} "
            f"| {money(result.cost_usd)} | {duration(result.seconds)} |"
        )
    yield from ["", "</details>"]


def escaped(text: str) -> str:
    """The text as Markdown and HTML show it unchanged, in one line; it can neither close a cell nor open a tag."""
    flat = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~" else letter for letter in flat)
