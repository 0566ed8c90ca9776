"""The way out of a sandbox: a proxy on this machine, behind a socket, that connects to the listed hosts and no others.

Names are resolved here, an address is judged before it is connected to, and the connection goes to the address judged.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agency_tools.addresses import Resolve, is_metadata, lookup, refusal
from agency_tools.allowed_hosts import Entry, allowed, entries
from agency_tools.errors import ToolError
from agency_tools.proxy_request import LARGEST_HEAD, Malformed, Request, parsed
from agency_tools.relay import PIECE, carry
from agency_tools.workspace import Workspace

PATIENCE = 30.0
"""Seconds for a request's head to arrive, and for a connection to be made."""

LINGER = 2.0
"""Seconds a refused request may go on being sent."""

AT_ONCE = 128


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One request to leave, and what came of it: `refused` says why nothing did."""

    host: str
    port: int
    refused: str | None = None

    def __str__(self) -> str:
        where = f"{self.host}:{self.port}" if self.host else "a host it does not name"
        return f"network: {where} {f'refused: {self.refused}' if self.refused else 'opened'}"


Hear: TypeAlias = Callable[[Decision], None]


class Refused(Exception):
    """A request that is answered with a status and one line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def unheard(_: Decision) -> None:
    """For whoever does not want to know."""


class Egress:
    """The proxy, listening at `socket` until it is closed."""

    def __init__(
        self, opened: Sequence[Entry], *, resolve: Resolve = lookup, hear: Hear = unheard, private: bool = False
    ) -> None:
        self._opened = opened
        self._resolve = resolve
        self._hear = hear
        self._private = private
        self._folder = tempfile.mkdtemp(prefix="agency-egress-")  # 0700: the socket itself is open to any user
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._closed = False
        self.socket = f"{self._folder}/socket"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._accept, self.socket, limit=LARGEST_HEAD)
        os.chmod(self.socket, 0o666)  # noqa: PTH101 - inside, the repository's owner connects, whoever that is

    async def close(self) -> None:
        """End every connection and take the socket away; safe to call twice."""
        self._closed = True
        if self._server:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            return writer.close()
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(task)
        return task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection carries one request: what follows a refused or finished one is never read."""
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await self._request(reader)
            theirs = await self._connected(request)
        except Refused as refused:
            await _refuse(reader, writer, refused)
            return
        try:
            await carry(request, (reader, writer), theirs)
        finally:
            theirs[1].close()

    async def _request(self, reader: asyncio.StreamReader) -> Request:
        if len(self._connections) > AT_ONCE:
            raise Refused(503, f"{AT_ONCE} connections are open already; close some")
        try:
            async with asyncio.timeout(PATIENCE):
                return parsed(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError as error:
            text = f"the request's headers are longer than {LARGEST_HEAD:,} bytes"
            raise self._refused("", 0, 431, text) from error
        except Malformed as error:
            raise self._refused("", 0, 400, str(error)) from error

    async def _connected(self, request: Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = request.host, request.port
        reached = await self._addresses(host, port)
        for each in reached:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE / len(reached)):
                    streams = await asyncio.open_connection(each, port, limit=PIECE)
                self._hear(Decision(host=host, port=port))
                return streams
        raise self._refused(host, port, 502, f"{host}:{port} is open, but does not answer")

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Where to connect. Raises Refused unless an entry opens the host and every address of it is public."""
        entry = allowed(self._opened, host, port)
        if entry is None:
            text = f"{host}:{port} is not open to this sandbox; only a person can open it, with --network {host}:{port}"
            raise self._refused(host, port, 403, text)
        if entry.explicit:
            return ("127.0.0.1", "::1") if host == "localhost" else (host,)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._resolve(host, port)
        except (ToolError, TimeoutError) as error:
            text = str(error) or f"{host!r} cannot be resolved in time"
            raise self._refused(host, port, 502, text) from error
        reasons = [reason for each in found if (reason := self._reason(each))]
        if reasons or not found:
            why = reasons[0] if reasons else "it has no address"
            text = (
                f"{host}:{port} is listed with --network, but not opened: {why}; only a listed address may be private"
            )
            raise self._refused(host, port, 403, text)
        return found

    def _reason(self, address: str) -> str | None:
        """Why the address is not connected to; where the person's own names count, only the metadata service is not."""
        if self._private and not is_metadata(address):
            return None
        return refusal(address)

    def _refused(self, host: str, port: int, status: int, text: str) -> Refused:
        self._hear(Decision(host=host, port=port, refused=text))
        return Refused(status, text)


async def open_egress(
    network: Sequence[str], *, resolve: Resolve = lookup, hear: Hear = unheard, private: bool = False
) -> Egress:
    """A proxy for these hosts; `private`: a name may lead to a private address. Raises UsageError where an entry is malformed."""
    egress = Egress(entries(network), resolve=resolve, hear=hear, private=private)
    try:
        await egress.start()
    except BaseException:
        await egress.close()
        raise
    return egress


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refused: Refused) -> None:
    """Answer with one line of text, then take what was already sent: unread, it would break the answer's delivery."""
    body = f"agency: {refused}\n".encode()
    # the text is also the reason, which is all that Go's and Python's clients show of a refused CONNECT
    line = f"HTTP/1.1 {refused.status} {refused}".encode("ascii", "replace")
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close"
    writer.write(line + b"\r\n" + head.encode() + b"\r\n\r\n" + body)
    writer.write_eof()
    async with asyncio.timeout(LINGER):
        while await reader.read(PIECE):
            pass


class Networked:
    """A sandbox and the proxy in front of it; they end together."""

    def __init__(self, workspace: Workspace, egress: Egress) -> None:
        self.kind = workspace.kind
        self._workspace = workspace
        self._egress = egress

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Perform one operation of the sandbox's tool host."""
        return await self._workspace.call(op, **parameters)

    async def close(self) -> None:
        """End both; safe to call twice."""
        try:
            await self._workspace.close()
        finally:
            await self._egress.close()
