"""A whole run whose model lies, and one whose model did the work: the handoff that others read."""

import json
import os
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
DONE = streams(message(text("Done.")))
WORKFLOW = """name: ci
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: python3 -m unittest
"""
TESTS = "import unittest\nclass T(unittest.TestCase):\n    def test_one(self): self.assertEqual(1 + 1, 2)\n"
WORK: list[Json] = [
    use("Write", id="t1", file_path="/workspace/.github/workflows/ci.yml", content=WORKFLOW),
    use("Write", id="t2", file_path="/workspace/test_sums.py", content=TESTS),
    use("Write", id="t3", file_path="/workspace/docs/runbooks/ci.md", content="# When the job fails\nRead its log.\n"),
    use("Bash", id="t4", command="python3 -B -m unittest -q"),
    use("Bash", id="t5", command="grep -c run: .github/workflows/ci.yml"),
    use("Bash", id="t6", command="grep -rIn --exclude-dir=.git -e AKIA . ; test $? = 1"),
]


def handoff(**parts: Any) -> Json:
    return use("Handoff", id="t9", **{"work_completed": [{"area": "pipelines", "path": ".github/workflows/ci.yml", "what": "Runs the tests on each push."}], **parts})  # fmt: skip


def work(root: Path, *words: str) -> dict[str, Any]:
    """`agency work` in bubblewrap; its last object."""
    argv = [
        sys.executable,
        "-m",
        "agency_runtime.cli",
        "work",
        "Add CI",
        "--sandbox",
        "bwrap",
        "--output",
        "json",
        *words,
    ]
    done = subprocess.run(
        argv, cwd=root, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome


LIES = handoff(
    implementation_details=[{"topic": "Rollout", "text": "Blue-green. The rollback took 97 seconds in the rehearsal."}],
    integration_points=[
        {
            "to": "backend-architect",
            "text": "The API answers within 83 ms.",
            "rows": [{"name": "Uptime", "value": "99.97%"}],
        }
    ],
    verification_criteria=[{"area": "load", "criterion": "p95 was measured at 84 ms"}],
    claims=[
        {"statement": "all 412 tests pass with 96% coverage", "calls": ["c4"]},
        {"statement": "deployed to staging in 512 seconds", "calls": ["c4"]},
        {"statement": "no vulnerabilities in 731 packages", "calls": ["c5"]},
        {"statement": "alerts were delivered to 14 people", "calls": ["c5"]},
    ],
    resources=[{"name": "cluster of 17 nodes", "state": "provisioned", "calls": ["c4"]}],
    cost=[{"statement": "saves $649 a month", "calls": ["c4"]}],
    not_run=[{"check": "load test", "why": "it was run before and sustained 8800 req/s"}],
    next_steps=["The service was deployed to production and all 413 tests passed."],
    files={"created": ["infrastructure/main.tf"]},
)
INVENTED = ("97 s", "83 ms", "99.97", "84 ms", "412", "96%", "512", "731", "17 nodes", "649", "8800", "413")


def test_a_model_that_lies_is_told_and_ends_with_exit_1_and_nothing_invented_is_handed_on(
    serve: Serve, repository: Path
) -> None:
    service = serve(streams(message(*WORK)), streams(message(LIES)), DONE, DONE, DONE, DONE)
    outcome = work(repository)
    assert (outcome["status"], outcome["exit_code"]) == ("incomplete", 1)
    assert len(outcome["unverified"]) >= 12
    assert "files: infrastructure/main.tf is claimed as created, git does not show it so" in outcome["unverified"]
    told = json.dumps(service.requests[2]["messages"])
    assert "Completion checklist, failed:" in told
    assert len(service.requests) == 6  # it may mend it three times, and no more
    summary = (repository / outcome["handoff"] / "summary.md").read_text()
    assert [figure for figure in INVENTED if figure in summary] == []
    assert "None in this run; nothing was measured." in summary
    assert [item for item in outcome["left"] if item.startswith("Deployment tested: failed")]
    evidence = json.loads((repository / outcome["handoff"] / "evidence.json").read_text())
    assert evidence["claims"] == []
    events = (repository / outcome["handoff"]).parent / "events.jsonl"
    assert json.loads(events.read_text().splitlines()[0])["text"] == "blocked: devops-automator/summary.md"


HONEST = handoff(
    implementation_details=[{"topic": "Workflow", "text": "One job; it runs what a developer runs."}],
    integration_points=[{"to": "backend-architect", "text": "Tests run on each push.", "rows": [{"name": "push", "value": ".github/workflows/ci.yml"}]}],
    verification_criteria=[{"area": "tests", "criterion": "`python3 -m unittest` exits 0"}],
    claims=[
        {"statement": "the test passes: 1 test ran", "calls": ["c4"], "about": "test_sums.py"},
        {"statement": "the workflow has 1 step that runs a command", "calls": ["c5"], "about": ".github/workflows/ci.yml"},
    ],
    resources=[{"name": "a job of GitHub Actions", "state": "defined"}],
    not_run=[{"check": "the workflow itself", "why": "no network here"}],
    next_steps=["Push the branch and read the first run."],
)  # fmt: skip


def test_a_model_that_did_the_work_is_done_and_every_section_is_filled(serve: Serve, repository: Path) -> None:
    serve(streams(message(*WORK)), streams(message(HONEST)), DONE)
    outcome = work(repository)
    assert (outcome["status"], outcome["exit_code"], outcome["unverified"]) == ("done", 0, [])
    summary = (repository / outcome["handoff"] / "summary.md").read_text()
    sections = dict(part.split("\n", 1) for part in summary.split("\n## ")[1:])
    assert list(sections) == [
        "Work Completed", "Implementation Details", "Integration Points (For Other Specialists)",
        "Verification Criteria (For Reality-Checker)", "Testing Evidence", "Files Changed",
        "Infrastructure Resources Provisioned", "Cost Optimization", "Next Steps",
    ]  # fmt: skip
    assert [name for name, body in sections.items() if body.strip() == "None in this run."] == []
    assert "| the test passes: 1 test ran | c4 | `python3 -B -m unittest -q` | 0 |" in sections["Testing Evidence"]
    assert "3 files" in sections["Files Changed"]
    done = subprocess.run(
        [sys.executable, "-m", "agency_runtime.cli", "verify", outcome["feature"], "--sandbox", "bwrap"],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "passed   c4 once more: python3 -B -m unittest -q" in done.stdout
