"""A sandbox that is still starting: calls wait for it, so that the first model request need not."""

import asyncio
from contextlib import suppress
from typing import Any

from agency_tools.errors import WorkspaceError
from agency_tools.workspace import Workspace


class Deferred:
    """A Workspace whose start is under way. What went wrong at the start is raised by the first call."""

    def __init__(self, starting: "asyncio.Task[Workspace]") -> None:
        self._starting = starting

    @property
    def kind(self) -> str:
        """The sandbox's kind, once it has started."""
        return self._starting.result().kind if self._starting.done() else "starting"

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Perform one operation, when the sandbox is there. Raises what its start raised."""
        workspace = await asyncio.shield(self._starting)
        return await workspace.call(op, **parameters)

    async def close(self) -> None:
        """End the sandbox; a start that failed has nothing to end."""
        with suppress(Exception):
            await (await asyncio.shield(self._starting)).close()


class NoWorkspace:
    """For a replay in which nothing is executed: any use of it is an error of the runtime."""

    kind = "none"

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Raises WorkspaceError."""
        raise WorkspaceError(f"a replay of recorded results was about to execute {op}")

    async def close(self) -> None:
        """Nothing was started."""
