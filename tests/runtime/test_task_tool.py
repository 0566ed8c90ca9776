"""Helpers: a conversation of their own, the same gate and budget, and none of the run's own tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from agency_runtime.answer import Answer, Judgement
from agency_runtime.approval import nobody
from agency_runtime.budget import Budget, Spending
from agency_runtime.conversation import Conversation
from agency_runtime.gate import Decision
from agency_runtime.loop import Ending, run
from agency_runtime.prices import Price
from agency_runtime.session import Event, Session
from agency_runtime.task_tool import Bond, TaskTool
from agency_runtime.testing import Scripted, message, text, use
from agency_runtime.wire import Json, Reply
from agency_tools.errors import ToolError
from agency_tools.prospect import Prospect
from agency_tools.tool import Input, Output, Tool, definition


class NoteInput(Input):
    words: str = ""


class Look:
    name: ClassVar[str] = "Look"
    description: ClassVar[str] = "looks"
    input_type: ClassVar[type[Input]] = NoteInput
    read_only: ClassVar[bool] = True

    async def run(self, given: Any) -> Output:
        return Output(content=f"saw {given.words}")


class Handoff:
    name: ClassVar[str] = "Handoff"
    description: ClassVar[str] = "hands off"
    input_type: ClassVar[type[Input]] = NoteInput
    read_only: ClassVar[bool] = False

    def __init__(self) -> None:
        self.reports: list[str] = []

    async def run(self, given: Any) -> Output:
        self.reports.append(given.words)
        return Output(content="taken")


class AllowAll:
    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement:
        return Decision(verdict="allow", kind="read", rule="test", segments=(), why="")


@dataclass
class Played:
    """A run with a helper and what came of it."""

    ending: Ending
    model: Scripted
    answer: Answer
    talk: Conversation
    spending: Spending
    handoff: Handoff
    events: list[Event] = field(default_factory=list[Event])

    def result(self, call: str) -> Json:
        """What the model was told of a call of the run itself."""
        blocks: list[Json] = [block for entry in self.talk.messages for block in entry["content"]]
        return next(block for block in blocks if block.get("tool_use_id") == call)


async def owes_nothing(reply: Reply) -> str | None:
    return None


async def play(*script: Json, budget: Budget | None = None) -> Played:
    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    task, handoff, model = TaskTool(), Handoff(), Scripted(script)
    tools: dict[str, Tool] = {"Look": Look(), "Task": task, "Handoff": handoff}
    answer = Answer(session=session, tools=tools, gate=AllowAll(), approve=nobody)
    talk = Conversation(
        system=[text("be good")], tools=[definition(tool) for tool in (Look(), task, handoff)], model="scripted",
        price=Price(input=1, output=1), messages=[{"role": "user", "content": [text("go")]}],
    )  # fmt: skip
    spending = Spending(budget or Budget())
    task.bind(Bond(model=model, session=session, talk=talk, answer=answer, spending=spending))
    ending = await run(session, talk, model, answer, spending, owes_nothing, lambda _: None)
    return Played(ending, model, answer, talk, spending, handoff, events)


ASKS = message(use("Task", id="t", description="find it", prompt="Find the port."))


async def test_a_helper_works_in_a_conversation_of_its_own_and_only_its_last_words_return() -> None:
    it = await play(ASKS, message(use("Look", id="l", words="8080")), message(text("It is 8080.")), message(text("ok")))
    assert it.ending is Ending.DONE
    assert it.result("t")["content"] == "It is 8080.\n\n[call c1]"
    own = it.model.requests[1]
    assert [list(entry["content"]) for entry in own.messages[:1]] == [[text("Find the port.")]]
    assert "be good" not in str(own.system)
    assert [event.data["depth"] for event in it.events if event.type == "request"] == [0, 1, 1, 0]


async def test_a_helper_spends_from_the_runs_budget() -> None:
    it = await play(ASKS, message(use("Look", id="l", words="8080")), message(text("It is 8080.")), message(text("ok")))
    assert it.spending.turns == 4
    assert it.talk.usage.input == 40
    spent = await play(ASKS, *[message(use("Look", id="l", words="x"))] * 9, budget=Budget(turns=3))
    assert spent.ending is Ending.OUT_OF_BUDGET
    assert spent.result("t")["content"].startswith("The helper did not finish: out_of_budget, 3 turns (--max-turns)")
    assert spent.result("t")["is_error"] is True


@pytest.mark.parametrize("name", ["Handoff", "Task"])
async def test_a_helper_is_neither_shown_nor_given_the_runs_own_tools(name: str) -> None:
    given = {"description": "x", "prompt": "y"} if name == "Task" else {"words": "all is well"}
    it = await play(ASKS, message(use(name, id="h", **given)), message(text("sorry")), message(text("ok")))
    assert [tool["name"] for tool in it.model.requests[1].tools] == ["Look"]
    refused = next(executed for executed in it.answer.executed if executed.id == "h")
    assert (refused.failed, refused.output) == (True, f"There is no tool {name!r}. There are: Look.")
    assert it.handoff.reports == []
    assert it.ending is Ending.DONE


async def test_the_calls_of_run_and_helper_are_numbered_in_one_row() -> None:
    it = await play(ASKS, message(use("Look", id="l", words="a")), message(text("a")), message(use("Look", id="m", words="b")), message(text("ok")))  # fmt: skip
    assert [(executed.ref, executed.tool) for executed in it.answer.executed] == [("c1", "Task"), ("c2", "Look"), ("c3", "Look")]  # fmt: skip


async def test_without_a_run_there_is_nobody_to_help() -> None:
    with pytest.raises(ToolError, match="Task needs a run"):
        await TaskTool().run(None)
