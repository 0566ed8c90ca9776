"""A run on disk: `lock.json`, and `results.jsonl`, which only grows and is whole up to its last line feed.

lock.json                       what the run was made with
results.jsonl                   one result a line; a later line with the same id and epoch replaces an earlier one
sessions/ID.EPOCH/events.jsonl  the log of each attempt
workspaces/ID.EPOCH.json        what each attempt left, as a difference to the case's own files
"""

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from agency_evals.results import RESULT, CaseResult, Run
from agency_tools.errors import UsageError

RESULTS, LOCK = "results.jsonl", "lock.json"


def new_run_id() -> str:
    """An id that sorts by time: 20261123-142501-9f3c."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def runs_folder() -> Path:
    """`$XDG_STATE_HOME/agency/evals`, by default below `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "agency" / "evals"


@dataclass(frozen=True)
class RunFolder:
    """Where one run is kept."""

    path: Path

    @property
    def id(self) -> str:
        """The run's name."""
        return self.path.name

    def begin(self, lock: Mapping[str, Any]) -> None:
        """Make the folder and write the lock. Raises UsageError where it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_whole(self.path / LOCK, json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise UsageError(
                f"{self.path}: cannot be written: {error.strerror or error}; give another --out"
            ) from error

    def append(self, result: CaseResult) -> None:
        """Add one result; it is on the disk when this returns. The cost does not grow with the run."""
        line = RESULT.dump_json(result) + b"\n"
        file = os.open(self.path / RESULTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not _ends_whole(self.path / RESULTS):
                line = b"\n" + line  # a crash cut the last line short; it must not swallow this one
            os.write(file, line)
            os.fdatasync(file)
        finally:
            os.close(file)

    def results(self) -> Iterator[CaseResult]:
        """Every line in order, replaced results too. A line that a crash cut short is left out."""
        path = self.path / RESULTS
        if not path.exists():
            return
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip() or not line.endswith(b"\n"):
                    continue
                if (result := _read(path, number, line)) is not None:
                    yield result

    def lock(self) -> dict[str, Any]:
        """What the run was made with. Raises UsageError where there is none."""
        path = self.path / LOCK
        try:
            value: object = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path}: not a run of `agency eval`: {LOCK}: {error}") from error
        if not isinstance(value, dict):
            raise UsageError(f"{path}: not a JSON object")
        return cast("dict[str, Any]", value)

    def read(self) -> Run:
        """The run with the last result of each case and epoch. Raises UsageError for a folder that is none."""
        return Run(id=self.id, cases=latest(self.results()), lock=self.lock())


def latest(results: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """The last result of each case and epoch, in the order of their keys."""
    last = {result.key: result for result in results}
    return tuple(last[key] for key in sorted(last))


def find_run(name: str) -> RunFolder:
    """The run of that id, path, or `last`. Raises UsageError where there is none."""
    folder = runs_folder()
    if name == "last":
        runs = sorted(path for path in folder.glob("*") if (path / LOCK).is_file())
        if not runs:
            raise UsageError(f"there is no run in {folder} yet; `agency eval run` makes one")
        return RunFolder(runs[-1])
    for path in (Path(name), folder / name):
        if (path / LOCK).is_file():
            return RunFolder(path.resolve())
    raise UsageError(f"no run {name!r}: neither a folder with a {LOCK} nor one of {folder}; `last` is the newest")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new, never a part."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read(path: Path, number: int, line: bytes) -> CaseResult | None:
    """One line's result; None for a line that a crash cut short and a later append closed."""
    try:
        json.loads(line)
    except ValueError:
        return None
    try:
        return RESULT.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}:{number}: not a result: {where}: {first['msg']}; made by another version?") from error
