"""A case, read: one frozen value, with digests by which a change is known."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from agency_evals.results import Expected
from agency_evals.scorer_file import ONLY_TESTS, AnySpec, read_scorers
from agency_evals.task_file import Agency, Task, read_older_task, read_task
from agency_tools.errors import UsageError

FIXTURE = "environment/workspace"
CASES = ("evals/cases", ".agency/evals")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. `folder` holds it; paths below are absolute, None where the case has no such file."""

    id: str
    folder: Path
    digest: str
    instruction: str
    task: Task
    scorers: Sequence[AnySpec]
    recordings: Mapping[str, Path] = field(default_factory=dict[str, Path])
    tests: Path | None = None
    test_script: Path | None = None
    solution: Path | None = None
    cheat: Path | None = None
    notes: Sequence[str] = ()

    @property
    def agency(self) -> Agency:
        """Our table, or what stands for it in a public task."""
        return self.task.agency or Agency()

    @property
    def tags(self) -> tuple[str, ...]:
        """What it can be selected by, its category and difficulty included."""
        meta = self.task.metadata
        return tuple(dict.fromkeys(tag for tag in (*meta.tags, meta.category, meta.difficulty) if tag))

    def expected(self, recording: str) -> Expected:
        """What a recording should come to; where the case does not say, a pass."""
        return self.agency.recordings.get(recording, "passed")

    def result_id(self, recording: str | None) -> str:
        """The id of its result: the case's own for its first recording, else with the recording's name."""
        first = next(iter(self.recordings), None)
        return self.id if recording in (None, first) else f"{self.id}@{recording}"


def read_case(folder: Path) -> Case:
    """Read a case. Raises UsageError that names the file and what is wrong with it."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such case")
    task, instruction, notes = _task(folder)
    scorers = folder / "scorers.yaml"
    tests = folder / "tests"
    return Case(
        id=folder.name,
        folder=folder,
        digest=digest_of(folder, leaving_out=("recordings",)),
        instruction=instruction,
        task=task,
        scorers=(read_scorers(scorers) if scorers.is_file() else ONLY_TESTS).scorers,
        recordings=_recordings(folder, task),
        tests=tests if tests.is_dir() else None,
        test_script=_first(tests / "test.sh", folder / "run-tests.sh"),
        solution=_first(
            folder / "solution" / "solve.sh",
            folder / "solution" / "solution.sh",
            folder / "solution.sh",
            folder / "solve.sh",
        ),
        cheat=_first(folder / "cheat" / "cheat.sh"),
        notes=notes,
    )


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A case that cannot be read, and why, in one line."""

    folder: Path
    why: str


def find_cases(
    names: Iterable[str], *, tags: Sequence[str] = (), start: Path | None = None, unread: list[Unread] | None = None
) -> tuple[Case, ...]:
    """The cases that the names (ids, globs, folders) and all of the tags select; no name selects every case.

    unread: where it is given, and other cases can be read, it takes those that cannot, and nothing is raised for them.
    Raises UsageError for a name or tag that selects nothing, and for a case that cannot be read.
    """
    cases, bad = _read(case_folders(names, start))
    if bad and (unread is None or not cases):
        raise UsageError(bad[0].why)
    if unread is not None and not tags:
        unread.extend(bad)
    chosen = [case for case in cases if all(any(fnmatchcase(tag, wanted) for tag in case.tags) for wanted in tags)]
    if not chosen:
        known = sorted({tag for case in cases for tag in case.tags})
        raise UsageError(f"no case has the tags {', '.join(tags)}; there are: {', '.join(known)}")
    if twice := _twice([*(case.id for case in chosen), *(each.folder.name for each in unread or ())]):
        raise UsageError(f"two cases are named {', '.join(twice)}; run them one folder at a time")
    return tuple(chosen)


def _read(folders: Iterable[Path]) -> tuple[list[Case], list[Unread]]:
    cases, bad = list[Case](), list[Unread]()
    for folder in folders:
        try:
            cases.append(read_case(folder))
        except UsageError as error:
            bad.append(Unread(folder=folder.resolve(), why=str(error)))
    return cases, bad


def case_folders(names: Iterable[str], start: Path | None = None) -> list[Path]:
    """The folders that the names select, unread. Raises UsageError for a name that selects nothing."""
    return _selected(list(names), cases_folder(start or Path.cwd()))


def cases_folder(start: Path) -> Path | None:
    """The nearest folder of cases, from `start` upwards, else that of this checkout; None where there is none."""
    here = start.resolve()
    places = [place / name for place in (here, *here.parents) for name in CASES]
    checkout = Path(__file__).parent.parent / "cases"
    return next((place for place in (*places, checkout) if place.is_dir()), None)


def digest_of(folder: Path, *, leaving_out: Sequence[str] = ()) -> str:
    """SHA-256, in hex, over the names, kinds, executable bits and contents of everything in a folder."""
    whole = hashlib.sha256()
    for name, path in _everything(folder):
        if name.partition("/")[0] in leaving_out:
            continue
        whole.update(f"{name}\0{_kind(path)}\0".encode(errors="surrogateescape"))
        whole.update(_content(path))
    return whole.hexdigest()


def _everything(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every path below, by its relative name, in the names' order; caches of Python's are none of the case's."""
    for path in sorted(folder.rglob("*")):
        if "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path


def _kind(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "program" if mode & stat.S_IXUSR else "file"


def _content(path: Path) -> bytes:
    """What stands in a file, digested, so that no content can pass for the next name."""
    if path.is_symlink():
        return hashlib.sha256(os.fsencode(path.readlink())).digest()
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest()


def _task(folder: Path) -> tuple[Task, str, tuple[str, ...]]:
    if (folder / "task.toml").is_file():
        task, ignored = read_task(folder / "task.toml")
        if beyond := task.beyond():
            raise UsageError(f"{folder}/task.toml: {beyond}")
        notes = tuple(f"task.toml: {key} is not known here and has no effect" for key in ignored)
        return task, _instruction(folder / "instruction.md"), notes
    if (folder / "task.yaml").is_file():
        older = read_older_task(folder / "task.yaml")
        return older.task(), older.instruction, ()
    raise UsageError(f"{folder}: not a case: it has no task.toml; see docs/evals.md")


def _instruction(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: {getattr(error, 'strerror', None) or error}; it holds what the agent is told"
        ) from error
    if not text:
        raise UsageError(f"{path}: empty; say what is to be done")
    return text


def _recordings(folder: Path, task: Task) -> dict[str, Path]:
    """By name: those that task.toml names, in its order, then the others, `good` first."""
    there = {path.stem: path for path in sorted((folder / "recordings").glob("*.jsonl"))}
    named = list(task.agency.recordings) if task.agency else []
    rest = sorted(there.keys() - set(named), key=lambda name: (name != "good", name))
    return {name: there[name] for name in (*named, *rest) if name in there}


def _selected(names: Sequence[str], home: Path | None) -> list[Path]:
    everything = sorted(path for path in home.iterdir() if _is_case(path)) if home else []
    if not names:
        if not everything:
            raise UsageError(
                f"there are no cases: neither {' nor '.join(CASES)} is here or above; name a case's folder"
            )
        return everything
    found: dict[Path, None] = {}
    for name in names:
        matching = [path for path in everything if fnmatchcase(path.name, name)] or _given(Path(name))
        if not matching:
            raise UsageError(f"no case {name!r}; `agency eval list` lists them{f' ({home})' if home else ''}")
        found |= dict.fromkeys(matching)
    return list(found)


def _given(path: Path) -> list[Path]:
    """A case given by its folder, or every case in a folder of cases."""
    if not path.is_dir():
        return []
    return [path] if _is_case(path) else sorted(each for each in path.iterdir() if _is_case(each))


def _is_case(path: Path) -> bool:
    return (path / "task.toml").is_file() or (path / "task.yaml").is_file()


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
