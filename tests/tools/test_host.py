"""The tool host and the channel to it: the protocol, what ends with it, and what its children cannot reach."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.frames import LARGEST, Channel

HOST = Path(__file__).parents[2] / "tools" / "agency_tools" / "host.py"


def alive(mark: str) -> bool:
    """Whether a process with this mark in its command line runs on this machine."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in entry.read_bytes():
                return True
    return False


@pytest.fixture
def mark() -> str:
    return f"3{time.time_ns() % 10**9}"


def frame(**content: Any) -> bytes:
    body = json.dumps(content).encode()
    return len(body).to_bytes(4, "big") + body


async def test_calls_are_answered_out_of_order(workspace: Any) -> None:
    slow = asyncio.create_task(workspace.call("exec", command="sleep 0.4; echo slow"))
    begun = time.monotonic()
    assert (await workspace.call("exec", command="echo fast"))["output"] == "fast\n"
    assert time.monotonic() - begun < 0.35
    assert (await slow)["output"] == "slow\n"


async def test_many_calls_at_once_each_get_their_own_answer(workspace: Any) -> None:
    answers = await asyncio.gather(*(workspace.call("exec", command=f"echo {number}") for number in range(40)))
    assert [answer["output"] for answer in answers] == [f"{number}\n" for number in range(40)]


async def test_an_exec_tells_all_that_a_compartment_needs(workspace: Any) -> None:
    done = await workspace.call(
        "exec", command="echo $X; pwd; exit 2", env={"X": "1"}, cwd=str(workspace.scratch), timeout_s=9
    )
    assert (done["exit_code"], done["output"]) == (2, f"1\n{workspace.scratch}\n")
    assert 0 < done["seconds"] < 5


async def test_an_overdue_exec_is_an_error_that_holds_what_was_written(workspace: Any, mark: str) -> None:
    with pytest.raises(ToolError, match=r"not finished within 0\.3 s and ended by SIGKILL: echo begun(.|\n)*\nbegun"):
        await workspace.call("exec", command=f"echo begun; sleep {mark}", timeout_s=0.3)
    assert not alive(mark)


async def test_a_long_output_is_whole_for_a_compartment(workspace: Any) -> None:
    done = await workspace.call("exec", command="seq 200000")
    assert done["output"] == "".join(f"{number}\n" for number in range(1, 200001))


async def test_errors_are_sorted(workspace: Any) -> None:
    with pytest.raises(ToolError, match="no such file"):
        await workspace.call("read", path="nope")
    with pytest.raises(WorkspaceError, match="there is no such operation"):
        await workspace.call("nope")
    with pytest.raises(WorkspaceError, match="TypeError"):
        await workspace.call("read", nope=1)
    with pytest.raises(ToolError, match="is not a directory"):
        await workspace.call("exec", command="true", cwd="/nope")
    assert await workspace.call("ping") == {}


async def test_names_that_are_no_text_come_back_as_they_are_and_are_told_escaped(
    workspace: Any, tmp_path: Path
) -> None:
    name = os.fsdecode(b"d\xff\xc3\xa9")
    (tmp_path / name).mkdir()
    found = await workspace.call("stat", path=name)
    assert (found["exists"], found["path"]) == (True, str(tmp_path / name))
    done = await workspace.call("exec", command="cd d*; touch a", track=True)
    assert done["cwd"] == str(tmp_path / name)
    assert (await workspace.call("exec", command="ls", cwd=done["cwd"]))["output"] == "a\n"
    assert (await workspace.call("glob", pattern="**"))["paths"] == ["d\\xffé/a"]
    with pytest.raises(ToolError, match=r"d\\xffé is a directory"):
        await workspace.call("read", path=name)
    assert (await workspace.call("write", path=f"{name}/b", content="x"))["relative"] == f"{name}/b"


async def test_an_edit_that_would_change_nothing_is_refused_by_the_host_too(workspace: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    stamp = (await workspace.call("stat", path="a"))["stamp"]
    for old, why in (("", "the text to replace is empty"), ("x", "nothing would change")):
        with pytest.raises(ToolError, match=why):
            await workspace.call("edit", path="a", old=old, new="x", every=True, seen=stamp)
    assert (tmp_path / "a").read_text() == "x"


async def test_an_answer_too_large_for_a_frame_is_an_error_of_its_call(workspace: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (20 << 20))
    with pytest.raises(ToolError, match="more than the 16,777,216 that fit"):
        await workspace.call("bytes", path="a", count=20 << 20)
    with pytest.raises(ToolError, match="are more than the 16,777,216 of one call"):
        await workspace.call("write", path="b", content="x" * LARGEST)
    assert await workspace.call("ping") == {}


async def test_closing_kills_every_process(workspace: Any, mark: str) -> None:
    await workspace.call("exec", command=f"setsid env -i sleep {mark} >/dev/null 2>&1 & sleep {mark} & sleep 0.1")
    await workspace.call("task_start", command=f"sleep {mark}")
    assert alive(mark)
    await workspace.close()
    assert not alive(mark)
    with pytest.raises(WorkspaceError, match="was closed"):
        await workspace.call("ping")


async def test_kill_all_ends_calls_and_tasks_and_the_host_goes_on(workspace: Any, mark: str) -> None:
    await workspace.call("task_start", command=f"sleep {mark}")
    running = asyncio.create_task(workspace.call("exec", command=f"sleep {mark}"))
    await asyncio.sleep(0.2)
    await workspace.call("kill_all")
    assert (await running)["exit_code"] in {137, 143}
    assert not alive(mark)
    assert (await workspace.call("exec", command="echo on"))["output"] == "on\n"


async def test_a_host_that_dies_ends_every_call_and_says_so(workspace: Any) -> None:
    running = asyncio.create_task(workspace.call("exec", command="sleep 5"))
    await asyncio.sleep(0.2)
    os.kill(workspace.process.pid, signal.SIGKILL)
    with pytest.raises(WorkspaceError, match="the tool host ended"):
        await running
    with pytest.raises(WorkspaceError, match="the tool host ended"):
        await workspace.call("ping")


UNTAKEN = {signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


async def test_no_signal_that_can_be_taken_ends_or_stops_the_host(workspace: Any) -> None:
    for number in signal.valid_signals() - UNTAKEN:
        os.kill(workspace.process.pid, number)
    assert (await workspace.call("exec", command="echo on"))["output"] == "on\n"


async def test_children_inherit_no_ignored_signal(workspace: Any) -> None:
    ours = re.search(r"SigIgn:\s*(\w+)", Path("/proc/self/status").read_text(encoding="ascii"))
    done = await workspace.call("exec", command="grep SigIgn /proc/self/status | cut -f2")
    assert ours is not None
    assert int(done["output"], 16) & ~int(ours[1], 16) == 0  # what this process ignores itself came from outside


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM, signal.SIGPIPE]
)
async def test_signals_do_not_end_the_host_and_its_children_do_not_inherit_that(
    workspace: Any, number: signal.Signals
) -> None:
    os.kill(workspace.process.pid, number)
    done = await workspace.call("exec", command=f"kill -{number} $PPID; sleep 0.1; kill -{number} $$; sleep 1")
    assert done["exit_code"] == 128 + number


async def test_children_have_none_of_the_hosts_descriptors(workspace: Any) -> None:
    done = await workspace.call("exec", command="ls -l /proc/self/fd | awk '{print $9, $11}'; exec 3>&1; echo forged")
    lines = done["output"].split("\n")
    assert lines[1] == "0 /dev/null"
    assert [line.split()[0] for line in lines[1:5]] == ["0", "1", "2", "3"]
    assert lines[4].startswith("3 /proc/")
    assert lines[5] == "forged"


@pytest.mark.skipif(os.getuid() == 0, reason="root may trace anything")
async def test_children_cannot_reach_into_the_host(workspace: Any) -> None:
    pid = workspace.process.pid
    done = await workspace.call("exec", command=f"cat /proc/{pid}/environ /proc/{pid}/mem; ls /proc/{pid}/fd")
    assert done["exit_code"] != 0
    assert "Permission denied" in done["output"]


async def test_a_hundred_megabytes_cost_the_host_little_memory(workspace: Any) -> None:
    def resident() -> int:
        status = Path(f"/proc/{workspace.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    before = resident()
    done = await workspace.call("exec", command="head -c 300000000 /dev/zero", shown=30000, kept_above=10000)
    assert (done["size"], done["saved"]) == (300_000_000, 64 << 20)
    assert resident() - before < 20_000


async def test_a_full_scratch_is_told_and_does_not_end_the_command(workspace: Any) -> None:
    shutil.rmtree(workspace.scratch / "outputs", ignore_errors=True)
    (workspace.scratch / "outputs").mkdir()
    done = await workspace.call(
        "exec", command=f"rm -r {workspace.scratch}/outputs; seq 20000", shown=30000, kept_above=10000
    )
    assert done["exit_code"] == 0
    assert done["problem"] == "the output could not be kept: No such file or directory"
    assert done["output_path"] is None


async def test_orphans_are_reaped(workspace: Any) -> None:
    await workspace.call("exec", command="for i in 1 2 3; do (sleep 0.05 &); done")
    await asyncio.sleep(0.4)
    found = subprocess.run(
        ["ps", "--ppid", str(workspace.process.pid), "-o", "stat="], capture_output=True, text=True, check=False
    )
    assert "Z" not in found.stdout


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def pretend(tmp_path: Path) -> AsyncIterator[Callable[[Answer], Awaitable[Channel]]]:
    """A channel to something that only pretends to be a host."""
    servers: list[asyncio.Server] = []
    channels: list[Channel] = []

    async def open_channel(answer: Answer) -> Channel:
        async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answer(reader, writer)
            writer.close()

        servers.append(await asyncio.start_unix_server(answered, tmp_path / f"s{len(servers)}"))
        reader, writer = await asyncio.open_unix_connection(tmp_path / f"s{len(servers) - 1}")
        channels.append(Channel(reader, writer))
        return channels[-1]

    yield open_channel
    for channel in channels:
        await channel.close()
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frame(hello=2), "does not speak version 1"),
        (b"\xff\xff\xff\xffxxxx", "announced a frame of 4,294,967,295 bytes"),
        (b"\0\0\0\x05nope!", "outside the protocol"),
        (b"\0\0\0\x02[]", "outside the protocol"),
        (b"\0\0", "ended"),
        (b"", "ended"),
    ],
)
async def test_a_bad_greeting_is_a_broken_workspace(pretend: Any, said: bytes, why: str) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    with pytest.raises(WorkspaceError, match=why):
        await (await pretend(answer)).hello()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frame(id=1, result=[]), "outside the protocol"),
        (frame(id=1, error="x"), "outside the protocol"),
        (frame(id=1, error={"kind": "internal", "message": "boom"}), "tool host: boom"),
        (frame(id=[], result={}) + frame(id=7, result={}), "ended"),
        (b"\x7f\0\0\0", "announced a frame"),
    ],
)
async def test_a_bad_answer_is_a_broken_workspace(pretend: Any, said: bytes, why: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(hello=1))
        await reader.readexactly(4)
        writer.write(said)
        await writer.drain()

    channel = await pretend(answer)
    await channel.hello()
    with pytest.raises(WorkspaceError, match=why):
        await channel.call("ping")


async def test_a_cancelled_call_is_told_to_the_host(pretend: Any) -> None:
    heard: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(hello=1))
        for _ in range(2):
            heard.append(json.loads(await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))))
        writer.write(frame(id=1, error={"kind": "cancelled", "message": "x"}))
        await reader.read()

    channel = await pretend(answer)
    await channel.hello()
    call = asyncio.create_task(channel.call("exec", command="x"))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.wait([call])
    await asyncio.sleep(0.05)
    assert heard == [{"id": 1, "op": "exec", "command": "x"}, {"op": "cancel", "id": 1}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\xff\xff\xff\xff", "a frame of 4,294,967,295 bytes"),
        (frame(op="ping", id=2)[:9], "5 of a frame's 23 bytes"),
        (b"\0\0", "a part of a frame's length"),
        (b"\0\0\0\x05nope!", "JSONDecodeError"),
        (b"\0\0\0\x02\xff\xff", "UnicodeDecodeError"),
        (b"\0\1\0\0" + b"[" * 65536, "Recursion"),
        (b"\0\0\0\x02[]", "without a number"),
        (frame(op="ping"), "without a number"),
        (b"\0\0\0\x04[1] ", "TypeError"),
        (frame(op="ping", id="x"), "without a number"),
        (frame(id=2), "without a number or an operation"),
    ],
)
def test_what_is_no_frame_ends_the_host_and_all_it_runs(tmp_path: Path, mark: str, said: bytes, why: str) -> None:
    begun = frame(id=1, op="exec", command=f"setsid sleep {mark} & touch {tmp_path}/begun; sleep {mark}")
    host = subprocess.Popen(
        [sys.executable, "-I", str(HOST)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with host:
        assert host.stdin
        assert host.stderr
        host.stdin.write(begun)
        host.stdin.flush()
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        host.stdin.write(said)
        host.stdin.close()
        assert why in host.stderr.read().decode()
        assert host.wait(20) == 1
    assert not alive(mark)


def test_the_pipes_end_is_the_hosts() -> None:
    done = subprocess.run([sys.executable, "-I", str(HOST)], input=b"", capture_output=True, timeout=10, check=False)
    assert done.returncode == 0
    assert done.stdout[4:].startswith(b'{"hello":1')


def test_the_host_is_written_for_python_3_9() -> None:
    import ast

    tree = ast.parse(HOST.read_text(encoding="utf-8"), feature_version=(3, 9))  # SyntaxError for anything newer
    assert tree.body
