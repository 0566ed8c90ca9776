"""What a run changed, from the tree before and after it.

A snapshot holds the mode and content digest of every file that git tracks or would track: what is clean is known to
git by its blob, only what differs from the index is read. Nothing is written into `.git` and no filter runs, so the
digest is of the bytes on the disk. The handoff's own files are not part of it: the runtime writes them.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.repository import Repository

OWN = (b".agency/handoff/", b".agency/sessions/")
CHUNK = 1 << 20

Snapshot = Mapping[bytes, str]
"""Path, as git's bytes, to `mode digest`."""


@dataclass(frozen=True, kw_only=True)
class FilesChanged:
    """Repository-relative paths, sorted. A renamed file is one deleted and one created.

    A name that is not UTF-8 has each odd byte as a lone surrogate in Python and as `\\udcXX` in JSON (PEP 383), so
    that it can be turned back into the bytes.
    """

    created: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def json(self) -> dict[str, list[str]]:
        """Exactly the three lists of files-changed.json."""
        return {"created": list(self.created), "modified": list(self.modified), "deleted": list(self.deleted)}

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted((*self.created, *self.modified, *self.deleted)))


def snapshot(repository: Repository) -> Snapshot:
    """The tree as it is now: tracked and untracked files, ignored ones left out."""
    tracked = _tracked(repository)
    converted = converts(repository)
    suspect = set(_listed(repository, "diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=all"))
    suspect.update(_listed(repository, "ls-files", "-z", "--others", "--exclude-standard"))
    suspect.update(path for path, (mode, _) in tracked.items() if mode in ("", "160000") or converted)
    clean = {path: f"{mode} {blob}" for path, (mode, blob) in tracked.items() if path not in suspect}
    found = _read(repository, sorted(suspect))
    return {path: digest for path, digest in {**clean, **found}.items() if not path.startswith(OWN)}


def converts(repository: Repository) -> bool:
    """Whether git may keep other bytes than lie on the disk (line ends, filters), so that its blobs say nothing."""
    if repository.git("config", "--get", "core.autocrlf", check=False).strip() not in (b"", b"false"):
        return True
    return bool(
        _listed(repository, "ls-files", "-z", "--cached", "--others", "--", ".gitattributes", "**/.gitattributes")
    )


def changes(before: Snapshot, after: Snapshot) -> FilesChanged:
    """The difference of two snapshots of one repository."""
    return FilesChanged(
        created=_names(after.keys() - before.keys()),
        deleted=_names(before.keys() - after.keys()),
        modified=_names(path for path in before.keys() & after.keys() if before[path] != after[path]),
    )


def _names(paths: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(os.fsdecode(path) for path in paths))


def _tracked(repository: Repository) -> dict[bytes, tuple[str, str]]:
    """Every path of the index with its mode and blob; a path in conflict has neither."""
    found: dict[bytes, tuple[str, str]] = {}
    for entry in repository.git("ls-files", "-s", "-z").split(b"\0"):
        if entry:
            about, _, path = entry.partition(b"\t")
            mode, blob, stage = about.decode().split(" ")
            found[path] = (mode, blob) if stage == "0" else ("", "")
    return found


def _listed(repository: Repository, *words: str) -> list[bytes]:
    return [path for path in repository.git(*words).split(b"\0") if path]


def _read(repository: Repository, paths: list[bytes]) -> dict[bytes, str]:
    root = os.fsencode(repository.root)
    algorithm = "sha256" if _sha256(repository) else "sha1"
    with ThreadPoolExecutor(4) as pool:
        digests = pool.map(lambda path: _digest(os.path.join(root, path), algorithm), paths)
        return {path: digest for path, digest in zip(paths, digests, strict=True) if digest is not None}


def _sha256(repository: Repository) -> bool:
    return repository.git("rev-parse", "--show-object-format", check=False).strip() == b"sha256"


def _digest(path: bytes, algorithm: str) -> str | None:
    """`mode digest` in git's own form, so that a file put back as it was equals its blob; None where there is none."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return f"120000 {_blob(os.readlink(path), algorithm)}"
        if stat.S_ISREG(found.st_mode):
            return f"{'100755' if found.st_mode & 0o100 else '100644'} {_file(path, found.st_size, algorithm)}"
        if stat.S_ISDIR(found.st_mode):
            return f"160000 {_submodule(Path(os.fsdecode(path)))}"
    except OSError:
        return None
    return None


def _blob(content: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _file(path: bytes, size: int, algorithm: str) -> str:
    digest = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
    with open(path, "rb") as file:  # noqa: PTH123 - a path of bytes
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _submodule(folder: Path) -> str:
    """The commit a submodule is at, read without running anything of its own."""
    return Repository(folder).git("rev-parse", "--verify", "--quiet", "HEAD", check=False).decode().strip() or "empty"
