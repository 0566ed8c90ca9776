"""Several specialists share a feature: turns are kept, what is whose is reported, questions reach whoever may answer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.changes import FilesChanged
from agency_runtime.escalate_tool import EscalateInput, EscalateTool
from agency_runtime.handoff.ownership import outside
from agency_runtime.loopback import Service, streams
from agency_runtime.plans import plan_of
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json
from agency_tools.errors import ToolError

Serve = Callable[..., Service]
DONE = streams(message(text("Done.")))
PLAN = """# devops-automator Plan: login

**Execution Order**: Sequential: backend-architect → devops-automator → frontend-developer

## Your Responsibilities
- Build the pipeline in `.github/workflows/*`
- Write `Dockerfile`

## Others need from you
- frontend-developer: preview environments
"""
CHECK = use("Bash", id="t1", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")


def handoff(**more: Any) -> Json:
    claim = {"statement": "the Dockerfile has a FROM line", "calls": ["c1"], "about": "Dockerfile"}
    return use("Handoff", id="t9", **{"work_completed": [{"area": "infrastructure", "path": "Dockerfile", "what": "x"}], "claims": [claim], **more})  # fmt: skip


@pytest.fixture
def feature(repository: Path) -> Path:
    """The folder that the specialists share."""
    folder = repository / ".agency" / "handoff" / "login"
    (folder / "devops-automator").mkdir(parents=True)
    (folder / "devops-automator" / "plan.md").write_text(PLAN)
    return folder


def finish(feature: Path, name: str, **lists: list[str]) -> None:
    (feature / name).mkdir()
    (feature / name / "summary.md").write_text("# Done\n")
    value = {"created": [], "modified": [], "deleted": [], **lists}
    (feature / name / "files-changed.json").write_text(json.dumps(value))


def work(root: Path) -> "subprocess.CompletedProcess[str]":
    words = ["work", "Containerise it", "--feature", "login", "--sandbox", "bwrap", "--output", "json"]
    argv = [sys.executable, "-m", "agency_runtime.cli", *words]
    return subprocess.run(
        argv, cwd=root, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False
    )


def outcome(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def events(feature: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (feature / "events.jsonl").read_text().splitlines()]


def test_whoever_comes_first_is_waited_for_before_anything_starts(
    serve: Serve, repository: Path, feature: Path
) -> None:
    service = serve()
    done = work(repository)
    assert (done.returncode, done.stdout) == (1, "")
    assert "blocked: login is waiting for backend-architect (no summary.md yet); start again once" in done.stderr
    finish(feature, "backend-architect")
    (feature / "execution-state.json").write_text(json.dumps({"specialists": {"backend-architect": "in_progress"}}))
    done = work(repository)
    assert done.returncode == 1
    assert "waiting for backend-architect (execution-state.json says in_progress)" in done.stderr
    assert service.requests == []
    assert not (feature / "devops-automator" / "summary.md").exists()


@pytest.mark.bwrap
def test_once_they_have_finished_it_works_and_tells_everybody(serve: Serve, repository: Path, feature: Path) -> None:
    finish(feature, "backend-architect", modified=["README.md"])
    also = use("Bash", id="t2", command="echo more >> README.md; mkdir src; echo x > src/app.py")
    points = [{"to": "ai-engineer", "text": "Nothing for now."}]
    service = serve(streams(message(CHECK, also)), streams(message(handoff(integration_points=points))), DONE)
    done = outcome(work(repository))
    assert (done["status"], done["exit_code"]) == ("done", 0), done
    told = json.dumps(service.requests[0]["messages"])
    assert "Read first what the others have handed off: .agency/handoff/login/backend-architect/summary.md." in told
    theirs = "responsibilities: README.md was handed off by backend-architect, and this run changed it"
    nobodys = "responsibilities: src/app.py is outside of what the plan names, and this run changed it"
    assert done["outside"] == [theirs, nobodys]
    assert theirs in (feature / "devops-automator" / "summary.md").read_text()
    assert [(event["to"], event["type"], event["text"]) for event in events(feature)] == [
        ("orchestrator", "handoff", "completed: devops-automator/summary.md"),
        ("frontend-developer", "handoff", "completed: see Integration Points in devops-automator/summary.md"),
        ("ai-engineer", "handoff", "completed: see Integration Points in devops-automator/summary.md"),
        ("backend-architect", "outside", theirs),
        ("orchestrator", "outside", nobodys),
    ]


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("given", "code", "to", "state"),
    [
        ({"level": "user", "question": "Which cloud?", "options": ["aws", "gcp"]}, 6, "user", "completed"),
        ({"level": "orchestrator", "question": "Two clusters?"}, 0, "orchestrator", "completed"),
        ({"level": "orchestrator", "question": "Two clusters?", "blocking": True}, 6, "orchestrator", "blocked"),
        ({"level": "agent", "to": "backend-architect", "question": "Which port?"}, 0, "backend-architect", "completed"),
    ],
)
def test_a_question_is_written_down_for_whoever_may_answer(
    serve: Serve, repository: Path, feature: Path, given: dict[str, Any], code: int, to: str, state: str
) -> None:
    finish(feature, "backend-architect")
    ask = use("Escalate", id="t2", **given)
    serve(streams(message(CHECK, ask)), streams(message(handoff())), DONE)
    done = work(repository)
    assert done.returncode == code
    (question,) = [event for event in events(feature) if event["type"] == "question"]
    assert (question["to"], question["text"], question["options"]) == (to, given["question"], given.get("options", []))
    assert f"- {given['question']}" in (feature / "devops-automator" / "summary.md").read_text()
    assert outcome(done)["questions"] == ([given["question"]] if code else [])
    entry = json.loads((feature / "execution-state.json").read_text())["specialists"]["devops-automator"]
    assert entry["status"] == state


async def test_a_question_to_an_agent_names_it_and_a_person_answers_at_once() -> None:
    async def answer(question: str) -> str:
        return "aws" if "gcp" in question else ""

    tool = EscalateTool(answer)
    with pytest.raises(ToolError, match="name the specialist in `to`"):
        await tool.run(EscalateInput(level="agent", question="Which port?"))
    told = await tool.run(EscalateInput(level="user", question="Which cloud?", options=["aws", "gcp"]))
    assert told.text == "The user answers: aws"
    assert tool.open == []


def test_only_what_the_plan_names_is_own(repository: Path, feature: Path) -> None:
    finish(feature, "backend-architect", created=["k8s/app.yaml", "Dockerfile"])
    plan = plan_of(repository, "login")
    assert plan is not None
    files = FilesChanged(
        created=(".github/workflows/ci.yml", "docs/ci.md", "src/x.py"),
        modified=("Dockerfile",),
        deleted=("k8s/app.yaml",),
    )
    assert [(each.path, each.owner) for each in outside(files, plan)] == [
        ("Dockerfile", "backend-architect"), ("k8s/app.yaml", "backend-architect"), ("src/x.py", ""),
    ]  # fmt: skip
