"""Approvals: a person at the terminal is asked; without one the call is refused and the run says what would permit it."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from agency_runtime.judgement import Approval, Judgement
from agency_runtime.terminal import Terminal, in_one_line, plain, subject
from agency_runtime.wire import Call
from agency_tools.prospect import Prospect

Keep = Callable[[Sequence[str]], str]
"""Writes rules into the policy file; answers what went wrong, or nothing."""


@dataclass
class AtTerminal:
    """Asks at the terminal, one question at a time.

    `a` approves for the rest of the run: the same call, or of a prepared change whatever the same rule would permit.
    `w` writes that rule into the policy file. Neither is offered where no rule can give the permission. Whatever is
    none of these is a no, the end of the input included.
    """

    terminal: Terminal
    target: str
    ask: Callable[[str], str] = input
    keep: Keep | None = None
    _granted: set[str] = field(default_factory=set[str])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, call: Call, judgement: Judgement) -> Approval:
        """What the person says of the call."""
        key = _key(call, judgement)
        async with self._turn:
            if key and key in self._granted:
                return Approval(who=user(), granted=True, scope="run", rule=_rule(judgement))
            self._show(call, judgement)
            if judgement.unproven:
                return await self._overridden()
            return await self._answered(key, judgement)

    async def _answered(self, key: str, judgement: Judgement) -> Approval:
        writable = self.keep is not None and bool(judgement.permits)
        answer = (await answered(self.ask, choices(run=bool(key), policy=writable))).lower()
        if answer == "w" and writable and self._written(judgement.permits):
            self._granted.add(key)
            return Approval(who=user(), granted=True, scope="policy", rule=_rule(judgement))
        if answer in ("a", "w") and key and (answer == "a" or writable):
            self._granted.add(key)
            return Approval(who=user(), granted=True, scope="run", rule=_rule(judgement))
        return Approval(who=user(), granted=answer == "y")

    def _written(self, rules: Sequence[str]) -> bool:
        """Whether the policy file holds the rules now; what went wrong is said, and the run alone is permitted."""
        assert self.keep is not None
        problem = self.keep(rules)
        if problem:
            self.terminal.line(f"  not written, so for this run only: {in_one_line(problem)}")
        return not problem

    async def _overridden(self) -> Approval:
        """A yes to what was not proven has a reason, which is written down."""
        self.terminal.line("  not proven on an unprotected target in this run")
        reason = await answered(self.ask, "  to do it all the same, say why (it is kept in the log); empty for no: ")
        return Approval(who=user(), granted=bool(reason), override=reason)

    def _show(self, call: Call, judgement: Judgement) -> None:
        """The whole call: a person approves nothing that was cut."""
        about = subject(call.input)
        self.terminal.line(self.terminal.paint("yellow", f"? {in_one_line(call.name)}: {about}"))
        given = in_one_line(json.dumps(call.input, ensure_ascii=False, default=str))
        if list(call.input.values()) != [about]:
            self.terminal.line(f"  {given}")
        prospect = judgement.prospect
        target = prospect.target if prospect else self.target
        self.terminal.line(f"  class {judgement.kind} · target {target} · {in_one_line(judgement.rule)}")
        if judgement.why:
            self.terminal.line(f"  {in_one_line(judgement.why)}")
        for line in shown(prospect) if prospect else ():
            self.terminal.line(f"  {plain(line)}")

    async def question(self, text: str) -> str | None:
        """What the person answers to a question of the agent's; None where the answer is empty."""
        async with self._turn:
            self.terminal.line(self.terminal.paint("yellow", "? " + plain(text)))
            return await answered(self.ask, "  answer: ") or None


def choices(*, run: bool, policy: bool) -> str:
    """The question's end: what may be answered."""
    offered = [*(["[a] for this run"] if run else []), *(["[w] always, in the policy file"] if policy else [])]
    return "  " + "  ".join(["[y] once", *offered, "[n] no"]) + ": "


def shown(prospect: Prospect) -> Iterator[str]:
    """What a person is shown of a change: its counts, each thing, the warnings, its hash and how long it may wait."""
    yield prospect.summary
    yield from (f"  {in_one_line(line)}" for line in prospect.lines)
    yield from (f"! {in_one_line(warning)}" for warning in prospect.warnings)
    if prospect.proven_on:
        yield f"the same change was carried out on {', '.join(prospect.proven_on)} in this run"
    yield f"hash {prospect.digest[:16]} · until {prospect.expires:%H:%M} UTC"


def _key(call: Call, judgement: Judgement) -> str:
    """What a yes for the run covers; nothing where no rule could permit what is asked."""
    if judgement.prospect is None:
        return json.dumps([call.name, call.input], sort_keys=True)
    return json.dumps(judgement.permits) if judgement.permits else ""


def _rule(judgement: Judgement) -> str:
    return " ".join(judgement.permits)


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
