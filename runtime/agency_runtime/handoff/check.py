"""One thing that a verification looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at; each fault names what is wrong. note: what a reader should know where it passed."""

    name: str
    faults: tuple[str, ...] = ()
    not_run: str = ""
    note: str = ""

    @property
    def outcome(self) -> Literal["passed", "failed", "not run"]:
        return "not run" if self.not_run else "failed" if self.faults else "passed"

    @property
    def why(self) -> str:
        return self.not_run or "; ".join(self.faults) or self.note


def in_short(error: Exception) -> str:
    """An error in one line: for a document that does not fit its schema, the first place where."""
    faults = getattr(error, "errors", None)
    if faults is None:
        return " ".join(str(error).split())
    first: Mapping[str, Any] = faults()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
