"""A whole run that goes round in circles: told, ended with the exit code for incomplete, and replayed as it was."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.loopback import Service, streams
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = pytest.mark.bwrap
Serve = Callable[..., Service]
CLI = [sys.executable, "-m", "agency_runtime.cli"]


def agency(*words: str, cwd: Path) -> list[Json]:
    """`agency` with these words; its lines of JSON."""
    done = subprocess.run([*CLI, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["exit_code"] == done.returncode, done.stderr
    return list(lines)


WORK = ("work", "Mend the build", "--sandbox", "bwrap", "--output", "stream-json")


def test_a_run_that_repeats_itself_ends_with_exit_1_and_replays(serve: Serve, repository: Path, tmp_path: Path) -> None:
    failing = [streams(message(use("Bash", id=f"t{n}", command="date +%T; exit 3"), id=f"m{n}")) for n in range(9)]
    service = serve(*failing)
    record = str(tmp_path / "run.jsonl")
    lines = agency(*WORK, "--record", record, "--source", "authored", "--max-repeats", "4", cwd=repository)
    outcome = lines[-1]
    assert (outcome["status"], outcome["exit_code"], outcome["turns"]) == ("incomplete", 1, 4)
    assert outcome["reason"] == "stuck: `Bash date +%T; exit 3` came to the same result in a row 4 times"
    stuck = [(line["pattern"], line["count"], line["over"]) for line in lines if line.get("type") == "stuck"]
    assert stuck == [("repeated", 2, False), ("repeated", 3, False), ("repeated", 4, True)]
    assert "You repeat yourself" in json.dumps(service.requests[2]["messages"])
    header = json.loads(Path(record).read_text().splitlines()[0])
    assert header["bounds"] == {"repeats": 4, "polls": 40, "window": 1_000_000, "full": 750_000}
    for tools in ("live", "recorded"):
        again = agency(*WORK, "--replay", record, "--tools", tools, "--max-repeats", "9", cwd=repository)[-1]
        assert (again["status"], again["reason"]) == ("incomplete", outcome["reason"]), tools


def test_waiting_for_a_background_command_is_no_circle(serve: Serve, repository: Path) -> None:
    looks = [
        streams(message(use("TaskOutput", id=f"t{n}", task_id="task-1", block=False), id=f"m{n}")) for n in range(8)
    ]
    serve(
        streams(message(use("Bash", id="b", command="sleep 300", run_in_background=True), id="m")),
        *looks,
        *[streams(message(text("I give up.")))] * 4,
    )
    lines = agency(*WORK, "--max-repeats", "3", cwd=repository)
    assert lines[-1]["turns"] == 13
    running = [line for line in lines if line.get("type") == "call.finished" and "still running" in line["text"]]
    assert len(running) == 8
    assert [line["pattern"] for line in lines if line.get("type") == "stuck"] == ["monologue"]


def test_a_recording_made_without_bounds_replays_without_them(serve: Serve, repository: Path, tmp_path: Path) -> None:
    failing = [streams(message(use("Bash", id=f"t{n}", command="exit 3"), id=f"m{n}")) for n in range(8)]
    serve(*failing, *[streams(message(text("I give up.")))] * 4)
    record = tmp_path / "run.jsonl"
    first = agency(*WORK, "--record", str(record), "--source", "authored", "--max-repeats", "unlimited", "--max-polls", "unlimited", cwd=repository)[-1]  # fmt: skip
    head, *turns = record.read_text().splitlines()
    header = json.loads(head)
    del header["bounds"]
    record.write_text("\n".join([json.dumps(header), *turns]) + "\n")
    again = agency(*WORK, "--replay", str(record), "--tools", "recorded", cwd=repository)[-1]
    assert (again["status"], again["turns"]) == (first["status"], first["turns"]) == ("incomplete", 12)


def test_a_live_result_that_differs_does_not_make_the_replay_say_something_else(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    (repository / "step.sh").write_text("echo the same\n")
    steps = [streams(message(use("Bash", id=f"t{n}", command="bash step.sh"), id=f"m{n}")) for n in range(4)]
    serve(*steps)
    record = str(tmp_path / "run.jsonl")
    given = ("--record", record, "--source", "authored", "--max-repeats", "4")
    first = agency(*WORK, *given, cwd=repository)[-1]
    (repository / "step.sh").write_text("echo x >> /tmp/count; wc -l < /tmp/count\n")
    lines = agency(*WORK, "--replay", record, cwd=repository)
    assert (
        lines[-1]["reason"] == first["reason"] == "stuck: `Bash bash step.sh` came to the same result in a row 4 times"
    )
    assert len(lines[-1]["divergences"]) == 4
