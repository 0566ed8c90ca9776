"""The fields a kind of file may have: which are applied, which are known and ignored, and why."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from agency_runtime.plain_yaml import Value

TRUE, FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0", ""})


@dataclass(frozen=True, kw_only=True)
class FieldTable:
    """One kind of file's fields.

    applied: those that have an effect. ignored: those known elsewhere, with the reason they have none here.
    missed: the ignored ones whose lack changes how a run goes, so that it deserves a warning.
    unknown: what to say of any other. aliases: further spellings, in `spelling` form.
    """

    applied: Sequence[str]
    ignored: Mapping[str, str]
    missed: frozenset[str] = frozenset()
    unknown: str = "not a known field"
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def known(self) -> frozenset[str]:
        """Every field name, in its proper spelling."""
        return frozenset((*self.applied, *self.ignored))

    @cached_property
    def _proper(self) -> Mapping[str, str]:
        return {spelling(name): name for name in (*self.applied, *self.ignored)} | dict(self.aliases)

    def sort(self, given: Mapping[str, Value]) -> "Sorted":
        """Tell the fields of one file apart."""
        values: dict[str, Value] = {}
        ignored: dict[str, str] = {}
        warnings: list[str] = []
        for key, value in given.items():
            name = self._proper.get(spelling(key), key)
            if name != key:
                warnings.append(f"{key}: taken as {name}")
            values[name] = value
            if name not in self.applied:
                ignored[key] = self.ignored.get(name, self.unknown)
                warnings += self._doubt(key, name)
        return Sorted(values=values, ignored=ignored, warnings=warnings)

    def _doubt(self, key: str, name: str) -> list[str]:
        if name in self.ignored:
            return [f"{key}: ignored; {self.ignored[name]}"] if name in self.missed else []
        near = _nearest(name[:64], self.known)
        return [f"{key}: ignored; did you mean {near}?" if near else f"{key}: ignored; {self.unknown}"]


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """A file's values by proper field name, why some are ignored, and what is worth a warning."""

    values: Mapping[str, Value]
    ignored: Mapping[str, str]
    warnings: Sequence[str]


@lru_cache(maxsize=1024)
def _nearest(name: str, known: frozenset[str]) -> str | None:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return near[0] if near else None


def spelling(name: str) -> str:
    """A name without case and punctuation, so that permissionMode, permission_mode and permission-mode are one."""
    return re.sub(r"[\s_-]", "", name).lower()


def text(value: Value | None) -> str:
    """A scalar as text; a list or a mapping is none."""
    return value.strip() if isinstance(value, str) else ""


def flag(value: Value | None) -> bool | None:
    """A yes or no as people write it; None where it is neither."""
    given = text(value).lower()
    if given in TRUE:
        return True
    return False if given in FALSE else None


def whole(value: Value | None) -> int | None:
    """A whole number above 0; None where it is none."""
    given = text(value)
    return int(given) if given.isdecimal() and len(given) < 10 and int(given) > 0 else None
