"""A past session as it is read again: its events, those of the sessions it went on from, and whether it can go on.

A resumed run is a session of its own whose first event names the one before (`resumes`) by the digest of its log, so
that the log of a run that was cut off stays byte for byte as the crash left it. A fork names the one it left (`forks`) by
the digest of the part that both share.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.audit import hash_at, verify
from agency_runtime.session import read_events
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError

LOG = "events.jsonl"
CUT_OFF = "cut off"
HOW: Mapping[str, str] = {
    CUT_OFF: "was killed",
    "interrupted": "was interrupted",
    "terminated": "was terminated",
    "out_of_budget": "had spent its budget",
    "model_failed": "lost the model's service",
    "sandbox_failed": "lost its sandbox",
}
"""How a session may have ended for it to be resumed, in words; every other ending is the run's own."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """A session and those it went on from, the oldest first; `parts` are their events.

    torn: a crash cut the last line of its log, which counts for nothing. shared: how many parts, at the beginning, it only
    shares, since it forked there: what was done in them is another run's. citable: those of the calls in them that may be cited.
    """

    folder: Path
    parts: tuple[tuple[Json, ...], ...]
    torn: bool
    shared: int = 0
    citable: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The session's id."""
        return self.folder.name

    @property
    def opening(self) -> Json:
        """Its first event."""
        return self.parts[-1][0]

    @property
    def events(self) -> Iterator[Json]:
        """The events of all parts."""
        return (event for part in self.parts for event in part)

    @property
    def own(self) -> tuple[tuple[Json, ...], ...]:
        """The parts that are its own run's."""
        return self.parts[self.shared :]

    @property
    def status(self) -> str:
        """How it ended, `cut off` where no event says so."""
        return status_of(self.parts[-1][-1])


def status_of(last: Json) -> str:
    """How a session ended, by its last event."""
    return str(last.get("status", CUT_OFF)) if last.get("type") == "session.ended" else CUT_OFF


def read_past(folder: Path) -> Past:
    """Read it with what came before. Raises UsageError where a log is broken, changed or gone."""
    parts: list[tuple[Json, ...]] = []
    at: Path | None = folder
    upto: int | None = None
    own, forks = 0, json_object(None)
    while at is not None:
        events = tuple(read_events(at / LOG))
        if not events or events[0].get("type") != "session.started":
            raise UsageError(f"{at.name}: its log holds no beginning; start the work anew")
        parts.insert(0, events[:upto])
        before, left = json_object(events[0].get("resumes")), json_object(events[0].get("forks"))
        if left and not forks:
            own, forks = len(parts), left
        at, upto = _before(at, before or left), int(left["events"]) if left else None
    return Past(
        folder=folder, parts=tuple(parts), torn=_torn(folder / LOG), shared=len(parts) - own if forks else 0,
        citable=tuple(map(str, forks.get("citable") or ())),
    )  # fmt: skip


def _before(folder: Path, named: Json) -> Path | None:
    """The folder of the session that one went on from, or left. Raises UsageError where it is not as it was then."""
    if not named:
        return None
    path = folder.parent / str(named["id"])
    if not (path / LOG).is_file():
        raise UsageError(f"{folder.name} goes on from session {path.name}, whose log is gone; start the work anew")
    if stamp(path, int(named["events"]) if "turn" in named else None)["sha256"] != named.get("sha256"):
        raise UsageError(f"{path.name}: its log is not the one that {folder.name} went on from; start the work anew")
    return path


def stamp(folder: Path, events: int | None = None) -> Json:
    """By what a session is known to the one that goes on from it: its log's whole lines, and its chain's hash there.

    events: so many of them, where only those are shared.
    """
    lines = (folder / LOG).read_bytes().split(b"\n")[:-1][:events]
    chain = verify(folder)
    return {
        "id": folder.name,
        "events": len(lines),
        "sha256": hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest(),
        "head": hash_at(folder, len(lines)),
        "unsealed": max(0, len(lines) - chain.events),
    }


def goes_on(past: Past, later: str | None) -> None:
    """Raises UsageError where the session cannot be resumed, with what to do instead.

    later: the session that has gone on from it already.
    """
    name, opening, status = past.id, past.opening, past.status
    if later is not None:
        raise UsageError(f"session {name} was resumed as {later}; resume that one")
    if status not in HOW:
        feature = opening.get("feature", "FEATURE")
        raise UsageError(
            f"session {name} has ended by itself ({status}): nothing is left to resume; `agency verify {feature}` judges"
            f" its handoff, `agency {opening.get('command', 'work')}` starts anew"
        )
    is_sound(past)


def is_sound(past: Past) -> None:
    """Raises UsageError where nothing can go on from the session, however it ended."""
    name, opening = past.id, past.opening
    if opening.get("replay"):
        raise UsageError(f"session {name} was a replay; replay its recording again instead")
    if "settings" not in opening:
        raise UsageError(f"session {name} is of a version that kept no settings; start the work anew")
    faults = verify(past.folder).faults
    if faults:
        raise UsageError(f"session {name} cannot be trusted: {faults[0]}; see agency session audit {name}")


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Keep everybody else from resuming it meanwhile. Raises UsageError where it still runs, or is being resumed."""
    file = os.open(folder / LOG, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"session {folder.name} still runs; wait for its end, or interrupt it first") from error
        yield
    finally:
        os.close(file)


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def resumed_as(folders: list[Path]) -> Mapping[str, str]:
    """Each session that was gone on from, by the id of the one that did."""
    found: dict[str, str] = {}
    for folder in folders:
        before = json_object(first_event(folder).get("resumes"))
        if before:
            found[str(before["id"])] = folder.name
    return found


def first_event(folder: Path) -> Json:
    """The event a session began with; empty where there is none."""
    try:
        with (folder / LOG).open("rb") as file:
            return json_object(json.loads(file.readline()))
    except (OSError, ValueError):
        return {}


def may_go_on(first: Json, status: str) -> bool:
    """Whether `goes_on` would let a session of this beginning and status be resumed."""
    return status in HOW and "settings" in first and not first.get("replay")


def with_earlier(folders: list[Path], kept: set[Path]) -> set[Path]:
    """The sessions, and those that they went on from or left."""
    before: dict[str, str] = {}
    for folder in folders:
        first = first_event(folder)
        named = json_object(first.get("resumes")) or json_object(first.get("forks"))
        if named:
            before[folder.name] = str(named["id"])
    found = set(kept)
    for folder in kept:
        name = before.get(folder.name)
        while name is not None:
            found.add(folder.parent / name)
            name = before.get(name)
    return found
