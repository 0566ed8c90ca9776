"""Personas: who the model is, what it may use and how it may act, from one Markdown file."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agency_runtime.frontmatter import parse
from agency_runtime.load_report import LoadReport, tokens
from agency_runtime.mojibake import mend
from agency_runtime.settings import CHOICES, Mode
from agency_runtime.skill import text
from agency_runtime.tool_names import KNOWN as TOOLS
from agency_runtime.tool_names import names, resolve, resolved

KNOWN = (
    "name", "description", "tools", "disallowedTools", "model", "permissionMode", "maxTurns", "skills", "mcpServers", "hooks",
    "memory", "background", "effort", "isolation", "color", "initialPrompt",
)  # fmt: skip
APPLIED = {"name", "description", "tools", "disallowedTools", "model", "permissionMode", "maxTurns", "skills"}
WHY_IGNORED = {
    "color": "this terminal does not color personas",
    "mcpServers": "MCP servers are not connected",
    "hooks": "hooks are not run; write policy rules",
    "memory": "a run keeps no memory but its session",
    "background": "a run is always in the foreground",
    "effort": "not sent to the model",
    "isolation": "use --worktree",
    "initialPrompt": "the issue is the first prompt",
}
SPELLINGS = {re.sub(r"[^a-z]", "", field.lower()): field for field in KNOWN} | {"allowedtools": "tools"}
BY_DEFAULT = tuple(tool for tool in TOOLS if tool not in ("Handoff", "Escalate"))
MODES = {"manual": "default", "auto": "acceptEdits"}
SELECTED = re.compile(r"\*\*When [Ss]elected\*\*:?\s*(.+)")


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A persona as a run uses it. `skills` are the names it wants loaded before the first turn."""

    name: str
    description: str
    body: str
    tools: tuple[str, ...]
    skills: tuple[str, ...]
    permission_mode: Mode | None
    model: str | None
    max_turns: int | None
    when_selected: str
    path: Path
    sha256: str


def slug(name: str) -> str:
    """The name as people type it: `DevOps Automator` is devops-automator."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def load_persona(path: Path, skills: Mapping[str, Path]) -> tuple[Persona | None, LoadReport]:
    """The persona of a file and what became of everything in it; None where it cannot be used.

    skills: every skill that can be found, by name, with its folder.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, LoadReport(
            path=str(path), kind="persona", name=None, errors=(f"cannot be read: {error.strerror}",)
        )
    document = parse(content, KNOWN)
    fields, spelled = _spelled(document.fields)
    mended = mend(document.body)
    body, garbled = mended.text, mended.count
    said = mend(text(fields.get("description")))
    description, more = said.text, said.count
    asked = names(fields.get("tools"))
    refs = [resolve(name) for name in asked or []]
    wanted = names(fields.get("skills")) or []
    mode, mode_doubt = _mode(fields.get("permissionMode"))
    turns, turns_doubt = _turns(fields.get("maxTurns"))
    tools = _tools(asked is None, resolved(refs), names(fields.get("disallowedTools")) or [])
    errors = [*document.errors, *_faults(document.errors, fields, description, asked, refs)]
    warnings = [
        *document.warnings, *spelled, *mode_doubt, *turns_doubt,
        *(f"tools: {ref.name}: {ref.note}" for ref in refs if ref.resolves_to is None or "scope" in ref.note),
        *(f"skills: {name}: not found" for name in wanted if name not in skills),
    ]  # fmt: skip
    if fields.get("tools") and "Skill" not in tools and (wanted or skills):
        tools = (*tools, "Skill")
    name = text(fields.get("name"))
    report = LoadReport(
        path=str(path), kind="persona", name=name or None, tools=refs,
        skills=[(each, str(skills[each]) if each in skills else None) for each in wanted],
        ignored=tuple(f"{key}: {WHY_IGNORED.get(key, 'not a known field')}" for key in fields if key not in APPLIED),
        repaired=(*document.repaired, *([f"{garbled + more} garbled characters turned back"] if garbled + more else [])),
        warnings=tuple(warnings), errors=tuple(errors), tokens=tokens(body),
    )  # fmt: skip
    if errors:
        return None, report
    selected = SELECTED.findall(body)
    return Persona(
        name=slug(name), description=description, body=body, tools=tools, skills=tuple(each for each in wanted if each in skills),
        permission_mode=mode, model=text(fields.get("model")) or None, max_turns=turns, when_selected=" ".join(selected),
        path=path, sha256=hashlib.sha256(content).hexdigest(),
    ), report  # fmt: skip


def _spelled(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields by their proper names; another spelling is taken with a note."""
    proper: dict[str, Any] = {}
    notes: list[str] = []
    for key, value in fields.items():
        field = SPELLINGS.get(re.sub(r"[^a-z]", "", str(key).lower()), str(key))
        if field != key:
            notes.append(f"{key}: taken as {field}")
        proper[field] = value
    return proper, notes


def _faults(
    before: tuple[str, ...], fields: Mapping[str, Any], description: str, asked: list[str] | None, refs: list[Any]
) -> list[str]:
    if before:
        return []
    faults = [
        f"{field} is missing"
        for field, value in (("name", text(fields.get("name"))), ("description", description))
        if not value
    ]
    if asked and not any(ref.resolves_to for ref in refs):
        faults.append(f"tools: none of {', '.join(asked[:5])} is a tool here")
    return faults


def _tools(everything: bool, named: tuple[str, ...], refused: list[str]) -> tuple[str, ...]:
    unwanted = {resolve(name).resolves_to for name in refused}
    return tuple(tool for tool in (BY_DEFAULT if everything else named) if tool not in unwanted)


def _mode(value: Any) -> tuple[Mode | None, list[str]]:
    given = text(value)
    mode = MODES.get(given, given)
    if not given:
        return None, []
    if mode in CHOICES["permission_mode"]:
        return cast("Mode", mode), [] if mode == given else [f"permissionMode {given}: taken as {mode}"]
    return None, [f"permissionMode {given!r}: unknown; there are {', '.join(CHOICES['permission_mode'])}"]


def _turns(value: Any) -> tuple[int | None, list[str]]:
    given = text(value)
    if given and given.isdigit() and int(given) > 0:
        return int(given), []
    return None, [f"maxTurns {given!r}: not a whole number above 0"] if given else []
