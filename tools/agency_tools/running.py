"""What a starter answers: one started process with pipes, and how its end is told."""

import asyncio
from typing import Protocol

STREAM_LIMIT = 1 << 20
SIGNALS = {130: "interrupted", 137: "killed, perhaps for want of memory", 143: "told to terminate"}


class Running(Protocol):
    """A started sandbox as its starter knows it: one process with pipes."""

    kind: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bounded: bool  # memory and processes are bounded together

    async def epitaph(self) -> str:
        """Wait for the end and say how it came, in one line."""
        ...

    async def end(self) -> None:
        """Kill everything in it and remove what it left; safe to call twice."""
        ...


def ended_how(code: int, said: bytes) -> str:
    """An exit code and the last words on standard error as one line."""
    words = said.decode("utf-8", "replace").strip().splitlines()
    how = f"exit code {code}" + (f", {SIGNALS[code]}" if code in SIGNALS else "")
    return f"the sandbox ended ({how})" + (f": {words[-1]}" if words else "")
