"""A run as one HTML file: no server, no request to anywhere, everything escaped.

A Content-Security-Policy in the page lets its own script and style run, by their digests, and nothing else: should a
transcript ever get a tag past the escaping, it would neither run nor load.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from agency_evals.charts import OUTCOMES
from agency_evals.comparison import CHANGES, Comparison
from agency_evals.excerpts import blocks, excerpt
from agency_evals.html_page import Page, anchor, duration, label, page_of, value_text
from agency_evals.materials import Materials, none_of
from agency_evals.results import Run
from agency_evals.verdict import Verdict, counted
from agency_runtime.terminal import money, subject

GLYPHS = {"passed": "✓", "ok": "✓", "failed": "✗", "denied": "✗", "unscored": "○", "error": "!", "cut": "!"}


def html_report(
    run: Run,
    materials: Materials = none_of,
    *,
    verdict: Verdict | None = None,
    comparison: Comparison | None = None,
    against: str = "the baseline",
    title: str = "Agency evals",
) -> str:
    """The page."""
    page = page_of(run, materials, verdict=verdict, comparison=comparison, against=against, title=title)
    return rendered(page, run)


def rendered(page: Page, run: Run) -> str:
    """The template filled in; whatever is not ours is escaped by it."""
    from markupsafe import Markup

    style, script = _asset("style.css"), _asset("script.js")
    html: str = (
        _environment()
        .get_template("template.html")
        .render(
            page=page,
            totals=run.totals,
            style=Markup(style),  # our own file
            script=Markup(script),  # our own file
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )
    return html


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("agency_evals", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own: dict[str, Any] = {
        "GLYPHS": GLYPHS,
        "OUTCOMES": OUTCOMES,
        "CHANGES": CHANGES,
        "anchor": anchor,
        "blocks": blocks,
        "counted": counted,
        "excerpt": excerpt,
        "label": label,
        "money": money,
        "subject": subject,
        "time": duration,
        "value": value_text,
    }
    environment.globals.update(own)
    return environment


def _asset(name: str) -> str:
    return (files("agency_evals") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
