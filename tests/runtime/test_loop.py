"""The loop: every stop reason has one meaning, every call gets a result."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from agency_runtime.answer import Answer, Judgement
from agency_runtime.approval import nobody
from agency_runtime.bounds import BOUNDLESS, Bounds
from agency_runtime.budget import Budget, Spending
from agency_runtime.conversation import Conversation
from agency_runtime.loop import CONTINUE, Ending, run
from agency_runtime.prices import Price
from agency_runtime.session import Event, Session
from agency_runtime.testing import Scripted, message, text, use
from agency_runtime.wire import Call, Json, Listener, Reply, Request
from agency_tools.errors import ToolError
from agency_tools.prospect import Prospect
from agency_tools.tool import Input, Output


class EchoInput(Input):
    words: str


class Echo:
    name: ClassVar[str] = "Echo"
    description: ClassVar[str] = "says it back"
    input_type: ClassVar[type[Input]] = EchoInput
    read_only: ClassVar[bool] = True

    async def run(self, given: Any) -> Output:
        if given.words == "fail":
            raise ToolError("it failed; try other words")
        return Output(content=given.words)


@dataclass(frozen=True)
class Says:
    verdict: str = "allow"
    kind: str = "read"
    rule: str = "built-in"
    why: str = ""
    permits: tuple[str, ...] = ()
    prospect: Prospect | None = None
    unproven: bool = False


class Fixed:
    def __init__(self, verdict: str = "allow") -> None:
        self.verdict = verdict

    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement:
        return Says(self.verdict)


@dataclass
class Run:
    """A run on a script, with everything that came of it."""

    ending: Ending
    talk: Conversation
    events: list[Event]
    model: Scripted
    answer: Answer


async def owes_nothing(reply: Reply) -> str | None:
    return None


@dataclass
class OwesOnce:
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, reply: Reply) -> str | None:
        self.asked.append(reply.text)
        return "still owed" if len(self.asked) == 1 else None


async def play(
    *messages: Json,
    verdict: str = "allow",
    budget: Budget | None = None,
    owed: Any = owes_nothing,
    bounds: Bounds = BOUNDLESS,
) -> Run:
    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    answer = Answer(session=session, tools={"Echo": Echo()}, gate=Fixed(verdict), approve=nobody)
    talk = Conversation(
        system=[text("be good")], tools=[], model="scripted", price=Price(input=1, output=1),
        messages=[{"role": "user", "content": [text("go")]}], bounds=bounds,
    )  # fmt: skip
    model = Scripted(messages)
    ending = await run(session, talk, model, answer, Spending(budget or Budget()), owed, lambda _: None)
    return Run(ending, talk, events, model, answer)


def results(run: Run) -> list[Json]:
    return [block for entry in run.talk.messages for block in entry["content"] if block["type"] == "tool_result"]


async def test_it_runs_tools_until_the_model_stops_asking() -> None:
    it = await play(message(use("Echo", words="hello")), message(text("done")))
    assert it.ending is Ending.DONE
    assert results(it) == [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "hello\n\n[call c1]"}]
    assert [event.type for event in it.events] == [
        "request", "reply", "call.judged", "call.started", "call.finished", "request", "reply",
    ]  # fmt: skip


async def test_only_what_is_new_is_marked_fresh() -> None:
    it = await play(message(use("Echo", words="hello")), message(text("done")))
    assert [request.fresh for request in it.model.requests] == [0, 2]


@pytest.mark.parametrize(
    ("stop_reason", "ending"),
    [
        ("refusal", Ending.REFUSED),
        ("model_context_window_exceeded", Ending.CONTEXT_FULL),
        ("stop_sequence", Ending.DONE),
        ("something_new", Ending.DONE),
    ],
)
async def test_each_stop_reason_has_its_ending(stop_reason: str, ending: Ending) -> None:
    assert (await play(message(text("…"), stop_reason=stop_reason))).ending is ending


@pytest.mark.parametrize("stop_reason", ["refusal", "model_context_window_exceeded", "end_turn", "something_new"])
async def test_calls_of_a_reply_that_did_not_ask_for_tools_are_never_executed(stop_reason: str) -> None:
    it = await play(message(use("Echo", words="no"), stop_reason=stop_reason))
    assert it.answer.executed == []


async def test_a_truncated_call_is_not_executed_and_the_model_may_go_on() -> None:
    it = await play(message(use("Echo", words="hal"), stop_reason="max_tokens"), message(text("done")))
    assert it.ending is Ending.DONE
    assert it.answer.executed == []
    assert it.talk.messages[2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "is_error": True,
            "content": "Not executed: the reply was cut off at the output limit.",
        },
        text(CONTINUE),
    ]


async def test_replies_cut_off_again_and_again_end_the_run_as_incomplete() -> None:
    it = await play(*[message(text("…"), stop_reason="max_tokens")] * 4)
    assert it.ending is Ending.INCOMPLETE
    assert "4 times" in it.talk.reason


async def test_only_replies_cut_off_in_a_row_count() -> None:
    cut, whole = message(text("…"), stop_reason="max_tokens"), message(use("Echo", words="x"))
    it = await play(cut, cut, cut, whole, cut, cut, cut, message(text("done")))
    assert it.ending is Ending.DONE


async def test_a_reply_that_does_not_come_in_time_ends_the_run_in_order() -> None:
    class Silent(Scripted):
        async def reply(self, request: Request, on_text: Listener) -> Reply:
            await asyncio.sleep(60)
            raise AssertionError

    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    answer = Answer(session=session, tools={}, gate=Fixed(), approve=nobody)
    talk = Conversation(system=[text("be good")], tools=[], model="scripted", price=Price(input=1, output=1), messages=[{"role": "user", "content": [text("go")]}])  # fmt: skip
    ending = await run(session, talk, Silent([]), answer, Spending(Budget(minutes=0.001)), owes_nothing, lambda _: None)
    assert ending is Ending.OUT_OF_BUDGET
    assert talk.reason == "0.001 minutes (--max-minutes)"
    assert [event.type for event in events] == ["request"]


async def test_a_service_that_times_out_by_itself_is_no_spent_budget() -> None:
    class Slow(Scripted):
        async def reply(self, request: Request, on_text: Listener) -> Reply:
            raise TimeoutError

    talk = Conversation(system=[text("be good")], tools=[], model="scripted", price=Price(input=1, output=1), messages=[{"role": "user", "content": [text("go")]}])  # fmt: skip
    session = Session(id="s")
    answer = Answer(session=session, tools={}, gate=Fixed(), approve=nobody)
    with pytest.raises(TimeoutError):
        await run(session, talk, Slow([]), answer, Spending(Budget()), owes_nothing, lambda _: None)


async def test_a_paused_turn_is_sent_back_unchanged() -> None:
    it = await play(message(text("searching"), stop_reason="pause_turn"), message(text("found")))
    assert it.ending is Ending.DONE
    assert [entry["role"] for entry in it.talk.messages] == ["user", "assistant", "assistant"]


async def test_every_call_gets_a_result_whatever_was_wrong_with_it() -> None:
    it = await play(
        message(
            use("Echo", id="a", words="fail"),
            use("Nope", id="b"),
            use("Echo", id="c", word="typo"),
            use("Echo", id="d", words="ok"),
        ),
        message(text("done")),
    )
    contents = [(result["tool_use_id"], result.get("is_error", False), result["content"]) for result in results(it)]
    assert contents == [
        ("a", True, "it failed; try other words\n\n[call c1]"),
        ("b", True, "There is no tool 'Nope'. There are: Echo.\n\n[call c2]"),
        (
            "c",
            True,
            "Echo: the input does not fit: words: Field required; word: Extra inputs are not permitted\n\n[call c3]",
        ),
        ("d", False, "ok\n\n[call c4]"),
    ]


async def test_a_call_that_needs_an_approval_nobody_can_give_is_refused_and_named() -> None:
    it = await play(message(use("Echo", words="x")), message(text("done")), verdict="ask")
    assert results(it)[0]["is_error"] is True
    assert [denial["tool"] for denial in it.answer.unapproved] == ["Echo"]
    assert [executed.denied for executed in it.answer.executed] == [True]
    assert "call.started" not in [event.type for event in it.events]


async def test_repeated_denials_end_the_run() -> None:
    it = await play(*[message(use("Echo", words="x"))] * 6, verdict="deny")
    assert it.ending is Ending.DENIED
    assert len(it.answer.denials) == 5
    assert it.answer.unapproved == []


async def test_turns_and_money_are_finite() -> None:
    calls = [message(use("Echo", words="x"))] * 9
    assert (await play(*calls, budget=Budget(turns=3))).ending is Ending.OUT_OF_BUDGET
    it = await play(*calls, budget=Budget(cost=0.00003))
    assert it.ending is Ending.OUT_OF_BUDGET
    assert len(it.model.requests) == 2


async def test_what_is_owed_is_asked_for() -> None:
    owes = OwesOnce()
    it = await play(message(text("I am done")), message(text("here it is")), owed=owes)
    assert it.ending is Ending.DONE
    assert owes.asked == ["I am done", "here it is"]
    assert it.talk.messages[2] == {"role": "user", "content": [text("still owed")]}


async def test_what_is_never_given_ends_the_run_as_incomplete() -> None:
    async def always(reply: Reply) -> str | None:
        return "still owed"

    it = await play(*[message(text("done"))] * 4, owed=always)
    assert it.ending is Ending.INCOMPLETE
    assert it.talk.reason == "still owed"


async def test_a_call_that_hides_its_name_in_an_unknown_shape_is_no_crash() -> None:
    odd = {"type": "tool_use", "id": "t", "name": "Echo", "input": "not an object"}
    it = await play(message(odd), message(text("done")))
    assert it.ending is Ending.DONE
    assert results(it)[0]["is_error"] is True


def test_a_reply_shows_its_calls_in_order() -> None:
    reply = Reply(message=message(text("a"), use("X", id="1"), use("Y", id="2", z=1)))
    assert reply.calls == (Call(id="1", name="X", input={}), Call(id="2", name="Y", input={"z": 1}))


def kinds(run: Run, kind: str) -> list[Json]:
    return [event.data for event in run.events if event.type == kind]


async def test_a_run_that_repeats_itself_is_told_beside_the_results_and_ends_as_incomplete() -> None:
    same = [message(use("Echo", id=f"t{n}", words="x")) for n in range(9)]
    it = await play(*same, bounds=Bounds(repeats=4))
    assert it.ending is Ending.INCOMPLETE
    assert it.talk.reason == "stuck: `Echo` came to the same result in a row 4 times"
    assert len(it.model.requests) == 4
    second = it.model.requests[2].messages[4]
    assert [block["type"] for block in second["content"]] == ["tool_result", "text"]
    assert second["content"][1]["text"].startswith(
        "You repeat yourself: `Echo` came to the same result in a row 2 times"
    )
    assert [(each["count"], each["over"]) for each in kinds(it, "stuck")] == [(2, False), (3, False), (4, True)]


async def test_a_model_that_does_something_else_once_told_goes_on() -> None:
    words = ["x", "x", "x", "y", "x", "x", "x", "y", "z"]
    it = await play(*[message(use("Echo", id=f"t{n}", words=each)) for n, each in enumerate(words)], message(text("done")), bounds=Bounds(repeats=4))  # fmt: skip
    assert it.ending is Ending.DONE
    assert [each["count"] for each in kinds(it, "stuck")] == [2, 3, 2, 3]


async def test_empty_replies_are_never_sent_back_and_end_the_run() -> None:
    async def always(reply: Reply) -> str | None:
        return "still owed"

    it = await play(*[message(), message(text(" \n")), message(), message()], owed=always)
    assert it.ending is Ending.INCOMPLETE
    assert [entry["role"] for entry in it.talk.messages] == ["user"]
    assert it.talk.messages[0]["content"][1] == text("Your reply was empty. still owed")
    assert [request.fresh for request in it.model.requests] == [0, 0, 0, 0]
    assert [request.edition for request in it.model.requests] == [0, 1, 2, 3]
    assert [(each["pattern"], each["count"]) for each in kinds(it, "stuck")] == [("empty", 4)]


async def test_a_monologue_without_calls_is_named_in_the_log() -> None:
    async def always(reply: Reply) -> str | None:
        return "still owed"

    it = await play(*[message(text("I will do it now"))] * 4, owed=always)
    assert it.ending is Ending.INCOMPLETE
    assert kinds(it, "stuck")[0]["text"] == "stuck: 4 replies without a call in a row"


async def test_turns_that_are_paused_without_end_end_the_run() -> None:
    it = await play(*[message(text("searching"), stop_reason="pause_turn")] * 30)
    assert it.ending is Ending.INCOMPLETE
    assert it.talk.reason == "stuck: the reply was paused 20 times in a row"
