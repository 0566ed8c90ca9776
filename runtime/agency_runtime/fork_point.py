"""Where a fork leaves a run: after one of its turns, with all that came before and nothing of what came after."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agency_runtime.past import Past, read_past, resumed_as
from agency_runtime.wire import Json
from agency_tools.errors import UsageError

WRITES_NOTHING = frozenset({"read", "plan"})
"""Classes of acts after which the tree is as it was before."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """past: up to the point. folder: of the session in which it lies. later: what the run did after it, in any of its parts."""

    past: Past
    folder: Path
    turn: int
    later: tuple[Json, ...]
    last: Path

    @property
    def acts(self) -> list[Json]:
        """The later calls that were begun and may have changed something, as they were judged."""
        begun = {event["ref"] for event in self.later if event["type"] == "call.started"}
        judged = (event for event in self.later if event["type"] == "call.judged")
        return [event for event in judged if event["ref"] in begun and event["kind"] not in WRITES_NOTHING]

    @property
    def readings(self) -> tuple[str, ...]:
        """The earlier calls that changed nothing beyond the tree, by reference: what they showed is nobody's act."""
        judged = {event["ref"]: event["kind"] for event in self.past.events if event["type"] == "call.judged"}
        done = [event for event in self.past.events if event["type"] == "call.finished" and not event["denied"]]
        return tuple(event["ref"] for event in done if judged.get(event["ref"]) in (*WRITES_NOTHING, "local"))


def point_of(folder: Path, folders: list[Path], turn: int | None) -> Point:
    """The point after a turn, the last that has a reply where none is named. Raises UsageError where there is none such."""
    past = read_past(folder)
    turns = [(part, index, number) for part, index, number in _requests(past) if number in _replied(past)]
    if not turns:
        raise UsageError(f"session {folder.name} has no turn that was answered; start the work anew")
    numbers = [number for _, _, number in turns]
    wanted = numbers[-1] if turn is None else turn
    if wanted not in numbers:
        raise UsageError(
            f"--at {wanted}: session {folder.name} has turns {numbers[0]} to {numbers[-1]} of its own; {_near(wanted, numbers)}"
        )
    part, index = _next(past, wanted)
    names = _lineage(past)
    at = folder.parent / names[part]
    shared = (*past.parts[:part], past.parts[part][:index])
    rest = (past.parts[part][index:], *past.parts[part + 1 :])
    resumed, last = _resumed(folder, folders)
    cut = replace(past, folder=at, parts=shared, torn=past.torn and at == folder, shared=len(shared), citable=())
    return Point(
        past=cut, folder=at, turn=wanted, last=last, later=tuple(event for each in (*rest, *resumed) for event in each)
    )


def _near(wanted: int, numbers: list[int]) -> str:
    nearest = min(numbers, key=lambda number: abs(number - wanted))
    return f"the nearest is {nearest}; see agency session export"


def _requests(past: Past) -> Iterator[tuple[int, int, int]]:
    """The run's own requests: in which part, at which event, and the turn."""
    for part, events in enumerate(past.parts):
        for index, event in enumerate(events):
            if event["type"] == "request" and event["depth"] == 0 and "purpose" not in event:
                yield part, index, int(event["turn"])


def _replied(past: Past) -> set[int]:
    return {int(event["turn"]) for event in past.events if event["type"] == "reply"}


def _next(past: Past, turn: int) -> tuple[int, int]:
    """Where the turn after this one begins; the log's end, its last word left out, where none does."""
    for part, index, number in _requests(past):
        if number > turn:
            return part, index
    ended = past.parts[-1][-1]["type"] == "session.ended"
    return len(past.parts) - 1, len(past.parts[-1]) - int(ended)


def _lineage(past: Past) -> list[str]:
    """The sessions' ids, part by part."""
    return [str(part[0]["id"]) for part in past.parts]


def _resumed(folder: Path, folders: list[Path]) -> tuple[list[tuple[Json, ...]], Path]:
    """What the run did in the sessions that went on from this one, and the last of them."""
    later, found = resumed_as(folders), list[tuple[Json, ...]]()
    while (name := later.get(folder.name)) is not None:
        folder = folder.parent / name
        found.append(read_past(folder).parts[-1])
    return found, folder
