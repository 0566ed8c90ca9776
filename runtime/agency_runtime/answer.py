"""Answering a call: the gate judges it, the tool does it, the session keeps both.

Never raises for what the model did wrong; a broken sandbox (WorkspaceError) does rise, since it is no tool's result.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from agency_runtime.calls import Executed, Started, altered
from agency_runtime.diagnostics import Diagnostics
from agency_runtime.hooks import Hooks
from agency_runtime.judgement import Approval, Approve, Judge, Judgement, approval_record, foreseen, misfit, told
from agency_runtime.replay import Divergence, ReplayModel, divergence
from agency_runtime.session import Session
from agency_runtime.tree_watch import TreeWatch
from agency_runtime.wire import Call, Json, ReplayError
from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger
from agency_tools.tool import Output, Tool
from agency_tools.workspace import ROOT

__all__ = ["Answer", "Approval", "Approve", "Judge", "Judgement", "done", "number"]

OWN = {"Handoff", "Escalate"}
"""Tools that touch nothing but the run itself; they run even where a replay executes nothing else."""

DENIALS = 5  # refused calls in a row after which the run stops


@dataclass
class Answer:
    """Answers the calls of one session.

    live: False in a replay that executes nothing but the run's own tools. executed: every call, in the order of their
    references. unapproved: those of `denials` that nobody was there to approve.
    """

    session: Session
    tools: Mapping[str, Tool]
    gate: Judge
    approve: Approve
    hooks: Hooks | None = None
    replay: ReplayModel | None = None
    live: bool = True
    executed: list[Executed] = field(default_factory=list[Executed])
    denials: list[Json] = field(default_factory=list[Json])
    unapproved: list[Json] = field(default_factory=list[Json])
    divergences: list[Divergence] = field(default_factory=list[Divergence])
    ledger: Ledger = field(default_factory=Ledger)
    diagnostics: Diagnostics | None = None
    watch: TreeWatch | None = None
    _row: int = 0
    _count: int = 0

    def go_on_from(
        self, executed: Sequence[Executed], interrupted: Sequence[Executed], denials: Sequence[Json], count: int
    ) -> None:
        """Take over the calls of the run's earlier part; those that were cut off get their outcome in the log now."""
        self.executed = sorted([*self.executed, *executed], key=lambda each: number(each.ref))
        self.denials += denials
        self.unapproved += [each for each in denials if "permits" in each]
        self._count = count
        for call in interrupted:
            self._add(call)

    @property
    def exhausted(self) -> str | None:
        """Why no further call may run; None while they may."""
        return f"{self._row} calls in a row were denied" if self._row >= DENIALS else None

    def parallel(self, call: Call) -> bool:
        """Whether the call changes nothing."""
        tool = self.tools.get(call.name)
        return tool is not None and tool.read_only

    def came_of(self, call: Call, turn: int) -> Executed:
        """What came of a call of this turn; in a replay, what was recorded, so that whatever rests on it replays."""
        done = next(each for each in reversed(self.executed) if (each.id, each.turn) == (call.id, turn))
        return self.as_recorded(done)

    def as_recorded(self, done: Executed) -> Executed:
        """The call as the run is recorded."""
        recorded = self.replay.recording.result(done.id) if self.replay else None
        if recorded is None:
            return done
        return replace(done, output=recorded["text"], failed=recorded["failed"], exit_code=recorded["exit_code"])

    async def __call__(self, call: Call, turn: int) -> Json:
        """The tool_result block for this call. Raises WorkspaceError and ReplayError, which are no tool's result."""
        return await self.among(self.tools, call, turn)

    async def among(self, tools: Mapping[str, Tool], call: Call, turn: int) -> Json:
        """Likewise, as if there were these tools alone."""
        recorded = self.replay.recording.result(call.id) if self.replay else None
        runs = self.live or call.name in OWN
        self._pass_over_helpers(recorded)
        self._count += 1
        cwd = _stands(tools) if runs else str((recorded or {}).get("cwd") or "")
        started = Started(call=call, turn=turn, ref=f"c{self._count}", recorded=recorded, runs=runs, cwd=cwd)
        if runs:
            output, denied = await self._perform(tools, started)
        else:
            output, denied = from_recording(started)
        executed = self._kept(started, output, denied)
        return {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": with_ref(output.content, started.ref),
            **({"is_error": True} if executed.failed else {}),
        }

    def _pass_over_helpers(self, recorded: Json | None) -> None:
        """Where nothing is executed no helper runs: its recorded calls are taken over, and their references with them."""
        if self.live or self.replay is None or recorded is None:
            return
        for call, turn, result in self.replay.recording.of_helpers():
            if self._count < number(result["ref"]) < number(recorded["ref"]):
                self._count = number(result["ref"])
                cwd = str(result.get("cwd") or "")
                started = Started(call=call, turn=turn, ref=result["ref"], recorded=result, runs=False, cwd=cwd)
                self._kept(started, *from_recording(started))

    async def _perform(self, tools: Mapping[str, Tool], started: Started) -> tuple[Output, bool]:
        """Judge and do; the outcome, and whether it was refused."""
        call, ref = started.call, started.ref
        tool = tools.get(call.name)
        if tool is None:
            return Output(content=f"There is no tool {call.name!r}. There are: {', '.join(tools)}.", failed=True), False
        judgement, impossible = await foreseen(tool, call, self.gate, started.cwd or None)
        if self.hooks is not None and impossible is None:
            judgement = await self.hooks.tighten(call, judgement, started.cwd or ROOT)
        self.session.add(
            "call.judged", turn=started.turn, ref=ref, id=call.id, tool=call.name, input=call.input,
            **told(judgement, impossible),
        )  # fmt: skip
        if impossible is not None:
            return impossible, False
        if refusal := await self._refusal(call, judgement, ref):
            return Output(content=refusal, failed=True), True
        self._row = 0
        self.session.add("call.started", turn=started.turn, ref=ref, id=call.id, tool=call.name)
        return await self._changing(judgement.kind, tool, call), False

    async def _changing(self, kind: str, tool: Tool, call: Call) -> Output:
        """The tool's output, and what the validators say of what it changed."""
        if self.diagnostics is None:
            return await self._watched(kind, tool, call)
        if call.name in OWN:
            return self.diagnostics.with_late(await self._watched(kind, tool, call))
        return await self.diagnostics.around(kind, lambda: self._watched(kind, tool, call))

    async def _watched(self, kind: str, tool: Tool, call: Call) -> Output:
        """The tool's output, and which files were different by its end."""
        if self.watch is None:
            return await done(tool, call)
        return await self.watch.around(call, kind, lambda: done(tool, call))

    async def _refusal(self, call: Call, judgement: Judgement, ref: str) -> str | None:
        """Why the call may not run, in words for the model; None where it may."""
        if judgement.verdict == "allow":
            self._grant(judgement, f"rule {judgement.rule}")
            return None
        approval = await self._approval(call, judgement, ref) if judgement.verdict == "ask" else None
        if approval is not None and approval.granted:
            self._grant(judgement, approval.who)
            return None
        self._denied(call, judgement, ref, unapproved=judgement.verdict == "ask" and approval is None)
        if approval is not None:
            how = "refused by the user"
        else:
            how = "denied" if judgement.verdict == "deny" else "not approved: nobody was there to approve it"
        return f"Not executed: {how} ({judgement.rule}). {judgement.why} {NO_OTHER_ROAD}"

    async def _approval(self, call: Call, judgement: Judgement, ref: str) -> Approval | None:
        """What a person says, once it is in the log."""
        approval = await self.approve(call, judgement)
        self.session.add("approval", ref=ref, id=call.id, tool=call.name, **approval_record(approval, judgement))
        return approval

    def _grant(self, judgement: Judgement, by: str) -> None:
        """Let the tool carry out exactly what was judged."""
        if judgement.prospect is not None:
            self.ledger.grant(judgement.prospect, by)

    def _denied(self, call: Call, judgement: Judgement, ref: str, *, unapproved: bool) -> None:
        denial: dict[str, Any] = {"ref": ref, "tool": call.name, "input": call.input}
        denial |= {"rule": judgement.rule, "why": judgement.why}
        if unapproved:
            denial["permits"] = list(judgement.permits)
            self.unapproved.append(denial)
        self.denials.append(denial)
        self._row += 1

    def _kept(self, started: Started, output: Output, denied: bool) -> Executed:
        """Put the outcome into the session. In a replay, a result that says what was recorded is the recorded one."""
        executed, recorded = started.executed(output, denied), started.recorded
        if recorded is not None:
            differs = divergence(recorded, started.call, started.turn, output.text) if started.runs else None
            if differs is None:
                executed = started.as_recorded(output, denied, recorded)
            else:
                self.divergences.append(differs)
                self.session.add("notice", text=f"the live result differs from the recorded one: {differs}")
        self._add(executed)
        return executed

    def _add(self, executed: Executed) -> None:
        insort(self.executed, executed, key=lambda each: number(each.ref))  # neighbours side by side end in any order
        kept = {name: getattr(executed, name) for name in KEPT}
        self.session.add("call.finished", **kept, text=executed.output)


def _stands(tools: Mapping[str, Tool]) -> str:
    """Where the shell stands; empty for the repository's top."""
    cwd = getattr(tools.get("Bash"), "cwd", None) or ""
    return "" if cwd == ROOT else cwd


def number(ref: str) -> int:
    """The number of a reference: 7 for c7."""
    return int(ref[1:])


KEPT = (
    "turn",
    "ref",
    "id",
    "tool",
    "input",
    "failed",
    "exit_code",
    "denied",
    "started",
    "seconds",
    "changed",
    "altered",
    "cwd",
)
NO_OTHER_ROAD = "Do not try to reach the same by another road; go on without it and report it."


async def done(tool: Tool, call: Call) -> Output:
    """The tool's output; what the model did wrong, as an output that teaches."""
    try:
        given = tool.input_type.model_validate(call.input)
    except ValidationError as error:
        return misfit(call, error)
    try:
        return await tool.run(given)
    except ToolError as error:
        return Output(content=str(error), failed=True)


def with_ref(content: str | Sequence[Json], ref: str) -> str | list[Json]:
    """The content with the reference that a claim may cite."""
    mark = f"[call {ref}]"
    if isinstance(content, str):
        return f"{content.rstrip()}\n\n{mark}" if content.strip() else mark
    return [*content, {"type": "text", "text": mark}]


def from_recording(started: Started) -> tuple[Output, bool]:
    """The recorded outcome, for a replay in which nothing is executed, and whether it was refused.

    Raises ReplayError where the recording holds none.
    """
    recorded = started.recorded
    if recorded is None:
        raise ReplayError(f"it holds no result of {started.call.name} ({started.call.id})", step=started.turn)
    output = Output(
        content=recorded["text"],
        failed=recorded["failed"],
        exit_code=recorded["exit_code"],
        changed=tuple(recorded.get("changed") or ()),
        altered=altered(recorded),
    )
    return output, bool(recorded.get("denied"))
