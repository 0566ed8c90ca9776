"""What the tool host costs: medians of round trips, throughput, and searches beside bare ripgrep.

Run it by itself: `.venv/bin/python tests/bench/tools.py [bwrap|docker|plain]`.
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


def resident(pid: int) -> float:
    """Megabytes."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1000


def report(name: str, value: float, unit: str, remark: str = "") -> None:
    """One line."""
    print(f"{name:34} {value:10.2f} {unit:5} {remark}")


async def throughput(workspace: Any, bash: Any, given: Any) -> None:
    """100 MB through Bash, and what it does to the memory of both ends."""
    pids = [os.getpid(), *([workspace.process.pid] if isinstance(workspace, Plain) else [])]
    await bash.run(given)
    before = sum(resident(pid) for pid in pids)
    begun = time.perf_counter()
    await bash.run(given)
    taken = time.perf_counter() - begun
    report("100 MB through Bash", 100 / taken, "MB/s", "at least 300")
    report("  growth of resident memory", sum(resident(pid) for pid in pids) - before, "MB", "below 20")


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
        theirs, taken = await median(bare, ROUNDS), await median(ours, ROUNDS)
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
    await throughput(workspace, bash, BashInput(command="head -c 100000000 /dev/zero"))
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
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "plain", folder / "tree", folder / "scratch"))
    finally:
        shutil.rmtree(folder)
