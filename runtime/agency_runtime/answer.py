"""Answering a call: the gate judges it, the tool does it, the session keeps both.

Never raises for what the model did wrong; a broken sandbox (WorkspaceError) does rise, since it is no tool's result.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agency_runtime.calls import Executed
from agency_runtime.replay import Divergence, ReplayModel, divergence
from agency_runtime.session import Session, now
from agency_runtime.wire import Call, Json
from agency_tools.errors import ToolError
from agency_tools.tool import Output, Tool

OWN = {"Handoff", "Escalate"}
"""Tools that touch nothing but the run itself; they run even where a replay executes nothing else."""

DENIALS = 5  # refused calls in a row after which the run stops


class Judgement(Protocol):
    """What the gate says of a call."""

    @property
    def verdict(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def permits(self) -> tuple[str, ...]: ...


class Judge(Protocol):
    def judge(self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None) -> Judgement: ...


Approve = Callable[[Call, Judgement], Awaitable[str | None]]
"""Asks a person; answers who approved, or None where nobody did."""


@dataclass
class Answer:
    """Answers the calls of one session."""

    session: Session
    tools: Mapping[str, Tool]
    gate: Judge
    approve: Approve
    replay: ReplayModel | None = None
    live: bool = True
    executed: list[Executed] = field(default_factory=list)
    denials: list[Json] = field(default_factory=list)
    unapproved: list[Json] = field(default_factory=list)
    divergences: list[Divergence] = field(default_factory=list)
    _row: int = 0
    _count: int = 0

    @property
    def exhausted(self) -> str | None:
        return f"{self._row} calls in a row were denied" if self._row >= DENIALS else None

    def parallel(self, call: Call) -> bool:
        tool = self.tools.get(call.name)
        return tool is not None and tool.read_only

    async def __call__(self, call: Call, turn: int) -> Json:
        self._count += 1
        ref = f"c{self._count}"
        recorded = self.replay.recording.result(call.id) if self.replay else None
        started, clock = now(), time.perf_counter()
        runs = self.live or call.name in OWN
        if recorded is not None and not runs:
            output, denied = from_recording(recorded), bool(recorded.get("denied"))
        else:
            output, denied = await self._perform(call, ref, turn)
        seconds = time.perf_counter() - clock
        executed = self._kept(call, ref, turn, output, denied, started, seconds, recorded, runs)
        return {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": with_ref(output.content, ref),
            **({"is_error": True} if executed.failed else {}),
        }

    async def _perform(self, call: Call, ref: str, turn: int) -> tuple[Output, bool]:
        """Judge and do; the outcome, and whether the gate refused it."""
        tool = self.tools.get(call.name)
        if tool is None:
            return Output(
                content=f"There is no tool {call.name!r}. There are: {', '.join(self.tools)}.", failed=True
            ), False
        judgement = self.gate.judge(call.name, call.input, cwd=getattr(self.tools.get("Bash"), "cwd", None))
        self.session.add(
            "call.judged", turn=turn, ref=ref, id=call.id, tool=call.name, input=call.input,
            verdict=judgement.verdict, kind=judgement.kind, rule=judgement.rule,
        )  # fmt: skip
        if refusal := await self._refusal(call, judgement, ref):
            return Output(content=refusal, failed=True), True
        self._row = 0
        self.session.add("call.started", turn=turn, ref=ref, id=call.id, tool=call.name)
        return await done(tool, call), False

    async def _refusal(self, call: Call, judgement: Judgement, ref: str) -> str | None:
        """Why the call may not run, in words for the model; None where it may."""
        if judgement.verdict == "allow":
            return None
        denial: dict[str, Any] = {
            "ref": ref,
            "tool": call.name,
            "input": call.input,
            "rule": judgement.rule,
            "why": judgement.why,
        }
        if judgement.verdict == "ask":
            who = await self.approve(call, judgement)
            self.session.add("approval", ref=ref, id=call.id, tool=call.name, who=who, granted=who is not None)
            if who is not None:
                return None
            denial["permits"] = list(judgement.permits)
            self.unapproved.append(denial)
        self.denials.append(denial)
        self._row += 1
        how = "denied" if judgement.verdict == "deny" else "not approved: nobody was there to approve it"
        return f"Not executed: {how} ({judgement.rule}). {judgement.why} Do not try to reach the same by another road; go on without it and report it."

    def _kept(
        self,
        call: Call,
        ref: str,
        turn: int,
        output: Output,
        denied: bool,
        started: str,
        seconds: float,
        recorded: Json | None,
        ran: bool,
    ) -> Executed:
        """Put the outcome into the session. In a replay, a result that says what was recorded is the recorded one."""
        text = output.text
        if recorded is not None:
            differs = divergence(recorded, call, turn, text) if ran else None
            if differs is None:
                started, seconds, text = recorded["started"], recorded["seconds"], recorded["text"]
            else:
                self.divergences.append(differs)
                self.session.add("notice", text=f"the live result differs from the recorded one: {differs}")
        executed = Executed(
            ref=ref, id=call.id, turn=turn, tool=call.name, input=call.input, output=text, failed=output.failed,
            exit_code=output.exit_code, denied=denied, started=started, seconds=round(seconds, 3), changed=output.changed,
        )  # fmt: skip
        self.executed.append(executed)
        self.executed.sort(key=lambda each: int(each.ref[1:]))  # neighbours that ran side by side end in any order
        self.session.add("call.finished", **{name: getattr(executed, name) for name in KEPT}, text=text)
        return executed


KEPT = ("turn", "ref", "id", "tool", "input", "failed", "exit_code", "denied", "started", "seconds", "changed")


async def done(tool: Tool, call: Call) -> Output:
    """The tool's output; what the model did wrong, as an output that teaches."""
    from pydantic import ValidationError

    try:
        given = tool.input_type.model_validate(call.input)
    except ValidationError as error:
        return Output(content=f"{call.name}: the input does not fit: {problems(error)}", failed=True)
    try:
        return await tool.run(given)
    except ToolError as error:
        return Output(content=str(error), failed=True)


def problems(error: Any) -> str:
    """A validation error in one line: each field with what is wrong."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'input'}: {fault['msg']}" for fault in error.errors()[:5]
    )


def with_ref(content: str | Sequence[Json], ref: str) -> str | list[Json]:
    """The content with the reference that a claim may cite."""
    mark = f"[call {ref}]"
    if isinstance(content, str):
        return f"{content.rstrip()}\n\n{mark}" if content.strip() else mark
    return [*content, {"type": "text", "text": mark}]


def from_recording(recorded: Json) -> Output:
    """The recorded outcome, for a replay in which nothing is executed."""
    return Output(
        content=recorded["text"],
        failed=recorded["failed"],
        exit_code=recorded["exit_code"],
        changed=tuple(recorded.get("changed") or ()),
    )
