"""Personas: who the model is, what it may use and how it may act, from one Markdown file."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

from agency_runtime.fields import FieldTable, Sorted, text, whole
from agency_runtime.frontmatter import Document, read_document
from agency_runtime.load_report import Loaded, LoadReport
from agency_runtime.name_list import name_list
from agency_runtime.persona_servers import declared_by
from agency_runtime.settings import CHOICES, Mode
from agency_runtime.tokens import estimate
from agency_runtime.tool_names import KNOWN, ToolRef, resolve, resolved

FIELDS = FieldTable(
    applied=(
        "name",
        "description",
        "tools",
        "disallowedTools",
        "model",
        "permissionMode",
        "maxTurns",
        "skills",
        "mcpServers",
    ),
    ignored={
        "hooks": "this runtime runs no hooks; write policy rules",
        "memory": "a run remembers its session only",
        "background": "a run is in the foreground",
        "effort": "not sent to the model",
        "isolation": "use --worktree",
        "color": "the terminal does not color personas",
        "initialPrompt": "the task is the first prompt",
    },
    missed=frozenset({"hooks", "initialPrompt"}),
    aliases={"allowedtools": "tools", "denytools": "disallowedTools", "tool": "tools", "skill": "skills"},
)
ALWAYS = {"Handoff": "every run ends with one", "Escalate": "every run may ask"}
"""Tools that the runtime gives every persona."""

_ALL = ("*", "all", "all tools")
_MODES = {"manual": "default", "auto": "acceptEdits"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SELECTED = re.compile(
    r"^[^\w\n]*when (?:selected|to use(?: this agent)?)[^\w\n:]*:[^\w\n]*(.+)$", re.IGNORECASE | re.MULTILINE
)


class Skills(Protocol):
    """Where a persona's skills are looked up."""

    def find(self, name: str) -> Path | None:
        """The SKILL.md of that name."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A persona as a run uses it.

    name: the slug it is found by; `title` is the name as written.
    tools: the tools it may use, our names, without those every run has. scoped: the ones it names with a scope.
    skills: those it wants loaded before the first turn, as far as they exist.
    when_selected: its own words on when to pick it.
    mcp, mcp_refused: MCP tools that it names and refuses, as it writes them; none named is all of them.
    servers: what it says under `mcpServers`.
    """

    name: str
    title: str
    description: str
    body: str
    tools: tuple[str, ...]
    scoped: tuple[ToolRef, ...]
    disallowed: tuple[ToolRef, ...]
    skills: tuple[str, ...]
    permission_mode: Mode | None
    model: str | None
    max_turns: int | None
    when_selected: str
    path: Path
    sha256: str
    mcp: tuple[str, ...] = ()
    mcp_refused: tuple[str, ...] = ()
    servers: object = None


@dataclass(frozen=True, kw_only=True)
class _Grant:
    """The tools a persona names, what they come to, and what is doubtful about them."""

    named: tuple[ToolRef, ...]
    disallowed: tuple[ToolRef, ...]
    tools: tuple[str, ...]
    added: dict[str, str]
    mcp: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]


def slug(name: str) -> str:
    """The name as people type it: `DevOps Automator` is devops-automator."""
    return re.sub(r"[^\w]+|_+", "-", name.lower()).strip("-")


def load_persona(path: Path, *, skills: Skills, servers: Collection[str] = ()) -> Loaded[Persona]:
    """The persona of a file, None where it cannot be used, and what became of everything in it. Never raises.

    servers: the MCP servers that are configured, whose tools it may name.
    """
    document = read_document(path, FIELDS.known)
    return build_persona(path, document, skills, servers)


def build_persona(path: Path, document: Document, skills: Skills, servers: Collection[str] = ()) -> Loaded[Persona]:
    """The persona that a document is."""
    if document.errors:
        return Loaded(None, _report(path, document, None, errors=tuple(document.errors)))
    fields = FIELDS.sort(document.fields)
    declared = fields.values.get("mcpServers")
    grant = _grant(fields, skills, {*servers, *declared_by(declared)[0]})
    title, warnings = _title(fields, path)
    wanted = [(name, skills.find(slug(name)) or skills.find(name)) for name in name_list(fields.values.get("skills"))]
    mode, mode_doubts = _mode(fields)
    model, model_doubts = _model(fields)
    turns, turn_doubts = _turns(fields)
    description, doubts = _description(fields)
    report = _report(
        path, document, title, fields=fields, grant=grant, wanted=wanted, errors=grant.errors,
        warnings=[*warnings, *doubts, *grant.warnings, *mode_doubts, *model_doubts, *turn_doubts, *_body_doubts(document)],
    )  # fmt: skip
    if grant.errors:
        return Loaded(None, report)
    persona = Persona(
        name=slug(title), title=title, description=description, body=document.body,
        tools=grant.tools, scoped=tuple(ref for ref in grant.named if ref.scope), disallowed=grant.disallowed,
        skills=tuple(found.parent.name for _, found in wanted if found), permission_mode=mode, model=model,
        max_turns=turns, when_selected=_when_selected(document.body), path=path, sha256=document.sha256,
        mcp=grant.mcp, mcp_refused=tuple(ref.bare for ref in grant.disallowed if ref.mcp), servers=declared,
    )  # fmt: skip
    return Loaded(persona, report)


def _when_selected(body: str) -> str:
    return " ".join(_SELECTED.findall(body)) if "when " in body.lower() else ""


def _report(
    path: Path,
    document: Document,
    name: str | None,
    *,
    fields: Sorted | None = None,
    grant: _Grant | None = None,
    wanted: Sequence[tuple[str, Path | None]] = (),
    warnings: Sequence[str] = (),
    errors: Sequence[str] = (),
) -> LoadReport:
    report = LoadReport(
        path=str(path), kind="persona", name=name, repaired=document.repaired, errors=errors,
        skills=[(each, str(found) if found else None) for each, found in wanted],
        warnings=[
            *document.repaired, *document.warnings, *(fields.warnings if fields else ()), *warnings,
            *(f"skills: {each}: not found" for each, found in wanted if found is None),
        ],
        ignored=fields.ignored if fields else {},
        tokens=estimate(document.body),
    )  # fmt: skip
    if grant is None:
        return report
    return replace(report, tools=grant.named, added=grant.added, disallowed=resolved(grant.disallowed))


def _title(fields: Sorted, path: Path) -> tuple[str, list[str]]:
    given = text(fields.values.get("name"))
    if not slug(given):
        return path.stem, [f"name: missing; {slug(path.stem)}, after the file, is used"]
    if _NAME.fullmatch(given):
        return given, []
    return given, [f"name: {given!r} is found as {slug(given)}"]


def _description(fields: Sorted) -> tuple[str, list[str]]:
    given = text(fields.values.get("description"))
    return given, [] if given else ["description: missing; the persona cannot be picked by what it says of itself"]


def _body_doubts(document: Document) -> list[str]:
    return [] if document.body.strip() else ["the body is empty: the persona tells the model nothing"]


def _grant(fields: Sorted, skills: Skills, servers: Collection[str]) -> _Grant:
    given, refused = fields.values.get("tools"), name_list(fields.values.get("disallowedTools"))
    everything = (
        given is None or (isinstance(given, str) and given.strip().lower() in _ALL) or name_list(given) == ("*",)
    )
    named = tuple(resolve(name).among(servers) for name in (KNOWN if everything else name_list(given)))
    disallowed = tuple(resolve(name) for name in refused)
    banned = {ref.resolves_to for ref in disallowed if not ref.scope} if "*" not in refused else set(KNOWN)
    own = [ref for ref in named if not ref.mcp]
    tools = tuple(tool for tool in resolved(own) if tool not in banned and tool not in ALWAYS)
    added = {name: why for name, why in ALWAYS.items() if everything or name not in resolved(named)}
    if len(skills) and "Skill" not in tools and "Skill" not in banned:
        tools, added = (*tools, "Skill"), {"Skill": "there are skills to load", **added}
    return _Grant(
        named=named, disallowed=disallowed, tools=tools, added={} if everything else added,
        mcp=tuple(dict.fromkeys(ref.bare for ref in named if ref.mcp)),
        warnings=_tool_doubts(named, disallowed, given is not None), errors=_tool_faults(named),
    )  # fmt: skip


def _tool_doubts(named: Sequence[ToolRef], disallowed: Sequence[ToolRef], given: bool) -> tuple[str, ...]:
    doubts = [f"tools: {ref.name}: {ref.note}" for ref in named if ref.note]
    doubts += [
        f"disallowedTools: {ref.name}: {ref.note}" for ref in disallowed if ref.note and ref.name != "*" and not ref.mcp
    ]
    if given and not named:
        doubts.append(f"tools: empty, so there are only {' and '.join(ALWAYS)}; leave the field out for all tools")
    return tuple(doubts)


def _tool_faults(named: Sequence[ToolRef]) -> tuple[str, ...]:
    if named and not resolved(named):
        return (f"tools: none of {', '.join(ref.name for ref in named[:8])} is a tool here",)
    return ()


def _mode(fields: Sorted) -> tuple[Mode | None, list[str]]:
    given = text(fields.values.get("permissionMode"))
    if not given:
        return None, []
    proper = {mode.lower(): mode for mode in CHOICES["permission_mode"]}
    mode = _MODES.get(given, proper.get(given.replace("_", "").replace("-", "").lower()))
    if mode is None:
        return None, [f"permissionMode: {given!r} is unknown and not applied; there are {', '.join(proper.values())}"]
    return cast("Mode", mode), [] if given in (mode, "manual") else [f"permissionMode: {given} taken as {mode}"]


def _model(fields: Sorted) -> tuple[str | None, list[str]]:
    given = text(fields.values.get("model"))
    if not given or given == "inherit":
        return None, ["model: not a name, not applied"] if fields.values.get("model") and not given else []
    if re.search(r"\s", given):
        return None, [f"model: {given!r} is no model's id and not applied"]
    return given, []


def _turns(fields: Sorted) -> tuple[int | None, list[str]]:
    given = fields.values.get("maxTurns")
    turns = whole(given)
    doubtful = given not in (None, "") and turns is None
    return turns, [f"maxTurns: {given!r} is not a whole number above 0 and not applied"] if doubtful else []
