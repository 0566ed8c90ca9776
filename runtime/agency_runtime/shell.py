"""The sandbox of one run and the tree it works on: both started at once, neither waited for before they are needed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agency_runtime.changes import FilesChanged, changes, snapshot
from agency_runtime.deferred import Deferred
from agency_runtime.kept_trees import keep
from agency_runtime.order import Order
from agency_runtime.snapshots import Snapshot
from agency_runtime.staging import layout_of
from agency_tools.errors import WorkspaceError
from agency_tools.workspace import Workspace


class Once:
    """Passes each line on once, and of many only the first: a program inside decides how many there are."""

    MOST = 50

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._said: set[str] = set()

    def __call__(self, line: str) -> None:
        """Say it, unless it was said or there are too many."""
        if line in self._said or len(self._said) > self.MOST:
            return
        self._said.add(line)
        self._hear(line if len(self._said) <= self.MOST else "network: what else it asks for is not listed")


class Shell:
    """Starting; `workspace` may be used at once. No call runs before the tree's snapshot is taken.

    hear: told of every connection that the run's network opens or refuses. folder: where what it saw of the tree is kept.
    A sandbox that cannot be started cancels the task that made this; `failure` then says why.
    """

    def __init__(self, order: Order, hear: Callable[[str], None] = lambda _: None, folder: Path | None = None) -> None:
        self._order = order
        self._hear = Once(hear)
        self._folder = folder
        self.baseline = asyncio.create_task(asyncio.to_thread(self._before))
        self._starting = asyncio.create_task(self._start())
        main = asyncio.current_task()
        assert main is not None
        self._starting.add_done_callback(
            lambda task: main.cancel() if not task.cancelled() and task.exception() else None
        )
        self.workspace: Workspace = Deferred(self._starting)

    def _before(self) -> Snapshot:
        """The tree as the run found it, in a resumed one as its first part did; kept on the disk before any call runs."""
        past = self._order.past
        tree = past.before if past and past.before else snapshot(self._order.repository)
        if self._folder is not None:
            keep(self._folder, "before", tree)
        return tree

    async def keep_after(self) -> None:
        """Keep the tree as the run leaves it, for whoever resumes it."""
        if self._folder is not None:
            tree = await self.now(await self.baseline)
            await asyncio.to_thread(keep, self._folder, "after", tree)

    async def _start(self) -> Workspace:
        from agency_tools.sandbox import start

        workspace = await start(self._order.settings.sandbox, layout_of(self._order), hear=self._hear)
        try:
            await self.baseline
        except BaseException:
            await workspace.close()
            raise
        return workspace

    @property
    def failure(self) -> BaseException | None:
        """Why it did not start; None where it did, or still does."""
        done = self._starting.done() and not self._starting.cancelled()
        return self._starting.exception() if done else None

    async def files(self) -> FilesChanged:
        """What the run has changed so far, from git."""
        before = await self.baseline
        return changes(before, await self.now(before))

    async def now(self, before: Snapshot) -> Snapshot:
        """The tree as it is; what has not been touched since `before` is not read again."""
        return await asyncio.to_thread(snapshot, self._order.repository, before)

    async def close(self) -> None:
        """Kill whatever still runs in it; safe to call twice."""
        if not self._starting.done():
            self._starting.cancel()
        with suppress(asyncio.CancelledError, WorkspaceError):
            workspace = await self._starting
            await workspace.close()
