"""`agency implement PLAN`: execute a plan file."""

import argparse

from agency_runtime.commands import Subparsers
from agency_runtime.commands.options import add_run_options


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "implement", help="execute a plan file", description="Execute a plan and hand it off."
    )
    parser.add_argument(
        "plan", nargs="?", metavar="PLAN", help="a path, else .agency/plans/PLAN, else .agency/plans/PLAN.md"
    )
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The exit code of what came of it. Raises UsageError before anything has begun."""
    from agency_runtime.assembly import start

    return start("implement", args.plan, vars(args))
