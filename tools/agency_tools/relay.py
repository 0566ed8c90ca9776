"""Passing the bytes of one judged request, and of its answer, between a sandbox and the host it may reach."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from agency_tools.proxy_request import Request

IDLE = 300.0
"""Seconds without a byte in either direction after which a connection ends."""

PIECE = 64 << 10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def carry(request: Request, ours: Streams, theirs: Streams) -> None:
    """Pass the request on and both directions through, until both have ended or nothing moves any more."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(IDLE) as idle:

        def moved() -> None:
            idle.reschedule(loop.time() + IDLE)

        if request.tunnel:
            ours[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            sending = _pass_all(ours[0], theirs[1], moved)
        else:
            theirs[1].write(request.head)
            sending = _pass_body(ours[0], theirs[1], request.length, moved)
        await _both(sending, _pass_all(theirs[0], ours[1], moved))


async def _both(sending: Coroutine[Any, Any, None], receiving: Coroutine[Any, Any, None]) -> None:
    """Until the answer is whole, or cannot be: what is still being sent then has no reader."""
    tasks = [asyncio.ensure_future(sending), asyncio.ensure_future(receiving)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done() and not tasks[0].exception():
            await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, moved: Callable[[], None]) -> None:
    while piece := await reader.read(PIECE):
        moved()
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _pass_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int | None, moved: Callable[[], None]
) -> None:
    """The body and nothing after it: a second request on the same connection would not have been judged."""
    if length is not None:
        return await _pass_exactly(reader, writer, length, moved)
    while size := _size(await reader.readuntil(b"\r\n")):
        writer.write(b"%x\r\n" % size)
        await _pass_exactly(reader, writer, size, moved)
        if await reader.readexactly(2) != b"\r\n":
            raise ConnectionError("a chunk is longer than it says")
        writer.write(b"\r\n")
    writer.write(b"0\r\n\r\n")
    return await writer.drain()


def _size(line: bytes) -> int:
    """A chunk's, strictly: what follows must not be another request to whoever reads it next."""
    match = re.fullmatch(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?\r\n", line)
    if not match:
        raise ConnectionError("a chunk does not say its size")
    return int(match[1], 16)


async def _pass_exactly(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: int, moved: Callable[[], None]
) -> None:
    while count:
        piece = await reader.read(min(PIECE, count))
        if not piece:
            raise ConnectionError("the body ended early")
        moved()
        count -= len(piece)
        writer.write(piece)
        await writer.drain()
