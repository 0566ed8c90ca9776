"""The files of a skill's folder: which there are, what its text links to, and the digest of it all."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.prose import prose

ENTRY = "SKILL.md"
MOST_FILES = 1_000

_SKIPPED = frozenset({"__pycache__", ".git", "node_modules", ".DS_Store"})
_LINK = re.compile(r"\]\([ \t]*<?([^)\s>]{1,500})>?(?:[ \t]+\"[^\"\n]*\")?[ \t]*\)")
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|[#/$~{<]")


@dataclass(frozen=True, kw_only=True)
class SkillFiles:
    """A skill's files besides SKILL.md, relative to its folder and sorted.

    escaping: links that lead out of the folder; those are no files of the skill. more: files beyond the bound.
    """

    files: tuple[str, ...] = ()
    escaping: tuple[str, ...] = ()
    more: int = 0


def skill_files(folder: Path) -> SkillFiles:
    """What lies in the folder, without following a link out of it; what tools leave behind is no part of it."""
    files: list[str] = []
    escaping: list[str] = []
    for relative, mode in _walk(folder, _SKIPPED):
        linked = stat.S_ISLNK(mode)
        if linked and _leaves(folder / relative, folder):
            escaping.append(relative)
        elif relative != ENTRY and (stat.S_ISREG(mode) or (linked and (folder / relative).is_file())):
            files.append(relative)
    files.sort()
    return SkillFiles(
        files=tuple(files[:MOST_FILES]), escaping=tuple(sorted(escaping)), more=max(0, len(files) - MOST_FILES)
    )


def _leaves(path: Path, folder: Path) -> bool:
    return not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep)


def _walk(folder: Path, skipped: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """All that lies in the folder and is no folder, relative to it, with its mode; links are not followed."""
    for here, folders, names in os.walk(folder):
        linked = [name for name in folders if (Path(here) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in skipped and name not in linked)
        for name in [*names, *linked]:
            if name not in skipped:
                path = Path(here) / name
                yield path.relative_to(folder).as_posix(), path.lstat().st_mode


def folder_sha256(folder: Path) -> str:
    """Digest over the name and content of all that lies in the folder, hidden or not: what a person trusts."""
    digest = hashlib.sha256()
    for relative, mode in sorted(_walk(folder)):
        path = folder / relative
        content = os.fsencode(path.readlink()) if stat.S_ISLNK(mode) else b""
        digest.update(os.fsencode(relative) + b"\0" + hashlib.sha256(content).digest() + _content(path))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def links(body: str) -> Sequence[str]:
    """The relative paths that a Markdown text links to, each once, code left out."""
    found = (match[1].partition("#")[0] for match in _LINK.finditer(prose(body)))
    return [link for link in dict.fromkeys(found) if link and not _ELSEWHERE.match(link)]


def link_doubts(body: str, folder: Path) -> Iterator[str]:
    """What is wrong with those links: they lead nowhere, or out of the folder."""
    inside = os.path.realpath(folder)
    for link in links(body):
        target = os.path.realpath(folder / link)
        if target != inside and not target.startswith(inside + os.sep):
            yield f"link {link} leaves the skill's folder"
        elif not Path(target).exists():
            yield f"link {link} leads nowhere"
