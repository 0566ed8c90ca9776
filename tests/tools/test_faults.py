"""What breaks under a call: the container, the engine, the tool host, the disk. Each ends the call with a true line."""

import asyncio
import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pytest

from agency_tools.bash import Bash
from agency_tools.engine import address, ask
from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.grep import Grep
from agency_tools.sandbox import start
from agency_tools.seen import Seen
from agency_tools.workspace import Layout, Limits, Workspace
from agency_tools.write import Write

Kind: TypeAlias = Literal["docker", "bwrap"]


def container() -> str:
    """The container this process has running."""
    body = json.loads(ask("/containers/json")[1])
    (found,) = [each["Id"] for each in body if each["Names"][0].startswith(f"/agency-{os.getpid()}-")]
    return str(found)


@pytest.fixture
async def contained(repository: Path) -> AsyncIterator[Workspace]:
    workspace = await start("docker", Layout(repository=str(repository)))
    yield workspace
    await workspace.close()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("method", "path", "why"),
    [
        ("POST", "/containers/{name}/kill", r"exit code 137|the container was removed"),
        ("DELETE", "/containers/{name}?force=1", r"exit code 137|the container was removed"),
        ("POST", "/containers/{name}/stop?t=0", r"exit code 137|the container was removed"),
    ],
    ids=["killed", "removed", "stopped"],
)
async def test_a_container_that_ends_under_a_call_ends_it(
    contained: Workspace, method: str, path: str, why: str
) -> None:
    running = asyncio.ensure_future(contained.call("exec", command="sleep 60"))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(ask, path.format(name=container()), method=method)
    with pytest.raises(WorkspaceError, match=why):
        await asyncio.wait_for(running, 20)
    with pytest.raises(WorkspaceError):
        await contained.call("exec", command="true")


@pytest.mark.docker
async def test_a_paused_container_answers_late_and_can_still_be_closed(contained: Workspace) -> None:
    name = container()
    await asyncio.to_thread(ask, f"/containers/{name}/pause", method="POST")
    running = asyncio.ensure_future(contained.call("exec", command="echo late"))
    await asyncio.sleep(0.3)
    assert not running.done()
    await asyncio.to_thread(ask, f"/containers/{name}/unpause", method="POST")
    assert (await asyncio.wait_for(running, 20))["output"] == "late\n"
    await asyncio.to_thread(ask, f"/containers/{name}/pause", method="POST")
    await asyncio.wait_for(contained.close(), 30)


class Relay:
    """Stands between a client and the engine, until it is cut."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path = path
        self.engine = engine
        self.writers: list[asyncio.StreamWriter] = []
        self.pumps: set[asyncio.Task[None]] = set()
        self.server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self.server = await asyncio.start_unix_server(self.join, self.path)

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection both ways."""
        there, out = await asyncio.open_unix_connection(self.engine)
        self.writers += [writer, out]
        for source, sink in ((reader, out), (there, writer)):
            self.pumps.add(asyncio.create_task(self.pump(source, sink)))

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One way, to its end."""
        with contextlib.suppress(OSError):
            while piece := await source.read(1 << 16):
                sink.write(piece)
                await sink.drain()
            sink.write_eof()

    def cut(self) -> None:
        """The engine is gone: its socket, and every connection."""
        self.path.unlink(missing_ok=True)
        if self.server:
            self.server.close()
        for writer in self.writers:
            writer.transport.abort()

    async def close(self) -> None:
        """Cut it and wait for what carried it."""
        self.cut()
        await asyncio.gather(*self.pumps, return_exceptions=True)


LEAKS = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""docker-py leaves a socket open that could not be connected."""


@pytest.fixture
async def relayed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Workspace, Relay, str]]:
    """A sandbox whose engine is reached through the relay, and its container's id."""
    relay = Relay(tmp_path / "engine.sock", address().removeprefix("unix://"))
    await relay.open()
    with monkeypatch.context() as through:
        through.setenv("DOCKER_HOST", f"unix://{relay.path}")
        workspace = await start("docker", Layout(repository=str(repository)))
    name = container()
    yield workspace, relay, name
    await asyncio.wait_for(workspace.close(), 20)
    await relay.close()
    await asyncio.to_thread(ask, f"/containers/{name}?force=1", method="DELETE")
    gc.collect()  # of what LEAKS, while its warning is not heard


@LEAKS
@pytest.mark.docker
async def test_an_engine_that_goes_away_ends_the_call_and_says_so(relayed: tuple[Workspace, Relay, str]) -> None:
    workspace, relay, _ = relayed
    running = asyncio.ensure_future(workspace.call("exec", command="sleep 60"))
    await asyncio.sleep(0.3)
    relay.cut()
    with pytest.raises(WorkspaceError, match="the Docker engine no longer answers"):
        await asyncio.wait_for(running, 20)


@LEAKS
@pytest.mark.docker
async def test_a_container_nobody_can_reach_any_more_ends_by_itself(relayed: tuple[Workspace, Relay, str]) -> None:
    _, relay, name = relayed
    relay.cut()
    for _ in range(300):
        if name not in [each["Id"] for each in json.loads(ask("/containers/json")[1])]:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the tool host went on")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_tool_host_killed_under_a_call_ends_every_call(workspace: Any, number: signal.Signals) -> None:
    calls = [asyncio.ensure_future(workspace.call("exec", command="sleep 60")) for _ in range(3)]
    await asyncio.sleep(0.3)
    os.kill(workspace.process.pid, number)
    for call in calls:
        with pytest.raises(WorkspaceError, match="the tool host ended"):
            await asyncio.wait_for(call, 10)
    left = subprocess.run(["pgrep", "-f", "^sleep 60$"], capture_output=True, text=True, check=False)
    for pid in left.stdout.split():  # without a sandbox around it nothing ends with the host
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() == workspace.root:
                os.kill(int(pid), signal.SIGKILL)


async def test_a_stopped_tool_host_can_still_be_given_up(workspace: Any) -> None:
    os.kill(workspace.process.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(workspace.call("ping"), 0.3)
    os.kill(workspace.process.pid, signal.SIGCONT)
    assert await asyncio.wait_for(workspace.call("ping"), 10) == {}


async def test_a_full_scratch_is_an_ordinary_result_and_the_run_goes_on(kind: Kind, repository: Path) -> None:
    workspace = await start(kind, Layout(repository=str(repository), limits=Limits(scratch=4 << 20)))
    bash, write = Bash(workspace, Seen()), Write(workspace, Seen())
    try:
        filled = await run(bash, command="head -c 20000000 /dev/zero >/tmp/big")
        assert filled.failed
        assert "No space left on device" in filled.text
        long = await run(bash, command="seq 100000")
        assert "the output could not be kept: No space left on device" in long.text
        assert (long.exit_code, long.output_path) == (0, None)
        with pytest.raises(ToolError, match="was not written: no space left on device"):
            await run(write, file_path="/tmp/more", content="x" * 100_000)
        assert (await run(bash, command="cd /workspace && rm /tmp/big && echo on")).text == "on"
    finally:
        await workspace.close()


@pytest.fixture
def small_disk(repository: Path, tmp_path: Path) -> Iterator[Path]:
    """The repository on a file system of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        shutil.copytree(repository, disk / "repository")
        yield disk / "repository"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
async def test_a_full_repository_keeps_what_was_there_and_says_so(kind: Kind, small_disk: Path) -> None:
    workspace = await start(kind, Layout(repository=str(small_disk)))
    seen = Seen()
    bash, write, grep = Bash(workspace, seen), Write(workspace, seen), Grep(workspace)
    try:
        await run(write, file_path="a", content="before\n")
        full = await run(bash, command="head -c 9000000 /dev/zero >big")
        assert full.failed
        assert "No space left on device" in full.text
        with pytest.raises(ToolError, match="was not written: no space left on device"):
            await run(write, file_path="a", content="x" * 100_000)
        with pytest.raises(ToolError, match="was not written: no space left on device"):
            await run(write, file_path="b", content="x" * 100_000)
        assert (await run(grep, pattern="before")).text == "a"
        assert (await run(bash, command="ls -A; rm big")).text == ".git\nREADME.md\na\nbig"
        await run(write, file_path="a", content="after\n")
    finally:
        await workspace.close()
    assert (small_disk / "a").read_text() == "after\n"


async def run(tool: Any, **given: Any) -> Any:
    """One call of a tool."""
    return await tool.run(tool.input_type.model_validate(given))


async def test_a_repository_that_is_taken_away_is_told_by_each_tool(kind: Kind, repository: Path) -> None:
    workspace = await start(kind, Layout(repository=str(repository)))
    try:
        shutil.rmtree(repository)
        begun = time.monotonic()
        with pytest.raises(ToolError, match="no such file"):
            await workspace.call("read", path="README.md")
        with pytest.raises(ToolError, match="was not written"):
            await run(Write(workspace, Seen()), file_path="a", content="x")
        assert time.monotonic() - begun < 10
    finally:
        await workspace.close()
