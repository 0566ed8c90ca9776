"""A folder's files as a value, the difference of two of them, and its form in JSON."""

import base64
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

LARGEST = 8 << 20  # bytes of one file; a larger one counts by its digest and is not kept


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One path. content: a file's bytes, a link's target, empty for a folder that holds nothing.

    mode: permission bits, in which only a file's executable bit counts as a difference. size: of a file too large to
    keep, whose content is then its digest.
    """

    kind: Literal["file", "link", "folder"]
    content: bytes = b""
    executable: bool = False
    large: bool = False

    @property
    def text(self) -> str:
        """A file's content as text; what is not UTF-8 stands as U+FFFD."""
        return self.content.decode(errors="replace")

    def json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        value: dict[str, Any] = {"kind": self.kind}
        try:
            value["text"] = self.content.decode()
        except UnicodeDecodeError:
            value["base64"] = base64.b64encode(self.content).decode()
        flags = {"executable": self.executable, "large": self.large}
        return value | {name: True for name, given in flags.items() if given}


Tree: TypeAlias = Mapping[str, Entry]
"""Relative path, `/` between its parts, to what is there. `.git` at the top is no part of it."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What an attempt left, against the files it found. changed: created or altered paths. deleted: sorted paths."""

    changed: Tree = field(default_factory=dict[str, Entry])
    deleted: Sequence[str] = ()

    def json(self) -> dict[str, Any]:
        """As a recording and a run keep it."""
        return {"changed": {path: entry.json() for path, entry in self.changed.items()}, "deleted": list(self.deleted)}


def left_of(value: Mapping[str, Any]) -> Left:
    """The value of that JSON. Raises KeyError, TypeError or ValueError for another."""
    return Left(
        changed={path: _entry(entry) for path, entry in value["changed"].items()}, deleted=tuple(value["deleted"])
    )


def read_tree(root: Path) -> dict[str, Entry]:
    """The files below a folder, links as links; sockets and pipes are no files."""
    return dict(_entries(os.fspath(root), ""))


def difference(before: Tree, after: Tree) -> Left:
    """What was created or altered, and what is gone."""
    changed = {path: entry for path, entry in after.items() if before.get(path) != entry}
    folders = {above for path in after for above in _above(path)}
    gone = (path for path in before.keys() - after.keys() if not (before[path].kind == "folder" and path in folders))
    return Left(changed=changed, deleted=tuple(sorted(gone)))


def applied(before: Tree, left: Left) -> dict[str, Entry]:
    """The tree as it was left."""
    gone = set(left.deleted)
    after = {path: entry for path, entry in before.items() if path not in gone} | dict(left.changed)
    held = {above for path in left.changed for above in _above(path)}
    return {path: entry for path, entry in sorted(after.items()) if not (entry.kind == "folder" and path in held)}


def write_tree(root: Path, tree: Tree) -> None:
    """Write the files below a folder; what is there of others stays.

    Raises ValueError for a path that would lead out of the folder, or a file that was too large to be kept.
    """
    for path, entry in sorted(tree.items()):
        if entry.large:
            raise ValueError(f"{path} was too large to be kept")
        _write(root, path, entry)


def empty(root: Path) -> None:
    """Take away every file of a folder but its repository."""
    for path in root.iterdir():
        if path.name == ".git":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def tree_digest(tree: Tree) -> str:
    """SHA-256, in hex, of paths, kinds, executable bits and contents."""
    whole = hashlib.sha256()
    for path, entry in sorted(tree.items()):
        content = hashlib.sha256(entry.content).hexdigest()
        whole.update(
            f"{path}\0{entry.kind}\0{entry.executable:d}{entry.large:d}\0{content}\0".encode(errors="surrogateescape")
        )
    return whole.hexdigest()


def _entries(folder: str, prefix: str) -> Iterator[tuple[str, Entry]]:
    """Every file below; a folder of its own only where it holds nothing."""
    with os.scandir(folder) as found:
        there = sorted(found, key=lambda each: each.name)
    if prefix and not there:
        yield prefix.rstrip("/"), Entry(kind="folder")
    for each in there:
        path = prefix + each.name
        if path == ".git":
            continue
        if each.is_symlink():
            yield path, Entry(kind="link", content=os.fsencode(os.readlink(each.path)))  # noqa: PTH115 - as it is written
        elif each.is_dir():
            yield from _entries(each.path, f"{path}/")
        elif each.is_file():
            yield path, _file(each)


def _file(found: "os.DirEntry[str]") -> Entry:
    status = found.stat()
    executable = bool(status.st_mode & stat.S_IXUSR)
    try:
        with open(found.path, "rb") as file:  # noqa: PTH123 - a path that need not be UTF-8
            if status.st_size <= LARGEST:
                return Entry(kind="file", content=file.read(), executable=executable)
            digest = hashlib.file_digest(file, "sha256").digest()
    except PermissionError:
        digest = b"unreadable"
    return Entry(kind="file", content=digest, executable=executable, large=True)


def _entry(value: Any) -> Entry:
    given = cast("dict[str, Any]", value)
    content = base64.b64decode(given["base64"]) if "base64" in given else str(given["text"]).encode()
    return Entry(
        kind=given["kind"], content=content, executable=bool(given.get("executable")), large=bool(given.get("large"))
    )


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _write(root: Path, path: str, entry: Entry) -> None:
    if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError(f"{path!r} leads out of the folder")
    where = root / path
    _make_room(root, path)
    if entry.kind == "folder":
        where.mkdir(exist_ok=True)
    elif entry.kind == "link":
        where.symlink_to(os.fsdecode(entry.content))
    else:
        where.write_bytes(entry.content)
        where.chmod(0o755 if entry.executable else 0o644)


def _make_room(root: Path, path: str) -> None:
    """The folders above, none of them a link; what stands at the path itself goes."""
    for above in (root / each for each in _above(path)):
        if above.is_symlink() or (above.exists() and not above.is_dir()):
            above.unlink()
        above.mkdir(exist_ok=True)
    where = root / path
    if where.is_symlink() or where.is_file():
        where.unlink()
    elif where.is_dir() and any(where.iterdir()):
        shutil.rmtree(where)
    elif where.is_dir():
        where.rmdir()
