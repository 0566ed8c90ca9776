"""Which of a run's changes are another specialist's, or outside of what its own plan names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.lists import lists_if_any
from agency_runtime.specialist_plan import HandoffPlan

NAMED = re.compile(r"`(?P<path>[\w.@*?-]+(?:/[\w.@*?-]+)*/?)`")
EVERYONES = (".agency/", "docs/", "README")
"""What any specialist may add to."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A changed path that is not this specialist's; owner is empty where nobody is known to own it."""

    path: str
    owner: str

    def __str__(self) -> str:
        whose = f"was handed off by {self.owner}" if self.owner else "is outside of what the plan names"
        return f"responsibilities: {self.path} {whose}, and this run changed it"


def outside(files: FilesChanged, plan: HandoffPlan) -> tuple[Outside, ...]:
    """The changes to report; none where the plan names no path and no other has handed the file off."""
    owners = _owners(plan.path.parent.parent, plan.path.parent.name)
    own = [found["path"].rstrip("/") for text in plan.responsibilities for found in NAMED.finditer(text) if re.search(r"[/.*]|file$", found["path"])]  # fmt: skip
    return tuple(_judged(files, owners, own))


def _judged(files: FilesChanged, owners: Mapping[str, str], own: list[str]) -> Iterator[Outside]:
    for path in files.all:
        if path in owners and path not in files.created:
            yield Outside(path=path, owner=owners[path])
        elif own and not path.startswith(EVERYONES) and not any(_within(path, pattern) for pattern in own):
            yield Outside(path=path, owner="")


def _within(path: str, pattern: str) -> bool:
    return path == pattern or path.startswith(f"{pattern}/") or fnmatchcase(path, pattern)


def _owners(feature: Path, own: str) -> dict[str, str]:
    """The paths that other specialists of the feature have handed off, with their names."""
    found: dict[str, str] = {}
    for path in sorted(feature.glob("*/files-changed.json")):
        if path.parent.name != own:
            lists = lists_if_any(path.parent)
            found |= dict.fromkeys((*lists.created, *lists.modified), path.parent.name)
    return found
