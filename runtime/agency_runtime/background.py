"""The slow validators beside a run: one check at a time, over all that has changed meanwhile, told with a later call."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.validators import Checker, Report
from agency_tools.workspace import Workspace

BASE = "HEAD"
"""What was wrong there before the run is not told."""

PATIENCE = 160.0
"""Seconds that the end of a run waits for the last check; the checks at the end say the same of what is left."""


@dataclass
class Background:
    """Checks of which nobody waits for the end, in a process of their own in the run's sandbox."""

    workspace: Workspace
    _checker: Checker = field(init=False)
    _waiting: set[str] = field(default_factory=set[str])
    _ready: list[Report] = field(default_factory=list[Report])
    _task: asyncio.Task[None] | None = field(default=None)

    def __post_init__(self) -> None:
        self._checker = Checker(self.workspace)

    def begin(self, paths: Iterable[str]) -> None:
        """Check these files, now or after the check that is under way."""
        self._waiting |= set(paths)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            paths, self._waiting = sorted(self._waiting), set()
            try:
                report = await self._checker.check_slowly(paths, base=BASE)
            except (WorkspaceError, ToolError):
                return  # the sandbox's end; whatever else is broken, the next call's own check says it
            self._ready.append(self._current(report))

    def _current(self, report: Report) -> Report:
        """Without what has changed again since, of which a newer check will tell."""
        findings = tuple(each for each in report.findings if each.path not in self._waiting)
        paths = tuple(path for path in report.paths if path not in self._waiting)
        return replace(report, findings=findings, paths=paths)

    def take(self) -> list[Report]:
        """What has become known since the last time."""
        taken, self._ready = self._ready, []
        return taken

    async def join(self) -> None:
        """Wait for what is under way."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE)

    async def close(self) -> None:
        """End what is under way, and its process."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._checker.close()
