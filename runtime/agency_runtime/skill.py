"""Skills: a folder with a SKILL.md, whose name is the folder's."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_runtime.frontmatter import parse
from agency_runtime.load_report import LoadReport, tokens
from agency_runtime.mojibake import mend
from agency_runtime.tool_names import ToolRef, names, resolve

SPEC = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
CLAUDE_CODE = (
    "when_to_use", "argument-hint", "arguments", "disable-model-invocation", "user-invocable", "disallowed-tools", "model",
    "effort", "context", "agent", "background", "hooks", "paths", "shell",
)  # fmt: skip
KNOWN = (*SPEC, *CLAUDE_CODE)
APPLIED = {"name", "description", "when_to_use", "disable-model-invocation", "allowed-tools"}
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_COMPATIBILITY = 64, 1024, 500
MOST_LINES, MOST_TOKENS = 500, 5000
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")
RESOURCES = 200


@dataclass(frozen=True, kw_only=True)
class Skill:
    """One skill. `resources` are its other files, relative to `folder`."""

    name: str
    description: str
    body: str
    folder: Path
    resources: tuple[str, ...]
    sha256: str
    offered: bool


def load_skill(path: Path) -> tuple[Skill | None, LoadReport]:
    """The skill of a SKILL.md and what became of everything in it; None where it cannot be used."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, LoadReport(path=str(path), kind="skill", name=None, errors=(f"cannot be read: {error.strerror}",))
    document = parse(content, KNOWN)
    fields: Mapping[str, Any] = {
        str(key).replace("allowedTools", "allowed-tools"): value for key, value in document.fields.items()
    }
    mended = mend(document.body)
    body, garbled = mended.text, mended.count
    said = mend(text(fields.get("description")))
    description, more = said.text, said.count
    folder = path.parent
    resources = tuple(_resources(folder))
    allowed = [resolve(name) for name in names(fields.get("allowed-tools")) or []]
    warnings = [*document.warnings, *_doubts(fields, folder, body, description, resources), *_notes(allowed)]
    hidden = text(fields.get("disable-model-invocation")).lower() == "true"
    skill = Skill(
        name=folder.name, description=(description + " " + text(fields.get("when_to_use"))).strip(), body=body, folder=folder,
        resources=resources, sha256=folder_sha256(folder), offered=bool(description) and not hidden,
    )  # fmt: skip
    report = LoadReport(
        path=str(path), kind="skill", name=folder.name, tools=allowed,
        ignored=tuple(f"{key}: {'not used by this runtime' if key in KNOWN else 'not a known field'}" for key in fields if key not in APPLIED and key not in ("license", "compatibility", "metadata")),
        repaired=(*document.repaired, *([f"{garbled + more} garbled characters turned back"] if garbled + more else [])),
        warnings=tuple(warnings), errors=document.errors, tokens=tokens(body),
    )  # fmt: skip
    return (skill if report.ok else None), report


def text(value: Any) -> str:
    """A field as text; what is no text is none."""
    return value.strip() if isinstance(value, str) else ""


def _notes(refs: list[ToolRef]) -> Iterator[str]:
    return (f"allowed-tools: {ref.name}: {ref.note}" for ref in refs if ref.resolves_to is None)


def _doubts(
    fields: Mapping[str, Any], folder: Path, body: str, description: str, resources: tuple[str, ...]
) -> Iterator[str]:
    name = text(fields.get("name"))
    if not name:
        yield "name is missing; the folder's is used"
    elif name != folder.name:
        yield f"name {name!r} is not the folder's, {folder.name!r}, which is used"
    if name and (not NAME.fullmatch(name) or len(name) > LONGEST_NAME):
        yield f"name {name!r}: use lower-case letters, digits and single hyphens, at most {LONGEST_NAME}"
    if not description:
        yield "description is missing; the skill is not offered to the model"
    if len(description) > LONGEST_DESCRIPTION:
        yield f"description has {len(description)} characters, more than {LONGEST_DESCRIPTION}"
    if len(text(fields.get("compatibility"))) > LONGEST_COMPATIBILITY:
        yield f"compatibility has more than {LONGEST_COMPATIBILITY} characters"
    if "metadata" in fields and not isinstance(fields["metadata"], dict):
        yield "metadata is not a mapping"
    if (lines := body.count("\n")) > MOST_LINES:
        yield f"the body has {lines} lines; above {MOST_LINES}, move details into references"
    if (size := tokens(body)) > MOST_TOKENS:
        yield f"the body has about {size} tokens, more than {MOST_TOKENS}"
    for link in dict.fromkeys(LINK.findall(body)):
        target = link.split("#")[0]
        if target and not (folder / target).resolve().is_relative_to(folder.resolve()):
            yield f"link {link} leaves the skill's folder"
        elif target and not target.startswith("${") and not (folder / target).exists():
            yield f"link {link} leads nowhere"


def _resources(folder: Path) -> Iterator[str]:
    """The skill's other files; links that lead out of it are not among them."""
    count = 0
    for path in sorted(folder.rglob("*")):
        inside = path.resolve().is_relative_to(folder.resolve())
        if path.is_file() and inside and path.name != "SKILL.md" and "__pycache__" not in path.parts:
            count += 1
            if count > RESOURCES:
                return
            yield str(path.relative_to(folder))


def folder_sha256(folder: Path) -> str:
    """Digest of every file of a skill with its name, which is what a person trusts."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(
                str(path.relative_to(folder)).encode(errors="replace")
                + b"\0"
                + hashlib.sha256(path.read_bytes()).digest()
            )
    return digest.hexdigest()
