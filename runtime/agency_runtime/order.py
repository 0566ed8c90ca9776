"""An order: everything a run was asked for, checked, before anything starts. Wrong input never gets past here."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from agency_runtime.anthropic_model import hosted, require_key
from agency_runtime.approval import can_ask
from agency_runtime.handoff.state import waiting_for
from agency_runtime.lookup import choose_persona, offered_skills
from agency_runtime.mcp_sources import configured_servers, with_personas
from agency_runtime.persona import Persona
from agency_runtime.plans import (
    check_feature,
    feature_slug,
    handoff_mode,
    lint_plan,
    plan_of,
    resolve_plan,
    upstream_summaries,
)
from agency_runtime.prices import DEFAULT_MODEL, model_id
from agency_runtime.prompt import Environment, Task
from agency_runtime.recording import Recording, digest, read_recording
from agency_runtime.repository import Repository, Standing, find_repository
from agency_runtime.resumption import Resumption
from agency_runtime.settings import Mode, Settings, read_settings
from agency_runtime.skill import Skill
from agency_runtime.trust import Ask, ask_at_terminal
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError, WaitingError
from agency_tools.mcp.server import Server

Verb = Literal["work", "implement", "plan"]
SPECIALIST = "devops-automator"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a run's sandbox contains beside the repository and the skills, as `Layout` names it; `web` keeps WebFetch's pages."""

    read_only: Mapping[str, str] = field(default_factory=dict[str, str])
    read_write: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    tool_paths: Sequence[str] = ()
    memory: int | None = None  # bytes; None for the sandbox's own limit
    web: Path | None = None  # the only web that there is; None for the real one


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to do, on which repository, as which persona, with which model."""

    task: Task
    settings: Settings
    repository: Repository
    persona: Persona
    model: str
    mode: Mode
    recording: Recording | None = None
    plan_file: Path | None = None
    source: str = "api"
    skills: Mapping[str, Skill] = field(default_factory=dict[str, Skill])
    notes: Sequence[str] = ()  # what a person should know of how persona and skills loaded
    standing: Standing = field(default_factory=Standing)  # the repository's, before the run
    beside: Beside = Beside()
    tokens: float = math.inf  # what the run may spend of them
    past: Resumption | None = None  # the run's earlier part, where it was resumed
    servers: tuple[Server, ...] = ()  # the MCP servers that it has

    @property
    def secrets(self) -> tuple[str, ...]:
        """What its MCP servers are given, and nobody is to see."""
        return tuple(secret for server in self.servers for secret in server.secrets)

    @property
    def pure(self) -> bool:
        """A replay in which nothing is executed."""
        return self.recording is not None and self.settings.tools == "recorded"


def take(
    verb: Verb, text: str | None, given: Mapping[str, Any], *, keyed: bool = True, settings: Settings | None = None
) -> Order:
    """Check what was asked for. Raises UsageError: one line, the culprit, the remedy.

    keyed: False where no service will be asked, so that no key is needed. settings: those of a run that goes on, in place
    of what is configured now.
    """
    repository = find_repository(Path(given.get("repo") or "."))
    settings = settings or read_settings(given, repository.root)
    if settings.replay and settings.record and Path(settings.replay).resolve() == Path(settings.record).resolve():
        raise UsageError(f"--record {settings.record}: that is the recording being replayed; record to another file")
    if settings.replay is None and (settings.tools != "live" or settings.drift != "fail"):
        raise UsageError("--tools and --drift say how a recording is replayed; give it with --replay FILE")
    recording = read_recording(Path(settings.replay)) if settings.replay else None
    if recording is None and keyed:
        require_key(settings.provider)
    notes: list[str] = []
    pure = recording is not None and settings.tools == "recorded"
    servers = () if pure else configured_servers(settings, repository.root, ask=_ask(settings), say=notes.append)
    names = {server.name for server in servers} | {str(each.get("server")) for each in _recorded(recording)}
    persona = _persona(settings, repository, text or "", notes.append, names)
    task = _task(verb, text, settings, repository, recording)
    if recording is None:
        _begin_in_turn(task, repository, persona)
    return Order(
        task=task,
        settings=settings,
        repository=repository,
        persona=persona,
        model=_model(settings, persona, recording),
        mode=_mode(verb, settings, persona),
        recording=recording,
        plan_file=_plan_file(verb, given, task, repository),
        source=_source(settings, recording),
        skills=offered_skills(persona, repository.root, trust_all=settings.trust, ask=_ask(settings), say=notes.append),
        notes=notes,
        standing=repository.standing,
        servers=() if pure else with_personas(servers, persona, notes.append),
    )


def _recorded(recording: Recording | None) -> list[Json]:
    """The MCP tools of a recording."""
    kept: object = recording.header.get("mcp") if recording else None
    return [json_object(each) for each in cast("list[object]", kept)] if isinstance(kept, list) else []


def _persona(
    settings: Settings, repository: Repository, text: str, say: Callable[[str], None], servers: Collection[str]
) -> Persona:
    return choose_persona(
        settings.persona, repository.root, text=text, trust_all=settings.trust, ask=_ask(settings), say=say,
        servers=servers,
    )  # fmt: skip


def _ask(settings: Settings) -> Ask | None:
    """Trust is asked for where a person sits at the terminal and nothing is replayed."""
    return ask_at_terminal() if can_ask(settings.output) and settings.replay is None else None


def _task(
    verb: Verb, text: str | None, settings: Settings, repository: Repository, recording: Recording | None
) -> Task:
    """The task; a replay without a text does what was recorded."""
    header: Json = recording.header if recording else {}
    if recording and text is None:
        text = str(header.get("issue") or "")
    if not text:
        raise UsageError(
            f"nothing to do: give {'the plan' if verb == 'implement' else 'the issue as TEXT'}, see agency {verb} --help"
        )
    return (
        _implement(text, settings, repository, header)
        if verb == "implement"
        else _issue(verb, text, settings, repository, header)
    )


def _issue(verb: Verb, text: str, settings: Settings, repository: Repository, header: Mapping[str, Any]) -> Task:
    feature = _named(settings) or header.get("feature") or feature_slug(text)
    handoff = handoff_mode(repository.root, feature=feature) if verb == "work" else None
    return Task(
        command=verb,
        text=text,
        feature=feature,
        handoff=handoff.text if handoff else "",
        shared=handoff is not None,
        upstream=upstream_summaries(handoff),
    )


def _begin_in_turn(task: Task, repository: Repository, persona: Persona) -> None:
    """Raises WaitingError where the feature's plan has others finish first and they have not."""
    plan = plan_of(repository.root, task.feature, persona.name) if task.shared else None
    waiting = waiting_for(plan.path.parent.parent, plan.upstream) if plan else ()
    if waiting:
        raise WaitingError(
            f"blocked: {task.feature} is waiting for {', '.join(waiting)}; start again once they have handed off,"
            " or correct .agency/handoff/" + f"{task.feature}/execution-state.json"
        )


def _named(settings: Settings) -> str | None:
    return check_feature(settings.feature) if settings.feature else None


def _implement(name: str, settings: Settings, repository: Repository, header: Mapping[str, Any]) -> Task:
    path = resolve_plan(name, repository.root)
    plan = path.read_text(encoding="utf-8", errors="replace")
    problems = lint_plan(plan)
    if problems:
        raise UsageError(f"{path}: not ready to be executed: {'; '.join(map(str, problems))}")
    relative = path.resolve()
    shown = str(relative.relative_to(repository.root)) if relative.is_relative_to(repository.root) else path.name
    handoff = handoff_mode(repository.root, feature=settings.feature, plan=path)
    feature = (
        _named(settings) or (handoff.feature if handoff else None) or header.get("feature") or feature_slug(path.stem)
    )
    own = handoff is not None and handoff.path.resolve() == relative
    return Task(
        command="implement",
        text=name,
        feature=feature,
        plan=plan,
        plan_path=shown,
        handoff=handoff.text if handoff and not own else "",
        shared=handoff is not None,
        upstream=upstream_summaries(handoff),
    )


def _model(settings: Settings, persona: Persona, recording: Recording | None) -> str:
    if recording is not None:
        return str(recording.header.get("model") or DEFAULT_MODEL)
    own = persona.model if persona.model != "inherit" else None
    return model_id(settings.model or own or DEFAULT_MODEL)


def _mode(verb: Verb, settings: Settings, persona: Persona) -> Mode:
    if verb == "plan":
        return "plan"
    return settings.permission_mode or persona.permission_mode or "default"


def _plan_file(verb: Verb, given: Mapping[str, Any], task: Task, repository: Repository) -> Path | None:
    if verb != "plan":
        return None
    default = repository.root / ".agency" / "plans" / f"{task.feature}.md"
    path = Path(given["plan_file"]) if given.get("plan_file") else default
    if path.exists():
        raise UsageError(f"{path}: there is a plan already; name another file with -o FILE, or remove it first")
    return path


def _source(settings: Settings, recording: Recording | None) -> str:
    """How the replies of this run come about; a stand-in's are never passed off as the service's."""
    if recording is not None:
        return recording.source
    if settings.record and settings.source is None and settings.provider == "anthropic" and not hosted():
        raise UsageError(
            "--record with another ANTHROPIC_BASE_URL: say --source api (a gateway to the service), relay or authored"
        )
    return settings.source or "api"


def environment_of_run(order: Order) -> Environment:
    """The facts of this run; in a replay, those of the recorded one, since the model was told them."""
    recorded = order.recording.header.get("environment") if order.recording else None
    if recorded:
        known = Environment.__dataclass_fields__
        return Environment(**{name: value for name, value in recorded.items() if name in known})
    return Environment(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        sandbox=order.settings.sandbox,
        network=order.settings.network,
        target=order.settings.target or "none",
        permission_mode=order.mode,
        branch=order.standing.branch,
        dirty=order.standing.dirty,
    )


def difference(order: Order) -> str | None:
    """Why the order cannot be a replay of its recording, by what the recording says of itself; None where it can."""
    if order.recording is None:
        return None
    header = order.recording.header
    now: dict[str, str] = {"command": order.task.command}
    if order.task.command == "implement":
        now["plan_sha256"] = digest(order.task.plan)
    else:
        now["issue"] = order.task.text
    for name, value in {**now, "feature": order.task.feature}.items():
        if header.get(name, value) != value:
            return f"its {name} is {_short(header[name])}, not {_short(value)}"
    return None


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= 60 else text[:59] + "…")


def in_worktree(order: Order, repository: Repository) -> Order:
    """The same order, to be carried out in a worktree."""
    return replace(order, repository=repository, standing=replace(repository.standing, dirty=0))


def persona_sha256(persona: Persona) -> str:
    """Digest of what the persona tells the model."""
    return digest([persona.name, persona.body])
