"""A change to a target as commands that are decided before the first runs: capture, act, watch, and undo where it fails."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agency_tools.compartment import Compartment, Ran, cut
from agency_tools.errors import ToolError
from agency_tools.tool import Output

Part: TypeAlias = Literal["capture", "deploy", "health", "look", "undo"]
OVERDUE = 124
"""The exit code of a command that was stopped because its time was up, as timeout(1) has it."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. shown: how it is told, where its own words are not fit to read. seconds: how long it may take."""

    argv: tuple[str, ...]
    shown: str = ""
    seconds: float = 120

    def __str__(self) -> str:
        return self.shown or shlex.join(self.argv)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change, and everything that belongs to it.

    capture: keeps what is there now; where one fails nothing is changed. watch: each ends with 0 when all is well, within
    its time. look: says more where one did not. undo: puts back what was there, none where that is impossible.
    settled: watches that.
    """

    capture: tuple[Command, ...] = ()
    act: Command
    watch: tuple[Command, ...] = ()
    look: tuple[Command, ...] = ()
    undo: tuple[Command, ...] = ()
    settled: tuple[Command, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command that ran, and what it came to."""

    part: Part
    command: Command
    ran: Ran

    @property
    def failed(self) -> bool:
        """Whether it did not end well."""
        return self.ran.exit_code != 0

    def __str__(self) -> str:
        said = "".join(f"\n  {line}" for line in cut(self.ran.output.strip(), SAID).splitlines())
        return f"{self.part}: {self.command}: exit code {self.ran.exit_code}{said}"


SAID = 3_000
"""Characters of one command's output that are told."""


@dataclass
class Story:
    """What a change came to: the steps of doing it and, where one failed, those of undoing it."""

    forth: list[Step] = field(default_factory=list[Step])
    back: list[Step] = field(default_factory=list[Step])

    @property
    def fault(self) -> Step | None:
        """The step that made it fail."""
        return next((step for step in self.forth if step.failed), None)

    @property
    def undone(self) -> bool:
        """Whether it was undone, and all is well again."""
        return bool(self.back) and not any(step.failed for step in self.back if step.part != "look")

    def headline(self, what: str) -> str:
        """How it ended, in one line."""
        if self.fault is None:
            return f"done: {what}"
        if self.fault.part == "capture":
            return f"not done: what is there now could not be kept, so nothing was changed: {what}"
        if not self.back:
            return f"failed: {what}"
        end = "and was undone" if self.undone else "AND THE UNDO FAILED TOO, look at the target now"
        return f"failed {end}: {what}"

    def output(self, what: str, *more: str) -> Output:
        """What the model is told: the end first, then every step with its exit code."""
        text = cut("\n".join([self.headline(what), *map(str, [*self.forth, *self.back])]))
        code = self.fault.ran.exit_code if self.fault else 0
        return Output(content="\n".join([text, *more]), failed=self.fault is not None, exit_code=code)


async def carry_out(change: Change, compartment: Compartment) -> Story:
    """Do it; where it fails, or what it changed does not become healthy in time, undo it."""
    story = Story()
    if not await _until_fault(story.forth, "capture", change.capture, compartment):
        return story
    fine = await _until_fault(story.forth, "deploy", [change.act], compartment)
    if not (fine and await _until_fault(story.forth, "health", change.watch, compartment)) and change.undo:
        await _undo(story.back, change, compartment)
    return story


async def _undo(steps: list[Step], change: Change, compartment: Compartment) -> None:
    """Look at what is wrong, then undo: every part of it, even where one fails."""
    for command in change.look:
        steps.append(await _step("look", command, compartment))
    for command in change.undo:
        steps.append(await _step("undo", command, compartment))
    await _until_fault(steps, "health", change.settled, compartment)


async def _until_fault(steps: list[Step], part: Part, commands: Sequence[Command], compartment: Compartment) -> bool:
    """Run the commands until one fails; whether none did."""
    for command in commands:
        steps.append(await _step(part, command, compartment))
        if steps[-1].failed:
            return False
    return True


async def _step(part: Part, command: Command, compartment: Compartment) -> Step:
    try:
        ran = await compartment.run(command.argv, timeout_s=command.seconds, interrupt_first=True)
    except ToolError as overdue:
        ran = Ran(exit_code=OVERDUE, output=str(overdue), seconds=command.seconds)
    return Step(part=part, command=command, ran=ran)
