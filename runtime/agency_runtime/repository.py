"""The user's repository, seen from the host; git is only ever run through `host_git`."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.host_git import Git
from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a work tree stands. branch: empty where HEAD is detached. head: the commit, empty where there is none yet.

    dirty: how many paths differ from that commit, untracked ones included.
    """

    branch: str = ""
    head: str = ""
    dirty: int = 0


@dataclass(frozen=True)
class Repository:
    """A work tree. `root` is its top folder."""

    root: Path

    @property
    def git(self) -> Git:
        """git in this work tree."""
        return Git(self.root)

    @property
    def branch(self) -> str:
        """The branch's name; empty where HEAD is detached."""
        return os.fsdecode(self.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False)).strip()

    @property
    def head(self) -> str:
        """The commit at HEAD; empty where there is none yet."""
        return os.fsdecode(self.git("rev-parse", "--verify", "--quiet", "HEAD", check=False)).strip()

    @property
    def empty(self) -> bool:
        """Whether there is no commit yet."""
        return not self.head

    @property
    def standing(self) -> Standing:
        """Branch, commit and uncommitted changes, as they are now."""
        listed = self.git(
            "status",
            "--porcelain=v2",
            "--branch",
            "--no-ahead-behind",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=all",
        )
        lines = [os.fsdecode(line) for line in listed.split(b"\0") if line]
        headers = [line for line in lines if line.startswith("# ")]
        branch = _header(headers, "branch.head")
        head = _header(headers, "branch.oid")
        return Standing(
            branch="" if branch == "(detached)" else branch,
            head="" if head == "(initial)" else head,
            dirty=len(lines) - len(headers),
        )


def _header(lines: Iterable[str], name: str) -> str:
    """What a header of `git status` says."""
    return next((line.removeprefix(start) for line in lines if line.startswith(start := f"# {name} ")), "")


def find_repository(folder: Path) -> Repository:
    """The repository around a folder. Raises UsageError where there is none, or it has no work tree of its own.

    A configuration that puts the work tree elsewhere (`core.worktree`) is refused: what it names would be opened to
    the sandbox in the repository's stead.
    """
    start = _readable(folder)
    git = Git(start, trusted="*")
    top = os.fsdecode(git("rev-parse", "--show-toplevel", check=False)).rstrip("\n")
    if not top:
        raise UsageError(_without_a_tree(git, start))
    root = Path(top)
    if root not in (start, *start.parents) or not (root / ".git").exists():
        raise UsageError(f"{start}: its git configuration puts the work tree at {root}; unset core.worktree")
    return Repository(root)


def _readable(folder: Path) -> Path:
    try:
        if not folder.is_dir():
            raise UsageError(f"--repo {folder}: no such folder")
        start = folder.resolve()
        with os.scandir(start):
            return start
    except PermissionError:
        raise UsageError(f"{folder}: cannot be read; check its permissions, or name another with --repo DIR") from None


def _without_a_tree(git: Git, start: Path) -> str:
    """Why there is no work tree, and what to do."""
    if git("rev-parse", "--is-bare-repository", check=False).strip() == b"true":
        return f"{start}: a bare repository has no files to work on; clone it and use the clone"
    if git("rev-parse", "--is-inside-git-dir", check=False).strip() == b"true":
        return f"{start}: lies inside a .git folder; name the repository itself with --repo DIR"
    return f"{start}: not a git repository; run `git init` there, or name one with --repo DIR"


def add_worktree(repository: Repository, feature: str) -> Repository:
    """A new work tree of the last commit on branch `agency/<feature>`, beside the repository.

    Uncommitted changes stay where they are, and filters (Git LFS) do not run: their files keep what the commit holds.
    Raises UsageError where branch or folder exists, or there is no commit to start from.
    """
    branch, folder = f"agency/{feature}", repository.root.parent / f"{repository.root.name}-{feature}"
    if repository.empty:
        raise UsageError(f"--worktree: {repository.root} has no commit yet; commit something first, or leave it out")
    if folder.exists():
        raise UsageError(
            f"--worktree: {folder} exists; remove it with `git worktree remove {folder}`, or give another --feature"
        )
    if repository.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False).strip():
        raise UsageError(
            f"--worktree: branch {branch} exists; delete it with `git branch -D {branch}`, or give another --feature"
        )
    repository.git("worktree", "add", "-b", branch, str(folder), "HEAD")
    return Repository(folder.resolve())
