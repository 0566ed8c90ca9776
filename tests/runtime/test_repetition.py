"""Going round in circles is seen by call and result together, told to the model, and ends the run where it goes on."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from agency_runtime.bounds import Bounds, recorded_bounds, window_of
from agency_runtime.calls import Executed
from agency_runtime.repetition import Repetition, Step, Stuck
from agency_runtime.wire import Call

BOUNDS = Bounds(repeats=6, polls=40)


def did(
    tool: str, output: str, *, failed: bool = False, exit_code: int | None = None, **given: Any
) -> tuple[Call, Executed]:
    """A call with what came of it."""
    call = Call(id="t", name=tool, input=given)
    done = Executed(
        ref="c1", id="t", turn=1, tool=tool, input=given, output=output, failed=failed, exit_code=exit_code, denied=False,
        started="2026-01-01T00:00:00.000Z", seconds=0.1,
    )  # fmt: skip
    return call, done


def told(steps: Sequence[tuple[Call, Executed]], bounds: Bounds = BOUNDS) -> list[Stuck | None]:
    """What is said after each of these steps, a reply each."""
    watched = Repetition(bounds)
    return [watched.after([Step(*step)]) for step in steps]


def first(found: Sequence[Stuck | None]) -> tuple[int, int]:
    """After how many steps the model is told, and after how many the run ends; 0 where it never is."""
    at = next((n for n, each in enumerate(found, 1) if each is not None), 0)
    return at, next((n for n, each in enumerate(found, 1) if each is not None and each.over), 0)


SAME = did("Bash", "1 failed in 0.1s", failed=True, exit_code=1, command="make test")


def test_the_same_call_with_the_same_result_is_told_at_half_of_the_bound_and_over_at_it() -> None:
    found = told([did("Read", "1\tFROM scratch", file_path="/workspace/Dockerfile")] * 6)
    assert first(found) == (3, 6)
    assert [each.count if each else 0 for each in found] == [0, 0, 3, 4, 5, 6]
    stuck = found[2]
    assert stuck is not None
    assert (stuck.pattern, stuck.over) == ("repeated", False)
    assert "`Read /workspace/Dockerfile` came to the same result in a row 3 times; at 6 the run ends" in stuck.words


def test_times_and_durations_make_no_other_result() -> None:
    runs = [did("Bash", f"ok in 0.{n}s at 2026-01-01 10:00:0{n}", command="make") for n in range(6)]
    assert first(told(runs)) == (3, 6)


def test_another_result_or_another_call_is_progress() -> None:
    assert told([did("Bash", f"{n} left", command="make step") for n in range(50)]) == [None] * 50
    assert told([did("Read", "", file_path=f"/workspace/{n}") for n in range(50)]) == [None] * 50


@pytest.mark.parametrize("period", [2, 3, 4])
def test_calls_that_take_turns_are_a_circle(period: int) -> None:
    around = [did("Read", f"text {n}", file_path=f"/workspace/{n}") for n in range(period)] * 6
    found = told(around)
    assert first(found) == (3 * period, 6 * period)
    assert {each.pattern for each in found if each} == {"alternating"}


def test_five_calls_that_take_turns_with_work_between_are_none() -> None:
    steps: list[tuple[Call, Executed]] = []
    for n in range(8):
        steps += [did("Edit", "edited", file_path="/workspace/a", old_string=str(n), new_string=str(n + 1)), did("Bash", f"{9 - n} failed", command="make test")]  # fmt: skip
    assert told(steps) == [None] * 16


def test_one_error_for_call_after_call_is_seen_whatever_the_input() -> None:
    steps = [did("Edit", "not found in the file", failed=True, old_string=str(n)) for n in range(6)]
    found = told(steps)
    assert first(found) == (3, 6)
    assert found[2] is not None
    assert found[2].pattern == "failing"


def test_one_call_that_fails_again_and_again_is_seen_whatever_it_says() -> None:
    steps = [did("Bash", f"error {n * 7919}", failed=True, exit_code=1, command="make deploy") for n in range(6)]
    assert first(told(steps)) == (3, 6)


def test_an_error_that_comes_back_with_other_work_between_has_the_longer_bound() -> None:
    steps: list[tuple[Call, Executed]] = []
    for n in range(40):
        steps += [did("Edit", "edited", old_string=str(n)), SAME]
    found = told(steps)
    assert first(found) == (40, 80)
    assert found[39] is not None
    assert found[39].pattern == "failing again"


@pytest.mark.parametrize(
    "look",
    [
        did("TaskOutput", "Task b1: still running after 3.0 s; output in /tmp/x\n\n(no output)", task_id="b1"),
        did("Kubernetes", "web 0/1 Pending", action="get", kind="pod"),
        did("Kubernetes", "Waiting for 1 of 2", action="rollout_status", name="web"),
        did("Helm", "pending-upgrade", action="status", release="web"),
        did("Cloud", "CREATE_IN_PROGRESS", provider="aws", service="cloudformation", operation="describe-stacks"),
        did("Bash", "connection refused", failed=True, exit_code=7, command="sleep 5; curl -sf localhost:8080"),
        did("Bash", "0/1 Pending", command="kubectl -n web get pods"),
        did("Bash", "starting", command="docker logs web | tail -1"),
        did("Bash", "", command="until curl -sf localhost; do sleep 1; done"),
    ],
)
def test_looking_at_what_is_waited_for_has_the_longer_bound(look: tuple[Call, Executed]) -> None:
    assert first(told([look] * 40)) == (20, 40)


def test_waiting_between_two_equal_looks_has_it_too() -> None:
    look = [
        did("Bash", "", command="sleep 20"),
        did("Bash", "refused", failed=True, exit_code=7, command="curl localhost"),
    ]
    assert first(told(look * 19)) == (0, 0)


@pytest.mark.parametrize(
    "look",
    [
        did("TaskOutput", "Task b1: ended, exit code 0 after 3.0 s", exit_code=0, task_id="b1"),
        did("Kubernetes", "created", action="apply", file="a.yaml"),
        did("Bash", "", command="echo sleep"),
        did("Bash", "", command="kubectl version --client"),
    ],
)
def test_what_will_not_change_by_itself_has_not(look: tuple[Call, Executed]) -> None:
    assert first(told([look] * 6)) == (3, 6)


def test_equal_calls_in_one_reply_count_each() -> None:
    step = Step(*SAME)
    stuck = Repetition(BOUNDS).after([step] * 6)
    assert stuck is not None
    assert (stuck.count, stuck.over) == (6, True)


def test_without_bounds_nothing_is_said_and_bounds_may_be_set() -> None:
    assert told([SAME] * 100, Bounds()) == [None] * 100
    assert first(told([SAME] * 10, Bounds(repeats=4))) == (2, 4)
    assert first(told([SAME] * 10, Bounds(repeats=2))) == (2, 2)


def test_what_is_remembered_is_bounded() -> None:
    watched = Repetition(BOUNDS)
    for n in range(2000):
        watched.after([Step(*did("Read", "", file_path=str(n)))])
    assert len(vars(watched)["_steps"]) <= 41 * 4


def test_bounds_come_back_from_a_recording_and_the_infinite_ones_are_left_out() -> None:
    bounds = Bounds(repeats=6, window=200_000)
    assert json.loads(json.dumps(bounds.json())) == {"repeats": 6, "window": 200_000}
    assert recorded_bounds(bounds.json()) == bounds
    assert recorded_bounds({}) == Bounds()
    assert recorded_bounds({"repeats": "many"}).repeats == math.inf


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("claude-sonnet-5-5", 1_000_000), ("eu.anthropic.claude-opus-4-6-v1", 1_000_000), ("claude-haiku-4-5", 200_000), ("new", 200_000)],
)  # fmt: skip
def test_the_window_is_known_by_the_id_and_small_where_it_is_not(model: str, tokens: int) -> None:
    assert window_of(model) == tokens
