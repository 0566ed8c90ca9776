"""What would undo the changes of a run, the last one first."""

from dataclasses import dataclass, field

COMMAND, LACKING, FORMER = "undo by hand: ", "the undo lacks ", "former.yaml"
"""How the lines of an undo begin in a tool's answer, and the file that holds the objects as they were."""

LONGEST = 20_000
"""Characters of former objects that an answer holds."""


@dataclass(frozen=True, kw_only=True)
class Undo:
    """How one change that was made is undone by hand.

    what: the change in a few words. commands: as a person types them, with the target's own context and namespace.
    former: the objects as they were before, which the commands call `former.yaml`; empty where none are needed.
    lacking: what nothing holds, such as a secret's former values.
    """

    target: str
    what: str
    commands: tuple[str, ...]
    former: str = ""
    lacking: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """As a tool's answer ends, from which a handoff makes its list."""
        told = [*(f"{COMMAND}{command}" for command in self.commands), *(f"{LACKING}{each}" for each in self.lacking)]
        if len(self.former) > LONGEST:
            return [*told, f"{LACKING}{FORMER}: {len(self.former)} characters are too many to keep"]
        return [*told, *([f"{FORMER}:", *(f"  {line}" for line in self.former.splitlines())] if self.former else [])]


@dataclass
class Undos:
    """The undos of a run, in the order in which its changes were made."""

    made: list[Undo] = field(default_factory=list[Undo])

    def add(self, undo: Undo) -> None:
        """Note that a change was made."""
        self.made.append(undo)

    def in_order(self) -> list[Undo]:
        """As they have to be run: the last change first."""
        return self.made[::-1]
