"""The built-in agents: a recording, a live model, the reference solution, nothing at all, and one that cheats."""

import asyncio
import contextlib
import io
import json
import os
import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from agency_evals.case import Case
from agency_evals.finished import AgentKind, SandboxKind
from agency_evals.fixture import Fixture
from agency_evals.results import Cause, Fault
from agency_evals.task_file import resolved
from agency_runtime.compartments import environs_of
from agency_runtime.conduct import Run
from agency_runtime.gate.decision import Decision
from agency_runtime.gatehouse import gate_of, hooks_of
from agency_runtime.mcp_servers import recorded
from agency_runtime.order import Beside, Order, take
from agency_runtime.outcome import Outcome
from agency_runtime.session import Event, Listener
from agency_runtime.terminal import Terminal
from agency_runtime.testing import Scripted, message, text, use
from agency_runtime.wire import Json
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.prospect import Prospect
from agency_tools.workspace import ROOT

LONGEST = 600  # seconds that one call of Bash may take


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How attempts are made: what `agency eval run` was asked for, None where nobody said anything.

    tools: `recorded` executes nothing. keep: workspaces are left lying about for debugging.
    """

    agent: AgentKind = "replay"
    tools: str = "live"
    sandbox: SandboxKind = "auto"
    image: str | None = None
    persona: str | None = None
    model: str | None = None
    provider: str | None = None
    source: str | None = None
    divergence: str = "warn"
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What an agent did: the session's events, how the run ended, and what differed from the recording."""

    events: Sequence[Json] = ()
    outcome: Outcome | None = None
    fault: Fault | None = None
    diverged_at: int | None = None
    divergences: Sequence[str] = ()
    drifted: Sequence[str] = ()


@dataclass
class Collected:
    """A listener that keeps every event."""

    events: list[Json] = field(default_factory=list[Json])

    def __call__(self, event: Event) -> None:
        self.events.append(event.json())


class Everything:
    """The judge of what a case's own author wrote: it may all run, in the sandbox."""

    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Decision:
        """Allowed."""
        return Decision(verdict="allow", kind="local", rule="the case's own script", segments=(), why="")


def act(
    case: Case, fixture: Fixture, choices: Choices, *, recording: Path | None, folder: Path, record: Path | None = None
) -> Acted:
    """Let the agent act in the workspace; its session's log lies in `folder`. Faults are part of the value."""
    if choices.agent == "nop":
        return Acted()
    try:
        order = _order(case, fixture, choices, recording, record)
        script = None if choices.agent in ("replay", "live") else scripted(case, choices.agent, fixture)
    except UsageError as error:
        return Acted(fault=Fault(cause=Cause.HARNESS, message=str(error)))
    try:
        return _conduct(order, script, folder)
    except WorkspaceError as error:
        return Acted(fault=Fault(cause=Cause.SANDBOX, message=str(error)))
    except UsageError as error:
        return Acted(fault=Fault(cause=Cause.HARNESS, message=str(error)))


def _order(case: Case, fixture: Fixture, choices: Choices, recording: Path | None, record: Path | None) -> Order:
    """The order of this attempt, as the command line would give it. Raises UsageError for what does not fit."""
    agency, limits = case.agency, case.agency.limits
    minutes = min(limits.minutes, (case.task.agent.timeout_sec or float("inf")) / 60)
    given: dict[str, Any] = {
        "repo": str(fixture.root), "persona": choices.persona or agency.persona, "feature": agency.feature,
        "sandbox": choices.sandbox, "image": choices.image, "network": ",".join(agency.network) or "none",
        "target": agency.target, "permission_mode": agency.permission_mode, "allow": list(agency.allow),
        "ask": list(agency.ask), "deny": list(agency.deny), "max_turns": str(limits.turns),
        "max_cost": str(limits.cost_usd), "max_minutes": str(minutes), "output": "json", "trust": True,
        "model": choices.model, "provider": choices.provider, "source": choices.source,
        "record": str(record) if record else None,
    }  # fmt: skip
    if choices.agent == "replay":
        given |= {"replay": str(recording), "tools": choices.tools, "drift": "warn"}
    words = agency.plan if agency.command == "implement" else case.instruction
    with contextlib.chdir(fixture.root), _own_settings():
        order = take(agency.command, words, given, keyed=choices.agent == "live")
    return replace(order, beside=_beside(case, fixture, choices), tokens=limits.tokens or float("inf"))


@contextlib.contextmanager
def _own_settings() -> Generator[None]:
    """Take no option of a run from the environment: the case says what is run."""
    aside = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AGENCY_")}
    try:
        yield
    finally:
        os.environ.update(aside)


def _beside(case: Case, fixture: Fixture, choices: Choices) -> Beside:
    """What a public task's sandbox has beside the workspace; only the scripted agents see their script."""
    scripts = {"oracle": case.solution, "cheat": case.cheat}
    script = scripts.get(choices.agent)
    web = case.folder / "environment" / "web"
    return Beside(
        read_only={str(script.parent): _mounted(script, case, fixture)} if script else {},
        read_write=fixture.read_write,
        aliases=fixture.aliases,
        variables={**fixture.variables, **resolved(case.task.environment.env)},
        tool_paths=fixture.tool_paths,
        memory=case.task.environment.memory_bytes,
        web=web if web.is_dir() else None,
    )


def _mounted(script: Path, case: Case, fixture: Fixture) -> str:
    """Where a script's folder is seen: `/solution`, `/cheat`; the whole of an older case below `/solution`."""
    place = f"/{script.parent.name}" if script.parent != case.folder else "/solution"
    return f"/case{place}" if place in fixture.aliases else place


def scripted(case: Case, agent: AgentKind, fixture: Fixture) -> Scripted:
    """A model that runs the case's script by Bash, then hands off what `solution/handoff.json` says, if anything.

    Raises UsageError where the case has no such script.
    """
    script = case.solution if agent == "oracle" else case.cheat
    if script is None:
        wanted = "solution/solve.sh" if agent == "oracle" else "cheat/cheat.sh"
        raise UsageError(f"{case.folder}: the agent {agent} needs {wanted}")
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in resolved(case.task.solution.env).items())
    command = f"{variables} bash {_mounted(script, case, fixture)}/{script.name}".strip()
    if fixture.start != ROOT:
        command = f"cd {shlex.quote(fixture.start)} && {command}"
    replies = [message(use("Bash", id="toolu_1", command=command, timeout=LONGEST * 1000))]
    report = case.folder / "solution" / "handoff.json"
    if agent == "oracle" and report.is_file():
        given = cast("dict[str, Any]", json.loads(report.read_text(encoding="utf-8")))
        replies.append(message(use("Handoff", id="toolu_2", **given)))
    plan = case.folder / "solution" / "plan.md"
    last = plan.read_text(encoding="utf-8") if agent == "oracle" and plan.is_file() else "That is all."
    return Scripted([*replies, *(message(text(last)) for _ in range(8))])


def _conduct(order: Order, script: Scripted | None, folder: Path) -> Acted:
    heard = Collected()
    run = _run_of(order, script, [heard], folder)
    outcome = asyncio.run(run.conduct())
    replay = run.answer.replay
    differing = run.answer.divergences
    return Acted(
        events=heard.events,
        outcome=outcome,
        fault=fault_of(outcome),
        diverged_at=min((each.turn for each in differing), default=None),
        divergences=[str(each) for each in differing],
        drifted=list(replay.drifted) if replay else [],
    )


def _run_of(order: Order, script: Scripted | None, listeners: Sequence[Listener], folder: Path) -> Run:
    """The run as `agency work` would make it; a case's own script is judged by nobody and given no credentials."""
    terminal = Terminal(out=io.StringIO())
    if script is not None:
        return Run(order, Everything(), terminal, listeners, given=script, folder=folder)
    gate = gate_of(order)
    environs = environs_of(order, gate.aims.targets)
    return Run(order, gate, terminal, listeners, environs, hooks_of(order), folder=folder, remote=recorded(order))


FAULTS: Mapping[str, Cause] = {
    "sandbox_failed": Cause.SANDBOX,
    "model_failed": Cause.MODEL,
    "replay_differs": Cause.HARNESS,
    "out_of_budget": Cause.BUDGET,
    "context_full": Cause.BUDGET,
    "refused": Cause.REFUSAL,
    "interrupted": Cause.CANCELLED,
    "terminated": Cause.CANCELLED,
}


def fault_of(outcome: Outcome) -> Fault | None:
    """Whose fault the ending was; None where the agent ended by itself."""
    cause = FAULTS.get(outcome.status)
    return Fault(cause=cause, message=outcome.reason or outcome.status) if cause else None
