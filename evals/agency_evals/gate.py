"""What a run is held to on the command line: limits and a baseline, read and checked before anything starts."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agency_evals.baseline import read_baseline, updated, write_baseline
from agency_evals.comparison import Comparison, compare
from agency_evals.results import Run
from agency_evals.standing import Standing, standings
from agency_evals.verdict import Limits, Verdict, judge
from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of holding a run to its gate; `note` says what was done to the baseline."""

    verdict: Verdict
    comparison: Comparison | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Limits, and the baseline's entries where there is one. update: write the run's results into it."""

    limits: Limits
    path: Path | None = None
    entries: Sequence[Standing] = ()
    update: bool = False

    def judge(self, run: Run, *, whole: bool) -> Judged:
        """Hold a finished run to the gate. Only a run of the `whole` suite can miss what the baseline names.

        A baseline that is to be updated and cannot be is a reason against the run.
        """
        if self.path is None:
            return Judged(verdict=judge(standings(run), self.limits))
        if self.update:
            return self._updated(run, whole=whole)
        return self._judged(run, self.entries, self.limits, whole=whole)

    def _judged(self, run: Run, entries: Sequence[Standing], limits: Limits, *, whole: bool) -> Judged:
        keys = {result.key for result in run.cases}
        before = [each for each in entries if whole or each.key in keys]
        comparison = compare(before, standings(run))
        return Judged(verdict=judge(standings(run), limits, comparison), comparison=comparison)

    def _updated(self, run: Run, *, whole: bool) -> Judged:
        assert self.path
        comparison = compare(self.entries, standings(run))
        try:
            change = updated(self.entries, run, whole=whole)
            write_baseline(self.path, change.entries)
        except (
            UsageError
        ) as error:  # told like any other reason, so that the reports of this run are written all the same
            return Judged(verdict=Verdict(reasons=(str(error),)), comparison=comparison)
        judged = self._judged(run, change.entries, replace(self.limits, regressions=True), whole=whole)
        return replace(judged, note=f"{self.path}: {change}", comparison=comparison)


def add_limits(parser: argparse.ArgumentParser) -> None:
    """Declare the limits that decide the exit code."""
    add = parser.add_argument
    add("--fail-under", type=share, metavar="SHARE", help="fail where fewer results are as expected: 0.95 or 95%%")
    add("--case-fail-under", type=share, metavar="SHARE", help="likewise for each case over its epochs and recordings")
    add("--tolerance", type=share, default=0.0, metavar="SHARE", help="of a case's attempts so many may regress (0)")


def add_gate(parser: argparse.ArgumentParser) -> None:
    """Declare the limits and the baseline."""
    add_limits(parser)
    add = parser.add_argument
    add("--baseline", type=Path, metavar="FILE", help="compare with this committed file")
    add("--fail-on-regression", action="store_true", help="fail only for what is worse than the baseline")
    add("--update-baseline", action="store_true", help="write the results into the baseline")


def gate_of(args: argparse.Namespace) -> Gate:
    """The gate that was asked for. Raises UsageError for options that do not go together or a baseline that is none."""
    limits = Limits(
        fail_under=args.fail_under,
        case_fail_under=args.case_fail_under,
        regressions=args.fail_on_regression,
        tolerance=args.tolerance,
    )
    if args.baseline is None:
        for name in ("fail_on_regression", "update_baseline"):
            if getattr(args, name):
                raise UsageError(f"--{name.replace('_', '-')} needs --baseline FILE")
        return Gate(limits=limits)
    fresh = args.update_baseline and not args.baseline.exists()
    entries = [] if fresh else read_baseline(args.baseline)
    return Gate(limits=limits, path=args.baseline, entries=entries, update=args.update_baseline)


def share(text: str) -> float:
    """`0.95`, `95%` as a number from 0 to 1."""
    try:
        value = float(text.rstrip("% ")) / 100 if text.rstrip().endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; give 0 to 1, or 0% to 100%")
    return value
