"""How a server is reached: as a program in a sandbox of its own, as one on this machine, or over HTTP."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import anyio
import httpx2
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage
from pydantic import TypeAdapter, ValidationError

from agency_tools.errors import WorkspaceError
from agency_tools.mcp.server import Server
from agency_tools.mounts import owner
from agency_tools.program import start_program
from agency_tools.sandbox import Kind
from agency_tools.workspace import Layout

LARGEST_LINE = 16 << 20
"""Bytes of one message of a program; more ends the connection."""

MOST_JUNK = 50
"""Lines of a program that are no messages; more is no server."""

PIECE = 1 << 16
LAST_WORDS = 4000
FAREWELL = 2.0

Reading: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
Writing: TypeAlias = MemoryObjectSendStream[SessionMessage]
_MESSAGE: TypeAdapter[JSONRPCMessage] = TypeAdapter(JSONRPCMessage)


@dataclass
class Transport:
    """The two ends of a connection. end: how it came to its end, in a line, as far as that is known."""

    read: object
    write: object
    end: Callable[[], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where servers may run: the kind of the run's sandbox, and what that contains."""

    kind: Kind
    layout: Layout
    hear: Callable[[str], None] = field(default=lambda _: None)


@asynccontextmanager
async def reached(server: Server, place: Place) -> AsyncGenerator[Transport]:
    """The server's connection; it ends with the block. Raises WorkspaceError where nothing can be started."""
    if server.url:
        way = _over_http(server)
    elif server.host:
        way = _on_the_host(server)
    else:
        way = _in_a_sandbox(server, place)
    async with way as transport:
        yield transport


@asynccontextmanager
async def _in_a_sandbox(server: Server, place: Place) -> AsyncGenerator[Transport]:
    with _layout(server, place.layout) as layout:
        program = await start_program(place.kind, layout, server.command, hear=place.hear)
        try:
            async with _lines(program.reader, program.writer) as (read, write):
                yield Transport(read, write, program.epitaph)
        finally:
            await _finished(program.close())


@contextmanager
def _layout(server: Server, of_run: Layout) -> Generator[Layout]:
    """A sandbox with what the server was given and nothing else: no repository unless it was asked for, no way out."""
    with tempfile.TemporaryDirectory(prefix="agency-mcp-") as nothing:
        with suppress(PermissionError):
            os.chown(nothing, *owner(of_run))
        alone = server.repository == "none"
        yield replace(
            of_run,
            repository=nothing if alone else of_run.repository,
            writable=server.repository == "write" and of_run.writable,
            protected=(".git",) if alone else of_run.protected,
            read_only={},
            read_write=None,
            aliases=(),
            variables=dict(server.environment),
            tool_paths=(*of_run.tool_paths, *server.paths),
            network=server.network,
            egress=None,
            loopback={},
        )


@asynccontextmanager
async def _on_the_host(server: Server) -> AsyncGenerator[Transport]:
    path = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **server.environment}
    program = shutil.which(server.command[0], path=path["PATH"])
    if program is None:
        raise WorkspaceError(f"{server.command[0]}: no such program on this machine")
    with tempfile.TemporaryFile() as words:
        process = await asyncio.create_subprocess_exec(
            program, *server.command[1:], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=words,
            env=path, cwd=Path(tempfile.gettempdir()), start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None

        async def end() -> str:
            with suppress(TimeoutError):
                code = await asyncio.wait_for(process.wait(), FAREWELL)
                size = words.seek(0, os.SEEK_END)
                words.seek(max(0, size - LAST_WORDS))
                said = words.read().decode("utf-8", "replace").strip().splitlines()
                return f"it ended (exit code {code})" + (f": {said[-1]}" if said else "")
            return "it has closed its output and still runs"

        try:
            async with _lines(process.stdout, process.stdin) as (read, write):
                yield Transport(read, write, end)
        finally:
            await _finished(_ended(process))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Its input ends, then it, then what it started."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError, RuntimeError):
        process.stdin.close()
    draining = asyncio.ensure_future(_drained(process.stdout))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(draining), FAREWELL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    draining.cancel()


async def _drained(reader: asyncio.StreamReader) -> None:
    """Take what is still written: asyncio never sees the end of a process whose output nobody reads."""
    with suppress(OSError, EOFError):
        while await reader.read(PIECE):
            pass


async def _finished(ending: Awaitable[None]) -> None:
    """Carry an ending through though the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


@asynccontextmanager
async def _over_http(server: Server) -> AsyncGenerator[Transport]:
    async def end() -> str:
        return "the connection is gone"

    patience = httpx2.Timeout(server.call_s, connect=min(server.start_s, server.call_s))
    async with (
        httpx2.AsyncClient(
            headers={**server.headers, "Accept-Encoding": "identity"},
            timeout=patience,
            follow_redirects=False,
            event_hooks={"response": [_bound]},
        ) as client,
        streamable_http_client(server.url, http_client=client) as (read, write),
    ):
        yield Transport(read, write, end)


async def _bound(response: httpx2.Response) -> None:
    """Let an answer be no longer than a program's message; of events each is bounded by the SDK. Packed, nobody could tell."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("it packs its answers, which it was asked not to", request=response.request)
    if "text/event-stream" not in response.headers.get("content-type", ""):
        response.stream = _Counted(response.stream)


class _Counted(httpx2.AsyncByteStream):
    """A body that ends with an error where it is too long."""

    def __init__(self, body: object) -> None:
        assert isinstance(body, httpx2.AsyncByteStream)
        self._body = body

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        size = 0
        async for piece in self._body:
            size += len(piece)
            if size > LARGEST_LINE:
                raise httpx2.ReadError(f"an answer is longer than {LARGEST_LINE:,} bytes")
            yield piece

    async def aclose(self) -> None:
        """Close it."""
        await self._body.aclose()


@asynccontextmanager
async def _lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncGenerator[tuple[Reading, Writing]]:
    """A program's streams as the SDK takes them: a message a line."""
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, out = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_heard, reader, into)
        tasks.start_soon(_told, writer, out, into)
        try:
            yield read, write
        finally:
            tasks.cancel_scope.cancel()
            for stream in (read, write, into, out):
                stream.close()


async def _heard(reader: asyncio.StreamReader, into: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    held, junk = bytearray(), 0
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError, EOFError):
        async with into:
            while piece := await reader.read(PIECE):
                *lines, rest = (bytes(held) + piece).split(b"\n") if b"\n" in piece else (bytes(held) + piece,)
                held = bytearray(rest)
                for line in filter(bytes.strip, lines):
                    message = _message(line)
                    junk += isinstance(message, Exception)
                    if junk <= MOST_JUNK:
                        await into.send(message)
                if len(held) > LARGEST_LINE or junk > MOST_JUNK:
                    return


def _message(line: bytes) -> SessionMessage | Exception:
    """A line's message; what is none is told to the session, which goes on."""
    try:
        return SessionMessage(_MESSAGE.validate_json(line))
    except ValidationError as error:
        return error


async def _told(
    writer: asyncio.StreamWriter,
    out: MemoryObjectReceiveStream[SessionMessage],
    into: MemoryObjectSendStream[SessionMessage | Exception],
) -> None:
    try:
        async for sent in out:
            text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
            writer.write(text.encode() + b"\n")
            await writer.drain()
    except (OSError, RuntimeError):
        into.close()  # the session sees the end, and no call waits for ever
