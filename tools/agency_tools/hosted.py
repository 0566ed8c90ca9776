"""A sandbox with its tool host answering: what every starter's process becomes."""

import asyncio
import contextlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agency_tools import seccomp
from agency_tools.boot import parcel
from agency_tools.errors import WorkspaceError
from agency_tools.frames import Channel
from agency_tools.mounts import EGRESS, port_socket
from agency_tools.running import Running
from agency_tools.surroundings import HOME, PROXY_PORT, environment, process_limits
from agency_tools.workspace import ROOT, SCRATCH, Layout, Workspace

PATIENCE = 30.0
"""Seconds for the tool host to say hello; a loaded engine has been seen to take ten."""


def sources() -> Mapping[str, str]:
    """The Python that runs inside."""
    here = Path(__file__).parent
    return {name: (here / f"{name}.py").read_text(encoding="utf-8") for name in ("boot", "host")}


class HostedWorkspace:
    """One running sandbox behind the `Workspace` protocol."""

    def __init__(self, running: Running, channel: Channel) -> None:
        self.kind = running.kind
        self._running = running
        self._channel = channel
        self._closed = False

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Perform one operation of the tool host; a host that is gone is WorkspaceError and says how it ended."""
        if self._closed:
            raise WorkspaceError("the sandbox is closed")
        try:
            return await self._channel.call(op, **parameters)
        except (WorkspaceError, ConnectionError, EOFError) as problem:
            if self._closed:
                raise WorkspaceError("the sandbox was closed during the call") from problem
            if not self._running.reader.at_eof():
                raise  # the tool host lives and says so itself
            raise WorkspaceError(await _reason(self._running, problem)) from problem

    async def close(self) -> None:
        """End the sandbox and everything in it; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await _finish(_close(self._running, self._channel))

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"a {self.kind} sandbox was never closed", ResourceWarning, stacklevel=1)


async def open_workspace(running: Running, layout: Layout, uid: int, gid: int) -> Workspace:
    """Hand the parcel over and wait for the tool host. Raises WorkspaceError, with nothing left running."""
    channel = Channel(running.reader, running.writer)
    try:
        async with asyncio.timeout(PATIENCE):
            await _greet(running, channel, layout, uid, gid)
    except TimeoutError as problem:
        await _finish(_close(running, channel))
        raise WorkspaceError(f"the {running.kind} sandbox did not answer within {PATIENCE:.0f} s") from problem
    except (WorkspaceError, ConnectionError, EOFError) as problem:
        reason = await _reason(running, problem)
        await _finish(_close(running, channel))
        raise WorkspaceError(f"the {running.kind} sandbox did not start: {reason}") from problem
    except BaseException:
        await _finish(_close(running, channel))
        raise
    return HostedWorkspace(running, channel)


async def _greet(running: Running, channel: Channel, layout: Layout, uid: int, gid: int) -> None:
    text = sources()
    running.writer.write(
        parcel(
            boot=text["boot"],
            host=text["host"],
            program=seccomp.program(),
            limits=process_limits(layout.limits, together=running.bounded),
            uid=uid,
            gid=gid,
            home=HOME,
        )
    )
    await channel.hello()
    protected = [*layout.protected, ".git"]
    await channel.call(
        "configure",
        root=ROOT,
        scratch=SCRATCH,
        protected=list(dict.fromkeys(protected)),
        env=environment(layout),
    )
    if layout.egress:
        await channel.call("forward", port=PROXY_PORT, path=EGRESS)
    for port in layout.loopback:
        await channel.call("forward", port=port, path=port_socket(port))


async def _reason(running: Running, problem: BaseException) -> str:
    """How the sandbox ended; what was heard of it, if it has not ended after all."""
    try:
        return await asyncio.wait_for(running.epitaph(), 5)
    except TimeoutError:
        return str(problem) or type(problem).__name__


async def _close(running: Running, channel: Channel) -> None:
    with contextlib.suppress(WorkspaceError, OSError, TimeoutError):
        await asyncio.wait_for(channel.close(), 2)
    await running.end()


async def _finish(ending: Any) -> None:
    """Carry an ending through even if the caller is cancelled meanwhile; the cancellation rises after it."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
