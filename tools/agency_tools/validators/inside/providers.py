"""Terraform providers' schemas: tables that lie beside the validators, derived when those were installed."""

from __future__ import annotations

import functools
import glob
import gzip
import json
import os
import re
import sys
from typing import Any, NamedTuple

PLACE = "share/agency/providers"
OTHER_PLACE = "AGENCY_PROVIDER_TABLES"
"""The environment variable that names a folder with tables of one's own."""

SORTS = {-2: "text", -3: "a number", -4: "true or false", -5: "a list", -6: "a mapping"}
TEXT, NUMBER, BOOL, LIST, MAPPING = -2, -3, -4, -5, -6


class Block(NamedTuple):
    """The names a block requires, and for every one it accepts the number of its block or the sort of its value."""

    required: list[str]
    accepted: dict[str, int]


class Provider(NamedTuple):
    """One provider's table."""

    name: str
    version: tuple[int, ...]
    value: dict[str, Any]

    def types(self, kind: str) -> dict[str, int]:
        """The blocks of its resources, or of its data sources."""
        found: dict[str, int] = self.value["resources" if kind == "resource" else "data"]
        return found

    def block(self, number: int) -> Block:
        """One of its blocks."""
        return Block(*self.value["blocks"][number])

    def exports(self, kind: str, name: str) -> set[str]:
        """What may be read of such a resource or data source; nothing where that is not known."""
        return set(self.value["exports"].get(name if kind == "resource" else f"data.{name}", ()))

    def words(self) -> frozenset[str]:
        """The words of which the names of its types and arguments consist."""
        return _words(self.name)


@functools.lru_cache(maxsize=64)
def _words(name: str) -> frozenset[str]:
    value = next(each.value for each in providers().values() if each.name == name)
    names = {*value["resources"], *value["data"], *(each for _, accepted in value["blocks"] for each in accepted)}
    return frozenset(word for each in names for word in each.split("_"))


@functools.lru_cache(maxsize=1)
def providers() -> dict[str, Provider]:
    """The providers for which there is a table, by the prefix of their types."""
    folder = os.environ.get(OTHER_PLACE) or os.path.join(sys.prefix, PLACE)
    found: dict[str, Provider] = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.json.gz"))):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            value = json.load(file)
        version = version_of(value["version"])
        found[value["provider"].rpartition("/")[2]] = Provider(value["provider"], version, value)
    return found


def version_of(text: str) -> tuple[int, ...]:
    """A version's numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("-")[0])[:3])


def bounds(constraint: str) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The oldest version a constraint allows, and the first it no longer allows; None where there is no such."""
    oldest: tuple[int, ...] = ()
    before: tuple[int, ...] | None = None
    for each in constraint.split(","):
        found = re.match(r"\s*(~>|>=|<=|!=|=|>|<)?\s*v?(\d[\d.]*)", each)
        if found is None or found[1] == "!=":
            continue
        version = version_of(found[2])
        if found[1] in ("~>", ">=", ">", "=", None):
            oldest = max(oldest, version)
        over = version if found[1] == "<" else None
        if found[1] == "~>":
            over = _after(version[:-1] or version)
        elif found[1] in ("=", "<=", None):
            over = _after(version)
        before = over if before is None or (over is not None and over < before) else before
    return oldest, before


def _after(version: tuple[int, ...]) -> tuple[int, ...]:
    """The first version after all that begin so."""
    *first, last = version
    return (*first, last + 1)
