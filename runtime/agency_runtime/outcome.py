"""What came of a run, as a frozen value: the last lines of the terminal and the last object of `--output json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    left: Sequence[str] = ()  # items of the completion checklist that failed or were not run
    outside: Sequence[str] = ()  # changes that are another specialist's, or outside of what the plan names
    checks: Sequence[Json] = ()  # what the validators said at the end
    divergences: Sequence[str] = ()
    digests: Mapping[str, str] | None = None
    contents: Mapping[str, str] | None = None
    lines: Mapping[str, Any] | None = None
    resume: str = ""  # the command that goes on with the run; empty where it ended by itself
    tools: str = "live"  # "recorded": nothing was executed, the changes are the recorded ones

    def json(self) -> dict[str, Any]:
        """As contract and recording keep it."""
        values = dict(self.__dict__)
        values["usage"] = self.usage.json()
        values["cost_usd"] = round(self.cost_usd, 6)
        return values


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the model's part ended: by itself (`ending`), or by a fault that has its own status and code."""

    ending: Ending | None = None
    status: str = ""
    code: int = cli.INCOMPLETE
    reason: str = ""


def judged(ended: Ended, *, verified: bool, unapproved: bool) -> Ended:
    """The status word and exit code of a run that ended by itself; any other stays as it is.

    Done means done and verified; a call that needed an approval nobody could give is never a plain success.
    """
    if ended.ending is None:
        return ended
    if ended.ending is not Ending.DONE:
        return replace(ended, status=ended.ending.value, code=CODES[ended.ending])
    if unapproved:
        return replace(ended, status="approval_needed", code=cli.DENIED)
    return replace(ended, status="done" if verified else "unverified", code=cli.OK if verified else cli.INCOMPLETE)
