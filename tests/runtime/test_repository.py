"""The host's git: finds the work tree, and runs nothing that a repository brings along."""

import os
import subprocess
from pathlib import Path

import pytest

from agency_runtime.changes import changes, snapshot
from agency_runtime.host_git import Git, argv
from agency_runtime.lines import line_counts
from agency_runtime.repository import Repository, Standing, add_worktree, find_repository
from agency_tools.errors import UsageError


def git(folder: Path, *words: str) -> str:
    """The tests' own git, as a user would run it."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def planted(root: Path, name: str) -> tuple[Path, Path]:
    """A program that leaves a mark when it runs, and the mark."""
    mark = root.parent / f"{name}.ran"
    program = root.parent / name
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\ncat\n")
    program.chmod(0o755)
    return program, mark


def exercise(root: Path) -> None:
    """Everything the runtime does with a repository."""
    repository = find_repository(root)
    before = snapshot(repository)
    (root / "a.txt").write_text("two\n")
    os.utime(root / "a.txt")
    after = snapshot(repository)
    line_counts(repository, before, after, changes(before, after))
    assert repository.standing.dirty == 1 + (root / ".gitattributes").exists()
    assert repository.branch == "main"
    add_worktree(repository, "x")


def test_a_folder_below_finds_the_top(root: Path) -> None:
    (root / "sub").mkdir()
    assert find_repository(root / "sub") == Repository(root)


def test_a_link_to_the_repository_finds_it(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert find_repository(tmp_path / "link") == Repository(root)


def test_outside_of_a_repository_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository; run `git init`"):
        find_repository(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: no such folder"):
        find_repository(tmp_path / "none")


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "b.git")
    with pytest.raises(UsageError, match="bare repository has no files"):
        find_repository(tmp_path / "b.git")


def test_the_git_folder_itself_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match=r"inside a \.git folder"):
        find_repository(root / ".git")


def test_a_work_tree_that_the_configuration_puts_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    git(root, "config", "core.worktree", str(tmp_path))
    with pytest.raises(UsageError, match=r"unset core\.worktree"):
        find_repository(root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_refused(root: Path) -> None:
    root.chmod(0)
    try:
        with pytest.raises(UsageError, match="cannot be read"):
            find_repository(root)
    finally:
        root.chmod(0o755)


def test_an_empty_repository_works(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    repository = find_repository(tmp_path)
    assert (repository.empty, repository.branch, len(snapshot(repository))) == (True, "trunk", 0)
    assert repository.standing == Standing(branch="trunk")


def test_where_a_repository_stands_is_told_from_one_look(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD").strip()
    (root / "a.txt").write_text("two\n")
    (root / "new line\n# branch.head x").write_text("")
    (root / "sub").mkdir()
    (root / "sub/b.txt").write_text("")
    assert find_repository(root).standing == Standing(branch="main", head=head, dirty=3)
    git(root, "checkout", "-q", "--detach")
    assert find_repository(root).standing == Standing(head=head, dirty=3)


def test_hooks_do_not_run(root: Path) -> None:
    program, mark = planted(root, "hook")
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (root / ".git" / "hooks" / name).write_bytes(program.read_bytes())
        (root / ".git" / "hooks" / name).chmod(0o755)
    exercise(root)
    assert not mark.exists()


@pytest.mark.parametrize(
    "setting",
    ["core.fsmonitor", "core.pager", "core.editor", "diff.external", "core.sshCommand", "core.askPass", "gpg.program"],
)
def test_programs_of_the_configuration_do_not_run(root: Path, setting: str) -> None:
    program, mark = planted(root, "program")
    git(root, "config", setting, str(program))
    exercise(root)
    assert not mark.exists()


@pytest.mark.parametrize("driver", ["clean", "smudge", "process"])
def test_filters_do_not_run(root: Path, driver: str) -> None:
    program, mark = planted(root, "filter")
    (root / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(root, "config", f"filter.evil.{driver}", str(program))
    git(root, "config", "filter.evil.required", "true")
    exercise(root)
    assert not mark.exists()


@pytest.mark.parametrize("driver", ["textconv", "command"])
def test_diff_drivers_do_not_run(root: Path, driver: str) -> None:
    program, mark = planted(root, "driver")
    (root / ".gitattributes").write_text("* diff=evil\n")
    git(root, "config", f"diff.evil.{driver}", str(program))
    exercise(root)
    assert not mark.exists()


def test_a_filter_of_an_included_file_does_not_run(root: Path) -> None:
    program, mark = planted(root, "filter")
    (root / ".gitattributes").write_text("* filter=evil\n.gitattributes -filter\n")
    (root / "own.config").write_text(f'[filter "evil"]\n\tclean = {program}\n')
    git(root, "config", "include.path", "../own.config")
    find_repository(root).git("status")
    assert not mark.exists()


def test_a_filter_whose_name_cannot_be_switched_off_is_refused(root: Path) -> None:
    config = root / ".git" / "config"
    config.write_text(config.read_text() + '[filter "a=b"]\n\tclean = touch ran\n')
    with pytest.raises(UsageError, match="cannot be switched off"):
        find_repository(root).git("status")


def test_a_planted_filter_would_run_without_the_switches(root: Path) -> None:
    program, mark = planted(root, "filter")
    (root / ".gitattributes").write_text("* filter=evil\n")
    git(root, "config", "filter.evil.clean", str(program))
    git(root, "add", "-A")
    assert mark.exists()


def test_submodules_hooks_and_monitors_do_not_run(root: Path, tmp_path: Path) -> None:
    program, mark = planted(root, "monitor")
    git(tmp_path, "clone", "-q", str(root), "other")
    git(root, "submodule", "add", "-q", str(tmp_path / "other"), "lib")
    git(root / "lib", "config", "core.fsmonitor", str(program))
    git(root / "lib", "config", "filter.evil.clean", str(program))
    (root / "lib" / ".gitattributes").write_text("* filter=evil\n")
    (root / "lib" / "a.txt").write_text("changed\n")
    snapshot(find_repository(root))
    assert not mark.exists()


def test_the_callers_environment_does_not_redirect_git(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, mark = planted(root, "diff")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    repository = find_repository(root)
    before = snapshot(repository)
    (root / "a.txt").write_text("two\n")
    after = snapshot(repository)
    line_counts(repository, before, after, changes(before, after))
    assert not mark.exists()
    assert not (tmp_path / "trace").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_owner_is_read_with_its_filters_off(root: Path) -> None:
    program, mark = planted(root, "filter")
    git(root, "config", "filter.evil.clean", str(program))
    (root / ".gitattributes").write_text("* filter=evil\n")
    (root / "a.txt").write_text("two\n")
    for path in (root, root / ".git", root / ".git" / "config"):
        os.chown(path, 12345, 12345)
    (root / "sub").mkdir()
    os.chown(root / "sub", 12345, 12345)
    assert find_repository(root / "sub").standing.dirty == 2
    assert not mark.exists()


def test_reading_leaves_the_git_folder_as_it_was(root: Path) -> None:
    os.utime(root / "a.txt", (1, 1))
    before = {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")}
    repository = find_repository(root)
    snapshot(repository)
    _ = repository.standing, repository.branch, repository.empty
    assert {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")} == before


def test_the_switches_come_before_the_command() -> None:
    line = argv(["ls-files"], {"core.fsmonitor": "false"})
    assert line == ["git", "--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "ls-files"]


def test_a_failing_command_gives_its_last_words(root: Path) -> None:
    with pytest.raises(UsageError, match=r"git cat-file failed in .*: fatal: Not a valid object name none"):
        Git(root)("cat-file", "-p", "none")


def test_a_worktree_lies_beside_on_its_own_branch(root: Path) -> None:
    (root / "a.txt").write_text("not committed\n")
    made = add_worktree(find_repository(root), "add-ci")
    assert (made.root, made.branch) == (root.parent / "repo-add-ci", "agency/add-ci")
    assert (made.root / "a.txt").read_text() == "one\n"
    assert find_repository(made.root) == made
    assert snapshot(made).keys() == {b"a.txt"}


def test_a_worktree_whose_branch_exists_is_refused(root: Path) -> None:
    git(root, "branch", "agency/add-ci")
    with pytest.raises(UsageError, match="branch agency/add-ci exists; delete it"):
        add_worktree(find_repository(root), "add-ci")


def test_a_worktree_whose_folder_exists_is_refused(root: Path) -> None:
    (root.parent / "repo-add-ci").mkdir()
    with pytest.raises(UsageError, match="repo-add-ci exists"):
        add_worktree(find_repository(root), "add-ci")


def test_a_worktree_needs_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(UsageError, match="no commit yet"):
        add_worktree(find_repository(tmp_path), "x")
