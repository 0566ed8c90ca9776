"""`agency eval merge RUN…`: put the parts of a CI matrix together again."""

import argparse

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    from agency_evals.gate import add_gate
    from agency_evals.outputs import add_outputs

    parser = subparsers.add_parser(
        "merge",
        help="put the runs of `--shard` together",
        description="Put the runs of `--shard I/N` together into one, and judge that. A missing shard, an unfinished "
        "one, or two that disagree are named and refused.",
        epilog="Exit codes: 0 good, 1 not, 2 no parts of one run.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="an id or a folder")
    parser.add_argument("--out", metavar="DIR", help="where to keep the whole (default: the state folder)")
    add_outputs(parser)
    add_gate(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError before anything is written."""
    from agency_evals.commands.conclusion import conclude
    from agency_evals.gate import gate_of
    from agency_evals.outputs import check_outputs
    from agency_evals.run_folder import find_run, new_run_id, runs_folder
    from agency_evals.shards import folder_for, merged

    check_outputs(args)
    gate = gate_of(args)
    out = folder_for(args.out, runs_folder() / new_run_id())
    whole = merged([find_run(name) for name in args.runs], out)
    return conclude(args, whole, gate, folder=out.path, whole=True)
