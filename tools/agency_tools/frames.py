"""The runtime's end of the pipe to a tool host: framed JSON, many calls at once, each answered by its number."""

import asyncio
import contextlib
import itertools
import json
from typing import Any, cast

from agency_tools.errors import ToolError, WorkspaceError

VERSION = 1
LARGEST = 16 << 20
"""Bytes of one frame's JSON, either way."""


class Channel:
    """Calls to one tool host over its standard streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self._broken: WorkspaceError | None = None

    async def hello(self) -> dict[str, Any]:
        """Wait for the host's first frame. Raises WorkspaceError unless it speaks this version."""
        greeting = await self._receive()
        if greeting.get("hello") != VERSION:
            raise WorkspaceError(f"the tool host does not speak version {VERSION} of the protocol: {greeting!r:.200}")
        self._dispatcher = asyncio.create_task(self._dispatch())
        return greeting

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Perform one operation. Raises ToolError for what the caller can mend, WorkspaceError for all else.

        Cancelling the awaiting task cancels the operation inside.
        """
        if self._broken:
            raise WorkspaceError(str(self._broken))
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send({"id": number, "op": op, **parameters})
            return await answer
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Close the pipe, upon which the host kills everything and exits; calls under way end with WorkspaceError."""
        self._break(WorkspaceError("the tool host was closed"))
        if self._dispatcher:
            self._dispatcher.cancel()
            await asyncio.wait([self._dispatcher])
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _send(self, frame: dict[str, Any]) -> None:
        body = json.dumps(frame).encode()
        if len(body) > LARGEST:
            raise ToolError(f"{frame['op']}: {len(body):,} bytes are more than the {LARGEST:,} of one call")
        try:
            self._writer.write(len(body).to_bytes(4, "big") + body)
            await self._writer.drain()
        except (OSError, RuntimeError) as problem:
            raise self._break(WorkspaceError(f"the pipe to the tool host is broken: {problem}")) from problem

    def _give_up(self, number: int) -> None:
        """Tell the host to stop working on a call; its late answer is dropped."""
        if self._broken or self._writer.is_closing():
            return
        body = json.dumps({"op": "cancel", "id": number}).encode()
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write(len(body).to_bytes(4, "big") + body)

    async def _dispatch(self) -> None:
        """Hand each answer to the call that waits for it, until the pipe ends."""
        try:
            while True:
                self._deliver(await self._receive())
        except WorkspaceError as problem:
            self._break(problem)

    async def _receive(self) -> dict[str, Any]:
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if size > LARGEST:
                raise WorkspaceError(f"the tool host announced a frame of {size:,} bytes; {LARGEST:,} are allowed")
            frame: Any = json.loads(await self._reader.readexactly(size))
        except (OSError, EOFError) as problem:
            raise WorkspaceError(f"the tool host ended: {problem}") from problem
        except ValueError as problem:
            raise WorkspaceError(f"the tool host answered outside the protocol: {problem}") from problem
        return _mapping(frame)

    def _deliver(self, frame: dict[str, Any]) -> None:
        number = frame.get("id")
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        if "result" in frame:
            answer.set_result(_mapping(frame["result"]))
        else:
            answer.set_exception(_error(_mapping(frame.get("error"))))

    def _break(self, problem: WorkspaceError) -> WorkspaceError:
        """From now on every call fails; the first reason is the one that is told."""
        self._broken = self._broken or problem
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(WorkspaceError(str(self._broken)))
        return self._broken


def _mapping(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise WorkspaceError(f"the tool host answered outside the protocol: {told!r:.200}")
    return cast(dict[str, Any], told)


def _error(told: dict[str, Any]) -> ToolError | WorkspaceError:
    message = str(told.get("message", "an error without a message"))
    return ToolError(message) if told.get("kind") == "tool" else WorkspaceError(f"tool host: {message}")
