"""Finding personas and skills: the repository's first, then the user's, then those that are shipped."""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.persona import Persona, load_persona, slug
from agency_runtime.shipped import shipped
from agency_runtime.skill import Skill, load_skill
from agency_runtime.trust import is_trusted, trust
from agency_tools.errors import UsageError

Home = tuple[Path, bool]
"""A folder and whether it is the repository's own, which needs trust."""

WORD = re.compile(r"[a-z][a-z0-9+-]{2,}")


def _config() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "agency"


def persona_homes(root: Path | None) -> list[Home]:
    """Where personas are looked for, the nearest first."""
    own = [(root / name, True) for name in (".agency/personas", ".claude/agents")] if root else []
    return [
        *own,
        (_config() / "personas", False),
        (Path.home() / ".claude" / "agents", False),
        (shipped("personas"), False),
    ]


def skill_homes(root: Path | None) -> list[Home]:
    """Where skills are looked for, the nearest first."""
    own = [(root / name, True) for name in (".agency/skills", ".claude/skills", ".agents/skills")] if root else []
    user = [_config() / "skills", Path.home() / ".claude" / "skills", Path.home() / ".agents" / "skills"]
    return [*own, *((folder, False) for folder in user), (shipped("skills"), False)]


def skill_folders(root: Path | None) -> dict[str, Path]:
    """Every skill's folder by name; the nearest of a name."""
    found: dict[str, Path] = {}
    for home, _ in skill_homes(root):
        for path in sorted(home.glob("*/SKILL.md")):
            found.setdefault(path.parent.name, path.parent)
    return found


@dataclass(frozen=True, kw_only=True)
class Found:
    """A persona's file, and whether the repository brings it."""

    path: Path
    foreign: bool


def persona_files(root: Path | None) -> Iterator[Found]:
    """Every Markdown file in the personas' homes, the nearest first."""
    for home, foreign in persona_homes(root):
        for path in sorted(home.rglob("*.md")):
            yield Found(path=path, foreign=foreign)


def choose_persona(name: str, root: Path, *, text: str = "", trust_all: bool = False) -> Persona:
    """The persona of a name, a path, or, for `auto`, the one whose own words fit the text best.

    Raises UsageError where there is none, it cannot be loaded, or it comes from the repository and is not trusted.
    """
    skills = skill_folders(root)
    if name == "auto":
        return _fitting(text, root, skills, trust_all)
    if "/" in name or name.endswith(".md"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"--persona {name}: no such file")
        return _usable(Found(path=path, foreign=_below(path, root)), skills, trust_all)
    known: list[str] = []
    for found in persona_files(root):
        persona, report = load_persona(found.path, skills)
        known.append(slug(report.name or found.path.stem))
        if known[-1] == slug(name):
            return _usable(found, skills, trust_all)
    near = difflib.get_close_matches(slug(name), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(set(known)))}"
    raise UsageError(f"--persona {name}: not found; {hint}")


def _below(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _usable(found: Found, skills: Mapping[str, Path], trust_all: bool) -> Persona:
    persona, report = load_persona(found.path, skills)
    if persona is None:
        raise UsageError(f"{found.path}: {'; '.join(report.errors)}")
    if found.foreign:
        _trust(persona.sha256, found.path, trust_all)
    return persona


def _trust(sha256: str, path: Path, trust_all: bool) -> None:
    if trust_all:
        trust(sha256, path)
    elif not is_trusted(sha256):
        raise UsageError(
            f"{path}: comes with the repository and is not trusted (sha256 {sha256[:12]}…); read it, then add --trust"
        )


def _fitting(text: str, root: Path, skills: Mapping[str, Path], trust_all: bool) -> Persona:
    """The persona that shares most words with the text: those of its "when selected" lines count twice."""
    best: tuple[int, Found] | None = None
    for found in persona_files(root):
        persona, _ = load_persona(found.path, skills)
        if persona is None:
            continue
        score = fit(text, persona)
        if best is None or score > best[0]:
            best = (score, found)
    if best is None:
        raise UsageError("--persona auto: no persona can be loaded; see agency persona check")
    return _usable(best[1], skills, trust_all)


def fit(text: str, persona: Persona) -> int:
    """How well a persona's own words fit a text."""
    words = set(WORD.findall(text.lower()))
    return 2 * len(words & set(WORD.findall(persona.when_selected.lower()))) + len(
        words & set(WORD.findall(persona.description.lower()))
    )


def offered_skills(
    persona: Persona, root: Path, *, trust_all: bool = False, untrusted: Callable[[str], None] = lambda _: None
) -> dict[str, Skill]:
    """The skills a run may use, by name: the persona's own first, then every other that may be offered.

    A repository's skill that is not trusted is left out and named to `untrusted`.
    """
    own = {path for path, foreign in skill_homes(root) if foreign}
    skills: dict[str, Skill] = {}
    folders = skill_folders(root)
    for name in dict.fromkeys([*persona.skills, *sorted(folders)]):
        skill, _ = load_skill(folders[name] / "SKILL.md")
        if skill is None or not (skill.offered or name in persona.skills):
            continue
        if skill.folder.parent in own:
            if trust_all:
                trust(skill.sha256, skill.folder)
            elif not is_trusted(skill.sha256):
                untrusted(f"skill {name} comes with the repository and is not trusted; read it, then add --trust")
                continue
        skills[name] = skill
    return skills
