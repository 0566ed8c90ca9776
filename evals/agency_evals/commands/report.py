"""`agency eval report RUN`: tell of a run again, in any form, without running anything."""

import argparse

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    from agency_evals.gate import add_gate
    from agency_evals.outputs import add_outputs

    parser = subparsers.add_parser(
        "report",
        help="tell of a run again, in any form",
        description="Tell of a run again: a table here, files in other forms. Nothing is run.",
        epilog="Exit codes: as `agency eval run`.",
    )
    parser.add_argument("target", nargs="?", default="last", metavar="RUN", help="an id, a folder, a JSON file (last)")
    add_outputs(parser)
    add_gate(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError for what is no run."""
    from agency_evals.commands.conclusion import conclude
    from agency_evals.gate import gate_of
    from agency_evals.outputs import check_outputs
    from agency_evals.sources import read_run

    check_outputs(args)
    gate = gate_of(args)
    found, folder = read_run(args.target)
    return conclude(args, found, gate, folder=folder.path if folder else None, whole=True)
