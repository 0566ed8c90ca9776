"""A simple command as the shell would run it, and all the commands of one text."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command: its words after expansion, and what surrounds it.

    assigns: what stands before it. writes, reads: files of its redirects. stdin: the text it is given, if any.
    files: what earlier commands of the same text have written, by path.
    """

    argv: tuple[str, ...]
    text: str
    cwd: str
    assigns: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    stdin: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return self.argv[0].rpartition("/")[2] if self.argv else ""

    @property
    def assigned(self) -> list[tuple[str, str]]:
        """Every variable it sets, those given to env and export included."""
        if self.program not in ("env", "sudo", "export", "declare"):
            return list(self.assigns)
        pairs = [word.partition("=") for word in self.argv[1:] if "=" in word and not word.startswith("-")]
        return [*self.assigns, *((name, value) for name, _, value in pairs if name.isidentifier())]


@dataclass(frozen=True, slots=True)
class Script:
    """All commands of one text, and the faults that make the text uncertain as a whole."""

    commands: tuple[Command, ...]
    faults: tuple[str, ...]
