"""Approvals: a person at the terminal is asked; without one the call is refused and the run says what would permit it."""

import asyncio
import getpass
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from agency_runtime.answer import Judgement
from agency_runtime.terminal import Terminal, plain, subject
from agency_runtime.wire import Call

MUTATING_PROMPT = "  [y] once  [a] for this run  [n] no: "


@dataclass
class AtTerminal:
    """Asks at the terminal; `a` approves the same call for the rest of the run."""

    terminal: Terminal
    target: str
    ask: Callable[[str], str] = input
    _granted: set[str] = field(default_factory=set)

    async def __call__(self, call: Call, judgement: Judgement) -> str | None:
        key = json.dumps([call.name, call.input], sort_keys=True)
        if key in self._granted:
            return getpass.getuser()
        self.terminal.line(self.terminal.paint("yellow", f"? {call.name}: {subject(call.name, call.input)}"))
        self.terminal.line(f"  class {judgement.kind} · target {self.target} · {judgement.rule}")
        if judgement.why:
            self.terminal.line(f"  {plain(judgement.why)}")
        answer = (await asyncio.to_thread(self.ask, MUTATING_PROMPT)).strip().lower()
        if answer == "a":
            self._granted.add(key)
        return getpass.getuser() if answer in ("y", "a") else None

    async def question(self, text: str) -> str | None:
        """Put a question of the agent's; an empty answer is none."""
        self.terminal.line(self.terminal.paint("yellow", "? " + plain(text)))
        return (await asyncio.to_thread(self.ask, "  answer: ")).strip() or None


async def silence(question: str) -> str | None:
    """Nobody answers."""
    return None


async def nobody(call: Call, judgement: Judgement) -> str | None:
    """Nobody is there."""
    return None


def can_ask(output: str) -> bool:
    """Whether a person sits at both ends of the terminal."""
    return output == "text" and sys.stdin.isatty() and sys.stdout.isatty()
