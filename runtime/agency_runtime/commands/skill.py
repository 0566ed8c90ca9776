"""`agency skill list | show | check`: which skills there are, and whether they are fit to be offered."""

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
    from agency_runtime.skill_index import SkillEntry


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    about = "Skills: instructions for one subject each, loaded when it comes up. Exit 2: a file cannot be used."
    declare(subparsers, "skill", about, {"list": _list, "show": _show, "check": _check})


def _list(args: argparse.Namespace) -> int:
    from agency_runtime.skill_index import skill_index

    print_rows([_row(entry) for entry in skill_index(root_of(args))], as_json=args.json)
    return 0


def _row(entry: "SkillEntry") -> Row:
    from agency_runtime.skill import load_skill

    loaded = load_skill(entry.path)
    skill = loaded.value
    description = skill.description if skill else "; ".join(loaded.report.errors)
    return Row(
        name=entry.name, origin=entry.origin, description=description, path=entry.path,
        state=_state(entry, offered=skill.offered if skill else None), shadows=entry.shadows,
    )  # fmt: skip


def _state(entry: "SkillEntry", *, offered: bool | None) -> str:
    from agency_runtime.skill_files import folder_sha256
    from agency_runtime.trust import is_trusted

    if offered is None:
        return "broken"
    if entry.origin == "repository" and not is_trusted(folder_sha256(entry.path.parent)):
        return "not trusted"
    return "ok" if offered else "not offered"


def _show(args: argparse.Namespace) -> int:
    from agency_runtime.skill import load_skill

    path = _path(args.name, root_of(args))
    loaded = load_skill(path)
    skill = loaded.value
    if args.json:
        more = (
            {
                "description": skill.description,
                "resources": skill.resources,
                "offered": skill.offered,
                "body": skill.body,
            }
            if skill
            else {}
        )
        print(as_line(loaded.report.json() | more))
        return 0 if skill else 2
    print(printable(details(loaded.report)))
    if skill:
        print("\n".join(f"resource: {name}" for name in skill.resources))
        print(f"{skill.description}\n\n{skill.body.strip()}")
    return 0 if skill else 2


def _path(name: str, root: Path) -> Path:
    """The SKILL.md of a name, a folder or a file. Raises UsageError."""
    from agency_runtime.lookup import near
    from agency_runtime.skill_files import ENTRY
    from agency_runtime.skill_index import skill_index
    from agency_tools.errors import UsageError

    index = skill_index(root)
    found = index.find(name)
    place = Path(name) / ENTRY if Path(name).is_dir() else Path(name)
    if found is None and not place.is_file():
        raise UsageError(f"no skill {name!r}: {near(name, sorted(index.entries), 'skill')}")
    return found or place


def _check(args: argparse.Namespace) -> int:
    from agency_runtime.checking import check_skills

    return print_reports(check_skills(_paths(args.paths, root_of(args))), strict=args.strict, as_json=args.json)


def _paths(given: list[str], root: Path) -> Iterator[Path]:
    """What to check: paths as they are, a bare name as the skill of that name; without any, everything found."""
    from agency_runtime.skill_index import skill_index

    index = skill_index(root)
    if not given:
        yield from (entry.path for entry in index)
    for text in given:
        yield Path(text) if Path(text).exists() else index.find(text) or Path(text)
