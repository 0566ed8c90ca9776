"""`agency persona list | show | check`: which personas there are, and what becomes of everything they ask for."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agency_runtime.commands import Subparsers
from agency_runtime.commands.reports import (
    Row,
    as_line,
    declare,
    details,
    print_reports,
    print_rows,
    printable,
    root_of,
)

if TYPE_CHECKING:
    from agency_runtime.lookup import PersonaEntry
    from agency_runtime.skill_index import SkillIndex


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    about = "Personas: who the model is, what it may use, how it may act. Exit 2: a file cannot be used."
    declare(subparsers, "persona", about, {"list": _list, "show": _show, "check": _check})


def _list(args: argparse.Namespace) -> int:
    from agency_runtime.lookup import persona_entries
    from agency_runtime.skill_index import skill_index

    root = root_of(args)
    skills = skill_index(root)
    print_rows([_row(entry, skills) for entry in persona_entries(root)], as_json=args.json)
    return 0


def _row(entry: "PersonaEntry", skills: "SkillIndex") -> Row:
    from agency_runtime.persona import load_persona
    from agency_runtime.trust import is_trusted

    loaded = load_persona(entry.path, skills=skills)
    if loaded.value is None:
        state, description = "broken", "; ".join(loaded.report.errors)
    else:
        foreign = entry.origin == "repository" and not is_trusted(loaded.value.sha256)
        state, description = "not trusted" if foreign else "ok", loaded.value.description
    return Row(
        name=entry.name, origin=entry.origin, description=description, path=entry.path, state=state, shadows=entry.shadows
    )  # fmt: skip


def _show(args: argparse.Namespace) -> int:
    from agency_runtime.lookup import persona_entry
    from agency_runtime.mcp_sources import names_configured
    from agency_runtime.persona import load_persona
    from agency_runtime.skill_index import skill_index

    root = root_of(args)
    entry = persona_entry(args.name, root)
    loaded = load_persona(entry.path, skills=skill_index(root), servers=names_configured(root))
    persona = loaded.value
    if args.json:
        more = (
            {"description": persona.description, "origin": entry.origin, "sha256": persona.sha256, "body": persona.body}
            if persona
            else {}
        )
        print(as_line(loaded.report.json() | more))
        return 0 if persona else 2
    print(printable(details(loaded.report)))
    if persona:
        settings = {"permission mode": persona.permission_mode, "model": persona.model, "turns": persona.max_turns}
        print("\n".join(f"{name}: {value}" for name, value in settings.items() if value))
        print(f"origin: {entry.origin}\nsha256: {persona.sha256}\n\n{persona.description}\n\n{persona.body.strip()}")
    return 0 if persona else 2


def _check(args: argparse.Namespace) -> int:
    from agency_runtime.checking import check_personas
    from agency_runtime.mcp_sources import names_configured
    from agency_runtime.skill_index import skill_index

    root = root_of(args)
    reports = check_personas(_paths(args.paths, root), skill_index(root), names_configured(root))
    return print_reports(reports, strict=args.strict, as_json=args.json)


def _paths(given: list[str], root: Path) -> Iterator[Path]:
    """What to check: paths as they are, a bare name as the persona of that name; without any, everything found."""
    from agency_runtime.lookup import persona_entries

    entries = persona_entries(root) if not all(Path(text).exists() for text in given) or not given else ()
    if not given:
        yield from (entry.path for entry in entries)
    for text in given:
        named = next((entry.path for entry in entries if entry.name == text), None)
        yield named if named and not Path(text).exists() else Path(text)
