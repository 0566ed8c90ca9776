"""The tree at one moment: mode and content digest of every file that git tracks or would track.

What the index knows to be unchanged is known by its blob; only the rest is read, by us, as it lies on the disk. No
filter runs and nothing is written into `.git`. The handoff's own files are no part of it: the runtime writes them.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agency_runtime.attributes import converted
from agency_runtime.index import Entry, Stat, entries, written
from agency_runtime.repository import Repository

OWN = (b".agency/handoff/", b".agency/sessions/")
CHUNK = 1 << 20
KEPT_FILE, KEPT_ALL = 1 << 20, 64 << 20  # bytes of content kept, per file and together


@dataclass(frozen=True)
class Snapshot(Mapping[bytes, str]):
    """Path, as git's bytes, to `mode digest`. Links count by their target, submodules by commit and content.

    stats: by which a later snapshot knows a file again without reading it. contents: of files that no blob holds.
    """

    digests: Mapping[bytes, str]
    taken: int = 0
    stats: Mapping[bytes, Stat] = field(default_factory=dict[bytes, Stat])
    contents: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])

    def __getitem__(self, path: bytes) -> str:
        return self.digests[path]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.digests)

    def __len__(self) -> int:
        return len(self.digests)


def snapshot(repository: Repository, previous: Snapshot | None = None) -> Snapshot:
    """The tree as it is now: tracked and untracked files, ignored ones left out.

    `previous`, an earlier snapshot of the same tree, saves reading again what has not been touched since.
    """
    reading = _Reading(repository, previous or Snapshot({}))
    reading.tracked()
    reading.untracked()
    return reading.done()


class _Reading:
    """One snapshot in the making."""

    def __init__(self, repository: Repository, previous: Snapshot) -> None:
        self.repository = repository
        self.root = os.fsencode(repository.root) + b"/"
        self.previous = previous
        self.taken = time.time_ns()
        self.algorithm = "sha1"
        self.digests: dict[bytes, str] = {}
        self.stats: dict[bytes, Stat] = {}
        self.contents: dict[bytes, bytes] = {}
        self.kept = 0
        listed = repository.git("ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
        self.others = [path for path in listed if path and not path.startswith(OWN)]
        self.links = frozenset(path for path in self.others if link(self.root + path))

    def tracked(self) -> None:
        """Every path of the index, by its blob where its stat data vouch for it."""
        known = [entry for entry in entries(self.repository) if not entry.path.startswith(OWN)]
        if known and len(known[0].blob) == 64:
            self.algorithm = "sha256"
        index = written(self.repository)
        attributed = converted(self.repository, [entry.path for entry in known], self.others)
        for entry in known:
            if self.links and self._behind_a_link(entry.path):
                continue
            self._take(entry.path, entry, index, vouched=entry.merged and entry.path not in attributed)

    def untracked(self) -> None:
        """Every path that is neither tracked nor ignored; a repository inside this one counts as a whole."""
        for path in self.others:
            self._take(path.rstrip(b"/"), None, 0, vouched=False)

    def done(self) -> Snapshot:
        return Snapshot(self.digests, self.taken, self.stats, self.contents)

    def _behind_a_link(self, path: bytes) -> bool:
        """Whether a folder of the path has become a link, so that what lies behind it is not the tracked file."""
        parts = path.split(b"/")
        return any(b"/".join(parts[:depth]) in self.links for depth in range(1, len(parts)))

    def _take(self, path: bytes, entry: Entry | None, index: int, *, vouched: bool) -> None:
        """Note one path as it is on the disk; one that is not there, or is no file, is not noted."""
        where = self.root + path
        try:
            found = os.lstat(where)
            digest = self._digest(path, where, found, entry, index, vouched=vouched)
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            digest = "unreadable"
        if digest:
            self.digests[path] = digest

    def _digest(
        self, path: bytes, where: bytes, found: os.stat_result, entry: Entry | None, index: int, *, vouched: bool
    ) -> str:
        if stat.S_ISDIR(found.st_mode):
            commit = entry is None or entry.mode == "160000"
            return f"160000 {nested(Path(os.fsdecode(where)))}" if commit else ""
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            return ""
        now = self.stats[path] = Stat.of(found)
        before = self.previous.stats.get(path)
        if before is not None and before.still(now, self.previous.taken):
            if path in self.previous.contents:
                self.contents[path] = self.previous.contents[path]
            return self.previous.digests[path]
        if vouched and entry is not None and entry.stat is not None and entry.stat.still(now, index):
            return f"{entry.mode} {entry.blob}"
        if stat.S_ISLNK(found.st_mode):
            return f"120000 {blob(target(where), self.algorithm)}"
        mode = "100755" if found.st_mode & stat.S_IXUSR else "100644"
        return f"{mode} {self._content(path, where, found.st_size, entry.blob if entry else '')}"

    def _content(self, path: bytes, where: bytes, size: int, known: str) -> str:
        """The content's digest in git's form; the content itself is kept where no blob holds it and it is not large."""
        if size > KEPT_FILE:
            return file_blob(where, self.algorithm)
        with open(where, "rb") as file:  # noqa: PTH123 - a path of bytes
            content = file.read()
        digest = blob(content, self.algorithm)
        if digest != known and self.kept + len(content) <= KEPT_ALL:
            self.kept += len(content)
            self.contents[path] = content
        return digest


def link(path: bytes) -> bool:
    """Whether a symbolic link is there."""
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def target(path: bytes) -> bytes:
    """Where a symbolic link points to, as it is written."""
    return os.readlink(path)  # noqa: PTH115 - Path would tidy what is written


def blob(content: bytes, algorithm: str) -> str:
    """The name git gives to a content."""
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def file_blob(path: bytes, algorithm: str) -> str:
    """The name git gives to a file's content, read piece by piece."""
    with open(path, "rb") as file:  # noqa: PTH123 - a path of bytes
        digest = hashlib.new(algorithm, b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def nested(folder: Path) -> str:
    """A submodule, or a repository inside this one: the commit it is at, and its content where that is another.

    One whose `.git` is absent, or puts its work tree elsewhere, is not asked; only whether it is empty counts.
    """
    repository = Repository(folder)
    top = os.fsdecode(repository.git("rev-parse", "--show-toplevel", check=False)).rstrip("\n")
    if not (folder / ".git").exists() or Path(top) != folder:
        return hashlib.sha256(b"\0".join(sorted(os.fsencode(path.name) for path in folder.iterdir()))).hexdigest()
    commit = repository.git("rev-parse", "--verify", "--quiet", "HEAD", check=False).decode().strip()
    tree = hashlib.sha256()
    for path, digest in sorted(snapshot(repository).items()):
        tree.update(b"%b %b\0" % (digest.encode(), path))
    return f"{commit or 'unborn'} {tree.hexdigest()}"
