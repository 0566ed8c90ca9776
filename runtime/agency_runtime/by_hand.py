"""Tools called by hand: every tool of a run, the same gate, and a batch of calls in place of the run."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import ValidationError

from agency_runtime.answer import NO_OTHER_ROAD, done
from agency_runtime.approval import silence
from agency_runtime.calls import Executed, Started
from agency_runtime.changes import FilesChanged, Snapshot, changes, snapshot
from agency_runtime.escalate_tool import EscalateTool
from agency_runtime.gate import Gate, Rules
from agency_runtime.gate.reader import repository_reader
from agency_runtime.gatehouse import admitted_hooks
from agency_runtime.handoff import HandoffReport, Verdict, judge
from agency_runtime.handoff_tool import HandoffTool
from agency_runtime.hooks import Hooks
from agency_runtime.judgement import Judgement
from agency_runtime.lookup import load_skills
from agency_runtime.policy import FILE, build_gate, check_policy, read_policy
from agency_runtime.repository import Repository, find_repository
from agency_runtime.skill import Skill
from agency_runtime.skill_index import skill_index
from agency_runtime.skill_tool import skill_tool
from agency_runtime.task_tool import TaskTool
from agency_runtime.trust import Trust, trust_file
from agency_runtime.wire import Call
from agency_tools.core import core_tools
from agency_tools.errors import ToolError, UsageError
from agency_tools.infrastructure import ShellCompartment, infrastructure_tools, web_tools
from agency_tools.mcp.hints import Hints
from agency_tools.tool import Input, Output, Tool
from agency_tools.web_search import WebSearch, WebSearchInput
from agency_tools.workspace import ROOT, Workspace


class ServedSearch:
    """WebSearch where no SearXNG instance is named: the model's service searches, which it does in a run only."""

    name: ClassVar[str] = "WebSearch"
    description: ClassVar[str] = WebSearch.description
    input_type: ClassVar[type[Input]] = WebSearchInput
    read_only: ClassVar[bool] = True

    async def run(self, given: Any) -> Output:
        """Raises ToolError, which says what is needed."""
        raise ToolError(
            "WebSearch needs the model's service, which searches itself during a run (`agency work`); to search by hand "
            "name a SearXNG instance: --searxng URL, or AGENCY_SEARXNG"
        )


@dataclass
class ByHand:
    """The calls of one batch: judged, done and kept as in a run. What the gate would ask, whoever calls has answered.

    tree: the repository around the folder, with its files before the first call; None where there is no need of it.
    remote: the tools of MCP servers.
    """

    workspace: Workspace
    folder: Path
    gate: Gate
    hooks: Hooks | None = None
    searxng: str | None = None
    skills: Mapping[str, Skill] = field(default_factory=dict[str, Skill])
    tree: tuple[Repository, Snapshot] | None = None
    remote: Sequence[Tool] = ()
    executed: list[Executed] = field(default_factory=list[Executed])
    tools: Mapping[str, Tool] = field(init=False)
    handoff: HandoffTool = field(init=False)
    escalate: EscalateTool = field(init=False)

    def __post_init__(self) -> None:
        self.handoff, self.escalate = HandoffTool(self._judge), EscalateTool(silence)
        tools = tools_by_hand(self.workspace, self.folder, skills=self.skills, searxng=self.searxng)
        self.tools = {tool.name: tool for tool in [*tools, *self.remote, self.handoff, self.escalate]}

    @property
    def denied(self) -> bool:
        """Whether a call was refused, or a question to the user is open."""
        return any(call.denied for call in self.executed) or bool(self.escalate.open)

    @property
    def incomplete(self) -> bool:
        """Whether a call failed, or the last report does not stand."""
        verdict = self.handoff.verdict
        return any(call.failed for call in self.executed) or (verdict is not None and not verdict.ok)

    async def __call__(self, call: Call) -> Output:
        """The outcome of one call. Raises WorkspaceError where the sandbox is gone."""
        started = Started(call=call, turn=1, ref=f"c{len(self.executed) + 1}", recorded=None, runs=True)
        tool = self.tools[call.name]
        refusal = await self._refusal(call) if fits(tool, call) else None
        output = Output(content=refusal, failed=True) if refusal else await done(tool, call)
        self.executed.append(started.executed(output, refusal is not None))
        return output

    async def _refusal(self, call: Call) -> str | None:
        cwd: str = getattr(self.tools["Bash"], "cwd", None) or ROOT
        judgement: Judgement = self.gate.judge(call.name, call.input, cwd=cwd)
        if self.hooks is not None:
            judgement = await self.hooks.tighten(call, judgement, cwd)
        if judgement.verdict != "deny":
            return None
        return f"Not executed: denied ({judgement.rule}). {judgement.why} {NO_OTHER_ROAD}"

    async def _judge(self, report: HandoffReport) -> Verdict:
        return judge(report, self.executed, self._files())

    def _files(self) -> FilesChanged:
        if self.tree is None:
            return FilesChanged()
        repository, before = self.tree
        return changes(before, snapshot(repository, before))


def fits(tool: Tool, call: Call) -> bool:
    """Whether the tool takes the input; one that it does not take does nothing, so the gate need not judge it."""
    try:
        tool.input_type.model_validate(call.input)
    except ValidationError:
        return False
    return True


def tools_by_hand(
    workspace: Workspace, folder: Path, *, skills: Mapping[str, Skill], searxng: str | None = None
) -> list[Tool]:
    """Every tool but those that belong to one batch."""
    infrastructure = infrastructure_tools(ShellCompartment(workspace=workspace), repository=folder, feature="by-hand")
    search: list[Tool] = [] if searxng else [ServedSearch()]
    own: list[Tool] = [*([skill_tool(skills)] if skills else []), TaskTool()]
    return [*core_tools(workspace), *infrastructure, *web_tools(searxng=searxng), *search, *own]


def usable_skills(folder: Path, *, trust_all: bool = False, say: Callable[[str], None]) -> dict[str, Skill]:
    """Every skill that is shipped, the user's, or the repository's and trusted; `say` hears which is left out and why."""
    loaded = load_skills(skill_index(folder), trust=Trust(file=trust_file(), granted=trust_all))
    for each in loaded:
        if each.value is None:
            say(f"skill {each.report.name} left out: {'; '.join(each.report.errors)}")
    return {each.value.name: each.value for each in loaded if each.value}


def gate_by_hand(folder: Path, hints: Mapping[str, Hints] = MappingProxyType({})) -> Gate:
    """The gate with the policy's refusals; what a policy permits changes nothing here, so it needs no trust.

    hints: what the tools of MCP servers say of themselves.
    Raises UsageError for a policy that is wrong, or fails its own tests.
    """
    policy, read = read_policy(folder / FILE), repository_reader(folder)
    check_policy(policy, read=read)
    refusals = Rules(ask=policy.rules.ask, deny=policy.rules.deny)
    return build_gate(replace(policy, rules=refusals), mode="default", read=read, hints=hints)


def hooks_by_hand(folder: Path, *, trust_all: bool) -> Hooks:
    """The hooks that a run in this folder would ask. Raises UsageError for one that is wrong or not trusted."""
    hooks = admitted_hooks(folder, trust_all=trust_all)
    return Hooks(hooks=hooks, mode="default", session_id="by-hand", transcript=Path(os.devnull))


def tree_for(calls: Iterable[Call], folder: Path) -> tuple[Repository, Snapshot] | None:
    """The tree before the first call, where one of the calls hands off in a repository."""
    if not any(call.name == "Handoff" for call in calls):
        return None
    try:
        repository = find_repository(folder)
    except UsageError:
        return None
    return repository, snapshot(repository)
