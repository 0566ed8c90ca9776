"""The first process inside a sandbox: gives up what it must not have, then becomes the tool host.

Standard library only: its source travels into the sandbox as text, through the pipe the tool host then speaks on, so
that nothing of ours has to be mounted and any image with a Python will do. It runs as process 1, whose signals from
inside the sandbox the kernel drops, and which no other process may trace, so that a command cannot end or forge it.
"""

import base64
import ctypes
import json
import marshal
import os
import resource
import signal
import struct
from _frozen_importlib_external import MAGIC_NUMBER
from functools import lru_cache
from types import CodeType
from typing import Any

STARTER = """\
import json, os
def take(count):
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            raise SystemExit("the sandbox was given up before it started")
        data += piece
    return data
parcel = json.loads(take(int.from_bytes(take(4), "big")))
space = {"__name__": "agency_boot"}
exec(compile(parcel["boot"], "agency-boot", "exec"), space)
space["become"](parcel)
"""
"""What `python3 -c` runs inside: read the parcel, run the boot module it holds."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2


def parcel(*, boot: str, host: str, program: bytes, limits: dict[str, int], uid: int, gid: int, home: str) -> bytes:
    """What the starter writes first: its length in four bytes, then JSON."""
    given = {
        "boot": boot,
        "host": host,
        "compiled": compiled(host),
        "magic": MAGIC_NUMBER.hex(),
        "filter": base64.b64encode(program).decode(),
        "limits": limits,
        "uid": uid,
        "gid": gid,
        "home": home,
    }
    body = json.dumps(given).encode()
    return len(body).to_bytes(4, "big") + body


@lru_cache(maxsize=4)  # compiling takes a third of a sandbox's start
def compiled(host: str) -> str:
    """The tool host as this Python compiles it, for one inside that reads such code."""
    return base64.b64encode(marshal.dumps(compile(host, "agency-host", "exec"))).decode()


def tool_host(given: dict[str, Any]) -> CodeType:
    """The tool host's code: as it came where this Python is of the kind that compiled it, else compiled here."""
    if given["magic"] == MAGIC_NUMBER.hex():
        code: CodeType = marshal.loads(base64.b64decode(given["compiled"]))
        return code
    return compile(given["host"], "agency-host", "exec")


def become(given: dict[str, Any]) -> None:
    """Apply the parcel's limits, identity and filter, then run its tool host as the main module."""
    for name, value in given["limits"].items():
        limit(getattr(resource, name), value)
    take_identity(given["uid"], given["gid"])
    seal(base64.b64decode(given["filter"]))
    os.makedirs(given["home"], mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib costs start time
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    exec(tool_host(given), {"__name__": "__main__"})


def limit(what: int, value: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


def take_identity(uid: int, gid: int) -> None:
    """Become the owner of the repository; nothing to do where the starter has seen to it."""
    if (os.getuid(), os.getgid()) == (uid, gid):
        return
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # the change of identity cleared what bubblewrap had set


def seal(program: bytes) -> None:
    """Close this process to its children and filter the system calls of all of them, for good."""
    drop_capabilities()
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    steps = ctypes.create_string_buffer(program, len(program))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(steps)))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(described))


def drop_capabilities() -> None:
    """Keep none, not even those the change of identity needed; root by name alone may owe its files to them."""
    header, nothing = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", 0, 0, 0, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def prctl(option: int, value: int, pointer: int = 0) -> None:
    """The system call of that name; raises OSError when it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")
