"""Ports of this machine's loopback, passed on to a sandbox one by one: each behind a socket of its own."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence

from agency_tools.allowed_hosts import LOOPBACK, Entry

PIECE = 64 << 10


def loopback_ports(opened: Sequence[Entry]) -> tuple[int, ...]:
    """The ports of this machine among the entries."""
    return tuple(dict.fromkeys(port for entry in opened if entry.host in LOOPBACK for port in entry.ports))


class LoopbackPorts:
    """Listens at one socket a port until it is closed; `sockets` are their paths by port."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="agency-ports-")  # 0700: the sockets are open to any user who gets there
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.sockets: Mapping[int, str] = {}

    async def open(self, ports: Sequence[int]) -> None:
        """Listen for each port."""
        for port in ports:
            path = f"{self._folder}/{port}"
            self._servers.append(await asyncio.start_unix_server(self._accept(port), path))
            os.chmod(path, 0o666)  # noqa: PTH101 - inside, the repository's owner connects, whoever that is
            self.sockets = {**self.sockets, port: path}

    def _accept(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_join(port, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return accepted

    async def close(self) -> None:
        """End every connection and take the sockets away; safe to call twice."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)


async def _join(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        theirs = await _connected(port)
        if theirs is None:
            return
        try:
            await asyncio.gather(_pass(reader, theirs[1]), _pass(theirs[0], writer))
        finally:
            theirs[1].close()
    finally:
        writer.close()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    for host in ("127.0.0.1", "::1"):
        with contextlib.suppress(OSError):
            return await asyncio.open_connection(host, port)
    return None


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
