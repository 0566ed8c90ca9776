"""Where personas and skills are looked for: the repository's folders, then the user's, then the shipped ones."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from agency_runtime.shipped import Kind, shipped

Origin: TypeAlias = Literal["repository", "user", "shipped"]

REPOSITORY: Mapping[Kind, tuple[str, ...]] = {
    "personas": (".agency/personas", ".claude/agents"),
    "skills": (".agency/skills", ".claude/skills", ".agents/skills"),
}
HOME: Mapping[Kind, tuple[str, ...]] = {
    "personas": (".claude/agents",),
    "skills": (".claude/skills", ".agents/skills"),
}


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """One folder that may hold personas or skills, and who put them there."""

    folder: Path
    origin: Origin


def shelves(kind: Kind, root: Path | None, environment: Mapping[str, str] = os.environ) -> tuple[Shelf, ...]:
    """The folders, nearest first; what is found on an earlier one hides its namesakes on later ones."""
    config = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "agency" / kind
    own = [root / name for name in REPOSITORY[kind]] if root else []
    user = [config, *(Path.home() / name for name in HOME[kind])]
    return (
        *(Shelf(folder=folder, origin="repository") for folder in own),
        *(Shelf(folder=folder, origin="user") for folder in user if folder not in own),
        Shelf(folder=shipped(kind), origin="shipped"),
    )
