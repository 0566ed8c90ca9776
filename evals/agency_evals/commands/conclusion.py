"""How `run`, `report` and `merge` end: reports are written, the table and the verdict are printed, the verdict last."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agency_evals.gate import Gate
    from agency_evals.results import Run


def conclude(args: argparse.Namespace, run: "Run", gate: "Gate", *, folder: Path | None, whole: bool) -> int:
    """Hold the run to its gate and tell of it; the verdict's exit code.

    Raises UsageError where a report cannot be written, after all others are; the run itself is kept all the same.
    """
    from agency_evals.materials import none_of, of_folder
    from agency_evals.outputs import OPTIONS, Told, write_outputs
    from agency_evals.table_report import comparison_lines, table_report

    judged = gate.judge(run, whole=whole)
    width = shutil.get_terminal_size((100, 24)).columns
    out = sys.stderr if "-" in {str(getattr(args, name, "")) for name in OPTIONS} else sys.stdout
    for line in table_report(run, width=width):
        print(line, file=out)
    if judged.comparison:
        print(file=out)
        for line in comparison_lines(judged.comparison, width=width):
            print(line, file=out)
    against = gate.path.name if gate.path else "before"
    told = Told(
        run=run,
        materials=of_folder(folder) if folder else none_of,
        verdict=judged.verdict,
        comparison=judged.comparison,
        against=against,
    )
    write_outputs(args, told)
    if judged.note:
        print(judged.note, file=out)
    print(judged.verdict, file=out)
    return judged.verdict.exit_code
