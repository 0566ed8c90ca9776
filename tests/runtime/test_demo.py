"""The demonstration: the shipped recording replays in every sandbox, with the tools run for real, and hands off."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime import demo
from agency_runtime.recording import read_recording

RECORDING = Path(demo.__file__).parent / "recording.jsonl"


def agency(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "agency_runtime.cli", *words]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def changed(folder: Path) -> set[str]:
    """Every path that git sees as changed, but for the handoff."""
    listed = subprocess.run(
        ["git", "status", "--porcelain", "-z", "-uall"], cwd=folder, capture_output=True, text=True, check=True
    )
    paths = {entry[3:] for entry in listed.stdout.split("\0") if entry}
    return {path for path in paths if not path.startswith(".agency/handoff/")}


def test_the_demo_does_the_whole_job_and_verifies(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "parcels"
    done = agency("demo", str(folder), "--sandbox", kind, "--output", "json", cwd=tmp_path)
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (outcome["status"], done.returncode, outcome["unverified"]) == ("done", 0, []), done.stdout
    assert {path for paths in outcome["files_changed"].values() for path in paths} == changed(folder)
    recorded = read_recording(RECORDING).end
    assert outcome["files_changed"] == recorded["files_changed"]
    assert outcome["digests"] == recorded["digests"]  # the same handoff, byte for byte
    assert agency("verify", outcome["feature"], "--sandbox", kind, cwd=folder).returncode == 0
    assert altered(folder, outcome) == ["stored outputs are unaltered", "the tree agrees with the evidence", WHOLE]


WHOLE = "evidence.json is there and whole"


def altered(folder: Path, outcome: dict[str, Any]) -> list[str]:
    """The first check that fails for one byte of an output, one file and one claim altered, each by itself."""
    handoff = folder / outcome["handoff"]
    claim = outcome["verified"][0].encode()
    alterations = [
        (next(iter(sorted((handoff / "evidence").glob("c*.txt")))), lambda text: bytes([text[0] ^ 1]) + text[1:]),
        (folder / outcome["files_changed"]["created"][-1], lambda text: text + b"\n"),
        (handoff / "evidence.json", lambda text: text.replace(claim, claim + b"!", 1)),
    ]
    return [first_failure(folder, outcome["feature"], path, change) for path, change in alterations]


def first_failure(folder: Path, feature: str, path: Path, change: Callable[[bytes], bytes]) -> str:
    """The first check that fails once the file is changed; it is put back."""
    content = path.read_bytes()
    path.write_bytes(change(content))
    done = agency("verify", feature, "--stored", "--json", cwd=folder)
    path.write_bytes(content)
    assert done.returncode == 1
    return str(next(check["name"] for check in json.loads(done.stdout)["checks"] if check["outcome"] == "failed"))


def test_the_recording_says_how_it_came_about_and_names_no_machine() -> None:
    recording = read_recording(RECORDING)
    assert recording.source == "relay"
    text = RECORDING.read_text(encoding="utf-8")
    for odd in (str(Path.home()), "ANTHROPIC", "127.0.0.1:87"):
        assert odd not in text or odd == "/"


@pytest.mark.bwrap
def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    done = agency("demo", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert (tmp_path / "mine").read_text() == "keep"
