"""checkov over batches of files, in checkov's own Python: `agency-policies policies_run.py FOLDER ANSWERS SECONDS < BATCHES`.

Each batch's answer is one line of JSON that is written as soon as it is known, so that whoever ends this process has
what it came to so far.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from typing import Any


def answer(folder: str, framework: str, names: list[str]) -> dict[str, Any]:
    """What checkov says of files of one kind below the folder: failed checks, and the files it could not read."""
    runner = importlib.import_module(f"checkov.{framework}.runner").Runner()
    only = importlib.import_module("checkov.runner_filter").RunnerFilter(framework=[framework])
    said = runner.run(root_folder=None, files=[os.path.join(folder, name) for name in names], runner_filter=only)
    reports: list[Any] = [said] if hasattr(said, "failed_checks") else list(said)
    failed = [_row(folder, record) for report in reports for record in report.failed_checks]
    unread = [os.path.relpath(path, folder) for report in reports for path in report.parsing_errors]
    return {"files": names, "failed": failed, "unread": unread}


def _row(folder: str, record: Any) -> list[Any]:
    path = os.path.relpath(os.path.abspath(record.file_abs_path), folder)
    return [path, record.file_line_range[0], record.check_id, record.check_name, record.resource]


def main(folder: str, answers: str, seconds: int) -> None:
    """Answer one batch after the other, within so much processor time; what goes wrong in one is its answer."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    os.chdir(folder)
    for framework, names in json.load(sys.stdin):
        try:
            line = answer(folder, framework, names)
        except Exception as problem:  # checkov's own faults on a file are no fault of the file
            line = {"files": names, "problem": f"{type(problem).__name__}: {problem}"[:200]}
        with open(answers, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
