"""PromQL as Grafana holds it, with variables that are filled in before Prometheus sees it."""

from __future__ import annotations

import itertools
import re
from typing import Any

VARIABLE = re.compile(
    r"(?<!\\)\$\{(?P<braced>\w+)(?:[:.][^}]*)?\}|(?<!\\)\$(?P<plain>[A-Za-z_]\w*)|\[\[(?P<old>\w+)(?::\w+)?\]\]"
)
STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`', re.DOTALL)
COMMENT = re.compile(r"#[^\n]*")
DURATION_BEFORE = re.compile(r"(?:\[|:|\boffset\s+-?)\s*$")
STANDS_FOR = ("x", "1", 'x="y"', "5m", "x, y", "", "+", "by", "sum")
"""What a variable may be: a name, a number, a matcher, a duration, several names, nothing, an operator, a keyword."""

FULL_SEARCH = 3
"""Variables of which every combination is tried; of more, only the same for all."""

BUILT_IN = re.compile(r"^(?:__\w+|timeFilter|interval|interval_ms|dashboard|org|user|timezone)$")
LOGS = re.compile(r"\|[=~>]|!~?\s*`|\|\s*(?:json|logfmt|unwrap|line_format|label_format|pattern|regexp|decolorize)\b|\{[^}]*\}\s*(?:\|=|!=\s*[\"`])")  # fmt: skip

METRICSQL = re.compile(
    r"\b(?:topk_(?:max|min|avg|median|last)|bottomk_(?:max|min|avg|median|last)|range_\w+|running_\w+|label_(?:keep|del|set|map|match|value|copy|move|transform|lowercase|uppercase)|buckets_limit|rollup\w*|aggr_over_time|default_rollup|keep_last_value|keep_next_value|interpolate|prometheus_buckets|median_over_time|distinct_over_time|share_\w+_over_time|union|alias|outliersk|zscore\w*|increase_pure|tmax_over_time|tmin_over_time|histogram_share|any|remove_resets)\s*\(",
)
"""Functions that only VictoriaMetrics has, whose language also allows what Prometheus does not."""


def is_metricsql(text: str) -> bool:
    """Whether the text uses VictoriaMetrics' dialect."""
    return METRICSQL.search(text) is not None


def names(text: str) -> set[str]:
    """The variables a text refers to, but for Grafana's own."""
    found = (match["braced"] or match["plain"] or match["old"] for match in VARIABLE.finditer(text))
    return {name for name in found if not BUILT_IN.match(name)}


def is_logs(expression: str) -> bool:
    """Whether this is LogQL, which shares the field's name."""
    return LOGS.search(expression) is not None


def fault(expression: str, parser: Any) -> str | None:
    """Why no value of its variables makes this PromQL; None where some does."""
    pieces = _pieces(_plain(expression))
    count = sum(piece is None for piece in pieces)
    if count <= FULL_SEARCH:
        choices = itertools.product(STANDS_FOR, repeat=count)
    else:
        choices = ((each,) * count for each in STANDS_FOR)  # type: ignore[assignment]
    first: str | None = None
    for choice in choices:
        values = iter(choice)
        said = _said("".join(next(values) if piece is None else piece for piece in pieces), parser)
        if said is None:
            return None
        first = first or said
    return first if count <= FULL_SEARCH else None


def _plain(expression: str) -> str:
    """The expression with what stands in strings out of the way, and with durations where only those can stand."""
    text = STRING.sub(lambda found: _settled(found[0]), expression)
    text = COMMENT.sub("", text) if "#" in text else text
    out, last = "", 0
    for found in VARIABLE.finditer(text):
        out += text[last : found.start()]
        duration = DURATION_BEFORE.search(out) and not found["old"]
        name = found["braced"] or found["plain"] or found["old"]
        if duration or (name.startswith("__") and not name.endswith(("_s", "_ms", "_from", "_to"))):
            out += "5m"
        elif name.startswith("__"):
            out += "1"
        else:
            out += "\0"
        last = found.end()
    out += text[last:]
    out = re.sub(r"5m(?=[smhdwy]\b)", "5", out)  # `${n}m`
    return re.sub(r"\0(?=[\w:])|(?<=[\w:])\0", "x", out)  # part of a longer name


def _settled(string: str) -> str:
    """The same string without what a variable in it could bring, and without # that opens no comment."""
    return VARIABLE.sub("x", string).replace("#", ".")


def _pieces(text: str) -> list[str | None]:
    parts: list[str | None] = []
    for number, piece in enumerate(text.split("\0")):
        parts += [None, piece] if number else [piece]
    return parts


def _said(expression: str, parser: Any) -> str | None:
    try:
        parser.parse(expression)
    except ValueError as problem:
        return " ".join(str(problem).split())[:250]
    return None
