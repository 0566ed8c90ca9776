"""What a run is equipped with: the tools its persona may use, over one sandbox, and the runtime's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.escalate_tool import EscalateTool
from agency_runtime.handoff_tool import HandoffTool
from agency_runtime.skill import Skill
from agency_runtime.skill_tool import skill_tool
from agency_runtime.wire import Json
from agency_tools.core import core_tools
from agency_tools.infrastructure import ShellCompartment, infrastructure_tools, web_tools
from agency_tools.mcp.names import covers
from agency_tools.reach import Targets
from agency_tools.tool import Tool, definition
from agency_tools.web_search import server_tool_definition
from agency_tools.workspace import Workspace

FOLLOWS = {"Bash": ("TaskOutput", "TaskStop")}
"""Tools that come with another one, whether or not the persona names them."""

WRITING = ("Write", "Edit", "Handoff", "Docker")
"""Tools that a run which only plans does not get."""


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """The tools of one run, by name, and their definitions as the model is shown them."""

    tools: Mapping[str, Tool]
    definitions: Sequence[Json]
    handoff: HandoffTool
    escalate: EscalateTool
    missing: Sequence[str]


def equip(
    *,
    names: Sequence[str],
    workspace: Workspace,
    repository: Path,
    feature: str,
    targets: Targets,
    skills: Mapping[str, Skill],
    handoff: HandoffTool,
    escalate: EscalateTool,
    extra: Sequence[Tool] = (),
    searxng: str | None = None,
    web: Path | None = None,
    planning: bool = False,
    remote: Sequence[Tool] = (),
    remote_names: Sequence[str] = (),
) -> Equipment:
    """The tools that `names` ask for, in the order given, then those that follow from them, then the runtime's own.

    remote: tools of MCP servers, which stand between; remote_names: those that were asked for by name.

    web: a folder of stored pages, all that WebFetch then reaches.
    """
    own: list[Tool] = [handoff, escalate, *extra]
    there = {
        tool.name: tool for tool in [*core_tools(workspace), *_infrastructure(workspace, repository, feature, targets)]
    }
    there |= {tool.name: tool for tool in [*web_tools(searxng=searxng, pages=web), *own]}
    there |= {tool.name: tool for tool in remote}
    if skills:
        there["Skill"] = skill_tool(skills)
    wanted = [
        *names,
        *(more for name in names for more in FOLLOWS.get(name, ())),
        *(tool.name for tool in remote),
        "Skill",
        *(tool.name for tool in own),
    ]
    chosen = [name for name in dict.fromkeys(wanted) if not (planning and name in WRITING)]
    tools = {name: there[name] for name in chosen if name in there}
    definitions: list[Json] = [definition(tool) for tool in tools.values()]
    if "WebSearch" in chosen and "WebSearch" not in tools:
        definitions.append(server_tool_definition())
    missing = [name for name in names if name in chosen and name not in tools and name != "WebSearch"]
    missing += [name for name in remote_names if not any(covers(name, tool.name) for tool in remote)]
    return Equipment(tools=tools, definitions=definitions, handoff=handoff, escalate=escalate, missing=missing)


def _infrastructure(workspace: Workspace, repository: Path, feature: str, targets: Targets) -> list[Tool]:
    return infrastructure_tools(
        ShellCompartment(workspace=workspace), targets=targets, repository=repository, feature=feature
    )
