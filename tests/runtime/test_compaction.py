"""A conversation that fills up is condensed: what must stand stands word for word, and what does no good ends the run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agency_runtime.answer import Answer, Judgement
from agency_runtime.approval import nobody
from agency_runtime.archive import Archive
from agency_runtime.bounds import Bounds
from agency_runtime.budget import Budget, Spending
from agency_runtime.changes import FilesChanged
from agency_runtime.compaction import ASK
from agency_runtime.condensing import CONDENSED, tail_start, with_contents
from agency_runtime.conversation import Conversation
from agency_runtime.gate import Decision
from agency_runtime.loop import FULL, Ending, run
from agency_runtime.past import Past
from agency_runtime.pins import MOST_CALLS, SKILL, SKILLS, Pins, is_skill
from agency_runtime.prices import Price
from agency_runtime.resumption import resumption_of
from agency_runtime.session import Event, Session
from agency_runtime.task_tool import Bond, TaskTool
from agency_runtime.testing import Scripted, message, text, use
from agency_runtime.tokens import estimate, first
from agency_runtime.wire import Json, Listener, Reply, Request
from agency_tools.prospect import Prospect
from agency_tools.tool import Input, Output, Tool

WINDOW = 20_000
BOUNDS = Bounds(window=WINDOW, full=15_000)


class Given(Input):
    chars: int = 0
    skill: str = ""
    file: str | None = None
    question: str = ""


class Says:
    """A tool that answers with so many characters, under any name."""

    description: ClassVar[str] = "says"
    input_type: ClassVar[type[Input]] = Given
    read_only: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(self, given: Any) -> Output:
        words = f"{self.name} {given.skill}{given.question}".strip()
        return Output(content=f"{words}\n" + "x" * given.chars, exit_code=0 if self.name == "Bash" else None)


class Gate:
    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement:
        verdict: Any = "deny" if given.get("question") == "forbidden" else "allow"
        return Decision(verdict=verdict, kind="read", rule="deny Bash(forbidden)", segments=(), why="It is forbidden.")


class Counting(Scripted):
    """Gives each reply the size that its request has, above a base; checks that each request is one the service takes."""

    def __init__(self, messages: Sequence[Json], base: int = 500, least: int = 0, *, mute: bool = False) -> None:
        super().__init__(messages)
        self.base = base
        self.least = least
        self.sums = 0
        self.mute = mute

    async def reply(self, request: Request, on_text: Listener) -> Reply:
        valid_but_for_pauses(request.messages)
        size = max(
            self.least if len(self.requests) >= 22 else 0, self.base + len(json.dumps(list(request.messages))) // 4
        )
        self.requests.append(replace(request, messages=list(request.messages)))
        if request.messages[-1]["content"][-1].get("text") == ASK:
            self.sums += 1
            said = message(use("Bash", id="no") if self.mute else text(f"summary {self.sums}"))
        else:
            said = self.messages.pop(0)
        given = said["usage"] if said["usage"]["input_tokens"] > 10 else {"input_tokens": size, "output_tokens": 5}
        return Reply(message={"id": "m", **said, "usage": given})


def valid(messages: Sequence[Json]) -> None:
    """Sides alternate, every tool_use has its tool_result in the next message, and no result lacks its call."""
    assert [each["role"] for each in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
    before: list[str] = []
    for each in messages:
        if each["role"] == "user":
            assert [block["tool_use_id"] for block in each["content"] if block["type"] == "tool_result"] == before
        before = [block["id"] for block in each["content"] if block["type"] == "tool_use"]


@dataclass
class Played:
    ending: Ending
    talk: Conversation
    model: Counting
    events: list[Event]
    spending: Spending
    answer: Answer

    def compacted(self) -> list[Json]:
        return [event.data for event in self.events if event.type == "compacted"]


async def owes_words(reply: Reply) -> str | None:
    return "go on" if reply.empty else None


async def nothing_changed() -> FilesChanged:
    return FilesChanged(created=("Dockerfile",))


TOOLS = {name: cast("Tool", Says(name)) for name in ("Bash", "Read", "Skill", "Escalate", "TodoWrite")}


async def play(*messages: Json, bounds: Bounds = BOUNDS, base: int = 500, least: int = 0, budget: Budget | None = None, mute: bool = False) -> Played:  # fmt: skip
    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    task = TaskTool()
    answer = Answer(session=session, tools={**TOOLS, "Task": task}, gate=Gate(), approve=nobody)
    talk = Conversation(
        system=[text("be good")], tools=[], model="scripted", price=Price(input=1, output=1), bounds=bounds,
        messages=[{"role": "user", "content": [text("the task: never touch port 8443")]}],
    )  # fmt: skip
    model = Counting(messages, base, least, mute=mute)
    spending = Spending(budget or Budget(turns=1000, cost=1000))
    archive = Archive(answer=answer, changed=nothing_changed)
    task.bind(Bond(model=model, session=session, talk=talk, answer=answer, spending=spending, archive=archive))
    ending = await run(session, talk, model, answer, spending, owes_words, lambda _: None, archive)
    return Played(ending, talk, model, events, spending, answer)


def steps(count: int, chars: int = 8000, *, tool: str = "Bash", words: str = "", start: int = 1) -> Iterator[Json]:
    for number in range(start, start + count):
        yield message(*([text(words)] if words else []), use(tool, id=f"t{number}", chars=chars))


DONE = message(text("done"))


async def test_below_the_bound_nothing_is_condensed() -> None:
    it = await play(*steps(6), DONE)
    assert it.ending is Ending.DONE
    assert it.compacted() == []
    assert {request.edition for request in it.model.requests} == {0}


async def test_old_results_give_way_to_a_line_with_reference_and_exit_code_and_the_last_ones_stay() -> None:
    it = await play(*steps(9), DONE)
    assert it.ending is Ending.DONE
    [event] = it.compacted()
    assert event["kind"] == "results"
    last = it.model.requests[-1].messages
    contents = [block["content"] for each in last for block in each["content"] if block["type"] == "tool_result"]
    short = [content for content in contents if content.startswith(CONDENSED)]
    assert len(short) == len(event["condensed"]) == event["turn"] - 4 >= 2  # the last four replies keep theirs
    assert short[0] == "[Condensed: Bash, exit code 0, 8,005 characters; make the call again to see it]\n\n[call c1]"
    assert contents[: len(short)] == short
    assert it.model.sums == 0
    assert it.model.requests[-1].edition == 1


async def test_own_words_that_fill_the_window_are_summed_up_by_a_request_of_the_run_that_is_paid_for() -> None:
    it = await play(*steps(40, 100, words="y" * 2000), DONE)
    assert it.ending is Ending.DONE
    assert it.model.sums >= 1
    assert {event["kind"] for event in it.compacted()} == {"summary"}
    asked = [event.data for event in it.events if event.type == "request"]
    assert [each.get("purpose") for each in asked].count("summary") == it.model.sums
    assert it.spending.turns == len(it.model.requests) == 41 + it.model.sums
    assert it.spending.cost == pytest.approx(it.talk.price.cost(it.talk.usage))
    head = it.talk.messages[0]["content"]
    assert head[0] == text("the task: never touch port 8443")
    assert head[2]["text"] == f"# Your own summary of what was before\n\nsummary {it.model.sums}"


async def test_a_summary_is_asked_for_with_the_same_system_and_tools_so_that_what_is_cached_stays() -> None:
    it = await play(*steps(40, 100, words="y" * 2000), DONE)
    digests = [event.data["digests"] for event in it.events if event.type == "request"]
    assert len({(each["system"], each["tools"]) for each in digests}) == 1
    at = next(
        n for n, request in enumerate(it.model.requests) if request.messages[-1]["content"][-1].get("text") == ASK
    )
    assert it.model.requests[at].edition == it.model.requests[at - 1].edition  # the service's thread goes on
    assert it.model.requests[at + 1].edition == it.model.requests[at].edition + 1


async def test_what_must_stand_is_pinned_word_for_word_however_often_it_is_condensed() -> None:
    first_steps = [
        message(use("Skill", id="s1", skill="terraform", chars=4000)),
        message(use("Escalate", id="e1", question="which region?")),
        message(use("TodoWrite", id="d1", question="write it down")),
        message(use("Bash", id="f1", question="forbidden")),
    ]
    it = await play(*first_steps, *steps(90, 100, words="y" * 2000), DONE)
    assert it.model.sums >= 3
    pinned = it.talk.messages[0]["content"][1]["text"]
    assert "Skill terraform\n" + "x" * 4000 in pinned
    assert "- c2: which region?\n  Escalate which region?" in pinned
    assert "## Your list\nTodoWrite write it down" in pinned
    assert "- c4 Bash forbidden: Not executed: denied (deny Bash(forbidden)). It is forbidden." in pinned
    assert "created: Dockerfile" in pinned
    assert "\nc5 Bash: exit 0\n" in pinned
    assert pinned.count("exit 0") > 80


async def test_a_loaded_skill_is_never_condensed_away_with_other_results() -> None:
    it = await play(message(use("Skill", id="s1", skill="helm", chars=6000)), *steps(8), DONE)
    assert [event["kind"] for event in it.compacted()] == ["results"]
    assert it.talk.messages[2]["content"][0]["content"].startswith("Skill helm\nxxx")


async def test_a_summary_that_says_nothing_leaves_what_is_pinned() -> None:
    it = await play(*steps(40, 100, words="y" * 2000), DONE, mute=True)
    assert it.ending is Ending.DONE
    assert {event["kind"] for event in it.compacted()} == {"pins"}
    assert "no" not in it.talk.asked
    assert it.talk.messages[0]["content"][2]["text"].startswith("# No summary was made")


async def test_a_compaction_that_frees_too_little_ends_the_run_and_says_so() -> None:
    it = await play(*steps(40, 100, words="y" * 2000), DONE, least=16_000)
    assert it.ending is Ending.CONTEXT_FULL
    assert it.talk.reason.startswith("condensing the conversation freed too little: 16,005 tokens are left of 16,")
    assert it.model.sums == 1


async def test_a_conversation_that_fills_up_at_once_again_and_again_ends_the_run() -> None:
    it = await play(*[message(use("Bash", id=f"t{n}", chars=30_000), use("Bash", id=f"u{n}", chars=12_000)) for n in range(30)], DONE)  # fmt: skip
    assert it.ending is Ending.CONTEXT_FULL
    assert it.talk.reason == "the conversation filled up again within 5 replies of being condensed, 3 times in a row"
    assert len(it.model.requests) < 15


async def test_a_conversation_of_which_nothing_can_be_condensed_ends_the_run() -> None:
    it = await play(message(use("Bash", id="t1", chars=100)), DONE, base=16_000)
    assert it.ending is Ending.CONTEXT_FULL
    assert "nothing of it can be condensed" in it.talk.reason


async def test_a_single_result_too_large_for_the_window_is_cut() -> None:
    it = await play(message(use("Read", id="t1", chars=400_000)), DONE)
    assert it.ending is Ending.DONE
    content = it.model.requests[1].messages[2]["content"][0]["content"]
    assert estimate(content) <= WINDOW // 4
    assert content.startswith(
        "[Condensed: the first part of a result of 400,005 characters; ask for less of it at a time]"
    )
    assert content.endswith("[call c1]")
    assert [event["kind"] for event in it.compacted()] == ["cut"]
    assert len(it.answer.executed[0].output) == 400_005  # evidence rests on the whole


async def test_a_model_that_says_it_is_full_is_condensed_and_goes_on() -> None:
    cut = message(text("I was about to"), use("Bash", id="half"), stop_reason="model_context_window_exceeded")
    it = await play(*steps(3), cut, *steps(2, start=10), DONE)
    assert it.ending is Ending.DONE
    assert [event["kind"] for event in it.compacted()] == ["summary"]
    assert [done.id for done in it.answer.executed] == ["t1", "t2", "t3", "t10", "t11"]
    told = it.model.requests[5].messages[-1]["content"]
    assert told[0]["content"] == "Not executed: the conversation was full."
    assert told[1] == text(FULL)


async def test_a_model_that_is_full_without_end_ends_the_run() -> None:
    full = [message(text("I"), stop_reason="model_context_window_exceeded") for _ in range(9)]
    it = await play(*steps(3), *full, DONE)
    assert it.ending is Ending.CONTEXT_FULL
    assert len(it.model.requests) < 12


async def test_a_window_too_full_for_a_summary_is_condensed_first() -> None:
    full = message(text("I"), stop_reason="model_context_window_exceeded")
    it = await play(
        *steps(5), {**full, "usage": {"input_tokens": 19_000, "output_tokens": 5}}, *steps(1, start=9), DONE
    )
    assert [event["kind"] for event in it.compacted()] == ["results", "summary"]
    assert it.ending is Ending.DONE
    asked = next(request for request in it.model.requests if request.messages[-1]["content"][-1].get("text") == ASK)
    assert json.dumps(list(asked.messages)).count(CONDENSED) == 5


async def test_a_spent_budget_is_not_spent_on_a_summary() -> None:
    it = await play(*steps(40, 100, words="y" * 2000), DONE, budget=Budget(turns=26))
    assert it.ending is Ending.OUT_OF_BUDGET
    assert len(it.model.requests) == 26


async def test_never_means_never() -> None:
    it = await play(*steps(20), DONE, bounds=Bounds(window=WINDOW))
    assert it.ending is Ending.DONE
    assert it.compacted() == []


async def test_a_helpers_conversation_is_condensed_by_itself() -> None:
    it = await play(
        message(use("Bash", id="own")),
        message(use("Task", id="task", description="look", prompt="look at everything")),
        *steps(30, 100, words="y" * 2000),
        message(text("the helper is done")),
        DONE,
    )
    assert it.ending is Ending.DONE
    assert {(event["depth"], event["kind"]) for event in it.compacted()} == {(1, "summary")}
    heads = [request.messages[0]["content"] for request in it.model.requests if len(request.messages[0]["content"]) > 1]
    assert heads[0][0] == text("look at everything")
    assert "c1 Bash" not in heads[0][1]["text"]
    assert "Files changed" not in heads[0][1]["text"]
    assert "c3 Bash: exit 0" in heads[0][1]["text"]
    assert len(it.talk.messages) == 6  # the run's own conversation is as it was


@pytest.mark.parametrize(
    "said",
    [
        [*steps(30), DONE],
        [*steps(70, 1500, words="y" * 2000), DONE],
        [*steps(5), message(text("cut"), use("Bash", id="half"), stop_reason="max_tokens"), *steps(12, start=9), DONE],
        [*steps(6), message(), *steps(12, start=9), DONE],
        [message(text("I"), stop_reason="pause_turn"), *steps(4), message(text("I"), stop_reason="model_context_window_exceeded"), *steps(12, start=9), DONE],
    ],
)  # fmt: skip
async def test_a_log_cut_anywhere_gives_the_conversation_as_it_was(said: list[Json]) -> None:
    """Cut after each request, the log holds exactly what was asked; cut elsewhere, something that may be asked."""
    it = await play(*said)
    assert it.ending is Ending.DONE
    assert it.compacted()
    log = [event.json() for event in it.events]
    asked = iter(it.model.requests)
    for end in range(1, len(log) + 1):
        resumed = resumption_of(Past(folder=Path("x"), parts=(tuple(log[:end]),), torn=False), {}, None)
        if log[end - 1]["type"] == "request":
            request = next(asked)
            if "purpose" not in log[end - 1]:
                assert list(resumed.messages) == list(request.messages)
                assert resumed.fresh == request.fresh
        assert not any(block == text(ASK) for each in resumed.messages for block in each["content"])
        if log[end - 1]["type"] != "request" and not resumed.paused and resumed.messages[-1]["role"] == "user":
            valid_but_for_pauses(resumed.messages)
    whole = resumption_of(Past(folder=Path("x"), parts=(tuple(log),), torn=False), {}, None)
    assert list(whole.asked) == it.talk.asked


def valid_but_for_pauses(messages: Sequence[Json]) -> None:
    """Likewise, a reply that was paused aside, which its continuation follows."""
    both = pairwise([*messages, {"role": "user", "content": []}])
    heard = [each for each, after in both if (each["role"], after["role"]) != ("assistant",) * 2]
    valid(heard if heard[-1]["role"] == "user" else heard[:-1])


SHAPES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 9000), st.integers(0, 3000), st.booleans()), min_size=1, max_size=40
)


@settings(max_examples=40, deadline=None)
@given(shapes=SHAPES)
async def test_after_any_compaction_the_messages_are_what_the_service_takes(
    shapes: list[tuple[int, int, int, bool]],
) -> None:
    said = [
        message(
            *([text("y" * words)] if words else []),
            *(use("Bash", id=f"t{turn}-{n}", chars=chars) for n in range(calls)),
            stop_reason="max_tokens" if cut else None,
        )
        for turn, (calls, chars, words, cut) in enumerate(shapes)
    ]
    it = await play(*said, DONE)  # each request is looked at as it comes
    assert it.ending in {Ending.DONE, Ending.CONTEXT_FULL, Ending.INCOMPLETE}
    assert it.talk.messages[0]["content"][0] == text("the task: never touch port 8443")
    refs = [done.ref for done in it.answer.executed]
    assert refs == [f"c{n}" for n in range(1, len(refs) + 1)]


def test_a_tail_begins_with_a_reply_that_follows_the_users_side() -> None:
    sides = ["user", "assistant", "assistant", "user", "assistant", "user"]
    messages: list[Json] = [{"role": side, "content": [text(str(n))]} for n, side in enumerate(sides)]
    assert tail_start(messages, 1) == tail_start(messages, 9) == 4
    assert tail_start(messages[:4], 1) is None


def test_only_results_that_are_named_are_replaced() -> None:
    result: Json = {"type": "tool_result", "tool_use_id": "a", "content": "long", "is_error": True}
    messages: list[Json] = [{"role": "user", "content": [result, text("beside")]}]
    assert with_contents(messages, {"a": "short"}) == [{"role": "user", "content": [{**result, "content": "short"}, text("beside")]}]  # fmt: skip
    assert with_contents(messages, {"b": "short"}) == messages


async def test_skills_are_cut_each_and_together_the_last_loaded_first() -> None:
    loads = [message(use("Skill", id=f"s{n}", skill=f"skill-{n}", chars=24_000)) for n in range(7)]
    calls = (await play(*loads, DONE, bounds=Bounds())).answer.executed
    assert all(is_skill(call) for call in calls)
    [part] = [
        part for part in Pins(turn=1, calls=calls).text().split("## ") if part.startswith("Skills that you loaded")
    ]
    texts = part.split("\n\n")[1:]
    assert [each.splitlines()[0] for each in texts if each] == [f"Skill skill-{n}" for n in (6, 5, 4, 3, 2)]
    assert all(estimate(each) <= SKILL + 20 for each in texts)
    assert sum(map(estimate, texts)) <= SKILLS + 200
    assert texts[0].endswith("[cut here; load the skill skill-6 again for the rest]")


async def test_a_very_long_list_of_calls_leaves_out_the_quiet_ones_first_and_says_so() -> None:
    said = [message(use("Read" if n % 2 else "Bash", id=f"t{n}")) for n in range(MOST_CALLS + 100)]
    calls = (await play(*said, DONE, bounds=Bounds())).answer.executed
    listed = Pins(turn=1, calls=calls).text()
    assert "(100 older calls are left out here; they may be cited all the same.)" in listed
    assert listed.count(" Bash: exit 0") == 250
    assert listed.count(" Read") == 150


@given(st.text(max_size=300), st.integers(1, 60))
def test_the_first_part_of_a_text_costs_no_more_than_it_may(words: str, tokens: int) -> None:
    part = first(words, tokens)
    assert estimate(part) <= tokens
    assert words.startswith(part)
    assert part == words or estimate(part) >= tokens // 2 - 1
