"""`agency persona` and `agency skill`: one line a file, every file accounted for, exit codes that CI can use."""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.commands import persona, skill
from agency_tools.errors import UsageError

FIXTURES = Path(__file__).parents[1] / "fixtures"


def agency(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    persona.add(subparsers)
    skill.add(subparsers)
    args = parser.parse_args([str(word) for word in words])
    return int(args.run(args))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a current folder without anything in them."""
    for name in ("home", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_broken_file_never_stops_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert agency("persona", "check", FIXTURES / "personas", "--json") == 2
    found = objects(capsys)
    files = sum(1 for path in (FIXTURES / "personas").rglob("*") if path.is_file())
    assert len(found) == files
    assert sorted(Path(each["path"]).parent.name for each in found if not each["ok"]) == [
        "never-closed",
        "no-front-matter",
        "tools-all-unknown",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("persona", "check", "personas/sound"), 0),
        (("persona", "check", "personas/sound", "--strict"), 0),
        (("persona", "check", "personas/unquoted-colon"), 0),
        (("persona", "check", "personas/unquoted-colon", "--strict"), 2),
        (("persona", "check", "personas/users-own/devops-automator.md", "--strict"), 0),
        (("persona", "check", "personas/users-own/devops-automator.mojibake.md"), 0),
        (("persona", "check", "personas/users-own/devops-automator.mojibake.md", "--strict"), 2),
        (("persona", "check", "personas/tools-all-unknown"), 2),
        (("persona", "check", "personas/no-front-matter/release-keeper.md"), 2),
        (("persona", "check", "personas/gone.md"), 2),
        (("persona", "check", "personas/sound", "personas/never-closed"), 2),
        (("skill", "check", "skills/sound"), 0),
        (("skill", "check", "skills/sound/log-rotation/SKILL.md", "--strict"), 0),
        (("skill", "check", "skills/name-mismatch"), 0),
        (("skill", "check", "skills/name-mismatch", "--strict"), 2),
        (("skill", "check", "skills"), 2),
        (("skill", "check", "personas"), 2),
    ],
)
def test_the_exit_code_says_whether_all_loaded(
    words: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FIXTURES)
    assert agency(*words) == code


def test_without_a_path_everything_found_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert agency("persona", "check", "--strict", "--json") == 0
    assert [each["name"] for each in objects(capsys)] == ["devops-automator"]
    assert agency("skill", "check", "--strict", "--json") == 0
    assert "testing-strategy" in [each["name"] for each in objects(capsys)]


def test_a_bare_name_is_checked_where_it_lies(capsys: pytest.CaptureFixture[str]) -> None:
    assert agency("persona", "check", "devops-automator", "--json") == 0
    assert agency("skill", "check", "terraform", "--json") == 0
    assert [each["name"] for each in objects(capsys)] == ["devops-automator", "terraform"]


def test_people_read_one_line_a_file_and_the_counts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FIXTURES / "personas")
    assert agency("persona", "check", "sound", "unquoted-colon", "never-closed", "no-front-matter") == 2
    assert capsys.readouterr().out.splitlines() == [
        "ok       sound/release-keeper.md: release-keeper, 3 of 3 tools, about 15 tokens",
        "warning  unquoted-colon/release-keeper.md: description: value quoted; tools: MultiEdit: taken as Edit, the nearest tool here",
        "FAILED   never-closed/release-keeper.md: the front matter opened on line 1 is never closed by a line ---",
        "skipped  no-front-matter/release-keeper.md: no front matter",
        "FAILED   no-front-matter: no persona in this folder",
        "2 loaded, 1 of them with warnings; 2 failed; 1 skipped",
    ]


def test_every_file_of_a_collection_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = (FIXTURES / "personas" / "sound" / "release-keeper.md").read_text()
    files = {
        "agents/keeper.md": sound,
        "agents/headless.md": "Keeps releases small.\n",
        "README.md": "# Ours\n\nYou are welcome.\n",
        "docs/guide.md": "# Guide\n",
        "docs/rule.md": "---\n\nA rule, no head.\n",
        "docs/page.md": "---\ntitle: A page\n---\nText.\n",
        "commands/ship.md": "---\ndescription: Ship it\nargument-hint: [a] | [b]\n---\nShip $1.\n",
        "prompts/x.prompt.md": "---\ndescription: d\n---\nText.\n",
        "skills/rollout/SKILL.md": "---\nname: rollout\ndescription: d\n---\nBody.\n",
        "skills/rollout/references/agents/not-one.md": "You are not read.\n",
        "node_modules/agents/other.md": sound,
        "notes.txt": "no Markdown",
    }
    for name, text in files.items():
        (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / name).write_text(text)
    (tmp_path / "c" / "out.md").symlink_to("/etc/hostname")
    (tmp_path / "c" / "loop").symlink_to(tmp_path / "c")
    assert agency("persona", "check", tmp_path / "c", "--json") == 2
    shown = {each["path"].removeprefix(f"{tmp_path}/c/"): each.get("skipped") or each["ok"] for each in objects(capsys)}
    assert shown == {
        "README.md": "about the repository",
        "agents/headless.md": False,
        "agents/keeper.md": True,
        "commands/ship.md": "a command, without a name",
        "docs/guide.md": "no front matter",
        "loop": "a link to a folder, not entered",
        "docs/page.md": "front matter without name or description",
        "docs/rule.md": "a rule at its top, no front matter",
        "out.md": "a link out of the folder",
        "prompts/x.prompt.md": "instructions or a prompt of another tool",
        "skills/rollout/SKILL.md": "a skill; `agency skill check` reads it",
    }


def test_a_file_name_of_any_bytes_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sound = (FIXTURES / "personas" / "sound" / "release-keeper.md").read_bytes()
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_bytes(sound)
    assert agency("persona", "check", tmp_path) == 0
    assert agency("persona", "check", tmp_path, "--json") == 0
    assert capfd.readouterr().out.count("caf\\udce9.md") == 2


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert agency("persona", "check", tmp_path, "--json") == 2
    assert objects(capsys)[0]["errors"] == ["not a regular file"]


def test_a_missing_repository_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--repo /nowhere: no such folder$"):
        agency("persona", "list", "--repo", "/nowhere")


def test_a_skill_file_in_the_wrong_case_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "skills" / "rollout").mkdir(parents=True)
    (tmp_path / "skills" / "rollout" / "skill.md").write_text("Body.\n")
    assert agency("skill", "check", tmp_path / "skills", "--json") == 2
    assert [each.get("skipped") for each in objects(capsys)] == ["must be called SKILL.md to be found", None]


def test_two_thousand_files_take_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = (FIXTURES / "personas" / "users-own" / "devops-automator.md").read_text()[:7000]
    for number in range(2000):
        (tmp_path / f"p{number}.md").write_text(sound)
    begun = time.perf_counter()
    assert agency("persona", "check", tmp_path, "--json") == 0
    assert time.perf_counter() - begun < 10
    assert len(objects(capsys)) == 2000


def test_list_says_where_each_comes_from_and_what_it_hides(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = tmp_path / "here" / ".claude" / "agents"
    shelf.mkdir(parents=True)
    (shelf / "devops-automator.md").write_text("---\nname: devops-automator\ndescription: Ours\n---\nText.\n")
    (shelf / "broken.md").write_text("---\nname: broken\n")
    assert agency("persona", "list", "--json") == 0
    found = {each["name"]: each for each in objects(capsys)}
    assert found["devops-automator"]["state"] == "not trusted"
    assert (found["devops-automator"]["origin"], len(found["devops-automator"]["shadows"])) == ("repository", 1)
    assert found["broken"]["state"] == "broken"
    assert agency("persona", "list") == 0
    assert "hides " in capsys.readouterr().out


def test_listings_fit_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert agency("skill", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(len(line) <= 50 for line in lines)


def test_show_tells_everything_and_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert agency("persona", "show", FIXTURES / "personas" / "unquoted-colon" / "release-keeper.md") == 0
    shown = capsys.readouterr().out
    for line in (
        "tools: Write, Read, Bash, Grep",
        "  MultiEdit -> Edit",
        "added: Handoff, since every run ends with one",
        "ignored: color, the terminal does not color personas",
        "warning: description: value quoted",
        "You keep releases small and reversible.",
    ):
        assert line in shown.splitlines()


def test_show_as_json_holds_the_body(capsys: pytest.CaptureFixture[str]) -> None:
    assert agency("persona", "show", "devops-automator", "--json") == 0
    assert agency("skill", "show", "terraform", "--json") == 0
    shown = objects(capsys)
    assert [(each["name"], bool(each["body"])) for each in shown] == [("devops-automator", True), ("terraform", True)]


@pytest.mark.parametrize("kind", ["persona", "skill"])
def test_an_unknown_name_is_one_line_with_a_remedy(kind: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^no {kind} 'zzz': there are .*`agency {kind} list` shows them, or give a path$"
    ):
        agency(kind, "show", "zzz")
