"""`agency eval score RUN`: score a run again from what it kept."""

import argparse
from pathlib import Path

from agency_evals.commands import Subparsers


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "score",
        help="score a run again, without running its cases",
        description="Score a run again from the files and logs it kept; or add scores from elsewhere.",
    )
    add = parser.add_argument
    add("run_name", metavar="RUN", help="an id, a folder, or `last`")
    add("cases", nargs="*", metavar="CASE", help="only these (default: every case of the run)")
    add("--scorer", action="append", default=[], metavar="NAME", help="only this scorer; the others' scores stay")
    add(
        "--action",
        choices=("append", "overwrite"),
        default="overwrite",
        help="what becomes of scores of scorers that are gone",
    )
    add("--import", dest="imported", metavar="FILE", help='scores from elsewhere: {"id", "value", "epoch"?} a line')
    add("--as", dest="scorer_name", default="imported", metavar="NAME", help="the name of imported scores")
    add("--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="for scorers that execute something")
    add("--image", metavar="REF", help="another workspace image")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 where everything came out as expected, else 1. Raises UsageError where the run cannot be scored."""
    from agency_evals.case import find_cases
    from agency_evals.finished import Box
    from agency_evals.progress import told
    from agency_evals.rescore import import_scores, read_scores, rescore
    from agency_evals.results import CaseResult
    from agency_evals.run_folder import find_run, latest

    def tell(result: CaseResult) -> None:
        print(told(result))

    folder = find_run(args.run_name)
    if args.imported:
        import_scores(folder, list(read_scores(Path(args.imported), args.scorer_name)), tell=tell)
    else:
        names = args.cases or sorted({result.case for result in latest(folder.results())})
        cases = {case.id: case for case in find_cases(names)}
        box = Box(kind=args.sandbox, image=args.image)
        rescore(folder, cases, action=args.action, box=box, only=args.scorer, tell=tell)
    counts = folder.read().totals
    print(f"{counts.as_expected} of {counts.cases} as expected · {folder.path}")
    return 0 if counts.as_expected == counts.cases else 1
