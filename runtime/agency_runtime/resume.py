"""Resuming a session: the same order again, what differs from then, and the run that goes on."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from agency_runtime.assembly import carry_out
from agency_runtime.budget import Spending
from agency_runtime.changes import FilesChanged, changes, snapshot
from agency_runtime.deferred import NoWorkspace
from agency_runtime.equipment import equip
from agency_runtime.escalate_tool import EscalateTool
from agency_runtime.handoff import HandoffReport, Verdict
from agency_runtime.handoff_tool import HandoffTool
from agency_runtime.kept_trees import kept
from agency_runtime.mcp_servers import Remote
from agency_runtime.order import Order, Verb, environment_of_run, persona_sha256, take
from agency_runtime.past import Past, goes_on, held, read_past, resumed_as, stamp
from agency_runtime.prices import price_of
from agency_runtime.recording import digest
from agency_runtime.resumption import Resumption, count_earlier, resumption_of
from agency_runtime.settings import LISTS, Settings, read_settings
from agency_runtime.staging import conversation_of
from agency_runtime.task_tool import TaskTool
from agency_runtime.wire import Json
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.leftovers import leftovers
from agency_tools.mcp.offer import Offer
from agency_tools.reach import Targets

BUDGETS = ("max_turns", "max_cost", "max_minutes")
SHOWN = 20  # paths of a difference that are named


def resume(folder: Path, folders: list[Path], given: Mapping[str, Any]) -> int:
    """Go on with a session, in a new one that names it; the exit code is the run's.

    folders: of all sessions. given: options of this part (budgets, output, drift). Raises UsageError before anything has
    begun, and WorkspaceError where something of the killed run cannot be ended.
    """
    with held(folder):
        past = read_past(folder)
        goes_on(past, resumed_as(folders).get(folder.name))
        end_what_it_left(past)
        return carry_out(order_of(past, given)).exit_code


def end_what_it_left(past: Past) -> None:
    """No command of the killed run goes on beside the resumed one."""
    starter = past.opening.get("starter")
    for left in leftovers():
        if left.starter == starter:
            with suppress(OSError):
                left.remove()
    stuck = [left.name for left in leftovers() if left.starter == starter]
    if stuck:
        raise WorkspaceError(f"what the killed run left still runs: {', '.join(stuck)}; try `agency session gc`")


def order_of(past: Past, given: Mapping[str, Any]) -> Order:
    """The order of the earlier part, with what it goes on from. Raises UsageError for what keeps it from going on."""
    opening, root = past.opening, Path(str(past.opening["repository"]))
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; session {past.id} worked there, so it cannot go on")
    settings = settings_of(opening, given, root)
    where = {"repo": str(root), "plan_file": opening.get("plan_file")}
    order = take(cast("Verb", opening["command"]), text_of(opening, root), where, settings=settings)
    before, after = kept(past.folder, "before"), kept(past.folder, "after")
    resumed = resumption_of(past, stamp(past.folder), before)
    refuse(list(differences(order, opening, resumed)), drift=str(given.get("drift") or "fail"), past=past)
    _refuse_spent(order, resumed, past)
    told = [*_told(past), *moved(order, opening)]
    now = snapshot(order.repository)
    if after is not None:
        told += named("Changed since then by somebody else", changes(after, now))
    elif before is not None:
        told += named(
            "The tree differs from the one the run began with; whether all of it is this run's work is not known",
            changes(before, now),
        )
    resumed = replace(resumed, drift=str(given.get("drift") or "fail"))
    return replace(order, past=replace(resumed, told=tuple(told)), notes=(*order.notes, *_notes(past, resumed, told)))


def settings_of(opening: Json, given: Mapping[str, Any], root: Path) -> Settings:
    """The earlier part's settings; budgets as they are given now, output and prices as they are now."""
    now = read_settings({name: given.get(name) for name in ("output", "trust", *BUDGETS)}, root)
    then: dict[str, Any] = {**opening["settings"]}
    then |= {name: tuple(then.get(name) or ()) for name in LISTS}
    raised = {name: given[name] for name in BUDGETS if given.get(name) is not None}
    return Settings(
        **{**then, **raised}, output=now.output, trust=now.trust, prices=now.prices, mcp_servers=now.mcp_servers
    )


def text_of(opening: Json, root: Path) -> str:
    """The issue, or the plan's file."""
    plan = root / str(opening.get("plan_path") or "")
    return str(plan) if opening.get("plan_path") and plan.is_file() else str(opening["issue"])


def differences(order: Order, opening: Json, resumed: Resumption) -> Iterator[str]:
    """What is no longer as the conversation was held: each would make it another run."""
    persona = order.persona.name
    if persona_sha256(order.persona) != opening["persona_sha256"]:
        yield f"the persona {persona} has changed"
    elif resumed.fixed:
        now = _fixed(order, resumed)
        for part, words in (("system", "the system prompt has changed"), ("tools", "the tools have changed")):
            if now[part] != resumed.fixed[part]:
                yield f"{words} (skills, persona or version)"
    if order.repository.branch != opening["branch"]:
        yield f"the repository is on {_branch(order.repository.branch)}, not on {_branch(opening['branch'])}"
    if order.task.plan and digest(order.task.plan) != opening.get("plan_sha256"):
        yield f"the plan {order.task.plan_path} has changed"


def _branch(name: str) -> str:
    return f"branch {name}" if name else "a detached HEAD"


def _fixed(order: Order, resumed: Resumption) -> Mapping[str, str]:
    """The digests of system prompt and tools as this order would send them, with the MCP tools of then."""

    async def never(report: HandoffReport) -> Verdict:
        raise AssertionError

    async def silent(question: str) -> None: ...

    equipment = equip(
        names=order.persona.tools,
        workspace=NoWorkspace(),
        repository=order.repository.root,
        feature=order.task.feature,
        targets=Targets(reaches=[]),
        skills=order.skills,
        handoff=HandoffTool(never),
        escalate=EscalateTool(silent),
        extra=[TaskTool()],
        searxng=order.settings.searxng,
        web=order.beside.web,
        planning=order.task.command == "plan",
        remote=Remote(offers=[Offer.of_json(each) for each in resumed.mcp]).tools(NoWorkspace()),
        remote_names=order.persona.mcp,
    )
    return conversation_of(order, equipment, environment_of_run(order)).digests()


def refuse(differences: list[str], *, drift: str, past: Past) -> None:
    if differences and drift == "fail":
        raise UsageError(
            f"session {past.id}: {'; '.join(differences)}; put that back as it was, or add --drift warn to go on all the same"
        )


def _refuse_spent(order: Order, resumed: Resumption, past: Past) -> None:
    """A run whose budget is spent already is not begun."""
    spending = Spending(order.settings.budget(order.persona.max_turns))
    count_earlier(spending, price_of(order.model, order.settings.prices), resumed)
    spent = spending.spent()
    if spent:
        raise UsageError(f"session {past.id}: its budget is spent: {spent}; give more of it, its parts count together")


def _told(past: Past) -> Iterator[str]:
    if past.torn:
        yield "The last line of its log was cut by the crash and counts for nothing."


def moved(order: Order, opening: Json) -> Iterator[str]:
    """A commit made meanwhile is no obstacle, but worth knowing."""
    head = order.repository.head
    if head != opening["head"]:
        yield f"The repository's commit was {opening['head'][:12] or 'none'} and is {head[:12] or 'none'} now."


def named(words: str, files: FilesChanged) -> list[str]:
    """One line that names the paths."""
    if not files.all:
        return []
    more = f" and {len(files.all) - SHOWN} more" if len(files.all) > SHOWN else ""
    return [f"{words}: {', '.join(files.all[:SHOWN])}{more}."]


def _notes(past: Past, resumed: Resumption, told: list[str]) -> Iterator[str]:
    """What a person should know."""
    yield f"goes on from session {past.id}"
    for call in resumed.interrupted:
        yield f"{call.ref} was under way when the run ended and is not repeated: {call.command}"
    yield from told
