"""What a run changed: the difference of two snapshots of the tree."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agency_runtime.snapshots import Snapshot, snapshot

__all__ = ["FilesChanged", "Snapshot", "changes", "digests", "snapshot"]


@dataclass(frozen=True, kw_only=True)
class FilesChanged:
    """Repository-relative paths, sorted. A renamed file is one deleted and one created.

    What the user had changed before the run, ignored files, `.agency/handoff` and `.agency/sessions` (which the
    runtime writes) are not among them. A name that is not UTF-8 has each odd byte as a lone surrogate in Python and as
    `\\udcXX` in JSON (PEP 383), so that `os.fsencode` turns it back into the bytes.
    """

    created: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def json(self) -> dict[str, list[str]]:
        """Exactly the three lists of files-changed.json."""
        return {"created": list(self.created), "modified": list(self.modified), "deleted": list(self.deleted)}

    @property
    def all(self) -> tuple[str, ...]:
        """Every path, sorted."""
        return tuple(sorted((*self.created, *self.modified, *self.deleted)))


def changes(before: Mapping[bytes, str], after: Mapping[bytes, str]) -> FilesChanged:
    """The difference of two snapshots of one repository."""
    return FilesChanged(
        created=_names(after.keys() - before.keys()),
        deleted=_names(before.keys() - after.keys()),
        modified=_names(path for path in before.keys() & after.keys() if before[path] != after[path]),
    )


def digests(files: FilesChanged, now: Mapping[bytes, str]) -> dict[str, str]:
    """`mode digest` of each file that was created or modified, as it is now."""
    named = {path: now.get(os.fsencode(path)) for path in (*files.created, *files.modified)}
    return {path: digest for path, digest in named.items() if digest is not None}


def _names(paths: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(sorted(os.fsdecode(path) for path in paths))
