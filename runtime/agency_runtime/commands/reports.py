"""What `agency persona` and `agency skill` share: their verbs, and how load reports are shown."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from agency_runtime.commands import Subparsers

if TYPE_CHECKING:
    from agency_runtime.load_report import LoadReport

USAGE = 2


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a listing."""

    name: str
    origin: str
    description: str
    path: Path
    state: str = "ok"
    shadows: Sequence[Path] = ()

    def json(self) -> dict[str, Any]:
        """As `list --json` prints it."""
        return {
            "name": self.name,
            "origin": self.origin,
            "state": self.state,
            "description": self.description,
            "path": str(self.path),
            "shadows": [str(path) for path in self.shadows],
        }


Verb: TypeAlias = Literal["list", "show", "check"]
Act: TypeAlias = Callable[[argparse.Namespace], int]


def declare(subparsers: Subparsers, kind: str, about: str, acts: Mapping[Verb, Act]) -> None:
    """Declare `list`, `show` and `check` for one kind of file.

    Each act answers the exit code: 0 when done, 2 when a checked file does not pass; it raises UsageError for a name
    that is none.
    """
    parser: argparse.ArgumentParser = subparsers.add_parser(
        kind, help=f"list, show or check {kind}s", description=about
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|check", required=True)
    listing = verbs.add_parser("list", help=f"every {kind} that can be found, and where it comes from")
    show = verbs.add_parser("show", help=f"one {kind}: what it asks for, what that comes to here, its text")
    show.add_argument("name", metavar="NAME|PATH", help=f"a {kind}'s name, or its file")
    check = verbs.add_parser("check", help="one line a file: what it asks for, what was repaired, what is wrong")
    check.add_argument("paths", metavar="PATH", nargs="*", help=f"files, folders or names; default: every {kind} found")
    check.add_argument("--strict", action="store_true", help="fail on any warning, too")
    for verb in (listing, show, check):
        verb.add_argument("--repo", metavar="DIR", type=Path, help="default: the repository around the current folder")
        verb.add_argument("--json", action="store_true", help="JSON, one object a line")

    def act(args: argparse.Namespace) -> int:
        return acts[args.verb](args)

    parser.set_defaults(run=act)


def root_of(args: argparse.Namespace) -> Path:
    """The repository that was meant: `--repo`, else the nearest folder upward with a `.git`, else the current one."""
    from agency_tools.errors import UsageError

    if args.repo is not None and not args.repo.is_dir():
        raise UsageError(f"--repo {args.repo}: no such folder")
    if args.repo is not None:
        return Path(args.repo)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def print_reports(reports: "Iterable[LoadReport]", *, strict: bool, as_json: bool) -> int:
    """Each report as it comes, the counts last; 0 where every file passes, else 2."""
    from agency_runtime.checking import Tally

    tally = Tally()
    for report in reports:
        tally.count(report)
        print(as_line(report.json()) if as_json else printable(line(report, strict=strict)))
    if not as_json:
        print(tally)
    return 0 if tally.passed(strict=strict) else USAGE


def line(report: "LoadReport", *, strict: bool = False) -> str:
    """One report as one line for a person."""
    if report.skipped:
        return f"skipped  {report.path}: {report.skipped}"
    if not report.ok:
        return f"FAILED   {report.path}: {'; '.join([*report.errors, *report.warnings])}"
    if report.warnings:
        return f"{'FAILED ' if strict else 'warning'}  {report.path}: {'; '.join(report.warnings)}"
    return f"ok       {report.path}: {summary(report)}"


def summary(report: "LoadReport") -> str:
    """What a file asks for and how much of it there is."""
    tools = sum(tool.resolves_to is not None for tool in report.tools)
    skills = sum(path is not None for _, path in report.skills)
    counts = [f"{tools} of {len(report.tools)} tools"] if report.tools else []
    counts += [f"{skills} of {len(report.skills)} skills"] if report.skills else []
    return ", ".join([str(report.name), *counts, f"about {report.tokens} tokens"])


def details(report: "LoadReport") -> str:
    """Everything a report holds, for a person, one fact a line."""
    tools = [
        f"  {ref.name} -> {ref.resolves_to or 'nothing here'}" for ref in report.tools if ref.name != ref.resolves_to
    ]
    plain = [ref.name for ref in report.tools if ref.name == ref.resolves_to]
    lines = [f"{report.kind} {report.name}", f"file: {report.path}", f"about {report.tokens} tokens"]
    lines += [f"tools: {', '.join(plain)}"] if plain else []
    lines += tools
    lines += [f"skill: {name} -> {path or 'not found'}" for name, path in report.skills]
    lines += [f"taken away: {', '.join(report.disallowed)}"] if report.disallowed else []
    lines += [f"added: {name}, since {why}" for name, why in report.added.items()]
    lines += [f"ignored: {name}, {why}" for name, why in report.ignored.items()]
    lines += [f"warning: {text}" for text in report.warnings]
    return "\n".join([*lines, *(f"error: {text}" for text in report.errors)])


def print_rows(rows: Sequence[Row], *, as_json: bool) -> None:
    """A listing, cut to the terminal's width; each hidden namesake on a line of its own."""
    if as_json:
        for row in rows:
            print(as_line(row.json()))
        return
    width = shutil.get_terminal_size((100, 24)).columns
    column = max((len(row.name) for row in rows), default=0)
    for row in rows:
        state = "" if row.state == "ok" else f"[{row.state}] "
        print(_cut(printable(f"{row.name:{column}}  {row.origin:10}  {state}{row.description}"), width))
        for path in row.shadows:
            print(printable(f"{'':{column}}  hides {path}"))


def as_line(value: dict[str, Any]) -> str:
    """One JSON object, on one line."""
    return printable(json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """`text` with what standard output cannot encode escaped; file names may hold any bytes."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _cut(text: str, width: int) -> str:
    flat = " ".join(text.split("\n"))
    return flat if len(flat) <= width else flat[: max(width - 1, 1)] + "…"
