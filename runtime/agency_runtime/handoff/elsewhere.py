"""Judging a handoff that was written elsewhere, without evidence: by its form, by git, and by what it merely asserts."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agency_runtime.changes import FilesChanged, changes, snapshot
from agency_runtime.handoff.check import Check, in_short
from agency_runtime.handoff.lists import lists_if_any, lists_in
from agency_runtime.handoff.prose import asserted, sentences
from agency_runtime.handoff.residue import residue
from agency_runtime.handoff.summary import SECTIONS
from agency_runtime.repository import Repository

KINDS = ("created", "modified", "deleted")
EVIDENCE, RESOURCES, COSTS, CRITERIA = SECTIONS[4], SECTIONS[6], SECTIONS[7], SECTIONS[3]
ALL_CLAIMS = (EVIDENCE, RESOURCES, COSTS)
"""Sections in which every line claims something, unless it says that nothing is there."""

UNCLAIMED = re.compile(r"^(?:not verified|not run|defined, not provisioned|completion checklist)", re.IGNORECASE)
"""Parts of these sections that claim nothing."""

NOTHING = re.compile(r"^\W*(?:none|nothing|no\b|n/a|not\s(?:run|verified|applicable|measured))", re.IGNORECASE)
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?P<text>.+)$|^\s*\|(?P<row>.+)\|\s*$")
TICKED = re.compile(r"\u2705|\u2714|\[[xX]\]")
PATH = re.compile(r"^\W*`(?P<path>[\w.@-]+(?:/[\w.@-]+)*/?)`")
COUNT = re.compile(r"\b(?P<kind>created|modified|deleted)\b\W*(?P<number>\d+)\s+files?", re.IGNORECASE)
UNBACKED = "not verified: no call is cited that shows it"


def checks_elsewhere(repository: Repository, folder: Path) -> Iterator[Check]:
    """Its sections, its list of files, and each line that claims what nothing backs."""
    text = _text(folder / "summary.md")
    if text is None:
        yield Check(name="summary.md is there", faults=("it is gone",))
        return
    parts = _sections(text)
    yield Check(name="summary.md has its nine sections in order", faults=tuple(_form([name for name, _ in parts])))
    listed, faults = _listed(folder)
    differs = _against_git(repository, folder, listed) if listed is not None else ()
    yield Check(name="files-changed.json is what git shows", faults=(*faults, *differs))
    yield Check(name="summary.md speaks of files that are there", faults=tuple(_files(repository, parts, listed or {})))
    yield from _claims(parts)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """Each `##` heading with its lines."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("## "):
            found.append((line[3:].strip(), []))
        elif found:
            found[-1][1].append(line)
    return found


def _form(names: Sequence[str]) -> Iterator[str]:
    yield from (f"`## {name}` is missing" for name in SECTIONS if name not in names)
    yield from (f"`## {name}` is none of them" for name in names if name not in SECTIONS)
    known = [name for name in names if name in SECTIONS]
    if known != sorted(known, key=SECTIONS.index):
        yield "they stand in another order"


def _listed(folder: Path) -> tuple[Mapping[str, list[str]] | None, tuple[str, ...]]:
    """The three lists; or why there are none."""
    try:
        return lists_in(folder).model_dump(), ()
    except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors
        return None, (f"it cannot be read: {in_short(error)}",)


def _against_git(repository: Repository, folder: Path, listed: Mapping[str, list[str]]) -> tuple[str, ...]:
    commit, settled = _base(repository, folder / "summary.md")
    found = changes(_tree(repository, commit), {path: digest for path, digest in snapshot(repository).items() if not digest.startswith("160000")})  # fmt: skip
    false = [
        f"{path} is claimed as {kind}, git does not show it so"
        for kind in KINDS
        for path in listed[kind]
        if path.rstrip("/") not in getattr(found, kind)
    ]
    return (*false, *(() if settled else _left_out(found, folder, listed)))


def _base(repository: Repository, summary: Path) -> tuple[str, bool]:
    """The commit that the handoff's work began on, and whether that work has been committed since."""
    name = str(summary.relative_to(repository.root))
    words = ("log", "--diff-filter=A", "--format=%H %P", "--", name)
    added = repository.git(*words, check=False).decode().split("\n")[0].split()
    if added:
        return (added[1] if len(added) > 1 else ""), True
    return ("" if repository.empty else "HEAD"), False


def _tree(repository: Repository, commit: str) -> dict[bytes, str]:
    """Each file of a commit as a snapshot writes it; nothing where there is no commit."""
    if not commit:
        return {}
    entries = [each.partition(b"\t") for each in repository.git("ls-tree", "-r", "-z", commit).split(b"\0") if each]
    found = {path: head.decode().split() for head, _, path in entries}
    return {
        path: f"{mode} {blob}"
        for path, (mode, _, blob) in found.items()
        if mode != "160000" and not path.startswith((b".agency/handoff/", b".agency/sessions/"))
    }


def _left_out(found: FilesChanged, folder: Path, listed: Mapping[str, list[str]]) -> Iterator[str]:
    """Changes that neither this handoff nor another of the feature lists."""
    others = [lists_if_any(path.parent) for path in folder.parent.glob("*/files-changed.json")]
    theirs = {path for lists in others for path in (*lists.created, *lists.modified, *lists.deleted)}
    for kind in KINDS:
        for path in getattr(found, kind):
            if path not in listed[kind] and path not in theirs:
                yield f"git shows {os.fsencode(path).decode(errors='replace')} as {kind}, it leaves it out"


def _files(
    repository: Repository, parts: Sequence[tuple[str, list[str]]], listed: Mapping[str, list[str]]
) -> Iterator[str]:
    lines = dict(parts)
    for text in _items(lines.get(SECTIONS[0], [])):
        named = PATH.match(text)
        if named and not (repository.root / named["path"]).exists() and named["path"] not in listed.get("deleted", ()):
            yield f"{named['path']} is not there"
    for line in lines.get(SECTIONS[5], []):
        for found in COUNT.finditer(line.replace("*", "")):
            kind = found["kind"].lower()
            if listed and len(listed[kind]) != int(found["number"]):
                yield f"it counts {found['number']} files {kind}, files-changed.json lists {len(listed[kind])}"


def _claims(parts: Sequence[tuple[str, list[str]]]) -> Iterator[Check]:
    """A check for each line that claims something: none of them is backed."""
    for section, lines in parts:
        silent = False
        for line in lines:
            if line.startswith("###"):
                silent = UNCLAIMED.match(line.lstrip("# ")) is not None
            elif not silent and (fault := _claim(section, line)):
                yield Check(name=f"{section}: {_bare(line)}", faults=(fault,))


def _claim(section: str, line: str) -> str:
    """Why a line does not stand; empty where it claims nothing."""
    text = _bare(line)
    if not text or NOTHING.match(text):
        return ""
    if copied := residue(text):
        return f"{copied!r} is a sample value of a template, not a result"
    listed = ITEM.match(line) is not None and not re.fullmatch(r"[\s|:-]+", line)
    if (section in ALL_CLAIMS and listed) or (section == CRITERIA and TICKED.search(line)):
        return UNBACKED
    reason = next((why for sentence in sentences(text) if (why := asserted(sentence))), "")
    return f"{reason}; {UNBACKED}" if reason and section != CRITERIA else ""


def _items(lines: Sequence[str]) -> Iterator[str]:
    return (found["text"] for line in lines if (found := ITEM.match(line)) and found["text"])


def _bare(line: str) -> str:
    found = ITEM.match(line)
    return " ".join((found["text"] or found["row"] if found else line).split())
