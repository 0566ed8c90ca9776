"""`agency eval list`: the cases there are."""

import argparse
import json

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser("list", help="list the cases", description="List the cases.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="an id, a glob of ids, or a folder (default: all)")
    parser.add_argument("--tag", action="append", default=[], help="only cases with this tag (a glob); repeatable")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0. Raises UsageError for a case that cannot be read or a name that selects none."""
    from agency_evals.case import find_cases

    for case in find_cases(args.cases, tags=args.tag):
        recordings = {name: case.expected(name) for name in case.recordings}
        if args.json:
            value = {"id": case.id, "path": str(case.folder), "digest": case.digest, "tags": case.tags}
            print(json.dumps({**value, "recordings": recordings, "difficulty": case.task.metadata.difficulty}))
        else:
            print(f"{case.id:32} {', '.join(case.tags):48} {' '.join(recordings) or '(no recording)'}")
    return 0
