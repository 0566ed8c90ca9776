"""Runs inside a sandbox in the tool host's place, where one program is all there is: its standard streams are the pipe.

Standard library only: its source travels into the sandbox as text. It stays process 1, opens the ways out that were
listed, takes in what ends, and when the program ends says its last words and ends, upon which the kernel ends the rest.
"""

import os
import subprocess
import threading
from typing import Any

KEPT = 4000  # bytes of the program's last words


class LastWords:
    """What a program wrote last to its standard error; the rest is read and dropped, so that it never blocks."""

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            piece = os.read(self._reading, 65536)
            if not piece:
                return
            self._kept = (self._kept + piece)[-KEPT:]

    def said(self) -> bytes:
        """The last of it."""
        self._thread.join(0.3)
        return self._kept


def serve(given: "dict[str, Any]", forwarder: Any) -> int:
    """Run the program to its end; its exit code. forwarder: what passes a port of the loopback on to a socket."""
    for port, path in given["forward"]:
        forwarder(port, path)
    reading, writing = os.pipe()
    os.makedirs(given["env"].get("HOME", "/tmp"), mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs start time
    try:
        started = subprocess.Popen(
            given["argv"], cwd=given["cwd"], env=given["env"], stderr=writing, start_new_session=True
        )
    except OSError as problem:
        os.write(2, f"{given['argv'][0]}: {problem.strerror}\n".encode("utf-8", "replace"))
        return 127
    os.close(writing)
    words = LastWords(reading)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # the program alone holds the pipe: whoever is at the other end sees its end
        os.dup2(nothing, number)
    code = reaped(started.pid)
    os.write(2, words.said())
    return code


def reaped(pid: int) -> int:
    """Take in whatever ends until the program does; its exit code as a shell tells it."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
