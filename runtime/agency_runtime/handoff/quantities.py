"""Shares and durations with their units: `2 minutes` and `timeout-minutes: 2` are one, `2 replicas` is another."""

import re
from collections.abc import Iterator
from decimal import Decimal

Quantity = tuple[str, Decimal]
"""A unit (`%` or `s`) and a number of it."""

SECONDS = {
    "µs": Decimal("0.000001"), "us": Decimal("0.000001"), "ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60),
    "h": Decimal(3600),
}  # fmt: skip
WITH_UNIT = re.compile(
    r"(?<![\w.])(?P<number>\d+(?:[.,]\d+)*)[\s-]?(?P<unit>%|percent\b|µs\b|us\b|ms\b|milli(?:second)?s?\b|s\b|secs?\b|seconds?\b|m\b|mins?\b"
    r"|minutes?\b|h\b|hours?\b)",
    re.IGNORECASE,
)
COMPOUND = re.compile(r"\b(?P<minutes>\d+)m\s?(?P<seconds>\d+(?:\.\d+)?)s\b")
KEYED = re.compile(r"(?<![\w.-])(?P<key>[\w.-]++)[\"']?\s*[:=]\s*(?=[\"']?(?P<number>\d+(?:\.\d+)?)(?![\w.%]))")
"""A whole key before a number, which may begin a key of its own (`interval=5-second=1`)."""

NAMES_UNIT = re.compile(
    r"[\w.-]*(?:seconds?|secs?|minutes?|mins?|milli\w*|_ms|-ms|timeout|interval|period|delay|deadline|duration|elapsed"
    r"|percent\w*|pct|ratio|utili[sz]ation|threshold|coverage|weight)",
    re.IGNORECASE,
)
"""The part of a key that names its number's unit; where it names none, a duration is in seconds."""

SHARE = re.compile(
    r"(?<![\w.])0?\.\d+(?![\w.%]|\s?(?:[µumk]?s|m|h|secs?|seconds?|minutes?|mins?|hours?|percent|%|[KMGT]i?B)\b)"
)


def quantities(text: str) -> set[Quantity]:
    """Every share and duration that a text holds, whatever way it writes them."""
    return {*stated_quantities(text), *_keyed(text), *(("%", Decimal(found) * 100) for found in SHARE.findall(text))}


def stated_quantities(text: str) -> set[Quantity]:
    """Those that a text writes with their unit after them."""
    return set(_plain(text))


def _plain(text: str) -> Iterator[Quantity]:
    for found in COMPOUND.finditer(text):
        yield "s", Decimal(found["minutes"]) * 60 + Decimal(found["seconds"])
    for found in WITH_UNIT.finditer(COMPOUND.sub(" ", text)):
        number = (
            found["number"].replace(",", ".")
            if re.fullmatch(r"\d+,\d{1,2}", found["number"])
            else found["number"].replace(",", "")
        )
        if number.count(".") <= 1:
            unit = _unit(found["unit"])
            yield ("%", Decimal(number)) if unit == "%" else ("s", Decimal(number) * SECONDS[unit])


def _keyed(text: str) -> Iterator[Quantity]:
    for found in KEYED.finditer(text):
        unit = NAMES_UNIT.match(found["key"])
        if unit is None:
            continue
        key, number = unit.group(0).lower(), Decimal(found["number"])
        if re.search(r"percent|pct|ratio|utili|threshold|coverage|weight", key):
            yield from (("%", number), ("%", number * 100))
        elif re.search(r"minutes?|mins?$", key):
            yield "s", number * 60
        else:
            yield "s", number * (SECONDS["ms"] if re.search(r"milli|[_-]ms$", key) else 1)


def _unit(written: str) -> str:
    unit = written.lower().replace("\u017f", "s")  # a long s, which a pattern that ignores case takes for one
    if unit in ("%", "percent"):
        return "%"
    if unit.startswith("milli"):
        return "ms"
    return unit if unit in SECONDS else unit[0]
