"""The files that a shell text would see: what it has written itself so far, else what the repository holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from agency_runtime.gate.places import absolute
from agency_runtime.gate.words import known

Reader: TypeAlias = Callable[[str], str | None]
"""Gives a file's text by its absolute path in the sandbox, or None when it cannot be read."""

STDIN = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
"""Names of a command's own input."""


@dataclass(frozen=True, slots=True)
class Files:
    """Files at one point of a text; later writes make new values, so that each command keeps those of its own time."""

    written: Mapping[str, str] = field(default_factory=dict[str, str])
    read: Reader | None = None

    def text(self, path: str, cwd: str) -> str | None:
        """The text at the path, marks where it is uncertain; None where nothing can be known of it."""
        where = absolute(path, cwd)
        for name in (path, where):
            if name in self.written:
                return self.written[name]
        return self.read(where) if self.read is not None and known(where) else None

    def after(self, path: str, cwd: str, text: str) -> "Files":
        """The files once `text` was written to the path."""
        return Files({**self.written, path: text, absolute(path, cwd): text}, self.read)


NOTHING_WRITTEN = Files()
