"""git's index: what is tracked, and which files git has seen unchanged, told by their stat data alone.

git is asked for the index's entries and never for a comparison, since comparing content is what starts filters.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agency_runtime.repository import Repository

TICK = 20_000_000
"""Nanoseconds: two writes closer than this may leave the same time on a file."""

ENTRY = re.compile(rb"(\d{6}) ([0-9a-f]+) (\d)\t([^\0]+)\0((?: .*\n)*)")
STAT = re.compile(
    rb"\s+ctime: (\d+):(\d+)\s+mtime: (\d+):(\d+)\s+dev: \d+\s+ino: (\d+)\s+uid: \d+\s+gid: \d+\s+size: (\d+)"
)
LOW = 0xFFFFFFFF  # the index keeps the low 32 bits


@dataclass(frozen=True)
class Stat:
    """What tells a file's state without reading it: change time, modification time (nanoseconds), inode, size."""

    ctime: int
    mtime: int
    inode: int
    size: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stat":
        return cls(found.st_ctime_ns, found.st_mtime_ns, found.st_ino & LOW, found.st_size & LOW)

    def still(self, found: "Stat", taken: int) -> bool:
        """Whether `found` is the same state, and older than the moment it was `taken` by more than a tick."""
        return (
            self.size == found.size
            and self.inode == found.inode
            and _same(self.mtime, found.mtime)
            and _same(self.ctime, found.ctime)
            and max(found.mtime, found.ctime) < taken - TICK
        )


def _same(kept: int, found: int) -> bool:
    """Equal times; one kept without nanoseconds proves nothing and is unequal."""
    return kept == found and kept % 1_000_000_000 != 0


@dataclass(frozen=True)
class Entry:
    """One tracked path: its mode and blob, and the stat data of when git last compared it; None where it did not."""

    path: bytes
    mode: str
    blob: str
    merged: bool
    stat: Stat | None


def entries(repository: Repository) -> Iterator[Entry]:
    """Every entry of the index. `ls-files --debug` is for people to read: what it says otherwise one day is no stat data."""
    listed = repository.git("ls-files", "--stage", "--debug", "-z")
    for mode, blob, stage, path, debug in ENTRY.findall(listed):
        yield Entry(path, mode.decode(), blob.decode(), stage == b"0", _stat(debug))


def _stat(debug: bytes) -> Stat | None:
    found = STAT.match(debug)
    if found is None:
        return None
    seconds, nanos, mseconds, mnanos, inode, size = map(int, found.groups())
    return Stat(seconds * 1_000_000_000 + nanos, mseconds * 1_000_000_000 + mnanos, inode, size)


def written(repository: Repository) -> int:
    """When the index was written, in nanoseconds; 0 where there is none."""
    path = os.fsdecode(repository.git("rev-parse", "--git-path", "index")).rstrip("\n")
    try:
        return (repository.root / path).stat().st_mtime_ns
    except OSError:
        return 0
