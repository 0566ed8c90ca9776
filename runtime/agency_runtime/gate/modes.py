"""The permission modes, and what each makes of every class of act when no rule speaks."""

import os
from typing import Literal, TypeAlias, get_args

from agency_runtime.gate.decision import Kind, Verdict
from agency_tools.errors import UsageError

Mode: TypeAlias = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
MODES: tuple[Mode, ...] = get_args(Mode)

TABLE: dict[Mode, dict[Kind, Verdict]] = {
    "default": {
        "read": "allow", "plan": "allow", "local": "ask", "unknown": "ask", "change": "ask", "destroy": "ask",
    },
    "acceptEdits": {
        "read": "allow", "plan": "allow", "local": "allow", "unknown": "ask", "change": "ask", "destroy": "ask",
    },
    "plan": {
        "read": "allow", "plan": "allow", "local": "deny", "unknown": "deny", "change": "deny", "destroy": "deny",
    },
    "dontAsk": {
        "read": "allow", "plan": "allow", "local": "deny", "unknown": "deny", "change": "deny", "destroy": "deny",
    },
    "bypassPermissions": {
        "read": "allow", "plan": "allow", "local": "allow", "unknown": "ask", "change": "allow", "destroy": "ask",
    },
}  # fmt: skip

WRITES_NOTHING: frozenset[Mode] = frozenset({"plan"})
"""Modes whose refusals no allow rule lifts."""

NEVER_ASKS: frozenset[Mode] = frozenset({"dontAsk"})
"""Modes in which whatever would be asked is denied."""


def lifts(mode: Mode, kind: Kind) -> bool:
    """Whether an allow rule may lift the table's verdict."""
    return mode not in WRITES_NOTHING or kind in ("read", "plan")


def settled(mode: Mode, verdict: Verdict, kind: Kind) -> Verdict:
    """The verdict, denied where the mode leaves nobody to ask."""
    return "deny" if verdict == "ask" and (mode in NEVER_ASKS or not lifts(mode, kind)) else verdict


def check_mode(mode: Mode) -> None:
    """Raises UsageError for bypassPermissions as root, where a slip would own the machine."""
    if mode == "bypassPermissions" and hasattr(os, "geteuid") and os.geteuid() == 0:
        raise UsageError(
            "bypassPermissions is refused as root: run as another user, or use --permission-mode acceptEdits"
        )
