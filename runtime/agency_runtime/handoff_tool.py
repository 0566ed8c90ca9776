"""The Handoff tool: takes the model's typed report, judges every claim against what ran, and says what is missing."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

from agency_runtime.handoff import HandoffReport, Verdict
from agency_runtime.recording import Turn
from agency_tools.tool import Input, Output

Judge = Callable[[HandoffReport], Awaitable[Verdict]]
REFUSED = "Taken down, but not accepted yet.\n"


class HandoffTool:
    """Keeps the last report; a later one replaces it."""

    name: ClassVar[str] = "Handoff"
    description: ClassVar[str] = (
        "Hand the finished work off, once, at the end. Report what you did and claim only what calls of this session "
        "showed: each claim cites their references (c7, …) from the `[call …]` marks. The runtime computes the changed "
        "files from git, checks every citation and writes summary.md, files-changed.json and evidence.json; it answers "
        "with what is not verified, which you can then check, or withdraw, and hand off again."
    )
    input_type: ClassVar[type[Input]] = HandoffReport
    read_only: ClassVar[bool] = False

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.report: HandoffReport | None = None
        self.verdict: Verdict | None = None

    async def run(self, given: Any) -> Output:
        """Whether the report stands, or what of it does not."""
        self.report = given
        self.verdict = await self._judge(given)
        if self.verdict.ok:
            return Output(content="Accepted: every claim is verified. End your turn with a short closing message.")
        return Output(content=REFUSED + unverified_text(self.verdict))


def recorded_refusal(turns: Iterable[Turn]) -> str | None:
    """What of the report did not stand when it was last handed off in these recorded turns; None where it stood."""
    answers = [str(result["text"]) for turn in turns for result in turn.results if result["tool"] == HandoffTool.name]
    return answers[-1].removeprefix(REFUSED) if answers and answers[-1].startswith(REFUSED) else None


def unverified_text(verdict: Verdict) -> str:
    """What is not verified, each with its reason, in words for the model."""
    lines = [f"- {item}" for item in verdict.unverified]
    items = [f"- {item}" for item in verdict.failed_items]
    return "\n".join(
        [
            "Not verified:",
            *lines,
            *(["Completion checklist, failed:", *items] if items else []),
            "Run the missing check and cite it, or withdraw the claim, then call Handoff again.",
        ]
    )
