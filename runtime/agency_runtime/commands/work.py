"""`agency work TEXT`: do the issue and hand it off."""

import argparse

from agency_runtime.commands import Subparsers
from agency_runtime.commands.options import add_issue, add_run_options, issue_text


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "work", help="do an issue and hand it off", description="Do the issue and hand it off."
    )
    add_issue(parser)
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The exit code of what came of it. Raises UsageError before anything has begun."""
    text = issue_text(args)
    from agency_runtime.assembly import start

    return start("work", text, vars(args))
