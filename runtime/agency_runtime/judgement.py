"""Judging a call: what the gate says of it and, where it asks, what a person says; both as the log keeps them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from pydantic import ValidationError

from agency_runtime.wire import Call, Json
from agency_tools.errors import ToolError
from agency_tools.prospect import Prospect, Prospecting
from agency_tools.tool import Output, Tool


class Judgement(Protocol):
    """What the gate, or a hook after it, says of a call."""

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
    @property
    def prospect(self) -> Prospect | None: ...
    @property
    def unproven(self) -> bool: ...


class Judge(Protocol):
    """Whatever judges a call before it runs; `cwd` is where the shell stands, `prospect` what the call would change."""

    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement: ...


Scope: TypeAlias = Literal["once", "run", "policy"]
"""How long a yes holds: for this call, for the rest of the run, or for as long as the policy file says so."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a person said of a call.

    rule: what a yes for longer than once permits. override: why a change is made that was not proven elsewhere.
    """

    who: str
    granted: bool
    scope: Scope = "once"
    rule: str = ""
    override: str = ""


Approve = Callable[[Call, Judgement], Awaitable[Approval | None]]
"""Asks a person; None where nobody is there."""


async def foreseen(tool: Tool, call: Call, gate: Judge, cwd: str | None) -> tuple[Judgement, Output | None]:
    """The gate's judgement, made with what the call would change where the tool can say so.

    The second part is the call's result where the tool says that it cannot be done as asked; then nobody is asked.
    """
    judgement = gate.judge(call.name, call.input, cwd=cwd)
    if judgement.verdict == "deny" or not isinstance(tool, Prospecting):
        return judgement, None
    try:
        prospect = await tool.prospect(tool.input_type.model_validate(call.input))
    except ValidationError as error:
        return judgement, misfit(call, error)
    except ToolError as error:
        return judgement, Output(content=str(error), failed=True)
    if prospect is None:
        return judgement, None
    return gate.judge(call.name, call.input, cwd=cwd, prospect=prospect), None


def told(judgement: Judgement, impossible: Output | None) -> Json:
    """A judgement as the log keeps it, with the reason of what is not simply allowed.

    `refused` is what the tool itself said against the call.
    """
    prospect = judgement.prospect
    return {
        "verdict": judgement.verdict,
        "kind": judgement.kind,
        "rule": judgement.rule,
        **({"why": judgement.why, "permits": list(judgement.permits)} if judgement.verdict != "allow" else {}),
        **({"prospect": prospect.json()} if prospect else {}),
        **({"unproven": True} if judgement.unproven else {}),
        **({"refused": impossible.text} if impossible else {}),
    }


UNTIL = {"run": "the end of the run", "policy": "the rule is removed"}


def approval_record(approval: Approval | None, judgement: Judgement) -> Json:
    """Who allowed what, by its hash, for how long; `who` is None where nobody was there."""
    if approval is None:
        return {"who": None, "granted": False}
    prospect = judgement.prospect
    until = UNTIL.get(approval.scope) or (prospect.expires.isoformat() if prospect else "the call's end")
    return {
        "who": approval.who,
        "granted": approval.granted,
        "kind": judgement.kind,
        **({"scope": approval.scope, "until": until} if approval.granted else {}),
        **({"target": prospect.target, "what": prospect.summary, "hash": prospect.digest} if prospect else {}),
        **({"by_rule": approval.rule} if approval.rule else {}),
        **({"override": approval.override} if approval.override else {}),
    }


def misfit(call: Call, error: ValidationError) -> Output:
    """The result of a call whose input its tool does not take."""
    return Output(content=f"{call.name}: the input does not fit: {problems(error)}", failed=True)


def problems(error: ValidationError) -> str:
    """A validation error in one line: each field with what is wrong."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'input'}: {fault['msg']}" for fault in error.errors()[:5]
    )
