"""Cases: what is read, what is refused, and what lint finds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evals.conftest import TASK, MakeCase

from agency_evals.case import find_cases, read_case
from agency_evals.fixture import laid_out
from agency_evals.lint import lint, schema
from agency_evals.tree import read_tree
from agency_tools.errors import UsageError

ROOT = Path(__file__).parents[2]


def rules(folder: Path) -> set[str]:
    return {finding.rule for finding in lint(folder)}


@pytest.mark.parametrize("name", ["task", "scorers"])
def test_the_published_schema_is_the_one_that_is_used(name: Any) -> None:
    assert json.loads((ROOT / "docs" / "schemas" / f"eval-{name}.json").read_text()) == schema(name)


def test_a_sound_case_has_nothing_but_the_want_of_recordings(make_case: MakeCase) -> None:
    assert rules(make_case()) == {"one-sided"}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("task.toml", TASK + 'flavour = "x"\n', "agency.flavour: unknown key"),
        ("task.toml", "[agency]\n[verifier]\ntimeout = 3\n", "verifier.timeout: unknown key"),
        ("task.toml", "[agency]\ncommand = 'do'\n", "agency.command"),
        ("task.toml", "[agency\n", "cannot be read as TOML"),
        ("scorers.yaml", "scorers: [{kind: files, wrong: 1}]\n", "wrong: unknown key"),
        ("scorers.yaml", "scorers: [{kind: nothing}]\n", "nothing"),
        ("scorers.yaml", "scorers: [{kind: files}, {kind: files}]\n", "two scorers are named files"),
        ("scorers.yaml", "scorers: [\n", "cannot be read as YAML"),
        ("instruction.md", "\n", "empty"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key_that_is_wrong(
    make_case: MakeCase, file: str, text: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        read_case(make_case(files={file: text}))
    assert said in str(refused.value)
    assert file in str(refused.value)
    assert "\n" not in str(refused.value)


def test_unknown_keys_of_a_public_task_are_noted_and_not_refused(make_case: MakeCase) -> None:
    folder = make_case(files={"task.toml": '[environment]\nfuture_key = 1\nmemory = "2G"\n[stages]\na = 1\n'})
    case = read_case(folder)
    assert [note.split(":")[1].split()[0] for note in case.notes] == ["environment.future_key", "stages"]
    assert case.task.environment.memory_bytes == 2 << 30
    assert "unknown-key" in rules(folder)


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"solution/solve.sh": None}, "no-solution"),
        ({"tests/test.sh": None}, "no-tests"),
        ({"tests/test.sh": "apt-get install -y jq\n"}, "installs-in-verifier"),
        ({"tests/test.sh": "curl -s https://example.com\n"}, "network-in-verifier"),
        ({"tests/test_outputs.py": "assert time.monotonic() - began < 3\n"}, "wall-clock"),
        ({"scorers.yaml": "scorers: [{kind: documents, files: [a], that: [{cel: 'docs. +', says: x}]}]\n"}, "cel"),
        ({"scorers.yaml": "scorers: [{kind: documents, files: [a], policies: [no.rego]}]\n"}, "no-policy"),
        ({"task.toml": TASK + '[agency.recordings]\ngood = "passed"\n'}, "no-recording"),
        ({"task.toml": TASK.replace("[agency]", '[agency]\ncommand = "implement"')}, "no-plan"),
    ],
)
def test_lint_finds(make_case: MakeCase, files: dict[str, str | None], rule: str) -> None:
    assert rule in rules(make_case(files=files))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("FROM python:3.12\n", "unpinned-image"),
        ("FROM scratch\nCOPY tests /tests\n", "tests-in-image"),
        ("FROM scratch\nUSER root\n", "root-agent"),
    ],
)
def test_lint_finds_in_a_public_tasks_dockerfile(make_case: MakeCase, text: str, rule: str) -> None:
    files: dict[str, str | None] = {
        "environment/workspace/README.md": None, "environment/Dockerfile": text, "task.toml": "[metadata]\n",
    }  # fmt: skip
    assert rule in rules(make_case(files=files))


def test_the_digest_moves_with_every_file_but_recordings_and_caches(make_case: MakeCase) -> None:
    folder = make_case()
    first = read_case(folder).digest
    (folder / "recordings").mkdir()
    (folder / "recordings" / "good.jsonl").write_text("{}\n")
    (folder / "tests" / "__pycache__").mkdir()
    (folder / "tests" / "__pycache__" / "x.pyc").write_text("x")
    assert read_case(folder).digest == first
    (folder / "solution" / "solve.sh").chmod(0o755)
    second = read_case(folder).digest
    assert second != first
    (folder / "tests" / "test.sh").write_text("echo 0\n")
    assert read_case(folder).digest not in (first, second)


def test_the_workspace_has_modes_links_empty_folders_and_the_git_state_asked_for(make_case: MakeCase) -> None:
    task = TASK + (
        '[agency.workspace]\nuntracked = ["notes/*"]\nstaged = ["staged.txt"]\n'
        'modes = {"run.sh" = "0700", "secret" = "0400"}\n'
    )
    texts = ("run.sh", "secret", "notes/idea", "staged.txt", "empty/dot_keep", "dot_gitignore")
    folder = make_case(files={"task.toml": task, **{f"environment/workspace/{name}": "x\n" for name in texts}})
    (folder / "environment/workspace/link").symlink_to("run.sh")
    with laid_out(read_case(folder)) as fixture:
        root = fixture.root
        assert ((root / "run.sh").stat().st_mode & 0o777, (root / "secret").stat().st_mode & 0o777) == (0o700, 0o400)
        assert (root / "link").is_symlink()
        assert (root / "link").readlink() == Path("run.sh")
        assert list((root / "empty").iterdir()) == []
        assert (root / ".gitignore").is_file()
        assert git(root, "status", "--porcelain") == "A  staged.txt\n?? notes/\n"
        head = git(root, "rev-parse", "HEAD")
    with laid_out(read_case(folder)) as again:
        assert git(again.root, "rev-parse", "HEAD") == head
    assert not again.root.exists()


def test_a_case_may_bring_a_repository_of_its_own(make_case: MakeCase, repository: Path) -> None:
    folder = make_case()
    head = git(repository, "rev-parse", "HEAD")
    (repository / ".git").rename(folder / "environment" / "workspace" / "dot_git")
    with laid_out(read_case(folder)) as fixture:
        assert git(fixture.root, "rev-parse", "HEAD") == head
        assert not fixture.own_git
        assert ".git" not in {path.split("/")[0] for path in read_tree(fixture.root)}


def test_cases_are_selected_by_id_glob_folder_and_tag(
    make_case: MakeCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_case("one")
    make_case("two", {"task.toml": TASK.replace('["sample"]', '["sample", "slow"]')})
    monkeypatch.chdir(tmp_path)
    assert [case.id for case in find_cases([])] == ["one", "two"]
    assert [case.id for case in find_cases(["t*"])] == ["two"]
    assert [case.id for case in find_cases([str(tmp_path / "evals" / "cases" / "one")])] == ["one"]
    assert [case.id for case in find_cases([], tags=["slow", "easy"])] == ["two"]
    with pytest.raises(UsageError, match="no case 'three'"):
        find_cases(["three"])
    with pytest.raises(UsageError, match="no case has the tags fast; there are: easy, sample, slow"):
        find_cases([], tags=["fast"])


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout
