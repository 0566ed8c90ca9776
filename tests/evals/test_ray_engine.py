"""The Ray engine on a real cluster of several raylets, one of which is killed, and what it does where Ray cannot help."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agency_evals.ray_engine import connected, files_below, packed, said, unpack_files, unpacked
from agency_tools.errors import UsageError


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the cluster came to; without Ray the tests are skipped, and in CI they fail."""
    if importlib.util.find_spec("ray") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Ray here: pip install 'ray>=2.50'")
    place = tmp_path_factory.mktemp("ray")
    script = Path(__file__).with_name("ray_cluster.py")
    done = subprocess.run(
        [sys.executable, str(script), str(place)], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.xdist_group("ray")
def test_with_a_node_and_a_worker_killed_nothing_is_lost_or_counted_twice(found: Any) -> None:
    assert found["whole"] is True
    ids = [f"case-{number:02}" for number in range(14)]
    assert sorted(found["seen"]) == ids
    assert sorted(line["id"] for line in found["ray"]["lines"]) == ids
    begun = found["diaries"]["ray"]
    assert set(begun) == set(ids)
    assert len(begun) > len(ids), "the killed ones were really under way, and begun again"


@pytest.mark.xdist_group("ray")
def test_results_and_logs_are_those_of_a_serial_run(found: Any) -> None:
    plain = [
        {line["id"]: (line["outcome"], line["scores"], line["digest"]) for line in found[how]["lines"]}
        for how in ("serial", "ray")
    ]
    assert plain[0] == plain[1]
    assert found["serial"]["files"] == found["ray"]["files"]
    assert len(found["ray"]["files"]) == 14


@pytest.mark.xdist_group("ray")
def test_what_was_made_again_says_why(found: Any) -> None:
    earlier = {line["id"]: line["earlier"] for line in found["ray"]["lines"] if line["earlier"]}
    assert "case-05" in earlier
    assert {fault["cause"] for faults in earlier.values() for fault in faults} == {"sandbox"}
    assert all(fault["message"] for faults in earlier.values() for fault in faults)


def test_a_folder_travels_with_modes_and_links(tmp_path: Path) -> None:
    source = tmp_path / "case"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (source / "sub" / "run.sh").chmod(0o750)
    (source / "link").symlink_to("sub/run.sh")
    (source / "empty").mkdir()
    copy = unpacked(packed(source), tmp_path / "copy" / "case")
    assert (copy / "sub" / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (copy / "link").readlink() == Path("sub/run.sh")
    assert (copy / "empty").is_dir()


def test_what_an_attempt_left_is_written_whole(tmp_path: Path) -> None:
    (tmp_path / "run" / "sessions" / "a.1").mkdir(parents=True)
    (tmp_path / "run" / "sessions" / "a.1" / "events.jsonl").write_bytes(b"{}\n\xff")
    files = files_below(tmp_path / "run")
    unpack_files(files, tmp_path / "there")
    assert files_below(tmp_path / "there") == files == {"sessions/a.1/events.jsonl": b"{}\n\xff"}
    assert files_below(tmp_path / "none") == {}


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'agency-runtime\[ray\]'"):
        connected(None, 1)


def test_an_error_of_rays_is_told_in_one_line() -> None:
    assert said(RuntimeError("The node died.\n\tnode_id: 1\n")) == "The node died."
    assert said(RuntimeError("trace\n  File x\nValueError: no such thing\n")) == "ValueError: no such thing"
    assert said(RuntimeError()) == "RuntimeError"
