"""What came of a run, as a frozen value: the last lines of the terminal and the last object of `--output json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agency_runtime import cli
from agency_runtime.loop import Ending
from agency_runtime.wire import Json, Usage

CODES: Mapping[Ending, int] = {
    Ending.INCOMPLETE: cli.INCOMPLETE,
    Ending.REFUSED: cli.INCOMPLETE,
    Ending.CONTEXT_FULL: cli.INCOMPLETE,
    Ending.OUT_OF_BUDGET: cli.BUDGET,
    Ending.DENIED: cli.DENIED,
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a run."""

    status: str
    exit_code: int
    reason: str
    feature: str
    session_id: str
    turns: int
    usage: Usage
    cost_usd: float
    denials: Sequence[Json] = ()
    files_changed: Mapping[str, Sequence[str]] | None = None
    plan: str | None = None
    questions: Sequence[str] = ()
    handoff: str | None = None
    unverified: Sequence[str] = ()
    verified: Sequence[str] = ()
    not_run: Sequence[str] = ()
    divergences: Sequence[str] = ()
    digests: Mapping[str, str] | None = None
    contents: Mapping[str, str] | None = None
    lines: Mapping[str, Any] | None = None

    def json(self) -> dict[str, Any]:
        """As contract and recording keep it."""
        values = dict(self.__dict__)
        values["usage"] = self.usage.json()
        values["cost_usd"] = round(self.cost_usd, 6)
        return values


def judged(ending: Ending, *, verified: bool, unapproved: bool) -> tuple[str, int]:
    """The status word and exit code of a run that ended by itself.

    Done means done and verified; a call that needed an approval nobody could give is never a plain success.
    """
    if ending is not Ending.DONE:
        return ending.value, CODES[ending]
    if unapproved:
        return "approval_needed", cli.DENIED
    return ("done", cli.OK) if verified else ("unverified", cli.INCOMPLETE)
