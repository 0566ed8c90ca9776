"""What `agency doctor` finds, and what it makes of it."""

import json
import time
from pathlib import Path

import pytest

from agency_runtime import cli, health
from agency_runtime.commands.doctor import line
from agency_runtime.health import Health, Item, State, examine


def item(name: str, state: State = "ok") -> Item:
    return Item(name=name, state=state)


@pytest.mark.parametrize(
    ("items", "ok"),
    [
        ([item("git"), item("bwrap")], True),
        ([item("git"), item("engine"), item("workspace image")], True),
        ([item("git"), item("engine"), item("workspace image", "missing")], False),
        ([item("git"), item("bwrap", "broken")], False),
        ([item("bwrap")], False),
    ],
)
def test_a_run_can_start_with_git_and_one_kind_of_sandbox(items: list[Item], ok: bool) -> None:
    assert Health(items=tuple(items)).ok is ok


def test_it_is_quick_and_names_everything() -> None:
    started = time.perf_counter()
    found = examine({})
    assert time.perf_counter() - started < 2
    names = [each.name for each in found.items]
    assert names[:8] == ["engine", "workspace image", "bwrap", "git", "rg", "terraform", "kubectl", "helm"]
    assert names[-2:] == ["left behind", "API key"]
    assert {"zizmor", "check-jsonschema", "shellcheck", "checkov", "actionlint", "amtool", "promtool"} <= set(names)
    assert all(each.remedy for each in found.items if each.state != "ok")


def test_the_json_is_what_other_programs_read() -> None:
    text = Health(items=(Item(name="git", state="ok", version="2.39.5"),)).json()
    expected = {"ok": False, "items": [{"name": "git", "state": "ok", "version": "2.39.5", "remedy": None}]}
    assert json.loads(text) == expected


def test_a_program_that_fails_is_broken_and_one_that_is_not_there_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "rg").write_text("#!/bin/sh\necho ripgrep 14.1.1\n", encoding="utf-8")
    for name in ("helm", "rg"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [health.program(name).state for name in ("helm", "rg", "git")] == ["broken", "ok", "missing"]
    assert health.program("rg").version == "14.1.1"


def test_a_key_is_reported_and_never_shown() -> None:
    found = health.api_key({"ANTHROPIC_API_KEY": "sk-canary"})
    assert (found.state, "canary" in repr(found)) == ("ok", False)
    assert health.api_key({"ANTHROPIC_API_KEY": ""}).state == "missing"


def test_an_engine_that_is_not_there_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = health.engine()
    assert found.state == "missing"
    assert "DOCKER_HOST" in (found.remedy or "")


def test_the_command_exits_4_when_no_run_could_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["doctor"]) == cli.SANDBOX
    assert "no run can start" in capsys.readouterr().out


def test_a_person_reads_the_version_of_what_is_there_and_the_remedy_of_what_is_not() -> None:
    assert line(Item(name="git", state="ok", version="2.39"), 5) == "ok       git    2.39"
    assert line(Item(name="helm", state="missing", remedy="get it"), 5) == "MISSING  helm   get it"


def test_a_validator_of_its_own_is_found_beside_the_others_and_its_absence_has_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(health, "tool_paths", lambda: [str(tmp_path / "kept" / "bin")])
    missing = health.own_program("amtool")
    remedy = f"its checks are not run; install Go 1.25, remove {tmp_path / 'kept'}, then agency image build --local"
    assert missing == Item(name="amtool", state="missing", remedy=remedy)
    program = tmp_path / "kept" / "bin" / "amtool"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'go version: go1.26.8'\n", encoding="utf-8")
    program.chmod(0o755)
    found = health.own_program("amtool")
    assert (found.state, found.remedy) == ("ok", None)
    assert found.version not in (None, "1.26.8"), "that is Go's version"
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert health.own_program("amtool") == Item(name="amtool", state="broken", remedy=remedy)
