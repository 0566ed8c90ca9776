"""The user's repository, seen from the host, through one door that never runs what the repository says.

Every git command of this runtime goes through `Git`: hooks, fsmonitor, filters, text conversion, external diffs,
submodule recursion, pagers, editors and credential prompts are off, and nothing is written into `.git` in passing.
GitPython runs it where a command may take its time; a snapshot, on the way to a run's first turn, starts git directly,
since importing GitPython costs as much as the rest of the start.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agency_tools.errors import UsageError

SWITCHES: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.attributesFile": os.devnull,
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.external": "",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LC_ALL", "TMPDIR")
TIMEOUT = 120  # seconds


class GitError(UsageError):
    """A git command that failed, with its own words."""


@dataclass(frozen=True)
class Git:
    """git in one work tree, with everything off that could run a program of the repository's choosing."""

    folder: Path

    def argv(self, *words: str) -> list[str]:
        """The command line: the switches first, then filters emptied, then the command."""
        settings = {**SWITCHES, **self._filters, "safe.directory": str(self.folder)}
        return [
            "git",
            "--no-optional-locks",
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            *words,
        ]

    def __call__(self, *words: str, check: bool = True) -> bytes:
        """The command's output. Raises GitError when it fails, unless `check` is off."""
        done = self._run(self.argv(*words))
        if check and done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise GitError(f"git {words[0]} failed in {self.folder}: {reason[-1] if reason else done.returncode}")
        return done.stdout

    def _run(self, argv: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )

    @cached_property
    def _filters(self) -> dict[str, str]:
        """Every configured filter and text conversion, emptied: content is compared as it lies on the disk."""
        argv = ["git", "config", "--includes", "--name-only", "--null", "--get-regexp", r"^(filter|diff|merge)\."]
        names = self._run(argv).stdout.decode(errors="replace").split("\0")
        emptied = {
            name: ""
            for name in names
            if name.rsplit(".", 1)[-1] in {"clean", "smudge", "process", "textconv", "command", "driver"}
        }
        return {**emptied, **{name: "false" for name in names if name.endswith(".required")}}


def environment() -> dict[str, str]:
    """git's environment: no variable that redirects it, no prompt."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ASKPASS": "false",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }


@dataclass(frozen=True)
class Repository:
    """A work tree. `root` is its top folder."""

    root: Path

    @property
    def git(self) -> Git:
        return Git(self.root)

    @property
    def branch(self) -> str:
        """The branch's name; empty where HEAD is detached."""
        return self.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False).decode(errors="replace").strip()

    @property
    def empty(self) -> bool:
        """Whether there is no commit yet."""
        return not self.git("rev-parse", "--verify", "--quiet", "HEAD", check=False).strip()

    @property
    def dirty_count(self) -> int:
        """How many paths differ from the last commit, untracked ones included."""
        listed = self.git(
            "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"
        )
        return sum(1 for entry in listed.split(b"\0") if entry)


def find_repository(folder: Path) -> Repository:
    """The repository around a folder. Raises UsageError where there is none, or it has no work tree."""
    if not folder.is_dir():
        raise UsageError(f"--repo {folder}: no such folder")
    git = Git(folder.resolve())
    top = git("rev-parse", "--show-toplevel", check=False).decode(errors="replace").rstrip("\n")
    if top:
        return Repository(Path(top))
    if git("rev-parse", "--is-bare-repository", check=False).strip() == b"true":
        raise UsageError(f"{folder}: a bare repository has no files to work on; clone it and use the clone")
    raise UsageError(f"{folder.resolve()}: not a git repository; run `git init` there, or name one with --repo DIR")


def add_worktree(repository: Repository, feature: str) -> Repository:
    """A new work tree on branch `agency/<feature>`, beside the repository. Raises UsageError where either exists."""
    branch, folder = f"agency/{feature}", repository.root.parent / f"{repository.root.name}-{feature}"
    if repository.empty:
        raise UsageError(
            f"--worktree: {repository.root} has no commit yet; commit something first, or leave --worktree out"
        )
    if folder.exists():
        raise UsageError(
            f"--worktree: {folder} exists; remove it with `git worktree remove {folder}`, or give another --feature"
        )
    if repository.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", check=False).strip():
        raise UsageError(
            f"--worktree: branch {branch} exists; delete it with `git branch -D {branch}`, or give another --feature"
        )
    from git import Repo

    with Repo(repository.root) as repo:
        repo.git.execute(repository.git.argv("worktree", "add", "-b", branch, str(folder), "HEAD"), env=environment())
    return Repository(folder.resolve())
