"""What can be compared: a run by its id or folder, a run's JSON, a committed baseline."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agency_evals.baseline import FORMAT, read_baseline
from agency_evals.results import CaseResult, Run
from agency_evals.run_folder import RunFolder, find_run
from agency_evals.standing import Standing, standings
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError

RESULTS: TypeAdapter[list[CaseResult]] = TypeAdapter(list[CaseResult])


def read_standings(name: str) -> Sequence[Standing]:
    """How every case stood there. Raises UsageError where there is nothing of that name or it cannot be read."""
    if not Path(name).is_file():
        return standings(find_run(name).read())
    value = _json(Path(name))
    return read_baseline(Path(name)) if value.get("format") == FORMAT else standings(run_of_json(Path(name)))


def read_run(name: str) -> tuple[Run, RunFolder | None]:
    """A run, with its folder where it has one. Raises UsageError."""
    if Path(name).is_file():
        return run_of_json(Path(name)), None
    folder = find_run(name)
    return folder.read(), folder


def run_of_json(path: Path) -> Run:
    """A run out of the file that `--json` wrote. Raises UsageError."""
    value = _json(path)
    if "cases" not in value or "totals" not in value:
        raise UsageError(f"{path}: neither a run's JSON nor a baseline")
    try:
        cases = RESULTS.validate_python(value["cases"])
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}: not a result: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return Run(id=str(value.get("run", path.stem)), cases=cases, lock=json_object(value.get("lock")))


def _json(path: Path) -> "dict[str, object]":
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    return dict(json_object(value))
