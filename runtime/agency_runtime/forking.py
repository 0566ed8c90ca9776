"""Forking a session: a run of its own that shares another's past up to a turn, and nothing of what that one did.

The conversation goes on from there. What was done is the other run's: its approvals, its report, its changes and their undos
are not the fork's, and nothing of it is taken back. The tree is as it is now, since contents of an earlier one are not kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from agency_runtime.assembly import carry_out
from agency_runtime.calls import Executed
from agency_runtime.changes import changes, snapshot
from agency_runtime.fork_point import Point, point_of
from agency_runtime.kept_trees import kept
from agency_runtime.order import Order, Verb, take
from agency_runtime.past import held, is_sound, stamp
from agency_runtime.plans import check_feature
from agency_runtime.resume import differences, end_what_it_left, moved, refuse, settings_of, text_of
from agency_runtime.resumption import Resumption, resumption_of
from agency_runtime.session import now
from agency_runtime.terminal import in_one_line, shortened, subject
from agency_runtime.wire import Json
from agency_tools.errors import UsageError

SHOWN = 20  # later acts that are named
LONGEST = 48  # characters of the parent's feature that the fork's begins with


def fork(folder: Path, folders: list[Path], given: Mapping[str, Any]) -> int:
    """Leave the session's run after a turn; the exit code is the fork's.

    folders: of all sessions. given: `at`, `tell`, `feature`, budgets, output, drift. Nobody resumes or forks the session
    meanwhile: both would work on one tree. Raises UsageError before anything has begun.
    """
    turn, words = _turn(given.get("at")), str(given.get("tell") or "").strip()
    if given.get("tell") is not None and not words:
        raise UsageError("--tell is empty; say what the fork is to do otherwise, or leave it out")
    with held(folder):
        point = point_of(folder, folders, turn)
        is_sound(point.past)
        end_what_it_left(point.past)
        return carry_out(order_of(point, words, given)).exit_code


def _turn(given: object) -> int | None:
    if given is None:
        return None
    if not str(given).isdecimal() or int(str(given)) < 1:
        raise UsageError(f"--at {given}: give the number of a turn, from 1")
    return int(str(given))


def order_of(point: Point, words: str, given: Mapping[str, Any]) -> Order:
    """The order of the run that was left, with what the fork shares of it. Raises UsageError for what keeps it from going on."""
    past, opening = point.past, point.past.opening
    root = Path(str(opening["repository"]))
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; session {past.id} worked there, so nothing can go on from it")
    feature = _feature(given.get("feature"), str(opening["feature"]), root)
    settings = replace(settings_of(opening, given, root), feature=feature)
    order = take(cast("Verb", opening["command"]), text_of(opening, root), {"repo": str(root)}, settings=settings)
    parent = {**stamp(point.folder, len(past.parts[-1])), "turn": point.turn}
    shared = resumption_of(past, parent, None)
    refuse(list(differences(order, opening, shared)), drift=str(given.get("drift") or "fail"), past=past)
    shared = replace(shared, forked=True, drift=str(given.get("drift") or "fail"))
    shared = _with_evidence(shared, point, order)
    told = [*_told(point, shared, feature), *moved(order, opening), *([f"The user says: {words}"] if words else [])]
    notes = [f"forks session {past.id} after its turn {point.turn}; its handoff is {feature}", *_acts(point)]
    return replace(order, past=replace(shared, told=tuple(told)), notes=(*order.notes, *notes))


def _feature(given: object, parents: str, root: Path) -> str:
    """A name whose handoff is not there yet: the other run's is not to be written over."""
    if given:
        return check_feature(str(given))
    base = f"{parents[:LONGEST].rstrip('-')}-fork"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, 1000))
    free = next((name for name in names if not (root / ".agency" / "handoff" / name).exists()), None)
    if free is None:
        raise UsageError(f"{root}/.agency/handoff holds a thousand forks of {parents}; give --feature SLUG")
    return free


def _with_evidence(shared: Resumption, point: Point, order: Order) -> Resumption:
    """With the earlier calls that may be cited: those that changed nothing but the tree, where the tree of then is known.

    It is known where the run kept it at its end and did nothing after the point that may have changed it. What differs from
    it is taken for a change made after those calls, so that none counts for a file that is not what it was.
    """
    tree = None if point.acts else kept(point.last, "after")
    if tree is None:
        return shared
    readings = set(point.readings)
    every = resumption_of(replace(point.past, citable=tuple(readings)), shared.parent, None).executed
    found = _found(shared, changes(tree, snapshot(order.repository)).all)
    return replace(
        shared, executed=every, found=found, parent={**shared.parent, "citable": [each.ref for each in every]}
    )


def _found(shared: Resumption, paths: tuple[str, ...]) -> tuple[Executed, ...]:
    if not paths:
        return ()
    text = "Not as they were when the other run was left: " + ", ".join(paths)
    return (
        Executed(
            ref=f"c{shared.count + 1}", id="fork", turn=shared.turns, tool="Fork", input={}, output=text, failed=False,
            exit_code=None, denied=False, started=now(), seconds=0.0, changed=paths,
        ),
    )  # fmt: skip


def _told(point: Point, shared: Resumption, feature: str) -> Iterator[str]:
    """What the model has to know to go on from here."""
    yield (
        f"Up to the end of turn {point.turn} its past is that of session {point.past.id}, which another run did. What that run"
        " changed is that run's, and its approvals, prepared changes and report do not hold here: plan again, and what needs an"
        f" approval is asked for. This run's own handoff is {feature}."
    )
    yield (
        "The tree is as it is now, not as it was then; the sandbox is a new one: the shell stands at the repository's top, /tmp"
        " is empty, and a file must be read again before it is edited."
    )
    acts = list(_acts(point))
    if acts:
        yield "After that turn the other run did what you do not know of, and nothing of it was undone. Look before you change:"
        yield from acts
    if shared.executed:
        yield f"Of the earlier calls these may be cited: {', '.join(each.ref for each in shared.executed)}."
        yield from (each.output for each in shared.found)
    else:
        yield "Earlier calls cannot be cited: whether the tree is what they saw is not known. Make the checks again."


def _acts(point: Point) -> Iterator[str]:
    """The later acts, a line each."""
    for event in point.acts[:SHOWN]:
        yield _act(event)
    if len(point.acts) > SHOWN:
        yield f"… and {len(point.acts) - SHOWN} more; agency session show {point.past.id}"


def _act(event: Json) -> str:
    target = f" on {event['prospect']['target']}" if event.get("prospect") else ""
    what = shortened(in_one_line(f"{event['tool']} {subject(event['input'])}"), 160)
    return f"done later by the other run: {what} ({event['kind']}{target})"
