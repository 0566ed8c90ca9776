"""`agency tool call` answers for every tool, by the gate that a run has."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agency_runtime import cli

KEYS = {"content", "is_error", "exit_code", "seconds", "truncated", "output_path"}
pytestmark = pytest.mark.bwrap


def call(folder: Path, *calls: tuple[str, dict[str, Any]], more: tuple[str, ...] = ()) -> tuple[int, list[Any], str]:
    """Exit code, answers and what was said of a batch."""
    lines = "".join(json.dumps({"name": name, "input": given}) + "\n" for name, given in calls)
    argv = [sys.executable, "-m", "agency_runtime.cli", "tool", "call", "--batch", "-", "--sandbox", "bwrap", *more]
    done = subprocess.run(argv, cwd=folder, input=lines, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_every_listed_tool_answers_with_the_contracts_object(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tool", "list", "--json"]) == 0
    names = [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()]
    code, answers, _ = call(repository, *((name, {}) for name in names))
    assert code == 1
    assert len(answers) == len(names) >= 20
    assert all(answer.keys() == KEYS and answer["is_error"] for answer in answers)
    assert all(answer["content"].startswith(f"{name}: ") for name, answer in zip(names, answers, strict=True))


def test_what_needs_a_run_or_the_models_service_says_so(repository: Path) -> None:
    calls = (("Task", {"description": "look", "prompt": "look"}), ("WebSearch", {"query": "helm"}))
    code, (task, search), _ = call(repository, *calls)
    assert (code, task["is_error"], search["is_error"]) == (1, True, True)
    assert "Task needs a run" in task["content"]
    assert "needs the model's service" in search["content"]
    assert "--searxng URL" in search["content"]


def test_a_shipped_skill_is_loaded(repository: Path) -> None:
    code, (skill,), _ = call(repository, ("Skill", {"skill": "terraform"}))
    assert (code, skill["is_error"]) == (0, False)
    assert skill["content"].startswith('<skill_content name="terraform">')


def test_a_skill_of_the_repository_is_used_once_it_is_trusted(repository: Path) -> None:
    skill = repository / ".agency" / "skills" / "rollout"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: rollout\ndescription: How we roll out.\n---\nSlowly.\n")
    asked = ("Skill", {"skill": "rollout"})
    code, (answer,), said = call(repository, asked)
    assert (code, answer["is_error"]) == (1, True)
    assert "rollout left out" in said
    code, (answer,), _ = call(repository, asked, more=("--trust",))
    assert (code, "Slowly." in answer["content"]) == (0, True)


def test_a_handoff_is_judged_by_the_calls_of_its_batch(repository: Path) -> None:
    written = ("Write", {"file_path": "/workspace/check.sh", "content": "echo 3 passed\n"})
    checked = ("Bash", {"command": "sh check.sh"})

    def report(ref: str) -> tuple[str, dict[str, Any]]:
        claims = [{"statement": "check.sh printed 3 passed", "calls": [ref], "about": "check.sh"}]
        items = [{"area": "other", "path": "check.sh", "what": "a check"}]
        return "Handoff", {"work_completed": items, "claims": claims}

    code, (_, _, stands), _ = call(repository, written, checked, report("c2"))
    assert (code, stands["content"].split(":")[0]) == (0, "Accepted")
    (repository / "check.sh").unlink()
    code, (_, _, falls), _ = call(repository, written, checked, report("c9"))
    assert code == 1
    assert "Not verified" in falls["content"]
    assert "c9" in falls["content"]


def test_a_question_that_nobody_answered_is_written_down_and_ends_with_6(repository: Path) -> None:
    question = {"level": "user", "question": "Which region?\x1b[2J"}
    code, (answer,), said = call(repository, ("Escalate", question))
    assert (code, answer["is_error"]) == (6, False)
    assert said.strip().startswith("? Which region?")
    assert "\x1b" not in said
    code, _, said = call(repository, ("Escalate", {"level": "agent", "to": "backend", "question": "Which port?"}))
    assert (code, said) == (0, "")


def test_what_the_gate_refuses_is_refused_by_hand_too(repository: Path) -> None:
    (repository / ".agency").mkdir()
    (repository / ".agency" / "policy.yaml").write_text("deny: ['Read(README.md)']\n", encoding="utf-8")
    calls = (
        ("Bash", {"command": "terraform apply -auto-approve"}),
        ("Bash", {"command": "cat README.md"}),
        ("Read", {"file_path": "/workspace/README.md"}),
        ("Bash", {"command": "echo on"}),
    )
    code, answers, _ = call(repository, *calls)
    assert code == 6
    assert [answer["content"].startswith("Not executed: denied") for answer in answers] == [True, True, True, False]
    assert [answer["is_error"] for answer in answers] == [True, True, True, False]


def test_a_policy_that_fails_its_own_tests_starts_nothing(repository: Path) -> None:
    (repository / ".agency").mkdir()
    policy = "tests: [{command: terraform apply, verdict: allow}]\n"
    (repository / ".agency" / "policy.yaml").write_text(policy, encoding="utf-8")
    code, answers, said = call(repository, ("Bash", {"command": "touch made"}))
    assert (code, answers) == (2, [])
    assert "fails its own tests" in said
    assert not (repository / "made").exists()


@pytest.mark.parametrize("given", ["search.example.org", "ftp://x", "http://user@host", ""])
def test_an_address_that_is_none_is_named(given: str, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agency_runtime.cli", "tool", "call", "WebSearch", "{}", "--searxng", given or " "],
        cwd=repository, capture_output=True, text=True, check=False, env={**os.environ, "AGENCY_SEARXNG": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert "--searxng is" in done.stderr
