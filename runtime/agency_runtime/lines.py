"""How many lines of each changed file were added and removed."""

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.changes import FilesChanged
from agency_runtime.host_git import Git
from agency_runtime.repository import Repository
from agency_runtime.snapshots import Snapshot

COUNT = re.compile(rb"(\d+|-)\t(\d+|-)\t\0?[^\0]*?(\d+)\0")
LARGEST = 4 << 20  # bytes of one file; a larger one is not counted


@dataclass(frozen=True)
class Lines:
    """Lines added to one file and removed from it."""

    added: int
    removed: int


def line_counts(
    repository: Repository, before: Snapshot, after: Snapshot, files: FilesChanged
) -> dict[str, Lines | None]:
    """Each changed path with its lines; None for what has none (binary files, submodules) or is too large."""
    paths = files.all
    old, new = _contents(repository, before, paths), _contents(repository, after, paths)
    known = [path for path in paths if old[path] is not None and new[path] is not None]
    with tempfile.TemporaryDirectory(prefix="agency-") as folder:
        sides = [(_lay_out(Path(folder) / side, known, texts)) for side, texts in (("a", old), ("b", new))]
        words = ("diff", "--no-index", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", *sides)
        counted = COUNT.findall(Git(Path(folder))(*words, check=False))
    lines = {known[int(number)]: _lines(added, removed) for added, removed, number in counted}
    same = Lines(0, 0)  # a change of mode alone
    return {path: lines.get(path, same) if path in known else None for path in paths}


def _lines(added: bytes, removed: bytes) -> Lines | None:
    return None if added == b"-" else Lines(int(added), int(removed))


def _lay_out(folder: Path, paths: Iterable[str], texts: Mapping[str, bytes | None]) -> str:
    """Write the contents under numbers, so that no name of the repository's can matter; the folder's own name."""
    folder.mkdir()
    for number, path in enumerate(paths):
        (folder / str(number)).write_bytes(texts[path] or b"")
    return folder.name


def _contents(repository: Repository, tree: Snapshot, paths: Iterable[str]) -> dict[str, bytes | None]:
    """Each path's content at the snapshot: empty where there was no file, None where it cannot be told."""
    found: dict[str, bytes | None] = {}
    wanted: dict[str, str] = {}
    for path in paths:
        raw = os.fsencode(path)
        mode, _, name = tree.digests.get(raw, "").partition(" ")
        if not mode:
            found[path] = b""
        elif raw in tree.contents:
            found[path] = tree.contents[raw]
        elif mode in ("100644", "100755"):
            wanted[path] = name
        else:
            found[path] = None
    return {**found, **_blobs(repository, wanted)}


def _blobs(repository: Repository, wanted: Mapping[str, str]) -> dict[str, bytes | None]:
    """The contents that git's object store holds; None for the others."""
    if not wanted:
        return {}
    asked = "".join(f"{name}\n" for name in wanted.values()).encode()
    sizes = repository.git("cat-file", "--batch-check", given=asked).splitlines()
    held = {path: line.split() for path, line in zip(wanted, sizes, strict=True)}
    small = [path for path, words in held.items() if words[1] == b"blob" and int(words[2]) <= LARGEST]
    stream = repository.git("cat-file", "--batch", given="".join(f"{wanted[path]}\n" for path in small).encode())
    found: dict[str, bytes | None] = dict.fromkeys(wanted)
    start = 0
    for path in small:
        start = stream.index(b"\n", start) + 1
        end = start + int(held[path][2])
        found[path], start = stream[start:end], end + 1
    return found
