"""`agency check [PATH…]`: the validators over files, by hand or in CI."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agency_runtime.commands import Subparsers
from agency_runtime.commands.reports import printable
from agency_tools.errors import UsageError

if TYPE_CHECKING:
    from agency_tools.validators import Report

FORMS = {"sarif": (".sarif", ".json"), "junit": (".xml",)}
"""What the file of each form is called, where the word after the option could also be a path to check."""


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="run the validators over files, by hand or in CI",
        description="Find out what the files are, and run in a sandbox every validator that applies to them. "
        "Exit code 0: nothing was found, 1: something was, or nothing could be checked, 2: it was asked for wrongly, 4: no sandbox.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: the whole repository)")
    parser.add_argument("--json", action="store_true", help="findings and outcomes as one JSON object")
    parser.add_argument("--sarif", nargs="?", const="-", metavar="FILE", help="SARIF 2.1.0, to FILE or standard output")
    parser.add_argument("--junit", nargs="?", const="-", metavar="FILE", help="JUnit XML, likewise")
    parser.add_argument(
        "--base", metavar="REF", help="check what differs from this commit, and count only what was not there before"
    )
    parser.add_argument(
        "--severity", choices=("error", "warning", "info"), default="warning", help="the least that counts"
    )
    parser.add_argument("--strict", action="store_true", help="exit code 1 also where a validator could not be run")
    parser.add_argument("--fast", action="store_true", help="without the slow validators")
    parser.add_argument("--repo", metavar="DIR", help="the repository (default: the one around the current folder)")
    parser.add_argument("--sandbox", choices=("auto", "docker", "bwrap"), default="auto")
    parser.add_argument("--image", metavar="REF", help="another workspace image")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, and say what was found. Raises UsageError where a path or the base is not there."""
    from agency_runtime.commands.unread import with_unread

    for form, ends in FORMS.items():
        given_back = path_after(getattr(args, form), ends)
        if given_back is not None:
            args.paths.insert(0, given_back)
            setattr(args, form, "-")
    printed = [f"--{form}" for form in ("json", *FORMS) if getattr(args, form) in (True, "-")]
    if len(printed) > 1:
        raise UsageError(f"{' and '.join(printed)}: only one can go to standard output; give the others a FILE")
    root = root_of(args.repo)
    paths = inside(root, args.paths)
    report = with_unread(asyncio.run(checked(root, paths, args)), root, paths or ())
    tell(report, args)
    return verdict(report, strict=args.strict)


def verdict(report: "Report", *, strict: bool) -> int:
    """1 where something was found, or where nothing could be checked; with `strict`, where anything could not be."""
    not_run = [each for each in report.validators if each.outcome == "not_run"]
    nothing = bool(report.validators) and len(not_run) == len(report.validators)
    return 1 if report.failed or nothing or (strict and not_run) else 0


def path_after(value: str | None, ends: Sequence[str]) -> str | None:
    """The word after `--sarif` or `--junit`, where it is a path to check and not the file to write."""
    if value in (None, "-") or value.endswith(tuple(ends)):
        return None
    return value if Path(value).exists() else None


def root_of(given: str | None) -> Path:
    """The repository. Raises UsageError where the folder is not there."""
    start = Path(given or ".").resolve()
    if not start.is_dir():
        raise UsageError(f"--repo {given}: no such folder")
    if given:
        return start
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def inside(root: Path, given: Sequence[str]) -> list[str] | None:
    """The paths relative to the repository; None for all of it. Raises UsageError for one that is not in it."""
    found: list[str] = []
    for name in given:
        path = Path(name).absolute()
        if not os.path.lexists(path):
            raise UsageError(f"{name}: no such file or folder")
        try:
            found.append(str(path.parent.resolve().joinpath(path.name).relative_to(root)) if path != root else ".")
        except ValueError:
            raise UsageError(f"{name}: lies outside {root}; give --repo") from None
    return found or None


async def checked(root: Path, paths: list[str] | None, args: argparse.Namespace) -> "Report":
    """The report, from a sandbox in which nothing can be written. Raises WorkspaceError where none starts."""
    from agency_tools.sandbox import start
    from agency_tools.validators import Checker
    from agency_tools.validators.against_base import against_base
    from agency_tools.workspace import Layout

    workspace = await start(args.sandbox, Layout(repository=str(root), writable=False, image=args.image))
    try:
        checker = Checker(workspace)
        if args.base:
            return await against_base(workspace, checker, args.base, paths, slow=not args.fast, least=args.severity)
        return await checker.check(paths, slow=not args.fast, least=args.severity)
    finally:
        await workspace.close()


def tell(report: "Report", args: argparse.Namespace) -> None:
    """Print or write the report in each form that was asked for; as text where none was."""
    if args.sarif:
        from agency_tools.validators.sarif import sarif

        put(args.sarif, json.dumps(sarif(report), indent=1) + "\n", "--sarif")
    if args.junit:
        from agency_tools.validators.junit import junit

        put(args.junit, junit(report), "--junit")
    if args.json:
        print(json.dumps(report.json(), ensure_ascii=True))
    elif "-" not in (args.sarif, args.junit):
        for line in lines(report):
            print(printable(line))


def put(name: str, text: str, option: str) -> None:
    """Write it, or print it for `-`. Raises UsageError where the file cannot be written."""
    if name == "-":
        sys.stdout.write(printable(text))
        return
    try:
        Path(name).write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{option} {name}: cannot be written: {error.strerror}") from error


def lines(report: "Report") -> list[str]:
    """The findings, then each validator's outcome."""
    told = [str(finding) for finding in report.findings]
    for each in report.validators:
        count = sum(finding.validator == each.name for finding in report.findings)
        what = {"passed": "passed", "failed": f"failed, {count} found", "not_run": "not run"}[each.outcome]
        files = f" in {each.files} file{'s' * (each.files != 1)}" if each.files else ""
        told.append(f"{each.name}: {what}{files}{f'; {each.why}' if each.why else ''}")
    return told or ["nothing here that a validator applies to"]
