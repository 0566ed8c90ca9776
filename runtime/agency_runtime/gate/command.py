"""A simple command as the shell would run it, and all the commands of one text."""

from collections.abc import Sequence
from dataclasses import dataclass

from agency_runtime.gate.argv import program_of
from agency_runtime.gate.files import NOTHING_WRITTEN, Files


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command: its words after expansion, and what surrounds it.

    assigns: what stands before it. writes, reads: files of its redirects. stdin: the text it is given, if any.
    files: what it would see of files, those written by earlier commands of the same text included.
    """

    argv: tuple[str, ...]
    text: str
    cwd: str
    assigns: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    stdin: str | None = None
    files: Files = NOTHING_WRITTEN

    @property
    def program(self) -> str:
        """The name of the program, without its folder and version."""
        return program_of(self.argv[0]) if self.argv else ""

    @property
    def assigned(self) -> list[tuple[str, str]]:
        """Every variable it sets, those given to env and export included."""
        if self.program not in ("env", "sudo", "export", "declare", "typeset", "readonly"):
            return list(self.assigns)
        if self.program == "env":
            unset = [self.argv[at + 1] for at, word in enumerate(self.argv[:-1]) if word in ("-u", "--unset")]
            return [*self.assigns, *((name, "") for name in unset), *_pairs(self.argv)]
        return [*self.assigns, *_pairs(self.argv)]


def _pairs(argv: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [word.partition("=") for word in argv[1:] if "=" in word and not word.startswith("-")]
    return [(name, value) for name, _, value in pairs if name.isidentifier()]


@dataclass(frozen=True, slots=True)
class Script:
    """All commands of one text, and the faults that make the text uncertain as a whole."""

    commands: tuple[Command, ...]
    faults: tuple[str, ...]
