"""What the tool host costs: medians of round trips, throughput, and searches beside bare ripgrep.

Run it by itself: `.venv/bin/python tests/bench/tools.py [bwrap|docker|plain]…`; by default both sandboxes in turn.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HOST = Path(__file__).parents[2] / "tools" / "agency_tools" / "host.py"
FILES = 20_000
ROUNDS = 15


async def median(act: Callable[[], Awaitable[Any]], rounds: int) -> float:
    """Milliseconds, after one round that does not count."""
    await act()
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


async def medians(
    first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]], rounds: int
) -> tuple[float, float]:
    """Both in turn, so that what else the machine does meets both alike."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(-1, rounds):
        for act, times in zip((first, second), taken, strict=True):
            begun = time.perf_counter()
            await act()
            if number >= 0:
                times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken[0]), statistics.median(taken[1])


def tree(root: Path) -> None:
    """A checkout of 20,000 small files, in which one in forty holds what is searched for."""
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for number in range(FILES):
        path = root / f"d{number % 100}" / f"e{number % 7}" / f"f{number}.{('py', 'tf', 'yaml')[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        word = "needle" if number % 40 == 0 else "hay"
        path.write_text(f"# file {number}\n" + "some = 'ordinary text of a line'\n" * 30 + f"{word} = {number}\n")


class Plain:
    """A host without a sandbox."""

    def __init__(self, process: asyncio.subprocess.Process, channel: Any) -> None:
        self.process = process
        self.call = channel.call
        self._channel = channel

    async def close(self) -> None:
        """End it."""
        await self._channel.close()
        await self.process.wait()


async def opened(kind: str, root: Path, scratch: Path) -> Any:
    """A workspace of that kind over the root."""
    if kind != "plain":
        from agency_tools.sandbox import start
        from agency_tools.workspace import Layout

        return await start("docker" if kind == "docker" else "bwrap", Layout(repository=str(root)))
    from agency_tools.frames import Channel

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(HOST), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    assert process.stdin is not None
    assert process.stdout is not None
    channel = Channel(process.stdout, process.stdin)
    await channel.hello()
    await channel.call("configure", root=str(root), scratch=str(scratch), protected=[".git"], env=dict(os.environ))
    return Plain(process, channel)


def rg(root: Path, *words: str) -> Callable[[], Awaitable[Any]]:
    """The same query by bare ripgrep, its output read."""

    async def act() -> None:
        process = await asyncio.create_subprocess_exec(
            "rg", *words, "./", cwd=root, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        await process.communicate()

    return act


def memory(pid: int, which: str) -> float:
    """Megabytes: VmRSS is what is resident now, VmHWM the most since it was last reset."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{which}:")[2].split()[0]) / 1000


async def tool_host(workspace: Any) -> int:
    """The tool host's number on this machine: process 1 of the namespace in which a marked process runs."""
    if isinstance(workspace, Plain):
        return workspace.process.pid
    mark = f"9{time.time_ns() % 10**9}"
    waiting = asyncio.ensure_future(workspace.call("exec", command=f"sleep 1; : {mark}"))
    await asyncio.sleep(0.5)
    space = next(found for entry in processes() if mark.encode() in shown(entry) and (found := namespace(entry)))
    first = next(entry for entry in processes() if namespace(entry) == space and inner(entry) == "1")
    await waiting
    return int(first.name)


def processes() -> list[Path]:
    """Every process of this machine but this one."""
    return [entry for entry in Path("/proc").glob("[0-9]*") if int(entry.name) != os.getpid()]


def shown(entry: Path) -> bytes:
    """A process's command line; empty where it has ended."""
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def namespace(entry: Path) -> str:
    """Its process namespace; empty where it has ended."""
    try:
        return str((entry / "ns/pid").readlink())
    except OSError:
        return ""


def inner(entry: Path) -> str:
    """Its number in its own namespace."""
    return (entry / "status").read_text().partition("NSpid:")[2].split("\n")[0].split()[-1]


def report(name: str, value: float, unit: str, remark: str = "") -> None:
    """One line."""
    print(f"{name:34} {value:10.2f} {unit:5} {remark}")


async def throughput(workspace: Any, bash: Any, megabytes: int) -> None:
    """So much through Bash, and the most by which it makes the memory of both ends grow; needs root in a sandbox."""
    from agency_tools.bash import BashInput

    ends = {"runtime": os.getpid(), "tool host": await tool_host(workspace)}
    given = BashInput(command=f"head -c {megabytes * 10**6} /dev/zero")
    await bash.run(BashInput(command="head -c 10000000 /dev/zero"))
    before = {name: memory(pid, "VmRSS") for name, pid in ends.items()}
    for pid in ends.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted anew
    begun = time.perf_counter()
    await bash.run(given)
    taken = time.perf_counter() - begun
    grown = {name: memory(pid, "VmHWM") - before[name] for name, pid in ends.items()}
    told = ", ".join(f"{name} {before[name]:.1f} + {grown[name]:.1f} MB" for name in ends)
    report(f"{megabytes} MB through Bash", megabytes / taken, "MB/s", "at least 300")
    report("  growth of resident memory", sum(grown.values()), "MB", f"below 20; {told}")


async def searches(workspace: Any, root: Path) -> None:
    """Grep and Glob beside bare ripgrep for the same query."""
    from agency_tools.glob import Glob, GlobInput
    from agency_tools.grep import Grep, GrepInput

    grep, glob = Grep(workspace), Glob(workspace)
    lines = GrepInput.model_validate({"pattern": "needle", "output_mode": "content", "head_limit": 0})
    pairs: list[tuple[str, Callable[[], Awaitable[Any]], Callable[[], Awaitable[Any]]]] = [
        ("Grep files", lambda: grep.run(GrepInput(pattern="needle")), rg(root, "-l", "--hidden", "needle")),
        ("Grep content", lambda: grep.run(lines), rg(root, "-n", "--hidden", "needle")),
        (
            "Glob **/*.tf, newest first",
            lambda: glob.run(GlobInput(pattern="**/*.tf")),
            rg(root, "--files", "--hidden", "--no-ignore", "--sortr=modified", "-g", "**/*.tf", "-g", "!.git"),
        ),
    ]
    for name, ours, bare in pairs:
        theirs, taken = await medians(bare, ours, ROUNDS)
        report(name, taken, "ms", f"bare rg {theirs:.2f} ms, ratio {taken / theirs:.2f}, at most 1.3")


async def without_ripgrep(root: Path, scratch: Path) -> None:
    """The fallback, on a plain host that finds no ripgrep."""
    from agency_tools.glob import Glob, GlobInput
    from agency_tools.grep import Grep, GrepInput

    workspace = await opened("plain", root, scratch)
    await workspace.call("configure", env={"PATH": "/nonexistent"})
    report("Grep files without rg", await median(lambda: Grep(workspace).run(GrepInput(pattern="needle")), 3), "ms")
    report("Glob without rg", await median(lambda: Glob(workspace).run(GlobInput(pattern="**/*.tf")), 3), "ms")
    await workspace.close()


async def main(kind: str, root: Path, scratch: Path) -> None:
    """Print the table."""
    from agency_tools.bash import Bash, BashInput
    from agency_tools.seen import Seen

    workspace = await opened(kind, root, scratch)
    bash = Bash(workspace, Seen())
    report("round trip", await median(lambda: workspace.call("ping"), 500), "ms", "at most 1")
    report("Bash true", await median(lambda: bash.run(BashInput(command="true")), 200), "ms", "at most 6")
    report("bare bash -c true", await median(bare_bash, 100), "ms")
    await throughput(workspace, bash, 100)
    await throughput(workspace, bash, 1000)
    await searches(workspace, root)
    await workspace.close()
    await without_ripgrep(root, scratch)


async def bare_bash() -> None:
    """A shell started directly."""
    process = await asyncio.create_subprocess_exec("bash", "-c", "true", stdin=asyncio.subprocess.DEVNULL)
    await process.wait()


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="agency-bench-"))
    try:
        (folder / "tree").mkdir()
        (folder / "scratch").mkdir()
        tree(folder / "tree")
        for kind in sys.argv[1:] or ["bwrap", "docker"]:
            print(kind)
            asyncio.run(main(kind, folder / "tree", folder / "scratch"))
    finally:
        shutil.rmtree(folder)
