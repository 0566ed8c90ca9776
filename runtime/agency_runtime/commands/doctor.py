"""`agency doctor`: what is there, what is missing, how to get it."""

import argparse
from typing import TYPE_CHECKING

from agency_runtime.commands import Subparsers

if TYPE_CHECKING:
    from agency_runtime.health import Item

MARKS = {"ok": "ok     ", "missing": "MISSING", "broken": "BROKEN "}


def add(subparsers: Subparsers) -> None:
    summary = "what is there, what is missing, how to get it"
    parser = subparsers.add_parser("doctor", help=summary, description=f"Say {summary}. Exit 4: no run could start.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine and print; 0 when a run could start."""
    from agency_runtime.cli import OK, SANDBOX
    from agency_runtime.health import examine

    health = examine()
    if args.json:
        print(health.json())
    else:
        width = max(len(item.name) for item in health.items)
        print("\n".join(line(item, width) for item in health.items))
        print("a run can start" if health.ok else "no run can start: git and one kind of sandbox are needed")
    return OK if health.ok else SANDBOX


def line(item: "Item", width: int) -> str:
    """One item for a person."""
    return f"{MARKS[item.state]}  {item.name:{width}}  {item.version or item.remedy if item.state == 'ok' else item.remedy}"
