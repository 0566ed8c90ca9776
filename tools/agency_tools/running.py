"""What a starter answers: one started process with pipes, and how its end is told."""

import asyncio
import os
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


def starter() -> str:
    """This process, as what it starts is labelled: its number, and the process namespace where the number means it."""
    return f"{os.getpid()}@{_namespace()}"


def starter_is_gone(label: str) -> bool:
    """Whether the process so labelled has ended; one of another namespace cannot be judged and counts as there."""
    number, _, namespace = label.partition("@")
    if namespace != _namespace() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)  # noqa: PTH116 - the link's target, which has no path
    except OSError:
        return "only"
