"""`agency session list | show ID | resume ID | fork ID | export ID | audit ID | gc`: what past runs did, and going on."""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agency_runtime.cli import INCOMPLETE
from agency_runtime.commands import Subparsers
from agency_runtime.past import LOG, first_event, may_go_on, read_past, resumed_as, status_of, with_earlier
from agency_runtime.session import read_events, running, sessions_folder
from agency_runtime.terminal import in_one_line, plain, shortened, subject
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.leftovers import Leftover, built_images, leftovers

DAYS = 30


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "session", help="list, show, resume, fork, export or audit sessions", description="What past runs did."
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the sessions, newest first")
    listing.set_defaults(run=show_list)
    for verb, run, words in (
        ("show", show_one, "what one session did, a line an event"),
        ("export", export, "its events as JSON Lines"),
        ("audit", audit, "check that no event was changed, dropped or moved since it was written"),
    ):
        one = verbs.add_parser(verb, help=words)
        one.add_argument("id", metavar="ID", help="the id, or enough of its beginning")
        one.set_defaults(run=run)
    _add_resume(verbs)
    _add_fork(verbs)
    clean = verbs.add_parser("gc", help=f"remove sessions older than {DAYS} days, and what killed runs left running")
    clean.add_argument("--days", type=int, default=DAYS, metavar="N")
    clean.set_defaults(run=collect)


def _add_resume(verbs: Subparsers) -> None:
    parser = verbs.add_parser(
        "resume",
        help="go on with a run that was killed, interrupted, out of budget, or lost the model's service or its sandbox",
    )
    _add_options(parser, "for all parts of the run together (default: as before)")
    parser.set_defaults(run=go_on)


def _add_fork(verbs: Subparsers) -> None:
    parser = verbs.add_parser(
        "fork", help="begin a run that shares another's past up to a turn, and goes its own way from there"
    )
    parser.add_argument("--at", metavar="TURN", help="the last turn that is shared (default: the last there is)")
    parser.add_argument("--tell", metavar="TEXT", help="what it is to do otherwise")
    parser.add_argument("--feature", metavar="SLUG", help="its handoff's name (default: the other's, with -fork)")
    _add_options(parser, "for the fork alone (default: as the other run's)")
    parser.set_defaults(run=leave)


def _add_options(parser: argparse.ArgumentParser, budgets: str) -> None:
    """What resuming and forking share."""
    parser.add_argument("id", metavar="ID", help="the id, or enough of its beginning")
    for name, unit in (("turns", "N"), ("cost", "USD"), ("minutes", "N")):
        parser.add_argument(f"--max-{name}", metavar=unit, help=budgets)
    parser.add_argument(
        "--drift", choices=("fail", "warn"), help="where persona, prompt, tools, branch or plan have changed"
    )
    parser.add_argument("--output", help="text (default), json or stream-json")


def go_on(args: argparse.Namespace) -> int:
    """Resume the session. Raises UsageError before anything has begun."""
    from agency_runtime.resume import resume

    return resume(find(args.id), folders(), vars(args))


def leave(args: argparse.Namespace) -> int:
    """Fork the session. Raises UsageError before anything has begun."""
    from agency_runtime.forking import fork

    return fork(find(args.id), folders(), vars(args))


def folders() -> list[Path]:
    """Every session's folder, newest first."""
    return sorted((path.parent for path in sessions_folder().glob("*/events.jsonl")), reverse=True)


def find(given: str) -> Path:
    """The session whose id begins so. Raises UsageError where none or several do."""
    found = [folder for folder in folders() if folder.name.startswith(given)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no session {given!r}; see agency session list")
    raise UsageError(f"{given!r} is the beginning of {len(found)} sessions; give more of the id")


def events(folder: Path) -> Iterator[Json]:
    """What happened in a session. Raises UsageError for a log that is none."""
    return read_events(folder / "events.jsonl")


def show_list(args: argparse.Namespace) -> int:
    """Print the sessions; one without a last event was cut off, unless it still runs."""
    there = folders()
    later = resumed_as(there)
    for folder in there:
        first, last = first_event(folder), last_event(folder)
        status = "running" if running(folder / LOG) else status_of(last)
        issue = shortened(in_one_line(str(first.get("issue", ""))), 60)
        mark = _mark(first, status, later.get(folder.name))
        print(f"{folder.name}  {status:<16} {first.get('command', '?'):<9} {issue}{mark}")
    return 0


def _mark(first: Json, status: str, later: str | None) -> str:
    """Whose fork the session is, and whether it can be resumed, or was."""
    left = json_object(first.get("forks"))
    fork = f"  (fork of {left['id']} after turn {left['turn']})" if left else ""
    if later is not None:
        return f"{fork}  (resumed as {later})"
    return f"{fork}  (can be resumed)" if may_go_on(first, status) else fork


def last_event(folder: Path) -> Json:
    """The last whole event, read from the file's end."""
    with (folder / "events.jsonl").open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 1_000_000))
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    try:
        return json_object(json.loads(lines[-1])) if lines else {}
    except ValueError:
        return {}


def show_one(args: argparse.Namespace) -> int:
    """Print what the session did."""
    for event in events(find(args.id)):
        for line in lines(event):
            print(f"{event['at']}  {line}")
    return 0


def lines(event: Json) -> Iterator[str]:
    """What of an event is worth showing."""
    match event["type"]:
        case "session.started":
            yield f"{event['command']} as {plain(event['persona'])} on {plain(event['repository'])}: {plain(event['issue'])}"
        case "reply":
            for block in event["message"]["content"]:
                if block.get("type") == "text" and block["text"].strip():
                    yield f"“{plain(block['text']).strip()}”"
        case "call.judged":
            yield f"{event['ref']} {event['verdict']} ({in_one_line(event['rule'])})"
        case "approval":
            yield f"{event['ref']} {'approved' if event['granted'] else 'not approved'} by {event['who'] or 'nobody'}{_of(event)}"
        case "call.finished":
            yield _call(event)
        case "notice" | "stuck" | "compacted":
            yield f"! {in_one_line(event['text'])}"
        case "session.ended":
            yield f"{event['status']}, exit {event['exit_code']} {in_one_line(event['reason'])}".rstrip()
        case _:
            pass


def _of(event: Json) -> str:
    """What an approval was given to, and for how long."""
    what = f": {event['what']} on {event['target']}, hash {event['hash'][:16]}" if "hash" in event else ""
    until = f", until {event['until']}" if "until" in event else ""
    why = f", not proven elsewhere: {event['override']}" if "override" in event else ""
    return in_one_line(f"{what}{until}{why}")


def _call(event: Json) -> str:
    how = "denied" if event["denied"] else "failed" if event["failed"] else "ok"
    code = "" if event["exit_code"] is None else f", exit {event['exit_code']}"
    what = shortened(f"{in_one_line(event['tool'])} {subject(event['input'])}".rstrip(), 110)
    return f"{event['ref']} {what} → {how}{code}, {event['seconds']} s"


def export(args: argparse.Namespace) -> int:
    """Copy the session's events to standard output, byte for byte."""
    with (find(args.id) / "events.jsonl").open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    return 0


def audit(args: argparse.Namespace) -> int:
    """Check the session's chain of digests, and that the sessions it went on from are as they were; 1 where they are not.

    Raises UsageError where there is no chain.
    """
    from agency_runtime.audit import verify

    folder = find(args.id)
    verdict = verify(folder)
    for fault in verdict.faults:
        print(f"{folder.name}: {fault}")
    if not verdict.ok:
        return INCOMPLETE
    left = json_object(first_event(folder).get("forks"))
    if left or json_object(first_event(folder).get("resumes")):
        try:
            read_past(folder)
        except UsageError as problem:
            print(f"{folder.name}: {problem}")
            return INCOMPLETE
    if left:
        print(f"{folder.name}: forked from {left['id']} after turn {left['turn']}, whose hash there is {left['head']}")
    how = "" if verdict.ended else "; the session was cut off, or still runs"
    if verdict.unsealed:
        how += f", and nothing vouches for its last {_count(verdict.unsealed, 'event')}"
    print(f"{folder.name}: {_count(verdict.events, 'event')} as written, last hash {verdict.head}{how}")
    return 0


def collect(args: argparse.Namespace) -> int:
    """Remove old sessions, and the sandboxes of killed runs; a session's age is that of its last event."""
    if args.days < 0:
        raise UsageError(f"--days {args.days}: give 0 or more")
    oldest = time.time() - args.days * 86400
    there = folders()
    kept = with_earlier(there, {folder for folder in there if (folder / LOG).stat().st_mtime >= oldest})
    gone = [folder for folder in there if folder not in kept]
    for folder in gone:
        shutil.rmtree(folder)
    print(f"removed {_count(len(gone), 'session')}")
    _collect_leftovers(leftovers())
    _remove_images()
    return 0


def _remove_images() -> None:
    """Remove what the Docker tool built in runs that have ended; one that a container uses stays, and is named."""
    found = built_images()
    for image in found:
        with suppress(OSError):
            image.remove()
    kept = {image.name for image in built_images()} & {image.name for image in found}
    if found:
        print(f"removed {_count(len(found) - len(kept), 'image')} built by ended runs")
    for name in sorted(kept):
        print(f"kept {name.removeprefix('sha256:')[:12]}: something still uses it")


def _collect_leftovers(found: list[Leftover]) -> None:
    """Remove them and say so. Raises WorkspaceError naming what is still there."""
    for left in found:
        with suppress(OSError):
            left.remove()
    stuck = set(leftovers()) & set(found) if found else set[Leftover]()
    for kind in sorted({left.kind for left in found}):
        gone = [left for left in found if left.kind == kind and left not in stuck]
        print(f"removed {_count(len(gone), kind)} of killed runs")
    if stuck:
        names = ", ".join(sorted(f"{left.kind} {left.name}" for left in stuck))
        raise WorkspaceError(f"could not be removed: {names}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
