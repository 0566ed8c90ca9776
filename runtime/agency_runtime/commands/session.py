"""`agency session list | show ID | export ID | gc`: what past runs did."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agency_runtime.commands import Subparsers
from agency_tools.errors import UsageError

DAYS = 30


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("session", help="list, show or export sessions", description="What past runs did.")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the sessions, newest first")
    listing.set_defaults(run=show_list)
    for verb, run, words in (
        ("show", show_one, "what one session did, a line an event"),
        ("export", export, "its events as JSON Lines"),
    ):
        one = verbs.add_parser(verb, help=words)
        one.add_argument("id", metavar="ID", help="the id, or enough of its beginning")
        one.set_defaults(run=run)
    clean = verbs.add_parser("gc", help=f"remove sessions older than {DAYS} days")
    clean.add_argument("--days", type=int, default=DAYS, metavar="N")
    clean.set_defaults(run=collect)


def folders() -> list[Path]:
    """Every session's folder, newest first."""
    from agency_runtime.session import sessions_folder

    return sorted((path.parent for path in sessions_folder().glob("*/events.jsonl")), reverse=True)


def find(given: str) -> Path:
    """The session whose id begins so. Raises UsageError where none or several do."""
    found = [folder for folder in folders() if folder.name.startswith(given)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no session {given!r}; see agency session list")
    raise UsageError(f"{given!r} is the beginning of {len(found)} sessions; give more of the id")


def events(folder: Path) -> Iterator[dict[str, Any]]:
    from agency_runtime.session import read_events

    return (dict(event) for event in read_events(folder / "events.jsonl"))


def show_list(args: argparse.Namespace) -> int:
    for folder in folders():
        first = next(events(folder), {})
        last = last_event(folder)
        status = last.get("status", "cut off") if last.get("type") == "session.ended" else "cut off"
        issue = " ".join(str(first.get("issue", "")).split())[:60]
        print(f"{folder.name}  {status:<16} {first.get('command', '?'):<9} {issue}")
    return 0


def last_event(folder: Path) -> dict[str, Any]:
    """The last whole event, read from the file's end."""
    with (folder / "events.jsonl").open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 1_000_000))
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    try:
        return dict(json.loads(lines[-1])) if lines else {}
    except ValueError:
        return {}


def show_one(args: argparse.Namespace) -> int:
    from agency_runtime.terminal import plain, subject

    for event in events(find(args.id)):
        match event["type"]:
            case "session.started":
                print(
                    f"{event['at']}  {event['command']} as {event['persona']} on {event['repository']}: {plain(event['issue'])}"
                )
            case "reply":
                for block in event["message"]["content"]:
                    if block.get("type") == "text" and block["text"].strip():
                        print(f"{event['at']}  “{plain(block['text']).strip()}”")
            case "call.judged":
                print(f"{event['at']}  {event['ref']} {event['verdict']} ({event['rule']})")
            case "call.finished":
                how = "denied" if event["denied"] else "failed" if event["failed"] else "ok"
                print(
                    f"{event['at']}  {event['ref']} {event['tool']} {subject(event['input'])[:100]} → {how}, exit {event['exit_code']}, {event['seconds']} s"
                )
            case "notice":
                print(f"{event['at']}  ! {plain(event['text'])}")
            case "session.ended":
                print(f"{event['at']}  {event['status']}, exit {event['exit_code']} {plain(event['reason'])}")
            case _:
                pass
    return 0


def export(args: argparse.Namespace) -> int:
    with (find(args.id) / "events.jsonl").open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    return 0


def collect(args: argparse.Namespace) -> int:
    if args.days < 0:
        raise UsageError(f"--days {args.days}: give 0 or more")
    oldest = time.time() - args.days * 86400
    gone = [folder for folder in folders() if (folder / "events.jsonl").stat().st_mtime < oldest]
    for folder in gone:
        shutil.rmtree(folder)
    print(f"removed {len(gone)} sessions")
    return 0
