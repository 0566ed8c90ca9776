"""Approvals: a person at the terminal is asked; without one the call is refused and the run says what would permit it."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from agency_runtime.answer import Approval, Judgement
from agency_runtime.terminal import Terminal, in_one_line, plain, subject
from agency_runtime.wire import Call

CHOICES = "  [y] once  [a] for this run  [n] no: "


@dataclass
class AtTerminal:
    """Asks at the terminal, one question at a time; `a` approves the same call for the rest of the run.

    Whatever is neither `y` nor `a` is a no, the end of the input included.
    """

    terminal: Terminal
    target: str
    ask: Callable[[str], str] = input
    _granted: set[str] = field(default_factory=set[str])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, call: Call, judgement: Judgement) -> Approval:
        """What the person says of the call."""
        key = json.dumps([call.name, call.input], sort_keys=True)
        async with self._turn:
            if key in self._granted:
                return Approval(who=user(), granted=True)
            self._show(call, judgement)
            answer = (await answered(self.ask, CHOICES)).lower()
            if answer == "a":
                self._granted.add(key)
            return Approval(who=user(), granted=answer in ("y", "a"))

    def _show(self, call: Call, judgement: Judgement) -> None:
        """The whole call: a person approves nothing that was cut."""
        about = subject(call.input)
        self.terminal.line(self.terminal.paint("yellow", f"? {in_one_line(call.name)}: {about}"))
        given = in_one_line(json.dumps(call.input, ensure_ascii=False, default=str))
        if list(call.input.values()) != [about]:
            self.terminal.line(f"  {given}")
        self.terminal.line(f"  class {judgement.kind} · target {self.target} · {in_one_line(judgement.rule)}")
        if judgement.why:
            self.terminal.line(f"  {in_one_line(judgement.why)}")

    async def question(self, text: str) -> str | None:
        """What the person answers to a question of the agent's; None where the answer is empty."""
        async with self._turn:
            self.terminal.line(self.terminal.paint("yellow", "? " + plain(text)))
            return await answered(self.ask, "  answer: ") or None


async def answered(ask: Callable[[str], str], prompt: str) -> str:
    """The line a person types, without blanks around it; empty at the end of the input.

    The thread that waits for it is left behind when the run is interrupted, so that nobody has to press Enter first.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def wait() -> None:
        typed = ""
        with suppress(EOFError, OSError):
            typed = ask(prompt).strip()
        with suppress(RuntimeError):  # the loop is closed: the run was interrupted
            loop.call_soon_threadsafe(lambda: None if line.done() else line.set_result(typed))

    Thread(target=wait, daemon=True).start()
    return await line


def user() -> str:
    """Who sits at the terminal: the login name, else the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


async def silence(question: str) -> None:
    """Nobody answers."""


async def nobody(call: Call, judgement: Judgement) -> None:
    """Nobody is there."""


def can_ask(output: str) -> bool:
    """Whether a person sits at both ends of the terminal."""
    return output == "text" and sys.stdin.isatty() and sys.stdout.isatty()
