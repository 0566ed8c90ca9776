"""One program in a sandbox of its own, spoken with over its standard streams."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agency_tools import seccomp
from agency_tools.addresses import Resolve, lookup
from agency_tools.boot import parcel
from agency_tools.mounts import EGRESS, owner
from agency_tools.running import Running
from agency_tools.sandbox import Kind, chosen, opened
from agency_tools.surroundings import HOME, PROXY_PORT, environment, process_limits
from agency_tools.workspace import ROOT, Layout

FAREWELL = 2.0
"""Seconds that a program has to end by itself once its input has."""


class Program:
    """A started program: what it writes is in `reader`, what it is told goes to `writer`."""

    def __init__(self, running: Running, close: Callable[[], "asyncio.Future[None] | None"]) -> None:
        self._running = running
        self._close = close
        self.reader = running.reader
        self.writer = running.writer

    async def epitaph(self) -> str:
        """How it ended, in one line; that it lives where it has not."""
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(self._running.epitaph())), FAREWELL)
        except TimeoutError:
            return "it has closed its output and still runs"

    async def close(self) -> None:
        """End its input, give it a moment, then end everything in the sandbox; safe to call twice."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.close()
        draining = asyncio.ensure_future(self._drain())
        try:
            await self.epitaph()
            await self._running.end()
        finally:
            draining.cancel()
        closing = self._close()
        if closing is not None:
            await closing

    async def _drain(self) -> None:
        """Take what it still writes: asyncio never sees the end of a process whose output nobody reads."""
        with contextlib.suppress(OSError, EOFError):
            while await self.reader.read(1 << 16):
                pass


async def start_program(
    kind: Kind,
    layout: Layout,
    argv: Sequence[str],
    *,
    cwd: str = ROOT,
    hear: Callable[[str], None] | None = None,
    resolve: Resolve = lookup,
) -> Program:
    """Start it; whether the program itself is there shows only when it is spoken with.

    Raises WorkspaceError when the sandbox cannot be started, UsageError for a malformed entry of the network.
    """
    egress = await opened(layout, hear=hear, resolve=resolve) if layout.network else None
    if egress is not None:
        layout = replace(layout, egress=egress.socket)
    try:
        starter = await chosen(kind, layout)
        layout = starter.prepare(layout)
        running = await starter.start(layout)
    except BaseException:
        if egress is not None:
            await egress.close()
        raise
    running.writer.write(_parcel(running, layout, argv, cwd))
    return Program(running, lambda: asyncio.ensure_future(egress.close()) if egress else None)


def _parcel(running: Running, layout: Layout, argv: Sequence[str], cwd: str) -> bytes:
    uid, gid = owner(layout)
    here = Path(__file__).parent
    given: Mapping[str, Any] = {
        "argv": list(argv),
        "cwd": cwd,
        "env": environment(layout),
        "forward": [(PROXY_PORT, EGRESS)] if layout.egress else [],
    }
    return parcel(
        boot=(here / "boot.py").read_text(encoding="utf-8"),
        host=_source(here, given),
        program=seccomp.program(),
        limits=process_limits(layout.limits, together=running.bounded),
        uid=uid,
        gid=gid,
        home=HOME,
    )


_SOURCE = """\
import os, sys
spaces = {{"host": {{"__name__": "agency_host"}}, "one": {{"__name__": "agency_one_program"}}}}
for name, text in {sources!r}.items():
    exec(compile(text, "agency-" + name, "exec"), spaces[name])
os._exit(spaces["one"]["serve"]({given!r}, spaces["host"].get("Forwarder")))
"""


def _source(here: Path, given: Mapping[str, Any]) -> str:
    """The main module inside; the tool host's own comes along only where a way out has to be opened."""
    names = {"one": "one_program", **({"host": "host"} if given["forward"] else {})}
    sources = {name: (here / f"{module}.py").read_text(encoding="utf-8") for name, module in names.items()}
    return _SOURCE.format(sources=sources, given=given)
