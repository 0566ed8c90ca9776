"""A run with everything in it that a report has to show, cases made for a test, and an empty state folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agency_evals.materials import Material, Materials
from agency_evals.results import CaseResult, Cause, Evidence, Fault, Run, Score
from agency_evals.transcript import Done, Step, Transcript

HOSTILE = "</script></pre><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> ]]> & \x1b[31m"

TASK = """\
schema_version = "1.1"
[metadata]
difficulty = "easy"
tags = ["sample"]
[agency]
feature = "sample"
"""
REWARD = "#!/bin/bash\nif [ -f /workspace/answer.txt ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n"

MakeCase = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs and sessions are kept in an empty place."""
    home = tmp_path_factory.mktemp("home")
    for name, folder in (("HOME", home), ("XDG_STATE_HOME", home / "state"), ("XDG_CONFIG_HOME", home / "config")):
        monkeypatch.setenv(name, str(folder))
    return home


@pytest.fixture
def result() -> Callable[..., CaseResult]:
    """Makes a result, most of it as usual."""

    def make(name: str = "a", outcome: str = "passed", **more: object) -> CaseResult:
        scores = {
            "passed": Score(scorer="tests", value=True, outcome="passed"),
            "failed": Score(
                scorer="tests",
                value=False,
                outcome="failed",
                evidence=Evidence(command="pytest -q", exit_code=1, excerpt="===\nE       assert 'root' == 'app'"),
            ),
            "unscored": Score(scorer="tests", outcome="unscored", evidence=Evidence(excerpt="terraform is not there")),
        }
        usual = {
            "id": name,
            "digest": "d",
            "outcome": outcome,
            "scores": [scores[outcome], Score(scorer="usage", value=4.0)] if outcome in scores else [],
            "turns": 4,
            "cost_usd": 0.25,
            "seconds": 2.0,
            "usage": {
                "input_tokens": 100,
                "output_tokens": 20,
                "cache_read_input_tokens": 50,
                "cache_creation_input_tokens": 30,
            },
            "tags": ["docker"],
            "started": "2026-11-25T01:00:00.000Z",
            "fault": Fault(cause=Cause.SANDBOX, message="the container ended") if outcome == "error" else None,
        }
        return CaseResult(**{**usual, **more})  # type: ignore[arg-type]

    return make


@pytest.fixture
def run(result: Callable[..., CaseResult]) -> Run:
    """One result of each kind, a repeat, a recording of a failure, and hostile text wherever text can be."""
    hostile = Score(
        scorer="tests", value=False, outcome="failed", evidence=Evidence(command=HOSTILE, exit_code=2, excerpt=HOSTILE)
    )
    return Run(
        id="20261125-010000-abcd",
        lock={"version": "0.1.0", "commit": "0123abc", "tools": {"terraform": "1.14"}},
        cases=[
            result("alpha"),
            result("alpha", epoch=2, outcome="failed"),
            result("bravo", "failed", tags=["terraform", "safety"], scores=[hostile], files={"created": [HOSTILE]}),
            result("bravo@failure", "failed", expected="failed"),
            result("charlie", "unscored", diverged_at_step=3, divergences=[f"turn 3: {HOSTILE}"], drifted=["system"]),
            result("delta", "error"),
            result("echo@failure", "passed", expected="failed"),
        ],
    )


@pytest.fixture
def materials() -> Materials:
    """The same transcript for each attempt, a call of each kind in it."""
    calls = [
        Done(id="1", ref="c1", tool="Bash", input={"command": "false"}, failed=True, exit_code=1, text=HOSTILE),
        Done(id="2", ref="c2", tool="Edit", input={"file_path": "a", "old_string": "old", "new_string": "new"}),
        Done(id="3", ref="c3", tool="Write", input={"file_path": HOSTILE, "content": HOSTILE}, text="ok"),
        Done(id="4", ref="c4", tool="Terraform", input={"action": "destroy"}, verdict="deny", rule="r", denied=True),
        Done(id="5", ref="c5", tool="Read", input={"file_path": "b"}, finished=False),
    ]
    steps = [
        Step(kind="told", turn=1, text="do it"),
        Step(kind="said", turn=1, text=HOSTILE),
        *(Step(kind="called", turn=1, call=call) for call in calls[:2]),
        Step(kind="noticed", turn=0, text="a notice"),
        *(Step(kind="called", turn=2, call=call) for call in calls[2:]),
        Step(kind="said", turn=3, text="done"),
    ]
    replies = {turn: {"content": [], "usage": {"input_tokens": 10, "output_tokens": 5}} for turn in (1, 2, 3)}
    transcript = Transcript(issue=HOSTILE, model="m1", persona="p", steps=steps, replies=replies, status="done")
    return lambda _: Material(transcript=transcript, diff="--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n")


@pytest.fixture
def make_case(tmp_path: Path) -> MakeCase:
    """Makes a case: by default `solve.sh` writes answer.txt, and the test looks for it. A file that is None is left out."""

    def make(name: str = "sample", files: Mapping[str, str | None] | None = None) -> Path:
        folder = tmp_path / "evals" / "cases" / name
        whole: dict[str, str | None] = {
            "task.toml": TASK,
            "instruction.md": "Write answer.txt.\n",
            "environment/workspace/README.md": "hello\n",
            "tests/test.sh": REWARD,
            "solution/solve.sh": "echo 42 > answer.txt\n",
            **(files or {}),
        }
        for path, text in whole.items():
            if text is not None:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
        return folder

    return make


def lines_of(path: Path) -> Sequence[Any]:
    """The values of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
