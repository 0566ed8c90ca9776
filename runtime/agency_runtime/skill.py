"""Skills: a folder with a SKILL.md, known by the folder's name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.fields import FieldTable, Sorted, flag, text
from agency_runtime.frontmatter import NO_FRONT_MATTER, Document, read_document
from agency_runtime.load_report import Loaded, LoadReport
from agency_runtime.name_list import name_list
from agency_runtime.plain_yaml import Value
from agency_runtime.skill_files import ENTRY, MOST_FILES, SkillFiles, link_doubts, skill_files
from agency_runtime.tokens import estimate
from agency_runtime.tool_names import ToolRef, resolve

FIELDS = FieldTable(
    applied=("name", "description", "when_to_use", "disable-model-invocation", "allowed-tools"),
    ignored={
        "license": "kept for its readers",
        "compatibility": "kept for its readers",
        "metadata": "kept for its readers",
        "argument-hint": "skills take no arguments here",
        "arguments": "skills take no arguments here",
        "user-invocable": "skills are no commands here",
        "disallowed-tools": "a skill does not change what may be used; write policy rules",
        "model": "a run has one model",
        "effort": "not sent to the model",
        "context": "a skill is read in the run's own context",
        "agent": "a skill is read in the run's own context",
        "background": "a run is in the foreground",
        "hooks": "this runtime runs no hooks; write policy rules",
        "paths": "every skill is offered by its description",
        "shell": "a skill runs no commands when it is read",
    },
    missed=frozenset({"disallowed-tools", "hooks", "context", "agent"}),
    unknown="not a field of skills; metadata is the place for it",
    aliases={"whentouse": "when_to_use", "tools": "allowed-tools"},
)
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_COMPATIBILITY = 64, 1024, 500
MOST_LINES, MOST_TOKENS = 500, 5000

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Skill:
    """One skill.

    name: the folder's. description: with the file's `when_to_use`, as the model is shown it.
    resources: its other files, relative to `folder`. allowed_tools: what it says it needs; it grants nothing.
    offered: the model may load it by itself. sha256: of SKILL.md alone; `folder_sha256` covers the rest.
    """

    name: str
    title: str
    description: str
    body: str
    folder: Path
    resources: tuple[str, ...]
    allowed_tools: tuple[ToolRef, ...]
    disable_model_invocation: bool
    sha256: str

    @property
    def path(self) -> Path:
        return self.folder / ENTRY

    @property
    def offered(self) -> bool:
        return bool(self.description) and not self.disable_model_invocation


def load_skill(path: Path) -> Loaded[Skill]:
    """The skill of a SKILL.md, None where it cannot be used, and what became of everything in it. Never raises.

    A head beyond repair costs the skill its description, hence its offer to the model, not its body.
    """
    document = read_document(path, FIELDS.known)
    folder = path.parent
    files = skill_files(folder) if document.sha256 else SkillFiles()
    fields = FIELDS.sort(document.fields)
    allowed = tuple(resolve(name) for name in name_list(fields.values.get("allowed-tools")))
    errors = _faults(document, files)
    name = path.resolve().parent.name if folder.name in ("", "..") else folder.name
    report = LoadReport(
        path=str(path), kind="skill", name=name, tools=allowed, ignored=fields.ignored, repaired=document.repaired,
        warnings=[
            *document.repaired, *document.warnings, *_head_doubts(document, errors), *fields.warnings,
            *_field_doubts(fields, name), *(f"allowed-tools: {ref.name}: {ref.note}" for ref in allowed if ref.note),
            *_size_doubts(document.body, files), *link_doubts(document.body, folder),
        ],
        errors=errors, tokens=estimate(document.body),
    )  # fmt: skip
    return Loaded(None if errors else _skill(name, document, fields.values, folder, files, allowed), report)


def _skill(
    name: str,
    document: Document,
    given: Mapping[str, Value],
    folder: Path,
    files: SkillFiles,
    allowed: tuple[ToolRef, ...],
) -> Skill:
    description = f"{text(given.get('description'))} {text(given.get('when_to_use'))}".strip()
    return Skill(
        name=name, title=text(given.get("name")) or name, description=description, body=document.body, folder=folder,
        resources=files.files, allowed_tools=allowed,
        disable_model_invocation=flag(given.get("disable-model-invocation")) is True, sha256=document.sha256,
    )  # fmt: skip


def _faults(document: Document, files: SkillFiles) -> tuple[str, ...]:
    """What makes a skill unusable: an unreadable or empty file, or a link that would let it reach beyond its folder."""
    if not document.sha256:
        return tuple(document.errors)
    faults = [f"{link} is a link that leads out of the skill's folder" for link in files.escaping]
    if not document.body.strip():
        faults.append("the body is empty: there is nothing to load")
    return tuple(faults)


def _head_doubts(document: Document, errors: Sequence[str]) -> Iterator[str]:
    for error in document.errors:
        if error not in errors:
            yield error if error == NO_FRONT_MATTER else f"{error}; only the body is kept"


def _field_doubts(fields: Sorted, folder: str) -> Iterator[str]:
    values = fields.values
    yield from _name_doubts(text(values.get("name")), folder)
    description = text(values.get("description"))
    if not description:
        yield "description: missing, so the skill is not offered to the model"
    if len(description) > LONGEST_DESCRIPTION:
        yield f"description: {len(description)} characters, more than {LONGEST_DESCRIPTION}"
    if len(text(values.get("compatibility"))) > LONGEST_COMPATIBILITY:
        yield f"compatibility: more than {LONGEST_COMPATIBILITY} characters"
    if not isinstance(values.get("metadata", {}), dict):
        yield "metadata: not a mapping"
    if flag(values.get("disable-model-invocation")) is None:
        yield "disable-model-invocation: neither true nor false; taken as false"


def _name_doubts(name: str, folder: str) -> Iterator[str]:
    if not name:
        yield f"name: missing; the folder's, {folder}, is used"
    elif name != folder:
        yield f"name: {name!r} is not the folder's, {folder!r}, which is used"
    if name and (not _NAME.fullmatch(name) or len(name) > LONGEST_NAME):
        yield f"name: {name!r} is not lower-case words with single hyphens, of at most {LONGEST_NAME} characters"


def _size_doubts(body: str, files: SkillFiles) -> Iterator[str]:
    lines, tokens = body.count("\n"), estimate(body)
    if lines > MOST_LINES:
        yield f"{lines} lines, more than {MOST_LINES}; move detail into files it refers to"
    if tokens > MOST_TOKENS:
        yield f"about {tokens} tokens, more than {MOST_TOKENS}; move detail into files it refers to"
    if files.more:
        yield f"{files.more} files beyond the first {MOST_FILES} are not listed"
