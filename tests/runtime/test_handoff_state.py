"""What specialists share: nobody's entry is lost, whoever wrote the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.handoff.state import Event, State, finish, finished, sha256_of, tell, waiting_for

ME = "devops-automator"


def state(folder: Path) -> Any:
    return json.loads((folder / "execution-state.json").read_text())


def done(folder: Path, state: State = "completed") -> None:
    finish(folder, feature="login", persona=ME, state=state, digests={"summary.md": "aa"})


def test_a_new_state_names_what_was_handed_off(tmp_path: Path) -> None:
    done(tmp_path)
    entry = {
        "status": "completed",
        "summary": f"{ME}/summary.md",
        "files": f"{ME}/files-changed.json",
        "sha256": {"summary.md": "aa"},
    }
    assert state(tmp_path) == {"feature": "login", "specialists": {ME: entry}}
    assert sha256_of(tmp_path, ME) == {"summary.md": "aa"}
    assert finished(tmp_path) == {ME: True}


def test_other_entries_and_fields_stay(tmp_path: Path) -> None:
    known = {
        "plan_file": "p.md",
        "feature": "theirs",
        "specialists": {"backend-architect": {"status": "completed", "x": [1]}},
    }
    (tmp_path / "execution-state.json").write_text(json.dumps(known))
    done(tmp_path, "incomplete")
    found = state(tmp_path)
    assert (found["plan_file"], found["feature"]) == ("p.md", "theirs")
    assert found["specialists"]["backend-architect"] == {"status": "completed", "x": [1]}
    assert finished(tmp_path) == {"backend-architect": True, ME: False}


def test_a_list_of_specialists_stays_a_list(tmp_path: Path) -> None:
    backend = {"name": "backend-architect", "status": "completed"}
    mine = {"name": ME, "status": "pending", "waiting_for": ["backend-architect"], "started_at": None}
    (tmp_path / "execution-state.json").write_text(
        json.dumps({"specialists": [backend, mine], "current_phase": "execution"})
    )
    done(tmp_path)
    found = state(tmp_path)
    assert found["specialists"][0] == backend
    assert found["specialists"][1]["status"] == "completed"
    assert found["specialists"][1]["waiting_for"] == ["backend-architect"]
    assert found["current_phase"] == "execution"
    assert sha256_of(tmp_path, ME) == {"summary.md": "aa"}


def test_a_list_that_does_not_name_us_is_extended(tmp_path: Path) -> None:
    (tmp_path / "execution-state.json").write_text(json.dumps({"specialists": ["backend-architect"]}))
    done(tmp_path)
    assert state(tmp_path)["specialists"][0] == "backend-architect"
    assert finished(tmp_path)[ME]


@pytest.mark.parametrize("broken", ["{", "[]", '"x"', '{"specialists": 5}', "\udcff"])
def test_a_file_that_cannot_be_understood_is_kept_beside(tmp_path: Path, broken: str) -> None:
    (tmp_path / "execution-state.json").write_text(broken, errors="surrogateescape")
    done(tmp_path)
    assert (tmp_path / "execution-state.json.unreadable").read_text(errors="surrogateescape") == broken
    assert finished(tmp_path) == {ME: True}


def test_messages_are_appended_as_whole_lines(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"from": "backend-architect"}')
    tell(tmp_path, ME, [Event(to="orchestrator", kind="handoff", text="completed")])
    tell(tmp_path, ME, [Event(to="user", kind="question", text="Which region? ghp_" + "a" * 36, options=("eu", "us"))])
    assert [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [
        {"from": "backend-architect"},
        {"from": ME, "to": "orchestrator", "type": "handoff", "text": "completed", "options": []},
        {"from": ME, "to": "user", "type": "question", "text": "Which region? [redacted]", "options": ["eu", "us"]},
    ]


def test_whoever_has_neither_finished_nor_left_a_summary_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "execution-state.json").write_text(
        json.dumps({"specialists": {"backend-architect": {"status": "done"}}})
    )
    (tmp_path / "ai-engineer").mkdir()
    (tmp_path / "ai-engineer" / "summary.md").write_text("x")
    everyone = ("backend-architect", "ai-engineer", "frontend-developer")
    assert waiting_for(tmp_path, everyone) == ("frontend-developer (no summary.md yet)",)


def test_a_state_that_says_unfinished_prevails_over_a_summary(tmp_path: Path) -> None:
    state = {"specialists": [{"name": "ai-engineer", "status": "in_progress"}]}
    (tmp_path / "execution-state.json").write_text(json.dumps(state))
    (tmp_path / "ai-engineer").mkdir()
    (tmp_path / "ai-engineer" / "summary.md").write_text("a draft")
    assert waiting_for(tmp_path, ("ai-engineer",)) == ("ai-engineer (execution-state.json says in_progress)",)
