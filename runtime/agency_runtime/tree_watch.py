"""Which files a call left different: told by the tree itself, not by the words of the call.

Every path's state (times, inode, size) is looked at, some microseconds a file; only where one is new, gone or not for
sure the same is the tree read. What git ignores, and the runtime's own files, are left aside.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agency_runtime.changes import changes, snapshot
from agency_runtime.index import Stat
from agency_runtime.repository import Repository
from agency_runtime.snapshots import OWN, Snapshot
from agency_runtime.wire import Call
from agency_tools.errors import UsageError
from agency_tools.tool import Output

HARMLESS = "read"
"""The kind of call after which nothing has changed."""


@dataclass
class TreeWatch:
    """Looks at a work tree after each call that may have changed it.

    What a background command changes counts for the call by whose end it was seen. baseline: the tree before the run.
    """

    repository: Repository
    baseline: Awaitable[Snapshot]
    _tree: "Tree | None" = None
    _background: bool = False
    _broken: bool = False
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def around(self, call: Call, kind: str, act: Callable[[], Awaitable[Output]]) -> Output:
        """Do the act; its output with the paths that were different by its end, or None where nobody could tell."""
        if kind == HARMLESS and not self._background:
            return replace(await act(), altered=())
        async with self._one:
            await self._begin()
        self._background = self._background or bool(call.input.get("run_in_background"))
        output = await act()
        async with self._one:
            return replace(output, altered=await self._altered())

    async def _begin(self) -> None:
        if self._tree is None and not self._broken:
            baseline = await self.baseline
            self._tree = await self._told(lambda: Tree.of(self.repository, baseline))

    async def _altered(self) -> tuple[str, ...] | None:
        before = self._tree
        if before is None:
            return None
        self._tree = after = await self._told(before.now)
        return None if after is None else tuple(_altered(before.digests, after.digests))

    async def _told(self, look: "Callable[[], Tree]") -> "Tree | None":
        """The tree; None for good where it cannot be read."""
        try:
            return await asyncio.to_thread(look)
        except (OSError, UsageError):
            self._broken = True
            return None


@dataclass(frozen=True)
class Tree:
    """A work tree at one moment: its content, and the state of its files by which the same content is known again."""

    repository: Repository
    digests: Snapshot
    ignored: frozenset[bytes]
    taken: int
    states: Mapping[bytes, Stat]

    @classmethod
    def of(cls, repository: Repository, earlier: Snapshot) -> "Tree":
        """As it is now. Raises UsageError and OSError where it cannot be read."""
        listed = repository.git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z").split(
            b"\0"
        )
        ignored = frozenset(path.rstrip(b"/") for path in listed if path.endswith(b"/"))
        taken = time.time_ns()
        states = dict(_states(os.fsencode(repository.root), ignored))  # before the content: what changes later is seen
        return cls(repository, snapshot(repository, earlier), ignored, taken, states)

    def now(self) -> "Tree":
        """As it is now, read again only where it may differ."""
        taken = time.time_ns()
        states = dict(_states(os.fsencode(self.repository.root), self.ignored))
        if self._same(states):
            return replace(self, taken=taken)
        return Tree.of(self.repository, self.digests)

    def _same(self, states: Mapping[bytes, Stat]) -> bool:
        if states.keys() != self.states.keys():
            return False
        return all(state.still(states[path], self.taken) for path, state in self.states.items())


def _altered(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """The paths that differ. A file that may now be executed is the same to every check that it has passed."""
    for path in changes(before, after).all:
        name = os.fsencode(path)
        was, now = before.get(name, ""), after.get(name, "")
        if was.replace("100644 ", "100755 ", 1) != now:
            yield path


def _states(root: bytes, ignored: frozenset[bytes]) -> Iterator[tuple[bytes, Stat]]:
    """The state of every file below the root but git's, the runtime's own, and those in ignored folders."""
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root + b"/" + folder))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for entry in entries:
            path = folder + entry.name
            try:
                if not entry.is_dir(follow_symlinks=False):
                    yield path, Stat.of(entry.stat(follow_symlinks=False))
                elif entry.name != b".git" and path not in ignored and path + b"/" not in OWN:
                    waiting.append(path + b"/")
            except FileNotFoundError:
                continue
