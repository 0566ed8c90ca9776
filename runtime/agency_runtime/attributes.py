"""Which tracked files git may keep with other bytes than lie on the disk (line ends, filters), so that their blobs say nothing.

Attributes are read, never applied.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from agency_runtime.repository import Repository

CONVERTING = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")


def converted(repository: Repository, tracked: Sequence[bytes], untracked: Sequence[bytes]) -> frozenset[bytes]:
    """The tracked paths whose content git may convert."""
    if not tracked:
        return frozenset()
    settings = _settings(repository)
    if settings.get("core.autocrlf", "false") != "false":
        return frozenset(tracked)
    if not (_attributed(repository, settings) or _hold_attributes(tracked) or _hold_attributes(untracked)):
        return frozenset()
    answer = repository.git("check-attr", "-z", "--stdin", *CONVERTING, given=b"\0".join(tracked) + b"\0")
    fields = answer.split(b"\0")
    said = zip(fields[0::3], fields[2::3], strict=False)
    return frozenset(path for path, value in said if value not in (b"unspecified", b"unset"))


def _hold_attributes(paths: Sequence[bytes]) -> bool:
    return any(path == b".gitattributes" or path.endswith(b"/.gitattributes") for path in paths)


def _settings(repository: Repository) -> dict[str, str]:
    listed = repository.git("config", "--null", "--get-regexp", r"^core\.(autocrlf|attributesfile)$", check=False)
    pairs = (os.fsdecode(entry).partition("\n") for entry in listed.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def _attributed(repository: Repository, settings: dict[str, str]) -> bool:
    """Whether attributes lie outside the tree: the repository's own, the user's or the system's."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    common = Path(os.fsdecode(repository.git("rev-parse", "--git-common-dir")).rstrip("\n"))
    places = (repository.root / common / "info" / "attributes", home / "git" / "attributes", Path("/etc/gitattributes"))
    return "core.attributesfile" in settings or any(place.is_file() for place in places)
