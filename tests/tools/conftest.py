"""A tool host as a plain process over a temporary directory, for what needs no sandbox around it."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agency_tools.frames import Channel
from agency_tools.image.recipe import tool_paths

PYTHON = os.environ.get("AGENCY_TESTS_HOST_PYTHON", sys.executable)
"""What runs the host; images have other versions than the tests."""

INSIDE = Path(__file__).parents[2] / "tools" / "agency_tools" / "validators" / "inside"
HOST = Path(__file__).parents[2] / "tools" / "agency_tools" / "host.py"


class HostProcess:
    """The `Workspace` protocol over a host without a sandbox."""

    kind = "plain"

    def __init__(self, process: asyncio.subprocess.Process, root: Path, scratch: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.root = root
        self.scratch = scratch
        self.channel = Channel(process.stdout, process.stdin)

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """One operation of the host."""
        return await self.channel.call(op, **parameters)

    async def close(self) -> None:
        """Close the pipe and wait for the host's own end."""
        await self.channel.close()
        try:
            await asyncio.wait_for(self.process.wait(), 15)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


async def host_process(
    root: Path, scratch: Path, *, path: str | None = None, protected: Sequence[str] = (".git",)
) -> HostProcess:
    """A configured host; `path` is its PATH."""
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-I", str(HOST), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    host = HostProcess(process, root, scratch)
    await host.channel.hello()
    env = {"PATH": path or os.environ["PATH"], "HOME": str(scratch), "LANG": "C.UTF-8", "TERM": "dumb"}
    await host.call("configure", root=str(root), scratch=str(scratch), protected=list(protected), env=env)
    return host


@pytest.fixture
async def workspace(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostProcess]:
    """A host over `tmp_path`, with a scratch directory of its own."""
    host = await host_process(tmp_path, tmp_path_factory.mktemp("scratch"))
    yield host
    await host.close()


@pytest.fixture(params=["rg", "python"])
async def searched(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HostProcess]:
    """A host that searches with ripgrep, and one that finds none."""
    path = None if request.param == "rg" else str(tmp_path_factory.mktemp("empty"))
    host = await host_process(tmp_path, tmp_path_factory.mktemp("scratch"), path=path)
    yield host
    await host.close()


JUDGE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from agency_checks.engine import sources_of
from agency_checks.registry import VALIDATORS
from agency_checks.running import Runner
root, name, paths = json.loads(sys.argv[2])
(validator,) = (each for each in VALIDATORS if each.name == name)
mine = [source for source in sources_of(root, paths) if validator.kinds & source.kinds]
if mine:
    print(json.dumps(sorted({*validator.check(mine, Runner(root))})))
"""


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[Mapping[str, str], str], list[str]]:
    """What one validator says of files, told as `path:line: message`, in the validators' own Python without a sandbox."""
    python = next((Path(place) / "agency-python" for place in tool_paths()), None)
    if python is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the validators are not installed; scripts/setup.sh installs them")
        pytest.skip("the validators are not installed")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "agency_checks").symlink_to(INSIDE)
    root = tmp_path / "tree"

    def judged(files: Mapping[str, str], name: str) -> list[str]:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        argv = [
            str(python),
            "-I",
            "-B",
            "-c",
            JUDGE,
            str(tmp_path / "code"),
            json.dumps([str(root), name, list(files)]),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert done.stdout, f"{name} applies to none of {', '.join(files)}"
        said = json.loads(done.stdout)
        told = [f"{each[0]}:{each[1]}: {each[6]}" for each in said if len(each) > 2 and each[5] != "info"]
        return [*told, *(f"{path}: {reason}" for path, reason in (each for each in said if len(each) == 2))]

    return judged
