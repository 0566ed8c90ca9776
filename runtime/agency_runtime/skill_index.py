"""Every skill that can be found, by name, without reading any."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agency_runtime.shelves import Origin, Shelf, shelves
from agency_runtime.skill_files import ENTRY


@dataclass(frozen=True, kw_only=True)
class SkillEntry:
    """A skill's SKILL.md and where it comes from. shadows: namesakes that it hides.

    stray: a repository's skill that is in truth a link to somewhere outside of the repository.
    """

    name: str
    path: Path
    origin: Origin
    shadows: Sequence[Path] = ()
    stray: bool = False


@dataclass(frozen=True, kw_only=True)
class SkillIndex:
    """The skills by name, which is their folder's."""

    entries: Mapping[str, SkillEntry] = field(default_factory=dict[str, SkillEntry])

    def find(self, name: str) -> Path | None:
        """The SKILL.md of that name."""
        entry = self.entries.get(name)
        return entry.path if entry else None

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[SkillEntry]:
        return (self.entries[name] for name in sorted(self.entries))


def skill_index(root: Path | None, environment: Mapping[str, str] = os.environ) -> SkillIndex:
    """The skills of the repository at `root`, of the user and of this installation, the nearest of a name first."""
    return index_of(shelves("skills", root, environment), root)


def index_of(searched: Sequence[Shelf], root: Path | None = None) -> SkillIndex:
    """The skills on these shelves."""
    found: dict[str, list[tuple[Path, Origin]]] = {}
    for shelf in searched:
        for path in _entries(shelf.folder):
            found.setdefault(path.parent.name, []).append((path, shelf.origin))
    return SkillIndex(entries={name: _entry(name, places, root) for name, places in found.items()})


def _entry(name: str, places: Sequence[tuple[Path, Origin]], root: Path | None) -> SkillEntry:
    (path, origin), *others = places
    stray = origin == "repository" and root is not None and not path.resolve().is_relative_to(root.resolve())
    return SkillEntry(name=name, path=path, origin=origin, shadows=tuple(other for other, _ in others), stray=stray)


def _entries(folder: Path) -> list[Path]:
    """The SKILL.md files one level below a folder; none where it is missing or may not be read."""
    try:
        with os.scandir(folder) as found:
            places = sorted(entry.name for entry in found if entry.is_dir())
    except OSError:
        return []
    return [path for path in (folder / name / ENTRY for name in places) if path.is_file()]
