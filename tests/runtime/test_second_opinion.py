"""GitPython, by its own road, must see the changes that the runtime sees."""

import os
from pathlib import Path

import git
import pytest

from agency_runtime.changes import changes, snapshot
from agency_runtime.repository import find_repository


def by_gitpython(repo: git.Repo) -> dict[str, list[str]]:
    """What differs from the last commit, as GitPython reads it; renames as one gone and one new."""
    diff = repo.head.commit.diff(None, no_renames=True)
    created = {str(each.b_path) for each in diff if each.new_file} | set(repo.untracked_files)
    deleted = {str(each.a_path) for each in diff if each.deleted_file}
    modified = {str(each.b_path) for each in diff if not each.new_file and not each.deleted_file}
    return {"created": sorted(created), "modified": sorted(modified), "deleted": sorted(deleted)}


@pytest.mark.parametrize("staged", [False, True])
def test_both_see_the_same_changes(repository: Path, staged: bool) -> None:
    for name in ("kept", "edited", "moved", "gone", "run"):
        (repository / name).write_text(f"{name}\n" * 9)
    with git.Repo(repository) as repo:
        repo.index.add(["kept", "edited", "moved", "gone", "run"])
        repo.index.commit("second", author=git.Actor("t", "t@example.com"), committer=git.Actor("t", "t@example.com"))
        ours = find_repository(repository)
        before = snapshot(ours)
        (repository / "edited").write_text("other\n")
        (repository / "moved").rename(repository / "elsewhere")
        (repository / "gone").unlink()
        (repository / "run").chmod(0o755)
        (repository / "deep" / "new").mkdir(parents=True)
        (repository / "deep" / "new" / "file").write_text("new\n")
        os.utime(repository / "kept")
        if staged:
            repo.git.add("-A")
        assert changes(before, snapshot(ours)).json() == by_gitpython(repo)
