"""Nothing that lies in the repository makes the host execute it: every kind of trap, every command that reads the tree."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bwrap
AGENCY = str(Path(sys.executable).with_name("agency"))


def git(folder: Path, *words: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)


def program(path: Path, line: str) -> None:
    """A shell script that runs a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """A folder of the host in which a trap leaves its name when it springs."""
    folder = tmp_path / "sprung"
    folder.mkdir(mode=0o777)
    return folder


@pytest.fixture
def trapped(repository: Path, sprung: Path) -> Path:
    """A repository in which an agent has left everything that some program of a developer's machine runs by itself."""

    def line(name: str) -> str:
        return f"touch {sprung}/{name}"

    python = "\n".join(["import pathlib", f"pathlib.Path({str(sprung)!r}, __name__).touch()"]) + "\n"
    files = {
        "Makefile": f"$(shell {line('make-parse')})\n.DEFAULT_GOAL := all\nall:\n\t{line('make')}\n",
        "GNUmakefile": f"$(shell {line('gnumake')})\n",
        "justfile": f"x := `{line('just')}`\n",
        ".envrc": line("direnv") + "\n",
        ".bashrc": line("bashrc") + "\n",
        ".mise.toml": f"[hooks]\nenter = '{line('mise')}'\n",
        ".vscode/tasks.json": json.dumps(
            {"tasks": [{"label": "x", "command": line("vscode"), "runOptions": {"runOn": "folderOpen"}}]}
        ),
        ".idea/workspace.xml": "<project/>",
        ".exrc": f"!{line('vim')}\n",
        ".pre-commit-config.yaml": f"repos: [{{repo: local, hooks: [{{id: x, name: x, entry: {line('pre')}, language: system}}]}}]\n",
        "package.json": json.dumps({"scripts": {"postinstall": line("npm"), "test": line("npm-test")}}),
        "setup.py": python,
        "conftest.py": python,
        "sitecustomize.py": python,
        "usercustomize.py": python,
        "json.py": python,
        "yaml.py": python,
        "agency_runtime/__init__.py": python,
        "agency_tools/__init__.py": python,
        ".gitattributes": "* filter=trap diff=trap merge=trap\n",
        ".gitmodules": f'[submodule "m"]\n\tpath = inner\n\turl = ext::sh -c {line("submodule-url")}\n\tupdate = !{line("submodule-update")}\n',
        ".gitconfig": f"[core]\n\tfsmonitor = {line('gitconfig')}\n",
        ".agency/hooks.yaml": f"hooks: {{PreToolUse: [{{hooks: [{{command: {line('agency-hook')}}}]}}]}}\n",
    }
    for name, content in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for name in ("git", "rg", "bwrap", "docker", "sh", "bash", "terraform", "python3", "kubectl"):
        program(repository / name, line(f"program-{name}"))
        program(repository / "bin" / name, line(f"program-bin-{name}"))
    inner = repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "x").write_text("x\n", encoding="utf-8")
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "x")
    for folder in (repository, inner):
        own = folder / ".git"
        for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
            program(own / "hooks" / hook, line(f"hook-{hook}"))
        with (own / "config").open("a", encoding="utf-8") as file:
            for section, name in (
                ("core", "fsmonitor"), ("core", "sshCommand"), ("core", "pager"), ("core", "editor"), ("core", "askPass"),
                ('filter "trap"', "clean"), ('filter "trap"', "smudge"), ('filter "trap"', "process"), ('diff "trap"', "textconv"),
                ('diff "trap"', "command"), ('merge "trap"', "driver"), ("diff", "external"), ("gpg", "program"),
                ("credential", "helper"),
            ):  # fmt: skip
                file.write(f"[{section}]\n\t{name} = {line('config-' + name)}\n")
    (inner / "x").write_text("changed\n", encoding="utf-8")
    return repository


def agency(folder: Path, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """The installed command, in the folder, as a person runs it."""
    return subprocess.run(
        [AGENCY, *words], cwd=folder, input=given, capture_output=True, text=True, timeout=120, check=False
    )


def names(sprung: Path) -> set[str]:
    return {path.name for path in sprung.iterdir()}


def test_the_traps_spring_where_a_developers_own_programs_meet_them(trapped: Path, sprung: Path) -> None:
    subprocess.run(["make"], cwd=trapped, check=False, capture_output=True)
    subprocess.run(["git", "status"], cwd=trapped, check=False, capture_output=True)
    subprocess.run([sys.executable, "-c", "import yaml"], cwd=trapped, check=False, capture_output=True)
    assert {"gnumake", "config-fsmonitor", "yaml"} <= names(sprung)


def test_calls_and_a_handoff_in_a_trapped_repository_run_nothing_on_the_host(trapped: Path, sprung: Path) -> None:
    item = {"area": "other", "path": "new", "what": "a file"}
    calls = [
        {"name": "Read", "input": {"file_path": "/workspace/README.md"}},
        {"name": "Write", "input": {"file_path": "/workspace/new", "content": "x\n"}},
        {"name": "Grep", "input": {"pattern": "touch"}},
        {"name": "Glob", "input": {"pattern": "**/*.py"}},
        {"name": "Bash", "input": {"command": "cat new; printf y >>README.md; printf y >>inner/x"}},
        {"name": "Docker", "input": {"action": "images"}},
        {"name": "Handoff", "input": {"work_completed": [item], "claims": []}},
    ]
    done = agency(
        trapped, "tool", "call", "--batch", "-", "--sandbox", "bwrap", given="\n".join(map(json.dumps, calls))
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(calls), done.stderr
    assert [answer["is_error"] for answer in answers[:5]] == [False] * 5
    assert names(sprung) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("policy", "check"),
        ("policy", "explain", "make && npm test && just && ./git status"),
        ("persona", "list"),
        ("skill", "list"),
        ("tool", "list"),
        ("session", "list"),
        ("verify", "nothing"),
        ("doctor",),
        ("plan", "Look around", "--replay", "nothing.jsonl"),
    ],
    ids=lambda words: "-".join(words[:2]).replace(" ", "")[:30],
)
def test_commands_that_read_a_trapped_repository_run_nothing(
    trapped: Path, sprung: Path, words: tuple[str, ...]
) -> None:
    done = agency(trapped, *words)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in {0, 1, 2}
    assert names(sprung) == set()


def test_a_worktree_of_a_trapped_repository_is_made_without_its_hooks_and_filters(trapped: Path, sprung: Path) -> None:
    from agency_runtime.repository import add_worktree, find_repository

    made = add_worktree(find_repository(trapped), "quiet")
    assert (made.root / "README.md").read_text() == "hello\n"
    assert names(sprung) == set()
