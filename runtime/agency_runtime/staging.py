"""What a run is set up with, as values: the sandbox's layout, the conversation's beginning, what log and recording say first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agency_runtime.bounds import Bounds, recorded_bounds
from agency_runtime.conversation import Conversation
from agency_runtime.equipment import Equipment
from agency_runtime.order import Order, persona_sha256
from agency_runtime.prices import price_of
from agency_runtime.prompt import Environment, first_message, system_prompt
from agency_runtime.recording import digest
from agency_runtime.skill import Skill
from agency_runtime.wire import json_object
from agency_tools.allowed_hosts import listed
from agency_tools.mcp.offer import Offer
from agency_tools.running import starter
from agency_tools.terraform_setup import mirrors_here
from agency_tools.workspace import Layout

PROTECTED: Sequence[str] = (".git", ".agency/policy.yaml", ".agency/config.yaml", ".agency/personas", ".agency/skills")
"""What the agent may read and never write: it decides what the next run may do."""


def layout_of(order: Order) -> Layout:
    """The sandbox of a run."""
    settings, beside, writable = order.settings, order.beside, order.task.command != "plan"
    layout = layout_over(
        order.repository.root, skills=order.skills, image=settings.image, network=settings.network, writable=writable
    )
    return replace(
        layout,
        read_only={**(layout.read_only or {}), **beside.read_only},
        read_write=beside.read_write,
        aliases=beside.aliases,
        variables=beside.variables,
        tool_paths=(*layout.tool_paths, *beside.tool_paths),
        limits=replace(layout.limits, memory=beside.memory or layout.limits.memory),
    )


def layout_over(
    folder: Path, *, skills: Mapping[str, Skill], image: str | None, network: str, writable: bool = True
) -> Layout:
    """A sandbox over a folder: the skills' files and this machine's provider mirrors are there too."""
    files = {str(skill.folder): f"/skills/{name}" for name, skill in skills.items()}
    return Layout(
        repository=str(folder),
        writable=writable,
        protected=PROTECTED,
        read_only={**files, **{mirror: mirror for mirror in mirrors_here()}},
        image=image,
        network=listed(network),
    )


def conversation_of(order: Order, equipment: Equipment, environment: Environment) -> Conversation:
    """The conversation before its first turn."""
    loaded = [order.skills[name] for name in order.persona.skills if name in order.skills]
    system = system_prompt(
        order.persona.body,
        command=order.task.command,
        loaded=loaded,
        offered=[skill for skill in order.skills.values() if skill not in loaded],
        tools=[tool["name"] for tool in equipment.definitions],
        notes=[f"{name} is named above but is not to be had in this version." for name in equipment.missing],
    )
    return Conversation(
        system=system,
        tools=equipment.definitions,
        model=order.model,
        price=price_of(order.model, order.settings.prices),
        bounds=bounds_of(order),
        messages=[first_message(order.task, environment)],
    )


def bounds_of(order: Order) -> Bounds:
    """How long the conversation may go on; in a replay, as it was recorded."""
    if order.recording is not None:
        return recorded_bounds(json_object(order.recording.header.get("bounds")))
    return order.settings.bounds(order.model)


def header_of(order: Order, environment: Environment, offers: Sequence[Offer] = ()) -> dict[str, Any]:
    """A recording's first line, but for its format. A recording of a replay says which one it repeats."""
    bounds = bounds_of(order).json()
    return {
        "source": order.source,
        "model": order.model,
        "created": environment.date,
        "persona": order.persona.name,
        "persona_sha256": persona_sha256(order.persona),
        "command": order.task.command,
        "issue": order.task.text,
        "feature": order.task.feature,
        **({"plan_sha256": digest(order.task.plan)} if order.task.plan else {}),
        **({"replay_of": digest(order.recording.header)} if order.recording else {}),
        "environment": environment.json(),
        **({"bounds": bounds} if bounds else {}),
        **({"mcp": [offer.json() for offer in offers]} if offers else {}),
    }


def opening_of(order: Order, session_id: str) -> dict[str, Any]:
    """The data of a session's first event."""
    return {
        "id": session_id,
        "command": order.task.command,
        "repository": str(order.repository.root),
        "feature": order.task.feature,
        "persona": order.persona.name,
        "persona_sha256": persona_sha256(order.persona),
        "model": order.model,
        "source": order.source,
        "replay": order.recording is not None,
        "sandbox": order.settings.sandbox,
        "mode": order.mode,
        "issue": order.task.text,
        "branch": order.standing.branch,
        "head": order.standing.head,
        "starter": starter(),
        "settings": settings_kept(order),
        **({"plan_file": str(order.plan_file)} if order.plan_file else {}),
        **({"plan_path": order.task.plan_path, "plan_sha256": digest(order.task.plan)} if order.task.plan else {}),
        **({"forks" if order.past.forked else "resumes": order.past.parent} if order.past else {}),
    }


NOT_KEPT = frozenset(
    {"trust", "output", "repo", "record", "replay", "tools", "drift", "worktree", "prices", "mcp_servers"}
)
"""Settings that are no part of what a resumed run goes on with: trust is given anew, the work tree is there already."""


def settings_kept(order: Order) -> dict[str, Any]:
    """The settings a resumed run goes on with, as JSON."""
    values = {name: value for name, value in vars(order.settings).items() if name not in NOT_KEPT and value is not None}
    files = [str(Path(name).absolute()) for name in order.settings.mcp_config]
    return {**values, "mcp_config": files, "persona": _persona_again(order), "feature": order.task.feature}


def _persona_again(order: Order) -> str:
    """By what the same persona is found from any folder: its name, or its file where it was given by its path."""
    given = order.settings.persona
    by_path = "/" in given or given.lower().endswith(".md")
    return str(order.persona.path.absolute()) if by_path else order.persona.name
