"""The Task tool: a helper run with a context of its own, the same tools and gate; only its last words return."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from agency_runtime.answer import Answer
from agency_runtime.archive import Archive
from agency_runtime.budget import Spending
from agency_runtime.calls import Executed
from agency_runtime.conversation import Conversation
from agency_runtime.loop import Ending, run
from agency_runtime.prompt import system_prompt
from agency_runtime.session import Session
from agency_runtime.wire import Call, Json, Model, Reply
from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output, Tool

NOT_FOR_HELPERS = {"Task", "Handoff", "Escalate", "Skill"}
HELPER = "You help another agent with one task in the same repository. Look closely, do exactly the task, and answer with what you found."


class TaskInput(Input):
    """A task for a helper."""

    description: str = Field(description="the task in three to five words")
    prompt: str = Field(min_length=1, description="the whole task: the helper sees nothing else of this conversation")


@dataclass(frozen=True)
class Restricted:
    """A run's own answer, as its helper may have it: without the tools that are the run's alone."""

    answer: Answer

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools a helper has."""
        return {name: tool for name, tool in self.answer.tools.items() if name not in NOT_FOR_HELPERS}

    @property
    def exhausted(self) -> str | None:
        """Why no further call may run; denials count for the whole run."""
        return self.answer.exhausted

    def parallel(self, call: Call) -> bool:
        """Whether the call changes nothing."""
        return self.answer.parallel(call)

    def came_of(self, call: Call, turn: int) -> Executed:
        """What came of a call, as the run is recorded."""
        return self.answer.came_of(call, turn)

    async def __call__(self, call: Call, turn: int) -> Json:
        """The tool_result block for this call."""
        return await self.answer.among(self.tools, call, turn)


@dataclass(frozen=True, kw_only=True)
class Bond:
    """What a helper shares with the run that starts it."""

    model: Model
    session: Session
    talk: Conversation
    answer: Answer
    spending: Spending
    archive: Archive | None = None


class TaskTool:
    """Runs a helper to its end within the budget that is left."""

    name: ClassVar[str] = "Task"
    description: ClassVar[str] = (
        "Give one task to a helper with a fresh context, the same tools and the same rules, for instance a wide search whose "
        "details you do not need. Only its final text returns. It spends from this run's budget."
    )
    input_type: ClassVar[type[Input]] = TaskInput
    read_only: ClassVar[bool] = False

    def __init__(self) -> None:
        self._bond: Bond | None = None

    def bind(self, bond: Bond) -> None:
        """Tell it which run it belongs to."""
        self._bond = bond

    async def run(self, given: Any) -> Output:
        """The helper's last words. Raises ToolError where there is no run to help."""
        bond = self._bond
        if bond is None:
            raise ToolError(
                "Task needs a run, whose model and budget the helper shares: `agency work TEXT` starts one; by hand, call "
                "the tools themselves"
            )
        talk = _conversation(bond.talk, given.prompt)
        last = ""

        async def keep(reply: Reply) -> str | None:
            nonlocal last
            last = reply.text
            return None

        model, answer = bond.model.fork(), Restricted(bond.answer)
        try:
            ending = await run(bond.session, talk, model, answer, bond.spending, keep, lambda _: None, bond.archive)
        finally:
            bond.talk.usage += talk.usage  # what a helper spent is spent, however it ended
        if ending is not Ending.DONE:
            return Output(content=f"The helper did not finish: {ending.value}, {talk.reason}", failed=True)
        return Output(content=last or "(the helper said nothing)")


def _conversation(parent: Conversation, prompt: str) -> Conversation:
    """A conversation of its own: the same model, no persona, no hand-off."""
    tools = [tool for tool in parent.tools if tool["name"] not in NOT_FOR_HELPERS]
    system = system_prompt(HELPER, command="task", loaded=(), offered=(), tools=[tool["name"] for tool in tools])
    return Conversation(
        system=system,
        tools=tools,
        model=parent.model,
        price=parent.price,
        max_tokens=parent.max_tokens,
        bounds=parent.bounds,
        mask=parent.mask,
        depth=parent.depth + 1,
        messages=[{"role": "user", "content": [{"type": "text", "text": prompt}]}],
    )
