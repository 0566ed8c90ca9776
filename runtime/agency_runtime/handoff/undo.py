"""How the changes of a run are undone, the last one first, as the tools that made them said when they made them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agency_runtime.calls import Executed
from agency_tools.undo import COMMAND, FORMER, LACKING

CHANGING = {"Kubernetes": ("apply", "scale", "delete", "rollout_undo"), "Helm": ("upgrade", "rollback")}
"""Actions whose answers are the tool's own words throughout; others print what a container or an object says."""


@dataclass(frozen=True, kw_only=True)
class UndoStep:
    """The undo of one call. former: the objects as they were, where its commands need them."""

    ref: str
    did: str
    commands: tuple[str, ...]
    lacking: tuple[str, ...]
    former: str

    @property
    def path(self) -> str | None:
        """Where the former objects are stored, below the handoff's folder."""
        return f"evidence/{self.ref}.former.yaml" if self.former else None


def undo_steps(calls: Sequence[Executed], clean: Callable[[str], str]) -> list[UndoStep]:
    """The undos of every change that was made and stands, the last one first."""
    made = [call for call in calls if call.input.get("action") in CHANGING.get(call.tool, ())]
    found = [_step(call, clean) for call in made if not call.failed and not call.denied]
    return [step for step in reversed(found) if step.commands or step.lacking]


def _step(call: Executed, clean: Callable[[str], str]) -> UndoStep:
    lines = call.output.splitlines()
    raw = [*_former(lines)]
    former = "".join(f"{clean(line)}\n" for line in raw)
    masked = [f"what is masked in {FORMER}"] if former != "".join(f"{line}\n" for line in raw) else []
    path = f"evidence/{call.ref}.former.yaml"
    commands = (clean(line).replace(f"={FORMER}", f"={path}") for line in _after(lines, COMMAND))
    return UndoStep(
        ref=call.ref,
        did=clean(call.command),
        commands=tuple(commands),
        lacking=(*(clean(line) for line in _after(lines, LACKING)), *masked),
        former=former,
    )


def _after(lines: Sequence[str], mark: str) -> Iterator[str]:
    return (line.removeprefix(mark) for line in lines if line.startswith(mark))


def _former(lines: Sequence[str]) -> Iterator[str]:
    """The indented lines that follow the name of the file."""
    if f"{FORMER}:" in lines:
        for line in lines[lines.index(f"{FORMER}:") + 1 :]:
            if not line.startswith("  "):
                return
            yield line[2:]
