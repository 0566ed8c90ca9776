"""Finding personas and skills by name: nearest first, and nothing of a repository's without trust."""

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.load_report import Loaded, LoadReport
from agency_runtime.persona import Persona, load_persona, slug
from agency_runtime.pick import pick_persona
from agency_runtime.shelves import Origin, Shelf, shelves
from agency_runtime.skill import Skill, load_skill
from agency_runtime.skill_files import folder_sha256
from agency_runtime.skill_index import SkillEntry, SkillIndex, skill_index
from agency_runtime.trust import Ask, Trust, trust_file
from agency_tools.errors import UsageError

_NAME = re.compile(rb"^name[ \t]*:[ \t]*(.+?)[ \t\r]*$", re.MULTILINE)
_PEEK = 8192


@dataclass(frozen=True, kw_only=True)
class PersonaEntry:
    """A persona's file, its name at a glance, and where it comes from. shadows: namesakes that it hides."""

    name: str
    path: Path
    origin: Origin
    shadows: Sequence[Path] = ()


def persona_entries(root: Path | None) -> tuple[PersonaEntry, ...]:
    """Every persona that can be found, the nearest of a name, in the order of the shelves."""
    found: dict[str, PersonaEntry] = {}
    hidden: dict[str, list[Path]] = {}
    for entry in _on_shelves(shelves("personas", root)):
        if entry.name in found:
            hidden.setdefault(entry.name, []).append(entry.path)
        else:
            found[entry.name] = entry
    return tuple(
        PersonaEntry(name=name, path=entry.path, origin=entry.origin, shadows=tuple(hidden.get(name, ())))
        for name, entry in found.items()
    )


def _on_shelves(searched: Sequence[Shelf]) -> Iterator[PersonaEntry]:
    for shelf in searched:
        for path in _markdown(shelf.folder):
            name = _glance(path)
            if name:
                yield PersonaEntry(name=name, path=path, origin=shelf.origin)


def _markdown(folder: Path) -> list[Path]:
    """The Markdown files below a folder, in order; directories behind links are not entered."""
    return sorted(
        Path(here) / name for here, _, names in os.walk(folder) for name in names if name.lower().endswith(".md")
    )


def _glance(path: Path) -> str:
    """The slug in the file's head, without loading it; the file's own name where the head gives none.

    Empty for what is plainly no persona: a readme, or Markdown without a head.
    """
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            start = file.read(_PEEK)
    except OSError:
        return ""
    _, opened, after = start.partition(b"---")
    if not opened:
        return ""
    match = _NAME.search(after.partition(b"\n---")[0])
    name = slug(match[1].decode("utf-8", "replace").strip("\"'")) if match else ""
    return name or ("" if path.stem.lower() == "readme" else slug(path.stem))


def find_persona(wanted: str, root: Path | None, *, skills: SkillIndex, trust: Trust) -> Loaded[Persona]:
    """The persona of a name or a path, with its report.

    Raises UsageError when there is none, when it cannot be used, or when it comes from the repository untrusted.
    """
    return _usable(persona_entry(wanted, root), skills, trust)


def persona_entry(wanted: str, root: Path | None) -> PersonaEntry:
    """Where the persona of a name or a path is. Raises UsageError when there is none."""
    if "/" in wanted or os.sep in wanted or wanted.lower().endswith(".md"):
        return _at_path(wanted, root)
    entries = persona_entries(root)
    name = slug(wanted)
    chosen = next((entry for entry in entries if entry.name == name), None)
    chosen = chosen or next((entry for entry in entries if slug(entry.path.stem) == name), None)
    if chosen is None:
        raise UsageError(f"no persona {wanted!r}: {near(name, [entry.name for entry in entries], 'persona')}")
    return chosen


def _at_path(wanted: str, root: Path | None) -> PersonaEntry:
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise UsageError(f"no persona {wanted!r}: no such file")
    inside = root is not None and (_below(path.absolute(), root.absolute()) or _below(path.resolve(), root.resolve()))
    return PersonaEntry(name=slug(path.stem), path=path, origin="repository" if inside else "user")


def _below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root)


def near(name: str, known: Sequence[str], kind: str) -> str:
    """What to say of a name that is none: the nearest ones, or some of those there are."""
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(sorted(known)[:8])
    return f"there are {shown}{', …' if len(known) > 8 else ''}; `agency {kind} list` shows them, or give a path"


def _usable(entry: PersonaEntry, skills: SkillIndex, trust: Trust, servers: Collection[str] = ()) -> Loaded[Persona]:
    loaded = load_persona(entry.path, skills=skills, servers=servers)
    if loaded.value is None:
        raise UsageError(f"{entry.path}: {'; '.join(loaded.report.errors)}; `agency persona check` says more")
    if entry.origin == "repository" and not trust.admits(entry.path, loaded.value.sha256):
        raise UsageError(untrusted(entry.path, loaded.value.sha256))
    return loaded


def untrusted(path: Path, sha256: str) -> str:
    """What to tell a person about something that a repository brings and nobody has trusted."""
    return f"{path}: comes with the repository and is not trusted (sha256 {sha256}); read it, then add --trust"


def choose_persona(
    name: str, root: Path | None, *, text: str = "", trust_all: bool = False, ask: Ask | None = None,
    say: Callable[[str], None] = lambda _: None, servers: Collection[str] = (),
) -> Persona:  # fmt: skip
    """The persona of a name, of a path, or, for `auto`, the one whose own words fit the text best.

    `say` hears why `auto` chose it, each warning of its load report, and the namesakes it hides. servers: the MCP servers
    that are configured.

    Raises UsageError as `find_persona` does.
    """
    skills = skill_index(root)
    keeper = Trust(file=trust_file(), granted=trust_all, ask=ask)
    if name != "auto":
        entry = persona_entry(name, root)
        found = _told(entry, _usable(entry, skills, keeper, servers), say)
    else:
        found = _fitting(text, root, skills, keeper, say, servers)
    assert found is not None
    return found


def _fitting(
    text: str, root: Path | None, skills: SkillIndex, trust: Trust, say: Callable[[str], None], servers: Collection[str]
) -> Persona | None:
    loaded = [(entry, load_persona(entry.path, skills=skills)) for entry in persona_entries(root)]
    personas = {each.value.name: (entry, each.value) for entry, each in loaded if each.value}
    if not personas:
        raise UsageError("--persona auto: no persona can be used; `agency persona check` says why")
    pick = pick_persona(text, [persona for _, persona in personas.values()])
    say(f"persona {pick.persona.name}: {pick.why}")
    entry = personas[pick.persona.name][0]
    return _told(entry, _usable(entry, skills, trust, servers), say)


def _told(entry: PersonaEntry, loaded: Loaded[Persona], say: Callable[[str], None]) -> Persona | None:
    """The persona, after its warnings and what it hides have been said."""
    for warning in loaded.report.warnings:
        say(f"{entry.path}: {warning}")
    for path in entry.shadows:
        say(f"{entry.path}: hides {path}")
    return loaded.value


def load_skills(index: SkillIndex, *, trust: Trust) -> tuple[Loaded[Skill], ...]:
    """Every skill of the index; one of the repository's that is not trusted is reported and not read into a run."""
    return tuple(_admitted(entry, trust) for entry in index)


def _admitted(entry: SkillEntry, trust: Trust) -> Loaded[Skill]:
    if entry.stray:
        return _refused(entry, "is a link out of the repository; copy the skill into it")
    if entry.origin == "repository":
        sha256 = folder_sha256(entry.path.parent)
        if not trust.admits(entry.path.parent, sha256):
            return _refused(
                entry, f"comes with the repository and is not trusted (sha256 {sha256}); read it, then add --trust"
            )
    return load_skill(entry.path)


def _refused(entry: SkillEntry, why: str) -> Loaded[Skill]:
    return Loaded(
        None, LoadReport(path=str(entry.path), kind="skill", name=entry.name, errors=(f"{entry.path}: {why}",))
    )


def offered_skills(
    persona: Persona, root: Path | None, *, trust_all: bool = False, ask: Ask | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Skill]:  # fmt: skip
    """The skills a run may use, by name: the persona's own first, then every other that is offered to the model.

    What is left out because it cannot be used or is not trusted is said to `say`.
    """
    loaded = load_skills(skill_index(root), trust=Trust(file=trust_file(), granted=trust_all, ask=ask))
    for each in loaded:
        if each.value is None:
            say(f"skill {each.report.name} left out: {'; '.join(each.report.errors)}")
    skills = {each.value.name: each.value for each in loaded if each.value}
    own = [name for name in persona.skills if name in skills]
    return {name: skills[name] for name in dict.fromkeys([*own, *skills]) if name in own or skills[name].offered}
