"""summary.md, rendered from the evidence alone, so that it can be rendered again and compared."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agency_runtime.handoff.figures import stated
from agency_runtime.handoff.json_text import each_text
from agency_runtime.handoff.markdown import block, cell, code, code_cell, line
from agency_runtime.handoff.record import Evidence, FileRecord, UnbackedRecord
from agency_runtime.handoff.spelled import SPELLED

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
AREAS = {
    "pipelines": "CI/CD Pipelines",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring and Alerting",
    "security": "Security",
    "documentation": "Documentation and Runbooks",
    "other": "Other",
}
SECTIONS = (
    "Work Completed",
    "Implementation Details",
    "Integration Points (For Other Specialists)",
    "Verification Criteria (For Reality-Checker)",
    "Testing Evidence",
    "Files Changed",
    "Infrastructure Resources Provisioned",
    "Cost Optimization",
    "Next Steps",
)
"""The headings of every summary, in their order."""
FIGURE = "(figure withheld)"
WITHHELD = "(withheld: see Not verified)"


def render_summary(evidence: Evidence) -> str:
    """The nine sections. Prose that nothing backs is taken out of its section and stands under Not verified."""
    report = _withheld(evidence.report or {}, evidence.not_verified)
    text = _template().render(
        evidence=evidence,
        report=report,
        areas=_areas(report),
        proven=[claim for claim in evidence.claims if claim.where == "claims"],
        costs=[claim for claim in evidence.claims if claim.where == "cost"],
        provisioned=[claim for claim in evidence.claims if claim.where == "resources"],
        defined=[each["name"] for each in report.get("resources", []) if each["state"] == "defined"],
        lines=_lines,
        total=_total(evidence.files),
        shown=_shown,
        reason=_reason,
        figureless=_without_figures,
        not_run=_withheld({"not_run": [each.model_dump() for each in evidence.not_run]}, evidence.not_verified)[
            "not_run"
        ],
    )
    return _tidy(text)


@cache
def _template() -> "Template":
    """The template, compiled once: compiling it costs ten times what rendering does."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=False,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    jinja.filters.update(line=line, cell=cell, block=block, code=code, code_cell=code_cell)
    return jinja.get_template("summary.md.j2")


def _areas(report: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    grouped = (
        (title, [item for item in report.get("work_completed", []) if item["area"] == area])
        for area, title in AREAS.items()
    )
    return [(title, items) for title, items in grouped if items]


def _withheld(report: dict[str, Any], unbacked: Iterable[UnbackedRecord]) -> dict[str, Any]:
    """The report without the sentences that stand under Not verified."""
    taken: dict[str, list[str]] = {}
    for claim in unbacked:
        taken.setdefault(claim.where, []).append(claim.statement)

    def without(where: str, text: str) -> str:
        for sentence in taken.get(where, ()):
            text = text.replace(sentence, WITHHELD)
        return text

    return cast("dict[str, Any]", each_text(report, without))


def _shown(claim: UnbackedRecord) -> str:
    """What may be said of a claim that nothing backs: a template's sample is not repeated."""
    return "a sample result of a persona's template, withheld" if claim.residue else _without_figures(claim.statement)


def _reason(claim: UnbackedRecord) -> str:
    return "not this run's" if claim.residue else _without_figures(claim.reason, claim.statement)


def _without_figures(text: str, of: str | None = None) -> str:
    """The text without the figures that it states, or those that `of` does; evidence.json keeps them."""
    for number in sorted(set(stated(text if of is None else of)), key=len, reverse=True):
        text = re.sub(rf"[$€£]?\s?(?<![\w.]){re.escape(number)}(?![\w.]*\d)", " " + FIGURE, text).strip()
    return SPELLED.sub(FIGURE, text)


def _lines(file: FileRecord) -> str:
    if file.added is None or file.removed is None:
        return "not counted"
    return f"+{file.added} -{file.removed}"


def _total(files: Iterable[FileRecord]) -> str:
    known = [(file.added, file.removed) for file in files if file.added is not None and file.removed is not None]
    return f"+{sum(added for added, _ in known)} -{sum(removed for _, removed in known)}"


def _tidy(text: str) -> str:
    """No trailing blanks, no two empty lines in a row, one line end at the end."""
    lines: list[str] = []
    for each in text.splitlines():
        if each.strip() or (lines and lines[-1]):
            lines.append(each.rstrip())
    return "\n".join(lines).strip() + "\n"
