"""What would undo the changes of a run, the last one first."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Undo:
    """How one change that was made is undone by hand.

    what: the change in a few words. commands: as a person types them, with the target's own context and namespace.
    file: the name that the commands give `former`, the objects as they were before; empty where none is needed.
    lacking: what no file holds, such as a secret's former values.
    """

    target: str
    what: str
    commands: tuple[str, ...]
    file: str = ""
    former: str = ""
    lacking: tuple[str, ...] = ()


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
