"""`agency session gc` also takes away what killed runs left on the machine."""

import os
from pathlib import Path

import pytest

from agency_runtime import cli
from agency_tools.docker_sandbox import LABEL
from agency_tools.engine import connect
from agency_tools.image import reference
from agency_tools.running import starter

ABSENT = starter().replace(str(os.getpid()), "999999999", 1)
"""No process has this number: the kernel's are smaller."""


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where control groups are looked for, on a machine without an engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr("agency_tools.leftovers.MOUNT", tmp_path)
    return tmp_path


def test_control_groups_of_killed_runs_are_removed_and_those_of_live_ones_stay(
    groups: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead, live = groups / f"pids/agency-{ABSENT}-a", groups / f"pids/agency-{starter()}-b"
    for folder in (dead, live):
        folder.mkdir(parents=True)
    assert cli.main(["session", "gc"]) == 0
    assert (dead.exists(), live.exists()) == (False, True)
    assert capsys.readouterr().out == "removed 0 sessions\nremoved 1 control group of killed runs\n"
    assert cli.main(["session", "gc"]) == 0
    assert capsys.readouterr().out == "removed 0 sessions\n"


def test_what_cannot_be_removed_is_named_and_no_success(groups: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stuck = groups / f"pids/agency-{ABSENT}-a"
    (stuck / "below").mkdir(parents=True)
    assert cli.main(["session", "gc"]) == 4
    said = capsys.readouterr()
    assert said.out == "removed 0 sessions\nremoved 0 control groups of killed runs\n"
    assert f"could not be removed: control group {stuck}" in said.err


@pytest.mark.docker
def test_containers_of_killed_runs_are_removed(capsys: pytest.CaptureFixture[str]) -> None:
    engine = connect()
    try:
        made = engine.create_container(reference(), ["true"], labels={LABEL: ABSENT})["Id"]
        assert cli.main(["session", "gc"]) == 0
        assert "of killed runs\n" in capsys.readouterr().out
        assert made not in {each["Id"] for each in engine.containers(all=True)}
    finally:
        engine.close()
