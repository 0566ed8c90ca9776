"""The Escalate tool: a decision that is not the agent's to take, put to whoever may take it and written down."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output

ANSWERED = "The user answers: "
Level = Literal["agent", "orchestrator", "user"]
Ask = Callable[[str], Awaitable[str | None]]


class EscalateInput(Input):
    """A question for someone else."""

    level: Level = Field(
        description="agent: another specialist; orchestrator: cost or architecture; user: provider, budget, scope"
    )
    to: str = Field(default="", description="which specialist, where level is agent")
    question: str = Field(
        min_length=1, description="the decision that is needed, with what you found and your own proposal"
    )
    options: list[str] = Field(default_factory=list[str])
    blocking: bool = Field(default=False, description="true where no useful work is left without the answer")


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """A question that was put, and its answer where there was one."""

    level: Level
    to: str
    question: str
    options: tuple[str, ...]
    blocking: bool
    answer: str | None


class EscalateTool:
    """Asks the user at a terminal; everything else is written down for whoever reads the handoff."""

    name: ClassVar[str] = "Escalate"
    description: ClassVar[str] = (
        "Put a decision that is not yours to another specialist, the orchestrator or the user. The question is written down; "
        "only a user at a terminal can answer at once. Without an answer, go on with what does not depend on it."
    )
    input_type: ClassVar[type[Input]] = EscalateInput
    read_only: ClassVar[bool] = False

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.raised: list[Escalation] = []

    async def run(self, given: Any) -> Output:
        """The user's answer, or that nobody can give one now. Raises ToolError where the specialist is not named."""
        if given.level == "agent" and not given.to:
            raise ToolError("not written down: name the specialist in `to`, or take level orchestrator or user")
        answer = await self._ask(question_text(given)) if given.level == "user" else None
        self.raised.append(
            Escalation(
                level=given.level, to=given.to, question=given.question, options=tuple(given.options),
                blocking=given.blocking, answer=answer,
            )
        )  # fmt: skip
        if answer is not None:
            return Output(content=ANSWERED + answer)
        return Output(
            content="Written down; nobody can answer during this run. Go on with what does not depend on it and name it in next_steps."
        )

    @property
    def open(self) -> list[Escalation]:
        """What nobody answered and the run depends on: questions to the user, and blocking ones to whomever."""
        return [each for each in self.raised if each.answer is None and (each.level == "user" or each.blocking)]


def question_text(given: EscalateInput) -> str:
    """The question as a person reads it."""
    return "\n".join([given.question, *(f"  - {option}" for option in given.options)])
