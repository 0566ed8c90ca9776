"""Every attempt to leave a sandbox comes to nothing: an ordinary result, and the run goes on."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
import yaml

from agency_tools.sandbox import start
from agency_tools.workspace import Layout, Limits, Workspace

LIMITS = Limits(memory=512 << 20, processes=128, scratch=64 << 20, file_size=256 << 20)
PRELUDE = """
import ctypes, os, platform, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(x86, arm, *values):
    number = ctypes.c_long(x86 if platform.machine() == "x86_64" else arm)
    return libc.syscall(number, *(ctypes.c_long(v) if isinstance(v, int) else v for v in values))
def escaped(claim):
    print("ESCAPED" if claim else "held")
"""


def attempts() -> dict[str, Mapping[str, str]]:
    """Every attempt by its name."""
    text = (Path(__file__).parents[1] / "fixtures" / "escapes.yaml").read_text(encoding="utf-8")
    groups: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return {f"{about}-{name}": attempt for about, group in groups.items() for name, attempt in group.items()}


def command(attempt: Mapping[str, str]) -> str:
    """The attempt as one command for the shell."""
    after = attempt.get("after", "true")
    if "shell" in attempt:
        return f"if {{ {attempt['shell']}\n}} >/tmp/out 2>&1; then echo ESCAPED; fi; head -c 300 /tmp/out\n{after}"
    if "python" in attempt:
        return f"python3 - <<'END'\n{PRELUDE}\n{attempt['python']}\nEND\n{after}"
    return attempt["run"]


@contextlib.contextmanager
def listening() -> Iterator[dict[str, str]]:
    """The host, listening on every address and on an abstract socket."""
    name = f"agency-test-{os.getpid()}"
    with socket.create_server(("", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {"PORT": str(tcp.getsockname()[1]), "ABSTRACT": name, "HOST": host_address()}


def host_address() -> str:
    """An address of this machine; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.fixture
async def prison(
    kind: Literal["docker", "bwrap"], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Workspace, dict[str, str]]]:
    """A sandbox with tight limits, and what an attempt needs to know of the host."""
    secret = repository.parent / "secret"
    secret.write_text("secret\n", encoding="utf-8")
    monkeypatch.setenv("CANARY", "c4")
    with listening() as known:
        workspace = await start(kind, Layout(repository=str(repository), limits=LIMITS))
        yield workspace, {**known, "SECRET": str(secret)}
        await workspace.close()


@pytest.mark.parametrize("attempt", attempts().values(), ids=attempts())
async def test_nothing_escapes(
    attempt: Mapping[str, str], prison: tuple[Workspace, dict[str, str]], repository: Path
) -> None:
    workspace, known = prison
    before = snapshot(repository)
    done = await workspace.call("exec", command=command(attempt), cwd="/workspace", env=known, timeout_s=20)
    assert "ESCAPED" not in done["output"], done["output"]
    after = await workspace.call("exec", command="echo on", cwd="/workspace", timeout_s=20)
    assert (after["exit_code"], after["output"].strip()) == (0, "on")
    assert snapshot(repository) == before


def snapshot(repository: Path) -> dict[str, bytes]:
    """What must stay as it is: the git folder, and what lies beside the repository."""
    kept = [*(repository / ".git").rglob("*"), repository.parent / "secret"]
    names = {str(path): path.read_bytes() for path in kept if path.is_file()}
    return {**names, "beside": repr(sorted(path.name for path in repository.parent.iterdir())).encode()}


def test_there_are_at_least_sixty_attempts() -> None:
    assert len(attempts()) >= 60
