"""A clean copy of a repository's tree: what git tracks or would track, and its history; what it ignores stays behind."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agency_runtime.changes import FilesChanged, changes
from agency_runtime.repository import Repository
from agency_runtime.snapshots import Snapshot, snapshot

HISTORY = ("HEAD", "index", "config", "packed-refs", "shallow", "refs", "info", "objects")
"""What of `.git` is taken along; hooks, worktrees, submodules' stores and the like are not."""


@dataclass
class CleanCopy:
    """The copy. `restore` undoes what a check left in it."""

    original: Repository
    repository: Repository
    tree: Snapshot = field(default_factory=lambda: Snapshot({}))

    def restore(self) -> FilesChanged:
        """Put the copy back as it was made; what had been changed in it."""
        found = changes(self.tree, snapshot(self.repository, self.tree))
        for path in found.created:
            _remove(self.repository.root / path)
        _take(self.original, self.repository, (*found.modified, *found.deleted))
        return found

    def add_ignored(self) -> tuple[str, ...]:
        """Take along what git ignores, too; the topmost names of it."""
        words = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
        listed = [os.fsdecode(path) for path in self.original.git(*words).split(b"\0") if path]
        wanted = [path for path in listed if not path.startswith(".agency/")]
        _take(self.original, self.repository, wanted)
        _own(self.original.root, self.repository.root)
        return tuple(wanted)


@contextmanager
def clean_copy(original: Repository) -> Generator[CleanCopy]:
    """A copy in a temporary folder, removed at the end; it belongs to the original's owner."""
    folder = Path(tempfile.mkdtemp(prefix="agency-verify-"))
    try:
        folder.chmod(0o755)
        root = folder / original.root.name
        root.mkdir()
        _history(original, root)
        copy = Repository(root)
        _take(original, copy, (os.fsdecode(path) for path in snapshot(original)))
        _own(original.root, folder)
        yield CleanCopy(original, copy, snapshot(copy))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _history(original: Repository, root: Path) -> None:
    """The repository's own files; its objects, which never change, by links where the file system allows it."""
    own, shared = (Path(os.fsdecode(original.git("rev-parse", f"--{which}")).rstrip("\n")) for which in ("absolute-git-dir", "git-common-dir"))  # fmt: skip
    for name in HISTORY:
        source = next((each / name for each in (own, original.root / shared) if (each / name).exists()), None)
        if source is None:
            continue
        (root / ".git").mkdir(exist_ok=True)
        target = root / ".git" / name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, copy_function=_link if name == "objects" else shutil.copy2)
        else:
            shutil.copy2(source, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _take(original: Repository, copy: Repository, paths: Iterable[str]) -> None:
    for path in paths:
        source, target = original.root / path, copy.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        elif source.is_file() or source.is_symlink():
            target.unlink(missing_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _own(root: Path, folder: Path) -> None:
    """Give the copy to the original's owner, as whom the sandbox works; objects that are only linked stay as they are."""
    owner = root.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for parent, folders, files in os.walk(folder):
        if parent.endswith("/.git") and "objects" in folders:
            folders.remove("objects")
        for name in (".", *files):
            os.chown(f"{parent}/{name}", owner.st_uid, owner.st_gid, follow_symlinks=False)
