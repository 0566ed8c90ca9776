"""Which files of a folder are personas or skills; every file that is passed over is named, with the reason."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_runtime.frontmatter import UNCLOSED, Document
from agency_runtime.prose import prose
from agency_runtime.skill_files import ENTRY
from agency_tools.errors import UsageError

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"})
PAPERS = frozenset(
    {
        "agents", "authors", "catalog", "changelog", "claude", "code_of_conduct", "contributing", "copilot-instructions", "gemini",
        "history", "index", "install", "installation", "license", "notice", "readme", "security", "summary", "support", "todo",
    }
)  # fmt: skip
"""Names of the Markdown files that repositories keep about themselves."""

_ADDRESSED = re.compile(r"\b(?:you are|act as|this agent|this persona)\b", re.IGNORECASE)
_OPENING = 600
_NAMES = re.compile(r"^name[ \t]*:", re.MULTILINE)
_PERSONA_FIELDS = frozenset({"name", "description", "tools", "model", "permissionMode"})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file that may be one of a kind.

    top: the folder it was found in or below; None where a person named the file itself. skipped: why it is plainly none.
    """

    path: Path
    top: Path | None = None
    skipped: str | None = None


def persona_candidates(given: Path) -> Iterator[Candidate]:
    """The Markdown files of a folder, skills left whole; a file that was named is one whatever it looks like."""
    if not given.is_dir():
        yield Candidate(path=given)
        return
    for folder, folders, names in _folders(given):
        yield from _linked(folder, folders)
        if ENTRY in names and folder != given:
            folders.clear()
            yield Candidate(path=folder / ENTRY, skipped="a skill; `agency skill check` reads it")
            continue
        for name in names:
            if name.lower().endswith(".md"):
                yield _within(folder / name, given)


def skill_candidates(given: Path) -> Iterator[Candidate]:
    """The SKILL.md files of a folder, at any depth, or the file that was named."""
    if not given.is_dir():
        yield Candidate(path=given)
        return
    for folder, folders, names in _folders(given):
        yield from _linked(folder, folders)
        for name in names:
            if name == ENTRY:
                yield _within(folder / name, given)
            elif name.lower() == "skill.md":
                yield Candidate(path=folder / name, skipped=f"must be called {ENTRY} to be found")


def _folders(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder below, its folders and its files, in order; linked folders are not entered.

    Raises UsageError at one that may not be read: a check that saw half of a folder must not pass.
    """
    for here, folders, names in os.walk(top, onerror=_refuse):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        yield Path(here), folders, sorted(names)


def _refuse(error: OSError) -> None:
    raise UsageError(
        f"{error.filename}: cannot be read ({error.strerror}); leave it out or make it readable"
    ) from error


def _linked(folder: Path, folders: Sequence[str]) -> Iterator[Candidate]:
    for name in folders:
        if (folder / name).is_symlink():
            yield Candidate(path=folder / name, skipped="a link to a folder, not entered")


def _within(path: Path, top: Path) -> Candidate:
    outside = path.is_symlink() and not _inside(path, top)
    return Candidate(path=path, top=top, skipped="a link out of the folder" if outside else None)


def _inside(path: Path, top: Path) -> bool:
    return path.resolve().is_relative_to(top.resolve())


def no_persona(path: Path, top: Path, document: Document) -> str | None:
    """Why a file found below `top` is no persona at all, None where it is one, be it a broken one."""
    folders = path.relative_to(top.parent).parts[-4:-1]
    if path.name.lower().endswith((".prompt.md", ".instructions.md")):
        return "instructions or a prompt of another tool"
    if "name" in document.fields:
        return None
    if "argument-hint" in document.fields or "commands" in folders:
        return "a command, without a name"
    if not document.fields:
        return _no_head(path, folders, document)
    return None if _PERSONA_FIELDS.intersection(document.fields) else "front matter without name or description"


def _no_head(path: Path, folders: Sequence[str], document: Document) -> str | None:
    if path.stem.lower() in PAPERS:
        return "about the repository"
    if not document.sha256:
        return None
    if not document.headed:
        meant = {"agents", "personas"}.intersection(folders) or _ADDRESSED.search(prose(document.body)[:_OPENING])
        return None if meant else "no front matter"
    if not document.errors:
        return "front matter without name or description"
    unclosed_rule = UNCLOSED in document.errors[0] and not _NAMES.search(document.body)
    return "a rule at its top, no front matter" if unclosed_rule else None
