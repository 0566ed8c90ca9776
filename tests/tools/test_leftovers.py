"""A runtime that is killed leaves nothing running, and what it could leave is found and removed."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest

from agency_tools.docker_sandbox import LABEL
from agency_tools.engine import connect
from agency_tools.image import reference
from agency_tools.leftovers import Leftover, leftovers
from agency_tools.running import starter

ABSENT = starter().replace(str(os.getpid()), "999999999", 1)
"""No process has this number: the kernel's are smaller."""

RUNTIME = """
import asyncio, sys
from agency_tools.sandbox import start
from agency_tools.workspace import Layout

async def main():
    workspace = await start(sys.argv[1], Layout(repository=sys.argv[2]))
    await workspace.call("exec", command=f"setsid sleep {sys.argv[3]} >/dev/null 2>&1 &")
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def running(mark: str) -> bool:
    found = subprocess.run(["pgrep", "-f", f"^sleep {mark}$"], capture_output=True, check=False)
    return found.returncode == 0


async def comes_to_be(mark: str, state: bool) -> bool:
    """Whether such a process is there, or gone, within half a minute: a loaded machine starts and ends them late."""
    for _ in range(300):
        if running(mark) is state:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_killed_runtime_takes_its_sandbox_with_it(kind: Literal["docker", "bwrap"], repository: Path) -> None:
    mark = f"5{time.time_ns() % 10**8}"
    runtime = subprocess.Popen(
        [sys.executable, "-c", RUNTIME, kind, str(repository), mark], stdout=subprocess.PIPE, text=True
    )
    assert runtime.stdout is not None
    with runtime, runtime.stdout:
        assert runtime.stdout.readline() == "ready\n"
        assert await comes_to_be(mark, True)
        runtime.kill()
    assert await comes_to_be(mark, False)
    for left in leftovers():
        left.remove()
    assert [left for left in leftovers() if str(runtime.pid) in left.name] == []


@pytest.mark.docker
def test_a_container_whose_runtime_is_gone_is_found_and_removed() -> None:
    engine = connect()
    try:
        made = engine.create_container(reference(), ["true"], labels={LABEL: ABSENT})["Id"]
    finally:
        engine.close()
    left = Leftover(kind="container", name=made)
    assert left in leftovers()
    left.remove()
    left.remove()
    assert left not in leftovers()


@pytest.mark.docker
@pytest.mark.parametrize("label", [starter(), "999999999@1"], ids=["alive", "elsewhere"])
def test_a_container_of_a_live_runtime_or_of_another_system_is_left_alone(label: str) -> None:
    engine = connect()
    try:
        made = engine.create_container(reference(), ["true"], labels={LABEL: label})["Id"]
        assert made not in {left.name for left in leftovers()}
        engine.remove_container(made)
    finally:
        engine.close()


def test_a_control_group_whose_runtime_is_gone_is_found_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr("agency_tools.leftovers.MOUNT", tmp_path)
    for name in (f"pids/agency-{ABSENT}-a", f"pids/agency-{starter()}-b", "pids/other"):
        (tmp_path / name).mkdir(parents=True)
    found = leftovers()
    assert found == [Leftover(kind="control group", name=str(tmp_path / f"pids/agency-{ABSENT}-a"))]
    found[0].remove()
    assert leftovers() == []
