"""Front matter: the YAML head of a Markdown file, split off by lines and never by looking for `---` inside them.

The head opens with a line `---` and closes at the first line that is exactly `---` or `...`, trailing blanks aside;
dashes inside values, block texts and the body mean nothing. What people put before the head by accident (blank
lines, an HTML comment, a code fence, an indent) is stepped over and said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agency_runtime.head import read_head
from agency_runtime.plain_yaml import PlainYamlError, Value
from agency_runtime.source_text import SourceText, UnreadableText, decode, read

NO_FRONT_MATTER = "no front matter: the file must begin with a line ---"
UNCLOSED = "is never closed by a line ---"

_CLOSERS = ("---", "...")
_FENCE = re.compile(r"(```+|~~~+)[ \t]*(\w*)[ \t]*")
_YAML_FENCES = ("yaml", "yml")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A Markdown file taken apart.

    fields: the head's, empty where there is no usable one; `headed` says whether one was there at all.
    errors: why the head (or the whole file) could not be read. The body is kept whatever happens to the head.
    """

    fields: Mapping[str, Value]
    body: str
    sha256: str
    headed: bool = False
    repaired: Sequence[str] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Split:
    """A text's head and body. `head` is None where there is none; `line` is the line the head's text begins on."""

    head: str | None
    body: str
    line: int = 1
    repaired: Sequence[str] = ()
    error: str | None = None


def read_document(path: Path, known: frozenset[str]) -> Document:
    """The file taken apart; `known` are the field names that the last repair goes by. Never raises for its content."""
    try:
        source = read(path)
    except OSError as error:
        return _unreadable(f"cannot be read: {error.strerror or error}")
    except UnreadableText as error:
        return _unreadable(str(error))
    return _take_apart(source, known)


def parse_document(content: bytes, known: frozenset[str]) -> Document:
    """`read_document` for bytes at hand."""
    try:
        return _take_apart(decode(content), known)
    except UnreadableText as error:
        return _unreadable(str(error))


def _unreadable(why: str) -> Document:
    return Document(fields={}, body="", sha256="", errors=(why,))


@lru_cache(maxsize=64)  # personas and skills are read again for every run of a process, and seldom differ
def _take_apart(source: SourceText, known: frozenset[str]) -> Document:
    parts = split(source.text)
    repaired, warnings = [*source.repaired, *parts.repaired], source.warnings
    if parts.head is None:
        return Document(
            fields={}, body=parts.body, sha256=source.sha256, headed=parts.error != NO_FRONT_MATTER,
            repaired=repaired, warnings=warnings, errors=(parts.error or NO_FRONT_MATTER,),
        )  # fmt: skip
    try:
        head = read_head(parts.head, known)
    except PlainYamlError as error:
        where = f"line {error.line + parts.line - 1}: " if error.line else ""
        return Document(
            fields={}, body=parts.body, sha256=source.sha256, headed=True, repaired=repaired, warnings=warnings,
            errors=(f"front matter is not YAML: {where}{error.reason}",),
        )  # fmt: skip
    return Document(
        fields=head.fields, body=parts.body, sha256=source.sha256, headed=True,
        repaired=[*repaired, *head.repaired], warnings=[*warnings, *head.warnings],
    )  # fmt: skip


def split(text: str) -> Split:
    """Head and body of `text`, whose lines end in LF."""
    lines = text.split("\n")
    start, before = _opening(lines)
    if start == len(lines):
        return Split(head=None, body=text, error=NO_FRONT_MATTER)
    if lines[start].strip() == "---":
        return _headed(lines, start, before)
    fence = _FENCE.fullmatch(lines[start - 1]) if start else None
    if fence and fence[2] in _YAML_FENCES:
        return _fenced(lines, start, fence[1])
    return Split(head=None, body=text, error=NO_FRONT_MATTER)


def _opening(lines: Sequence[str]) -> tuple[int, list[str]]:
    """The first line that is neither blank nor comment nor a code fence, and what was stepped over."""
    index, over = 0, list[str]()
    while index < len(lines):
        line = lines[index].strip()
        if line.startswith("<!--"):
            index = _after_comment(lines, index)
            over.append("a comment")
        elif not line or _FENCE.fullmatch(line):
            over.append("a code fence" if line else "blank lines")
            index += 1
        else:
            break
    return index, list(dict.fromkeys(over))


def _after_comment(lines: Sequence[str], start: int) -> int:
    for index in range(start, len(lines)):
        if lines[index].rstrip().endswith("-->"):
            return index + 1
    return len(lines)


def _headed(lines: Sequence[str], start: int, before: Sequence[str]) -> Split:
    """A head that opens with `---`, indented or not; it closes at the same indent, or none."""
    indent = len(lines[start]) - len(lines[start].lstrip())
    repaired = [f"{' and '.join(before)} before the front matter left out"] if before else []
    if indent:
        repaired.append("indented front matter moved to the left edge")
    end = _closing(lines, start + 1, indent)
    if end is None:
        error = f"the front matter opened on line {start + 1} {UNCLOSED}"
        return Split(head=None, body="\n".join(lines[start + 1 :]), repaired=repaired, error=error)
    head = [_outdented(line, indent) for line in lines[start + 1 : end]]
    body = list(lines[end + 1 :])
    if "a code fence" in before:
        body = _without_fence(body)
    return Split(head="\n".join(head), body="\n".join(body), line=start + 2, repaired=repaired)


def _closing(lines: Sequence[str], start: int, indent: int) -> int | None:
    for index in range(start, len(lines)):
        line = lines[index]
        if line[:3] in _CLOSERS and line.rstrip() in _CLOSERS:
            return index
        if indent and line.strip() == "---" and len(line) - len(line.lstrip()) <= indent:
            return index
    return None


def _outdented(line: str, indent: int) -> str:
    blanks = len(line) - len(line.lstrip())
    return line[min(indent, blanks) :]


def _without_fence(body: list[str]) -> list[str]:
    """The body without the other half of the fence: right below the head, or at the very end."""
    places = [next((i for i, line in enumerate(body) if line.strip()), None)]
    places.append(next((i for i in range(len(body) - 1, -1, -1) if body[i].strip()), None))
    for place in places:
        if place is not None and body[place].strip().strip("`~") == "":
            return body[:place] + body[place + 1 :]
    return body


def _fenced(lines: Sequence[str], start: int, fence: str) -> Split:
    """A head written as a YAML code block, without `---`."""
    end = next((i for i in range(start, len(lines)) if lines[i].rstrip() == fence), None)
    if end is None:
        return Split(head=None, body="\n".join(lines), error=NO_FRONT_MATTER)
    return Split(
        head="\n".join(lines[start:end]),
        body="\n".join(lines[end + 1 :]),
        line=start + 1,
        repaired=("front matter written as a code block taken as it is meant",),
    )
