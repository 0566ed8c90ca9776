"""Carrying a change out: capture before the act, health after it, the undo where either fails, and one answer for all."""

from collections.abc import Sequence
from typing import Any

from agency_tools.change import OVERDUE, Change, Command, carry_out
from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted
from agency_tools.errors import ToolError


def change(**more: tuple[Command, ...]) -> Change:
    """A change of which every part is one word."""
    parts = {part: (Command(argv=(part,)),) for part in ("capture", "watch", "look", "undo", "settled")}
    return Change(act=Command(argv=("act",)), **{**parts, **more})


def codes(*numbers: int) -> Scripted:
    """A compartment whose commands end with these."""
    return Scripted([Ran(exit_code=number, output=f"said {number}", seconds=0) for number in numbers])


async def test_what_goes_well_is_captured_done_and_watched() -> None:
    reach = codes(0, 0, 0)
    story = await carry_out(change(), reach)
    told = story.output("x", "undo by hand: y")
    assert reach.ran == [["capture"], ["act"], ["watch"]]
    assert (told.failed, told.exit_code) == (False, 0)
    assert told.text.splitlines()[0] == "done: x"
    assert told.text.endswith("health: watch: exit code 0\n  said 0\nundo by hand: y")


async def test_nothing_is_done_where_the_former_state_cannot_be_kept() -> None:
    reach = codes(1)
    told = (await carry_out(change(), reach)).output("x")
    assert reach.ran == [["capture"]]
    assert (told.failed, told.exit_code) == (True, 1)
    assert told.text.startswith("not done: what is there now could not be kept, so nothing was changed: x")


async def test_what_does_not_become_healthy_is_looked_at_undone_and_watched_again() -> None:
    reach = codes(0, 0, 3, 0, 0, 0)
    told = (await carry_out(change(), reach)).output("x")
    assert reach.ran == [["capture"], ["act"], ["watch"], ["look"], ["undo"], ["settled"]]
    assert (told.failed, told.exit_code) == (True, 3)
    assert [line.split(": exit")[0] for line in told.text.splitlines() if "exit code" in line] == [
        "capture: capture",
        "deploy: act",
        "health: watch",
        "look: look",
        "undo: undo",
        "health: settled",
    ]
    assert told.text.startswith("failed and was undone: x")


async def test_what_breaks_off_half_way_is_undone_without_waiting_for_health() -> None:
    reach = codes(0, 1, 0, 0, 0)
    story = await carry_out(change(), reach)
    assert reach.ran == [["capture"], ["act"], ["look"], ["undo"], ["settled"]]
    assert story.undone


async def test_a_failing_undo_is_shouted_and_its_other_parts_still_run() -> None:
    two = (Command(argv=("first",)), Command(argv=("second",)))
    reach = codes(0, 1, 0, 1, 0, 0)
    told = (await carry_out(change(undo=two), reach)).output("x")
    assert reach.ran[3:] == [["first"], ["second"], ["settled"]]
    assert told.text.startswith("failed AND THE UNDO FAILED TOO, look at the target now: x")


async def test_a_look_that_fails_does_not_spoil_the_undo() -> None:
    assert (await carry_out(change(), codes(0, 1, 1, 0, 0))).undone


async def test_what_cannot_be_undone_says_only_that_it_failed() -> None:
    told = (await carry_out(change(undo=(), look=()), codes(0, 1))).output("x")
    assert told.text.startswith("failed: x")


class Overdue:
    """A compartment in which the act never ends."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, argv: Sequence[str], **_: Any) -> Ran:
        """Note the command."""
        self.ran.append(argv[0])
        if argv[0] == "act":
            raise ToolError("timed out after 120 s")
        return Ran(exit_code=0, output="", seconds=0)


async def test_an_act_whose_time_is_up_may_have_done_something_and_is_undone() -> None:
    reach = Overdue()
    story = await carry_out(change(), reach)
    assert reach.ran == ["capture", "act", "look", "undo", "settled"]
    assert story.fault is not None
    assert (story.fault.ran.exit_code, story.undone) == (OVERDUE, True)


def test_a_command_is_told_by_its_own_words_unless_they_are_unfit() -> None:
    assert str(Command(argv=("a", "b c"))) == "a 'b c'"
    assert str(Command(argv=("python3", "-c", "…"), shown="kubectl replace")) == "kubectl replace"
