"""What every test shares: the HTTP client's alias, and sandboxes of each kind this machine has."""
# ruff: noqa: E402 - the alias has to come first

import sys

import httpx2

for name in [name for name in sys.modules if name.partition(".")[0] in {"httpcore", "httpx", "respx"}]:
    del sys.modules[name]  # respx's own pytest plugin has loaded them by now
httpx2.alias_httpx()  # so that respx answers for the SDK

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from agency_tools.availability import available
from agency_tools.workspace import Layout, Workspace

KINDS = [pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in ("bwrap", "docker")]


def pytest_configure(config: pytest.Config) -> None:
    """Find out once, before the workers share the tests out."""
    if not hasattr(config, "workerinput"):
        missing = {found.kind: f"{found.why}: {found.remedy}" for found in available() if not found.ready}
        os.environ["AGENCY_TESTS_WITHOUT"] = json.dumps(missing)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose sandbox is missing is skipped; in CI, where nothing may be missing, it fails."""
    missing: dict[str, str] = json.loads(os.environ["AGENCY_TESTS_WITHOUT"])
    for kind, why in missing.items():
        if item.get_closest_marker(kind):
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no {kind} sandbox here: {why}")


@pytest.fixture
def respx_mock() -> Iterator[Any]:
    """Answers for the HTTP client; respx's own fixture holds on to the client as it was before the alias."""
    import respx

    with respx.mock as router:
        yield router


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Literal["docker", "bwrap"]:
    """Each kind of sandbox in turn."""
    found: Literal["docker", "bwrap"] = request.param
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "README.md").write_text("hello\n", encoding="utf-8")
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([shutil.which("git") or "git", *settings, *words], cwd=root, check=True)
    return root


@pytest.fixture
async def sandbox(kind: Literal["docker", "bwrap"], repository: Path) -> AsyncIterator[Workspace]:
    """A running sandbox over `repository`."""
    from agency_tools.sandbox import start

    workspace = await start(kind, Layout(repository=str(repository)))
    yield workspace
    await workspace.close()
