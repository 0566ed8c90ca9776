"""A suite spread over machines that know nothing of each other: `--shard 2/5`, and putting the runs together again."""

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from agency_evals.results import CaseResult, Run
from agency_evals.run_folder import RunFolder
from agency_evals.verdict import names
from agency_runtime.recording import digest
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError

ALIKE = ("choices", "agency")
"""What two runs must have in common to be parts of one."""


class Named(Protocol):
    """Whatever is shared out by its name."""

    @property
    def id(self) -> str:
        """The name."""
        ...


Some = TypeVar("Some", bound=Named)


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Part `index` of `of`, counted from 1."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, name: str) -> bool:
        """Whether a name is this part's. It depends on the name alone: a new case moves no other."""
        return int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) % self.of == self.index - 1

    def of_all(self, found: Iterable[Some]) -> tuple[Some, ...]:
        """This part of them."""
        return tuple(each for each in found if self.holds(each.id))


def shard(text: str) -> Shard:
    """`2/5` as a value. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text}: give I/N, I from 1 to N, such as 2/5")
    return Shard(index=int(found[1]), of=int(found[2]))


def shard_lock(part: Shard, attempts: Mapping[str, str]) -> dict[str, Any]:
    """What a part's lock says of the whole: `attempts` are those of every part, by name, with their digests."""
    return {"index": part.index, "of": part.of, "suite": digest(dict(attempts)), "attempts": len(attempts)}


def merged(folders: Sequence[RunFolder], out: RunFolder) -> Run:
    """Put runs together in a new folder, logs and workspaces too.

    Raises UsageError, and writes nothing, where they are of different suites or makings, where a part is missing or
    left attempts undone, or where two disagree about a result.
    """
    runs = [folder.read() for folder in folders]
    _alike(runs)
    _complete(runs)
    results = _union(runs)
    if (out.path / "lock.json").exists():
        raise UsageError(f"{out.path}: there is a run already; give another --out")
    out.begin(_lock(runs))
    for folder in folders:
        for part in ("sessions", "workspaces"):
            if (folder.path / part).is_dir():
                shutil.copytree(folder.path / part, out.path / part, dirs_exist_ok=True)
    for result in results:
        out.append(result)
    return out.read()


def _alike(runs: Sequence[Run]) -> None:
    first = runs[0]
    for other in runs[1:]:
        for key in ALIKE:
            if first.lock.get(key) != other.lock.get(key):
                raise UsageError(
                    f"{first.id} and {other.id} are no parts of one run: they differ in {_where(first.lock, other.lock, key)}"
                )


def _where(first: Json, other: Json, key: str) -> str:
    """The first field that differs, with both values."""
    ours, theirs = json_object(first.get(key)), json_object(other.get(key))
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            return f"{key}.{name} ({ours.get(name)} and {theirs.get(name)})"
    return key


def _complete(runs: Sequence[Run]) -> None:
    """Every part there, each of the same whole, none with attempts undone."""
    parts = {run.id: json_object(run.lock.get("shard")) for run in runs}
    sharded = {name: part for name, part in parts.items() if part}
    if len({(part["of"], part["suite"]) for part in sharded.values()}) > 1:
        told = ", ".join(
            f"{name} is {part['index']}/{part['of']} of {part['attempts']}" for name, part in sharded.items()
        )
        raise UsageError(f"these are parts of different suites: {told}")
    if sharded:
        of = next(iter(sharded.values()))["of"]
        missing = sorted(set(range(1, of + 1)) - {part["index"] for part in sharded.values()})
        if missing:
            raise UsageError(f"shards are missing: {', '.join(f'{index}/{of}' for index in missing)}")
    for run in runs:
        done = {f"{result.id}.{result.epoch}" for result in run.cases}
        undone = sorted(set(json_object(run.lock.get("attempts"))) - done)
        if undone:
            raise UsageError(
                f"{run.id} is not whole: {len(undone)} undone, {', '.join(undone[:5])}; run it again to go on"
            )


def _union(runs: Sequence[Run]) -> list[CaseResult]:
    """Every result once. The same finding on the same case twice is one; a disagreement is nobody's to resolve."""
    found: dict[tuple[str, int], tuple[str, CaseResult]] = {}
    for run in runs:
        for result in run.cases:
            earlier = found.setdefault(result.key, (run.id, result))
            _agree(earlier[0], earlier[1], run.id, result)
    return [found[key][1] for key in sorted(found)]


def _agree(first: str, ours: CaseResult, second: str, theirs: CaseResult) -> None:
    name = names([ours.key])
    if ours.digest != theirs.digest:
        raise UsageError(f"{name} is another case in {second} than in {first}: their digests differ; leave one run out")
    if _found(ours) != _found(theirs):
        raise UsageError(
            f"{name} is {ours.outcome} in {first} and {theirs.outcome} in {second}, on the same case; leave one run out"
        )


def _found(result: CaseResult) -> tuple[object, ...]:
    return (result.outcome, *((score.scorer, score.outcome) for score in result.scores))


def _lock(runs: Sequence[Run]) -> dict[str, Any]:
    """The first run's, with the cases and attempts of all, and whose parts it is made of."""
    lock = {key: value for key, value in runs[0].lock.items() if key != "shard"}
    for key in ("cases", "attempts"):
        lock[key] = {name: value for run in runs for name, value in json_object(run.lock.get(key)).items()}
    return lock | {"merged": [run.id for run in runs]}


def folder_for(out: str | None, fallback: Path) -> RunFolder:
    """Where the whole is kept."""
    return RunFolder(Path(out).resolve() if out else fallback)
