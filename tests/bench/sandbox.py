"""What a sandbox costs: from nothing to the first tool result, then each call, for both kinds.

`python tests/bench/sandbox.py` prints a Markdown table of medians in milliseconds; the engine's own commands stand beside.
"""

import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from agency_tools.availability import available
from agency_tools.image import reference
from agency_tools.sandbox import start
from agency_tools.workspace import Layout, Workspace

STARTS = 10
CALLS = 200
KINDS: tuple[Literal["bwrap", "docker"], ...] = ("bwrap", "docker")


async def milliseconds(act: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await act()
    return (time.perf_counter() - begun) * 1000


async def medians(kind: Literal["bwrap", "docker"], folder: str) -> dict[str, float]:
    """Each figure for one kind."""
    figures: dict[str, list[float]] = {"start to first result": [], "end": []}
    for _ in range(STARTS):
        kept: list[Workspace] = []

        async def first() -> None:
            kept.append(await start(kind, Layout(repository=folder)))  # noqa: B023 - called at once
            await kept[0].call("exec", command="true")  # noqa: B023

        figures["start to first result"].append(await milliseconds(first))
        figures["end"].append(await milliseconds(kept[0].close))
    workspace = await start(kind, Layout(repository=folder))
    figures["round trip"] = [await milliseconds(lambda: workspace.call("ping")) for _ in range(CALLS)]
    figures["`true`"] = [await milliseconds(lambda: workspace.call("exec", command="true")) for _ in range(CALLS)]
    await workspace.close()
    return {name: statistics.median(values) for name, values in figures.items()}


def command(argv: Sequence[str], rounds: int = STARTS) -> float:
    """The median of running a command."""
    times: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def docker_commands() -> dict[str, float]:
    """The same by the engine's own command line."""
    image = reference()
    name = f"agency-bench-{time.time_ns()}"
    run = command(["docker", "run", "--rm", "--network", "none", image, "true"])
    subprocess.run(
        ["docker", "run", "-d", "--network", "none", "--name", name, image, "sleep", "300"],
        check=True,
        capture_output=True,
    )
    try:
        inside = command(["docker", "exec", name, "true"])
    finally:
        subprocess.run(["docker", "rm", "-f", name], check=True, capture_output=True)
    return {"`docker run IMAGE true`": run, "`docker exec` true": inside}


async def main() -> None:
    ready = {found.kind for found in available() if found.ready}
    rows: list[tuple[str, str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            if kind in ready:
                rows += [(kind, name, value) for name, value in (await medians(kind, folder)).items()]
    if "docker" in ready:
        rows += [("engine", name, value) for name, value in docker_commands().items()]
    print("| | | ms |\n|---|---|---:|")
    for by, name, value in rows:
        print(f"| {by} | {name} | {value:.{2 if value < 10 else 0}f} |")


if __name__ == "__main__":
    asyncio.run(main())
