"""`agency plan TEXT`: write a plan; nothing else in the tree changes."""

import argparse

from agency_runtime.commands import Subparsers
from agency_runtime.commands.options import add_issue, add_run_options, issue_text


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "plan", help="write a plan; change nothing else", description="Write a plan for the issue."
    )
    add_issue(parser)
    parser.add_argument("-o", "--plan-file", metavar="FILE", help="default .agency/plans/<feature>.md")
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The exit code of what came of it. Raises UsageError before anything has begun."""
    text = issue_text(args)
    from agency_runtime.assembly import start

    return start("plan", text, vars(args))
