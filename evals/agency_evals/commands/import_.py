"""`agency eval import CASE TRAJECTORY…`: score what another program's agent did."""

import argparse
from pathlib import Path

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "import",
        help="score trajectories (ATIF) that another program made",
        description="Score trajectories in ATIF that another program's agent made of a case; each counts as an epoch.",
    )
    add = parser.add_argument
    add("case", metavar="CASE", help="an id or a folder")
    add("trajectories", nargs="+", metavar="TRAJECTORY", help="a JSON file in ATIF-v1.x")
    add("--workspace", metavar="DIR", help="the files that it left; without, nothing is said of files (one TRAJECTORY)")
    add("--out", metavar="DIR", help="where to keep the run (default: the state folder)")
    add("--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="for scorers that execute something")
    add("--image", metavar="REF", help="another workspace image")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where every trajectory passed, else 1. Raises UsageError for what cannot be read or kept."""
    from agency_evals.case import find_cases
    from agency_evals.finished import Box
    from agency_evals.foreign_run import read_trajectory
    from agency_evals.importing import import_run
    from agency_evals.progress import told
    from agency_evals.run_folder import RunFolder, new_run_id, runs_folder
    from agency_tools.errors import UsageError

    paths = [Path(each) for each in args.trajectories]
    if args.workspace and len(paths) > 1:
        raise UsageError("--workspace: it holds the files of one trajectory; import the others by themselves")
    if args.workspace and not Path(args.workspace).is_dir():
        raise UsageError(f"--workspace {args.workspace}: no such folder")
    case, *others = find_cases([args.case])
    if others:
        raise UsageError(f"{args.case}: names {len(others) + 1} cases; a trajectory is of one")
    folder = RunFolder(Path(args.out).resolve() if args.out else runs_folder() / new_run_id())
    if (folder.path / "lock.json").exists():
        raise UsageError(f"{folder.path}: holds a run already; give another --out")
    found = [read_trajectory(path) for path in paths]
    box = Box(kind=args.sandbox, image=args.image)
    left = Path(args.workspace) if args.workspace else None
    import_run(folder, case, found, paths, left=left, box=box, tell=lambda result: print(told(result)))
    totals = folder.read().totals
    print(f"{totals.as_expected} of {totals.cases} as expected · {folder.path}")
    return 0 if totals.as_expected == totals.cases else 1
