"""`agency eval compare A B`: what is worse in B, what better, and whether chance explains it."""

import argparse
import json
import shutil
from typing import TYPE_CHECKING

from agency_evals.commands import Subparsers

if TYPE_CHECKING:
    from agency_evals.comparison import Comparison
    from agency_evals.verdict import Verdict


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    from agency_evals.gate import add_limits

    parser = subparsers.add_parser(
        "compare",
        help="compare two runs case by case",
        description="Compare two runs, paired by case and epoch. Each is a run's id or folder, `last`, the file of "
        "`--json`, or a baseline.",
        epilog="Exit codes: 0 nothing regressed beyond the limits, 1 something did, 2 not to be compared.",
    )
    parser.add_argument("before", metavar="A", help="what it was")
    parser.add_argument("after", metavar="B", help="what it is now")
    add_limits(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The verdict's exit code. Raises UsageError for what is no run."""
    from agency_evals.comparison import compare
    from agency_evals.sources import read_standings
    from agency_evals.verdict import Limits, judge

    before, after = read_standings(args.before), read_standings(args.after)
    comparison = compare(before, after)
    limits = Limits(
        fail_under=args.fail_under,
        case_fail_under=args.case_fail_under,
        tolerance=args.tolerance,
        regressions=True,
    )
    verdict = judge(after, limits, comparison)
    show(args, comparison, verdict)
    return verdict.exit_code


def show(args: argparse.Namespace, comparison: "Comparison", verdict: "Verdict") -> None:
    """Print it: the changes, the counts, the verdict last."""
    from agency_evals.table_report import comparison_lines

    if args.json:
        value = {"before": args.before, "after": args.after, "verdict": verdict.json(), **comparison.json()}
        print(json.dumps(value, ensure_ascii=False))
        return
    for line in comparison_lines(comparison, width=shutil.get_terminal_size((100, 24)).columns):
        print(line)
    print(verdict)
