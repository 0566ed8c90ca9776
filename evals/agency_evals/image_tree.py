"""The files of a public task's image, made below a folder of this machine: no link in it leads out of that folder."""

import os
import posixpath
import re
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agency_tools.errors import UsageError

LINKS = 40  # that one path may lead over, as in the kernel
VARIABLE = re.compile(r"\\\$|\$(?:\{(\w+)(?:(:?[-+])([^}]*))?\}|(\w+))")


@dataclass
class ImageTree:
    """What a Dockerfile comes to.

    place: the folder of this machine. workdir: where the agent stands. variables: those of ENV; arguments: those of ARG.
    made: by path inside the line that last wrote there. notes: what was left out, for a person.
    """

    place: Path
    workdir: str = "/"
    variables: dict[str, str] = field(default_factory=dict[str, str])
    arguments: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    made: dict[str, int] = field(default_factory=dict[str, int])

    def full(self, path: str) -> str:
        """The absolute path inside, with no `..` in it."""
        return "/" + posixpath.normpath(posixpath.join(self.workdir, path)).lstrip("/")

    def inside(self, path: str, *, follow: bool = True) -> Path:
        """This machine's path for one in the image; links are followed within the image. Raises UsageError for a loop."""
        waiting, here, links = deque(self.full(path).split("/")[1:]), self.place, 0
        while waiting:
            here /= waiting.popleft()
            if here.is_symlink() and (waiting or follow):
                links += 1
                if links > LINKS:
                    raise UsageError(f"{path}: too many links lead on from one another")
                above = "/" + here.parent.relative_to(self.place).as_posix()
                target = posixpath.normpath(posixpath.join(above, os.fsdecode(here.readlink())))
                waiting.extendleft(reversed([part for part in target.split("/") if part]))
                here = self.place
        return here

    def expanded(self, text: str) -> str:
        """The text with its variables, as a Dockerfile expands them; of unknown ones nothing stands."""
        return expanded(text, {**self.arguments, **self.variables})

    def folder(self, path: str, line: int) -> None:
        """Make a folder and those above it."""
        self._mark(path, line)
        self.inside(path).mkdir(parents=True, exist_ok=True)

    def write(self, path: str, content: bytes, line: int, *, add: bool = False) -> None:
        """Write a file, or add to it."""
        where = self._room(path, line)
        with where.open("ab" if add else "wb") as file:
            file.write(content)

    def link(self, target: str, path: str, line: int) -> None:
        """Make a symbolic link; within the folder that stands there, if one does, as `ln` does."""
        if self.inside(path).is_dir():
            path = f"{path.rstrip('/')}/{posixpath.basename(target.rstrip('/'))}"
        self._room(path, line, follow=False).symlink_to(target)

    def copy(self, source: Path, path: str, line: int) -> None:
        """Copy a file or link of this machine, with its permissions, to exactly that path."""
        where = self._room(path, line, follow=False)
        shutil.copy2(source, where, follow_symlinks=False)

    def remove(self, path: str) -> None:
        """Remove whatever is there."""
        where = self.inside(path, follow=False)
        if where.is_dir() and not where.is_symlink():
            shutil.rmtree(where)
        else:
            where.unlink(missing_ok=True)

    def matching(self, pattern: str) -> list[str]:
        """The paths inside that a shell's pattern matches; a plain path stands for itself, where it is there."""
        full = self.full(pattern)
        if not re.search(r"[*?\[]", full):
            return [full] if os.path.lexists(self.inside(full, follow=False)) else []
        found = (f"/{path.relative_to(self.place).as_posix()}" for path in self.place.glob(full.lstrip("/")))
        hidden = posixpath.basename(full).startswith(".")
        return sorted(path for path in found if hidden or not posixpath.basename(path).startswith("."))

    def files(self, top: str) -> Iterator[str]:
        """The paths of the files and links below a folder at the top."""
        for path in sorted((self.place / top).rglob("*")):
            if path.is_symlink() or path.is_file():
                yield f"/{path.relative_to(self.place).as_posix()}"

    def line_of(self, path: str) -> int:
        """The line that made a path, or what is above it."""
        above = [made for made in self.made if path == made or path.startswith(made.rstrip("/") + "/")]
        return self.made[max(above, key=len)] if above else 1

    def _room(self, path: str, line: int, *, follow: bool = True) -> Path:
        """Where to write: the folders above are there, and no link is followed out, nor written through at the end."""
        self._mark(path, line)
        self.inside(posixpath.dirname(self.full(path))).mkdir(parents=True, exist_ok=True)
        where = self.inside(path, follow=follow)
        if not follow:
            where.unlink(missing_ok=True) if not where.is_dir() or where.is_symlink() else None
        return where

    def _mark(self, path: str, line: int) -> None:
        self.made[self.full(path)] = line


def expanded(text: str, known: Mapping[str, str]) -> str:
    """The text with its `$NAME`, `${NAME}`, `${NAME:-other}` and `${NAME:+other}`."""

    def value(found: "re.Match[str]") -> str:
        if found.group() == "\\$":
            return "$"
        name, how, other = found.group(1) or found.group(4), found.group(2) or "", found.group(3) or ""
        there = name in known and (bool(known[name]) or not how.startswith(":"))
        if how.endswith("+"):
            return other if there else ""
        return known[name] if there else other

    return VARIABLE.sub(value, text)
