"""`agency eval …`: one module a subcommand; each declares itself with `add` and imports what is slow only when it runs."""

import argparse
import importlib
from typing import Any, TypeAlias

Subparsers: TypeAlias = "argparse._SubParsersAction[Any]"  # pyright: ignore[reportPrivateUsage] # argparse has no public name

SUBCOMMANDS = ("run", "record", "score", "list", "lint", "compare", "report", "merge", "import_")


def add(subparsers: Subparsers) -> None:
    """Declare `eval` and everything below it."""
    parser = subparsers.add_parser(
        "eval",
        help="run, record, score and compare recorded cases",
        description="Recorded evals: run cases, score what came of them, compare. Replays need no key.",
        epilog="`agency eval SUBCOMMAND --help` says more; docs/evals.md tells how a case is written.",
    )
    below = parser.add_subparsers(metavar="SUBCOMMAND", title="subcommands", required=True)
    for name in SUBCOMMANDS:
        importlib.import_module(f"agency_evals.commands.{name}").add(below)
