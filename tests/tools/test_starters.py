"""A kind of sandbox is one file, found by its name."""

from pathlib import Path

import pytest

from agency_tools import starters
from agency_tools.errors import UsageError
from agency_tools.sandbox import start
from agency_tools.workspace import Layout

ONE_FILE = """
from agency_tools.availability import Availability
from agency_tools.errors import WorkspaceError

def prepare(layout):
    return layout

async def start(layout):
    raise WorkspaceError(f"asked for {layout.repository}")

def availability(image):
    return Availability(kind="{name}", ready=True)
"""


def test_the_kinds_that_are_built_in_come_first() -> None:
    assert starters.kinds()[:2] == ("docker", "bwrap")


async def test_a_file_in_the_package_is_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    (tmp_path / "thirdkind.py").write_text(ONE_FILE, encoding="utf-8")
    monkeypatch.setattr(starters, "__path__", [*starters.__path__, str(tmp_path)])
    assert starters.kinds() == ("docker", "bwrap", "thirdkind")
    with pytest.raises(Exception, match=f"asked for {repository}"):
        await start("thirdkind", Layout(repository=str(repository)))


async def test_another_distribution_brings_a_kind_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    (tmp_path / "elsewhere_kind.py").write_text(ONE_FILE, encoding="utf-8")
    known = tmp_path / "elsewhere-1.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n", encoding="utf-8")
    (known / "entry_points.txt").write_text("[agency.sandboxes]\nelsewhere = elsewhere_kind\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "elsewhere" in starters.kinds()
    with pytest.raises(Exception, match=f"asked for {repository}"):
        await start("elsewhere", Layout(repository=str(repository)))


async def test_a_kind_that_is_none_is_named_with_those_that_are(repository: Path) -> None:
    with pytest.raises(UsageError, match="no sandbox 'none'; there are auto, docker, bwrap"):
        await start("none", Layout(repository=str(repository)))
