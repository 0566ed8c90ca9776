"""Front matter: the YAML head of a persona or skill, split off and, where it can be, repaired.

Three passes: YAML as it stands; each top-level `key: value` line that does not parse alone, quoted; and, last, a line
that begins with a known key starts a field while every other line continues the one before. Each repair is said.
Scalars stay the strings that were written (`yes`, `2.0` and dates are no booleans, numbers or dates here).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LARGEST = 512_000  # bytes
FENCE = re.compile(r"---[ \t]*")
END = re.compile(r"(---|\.\.\.)[ \t]*")
FIELD = re.compile(r"(?P<key>[A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(?P<value>.*))?$")
DEEPEST_ALIASES = 100


@dataclass(frozen=True, kw_only=True)
class Document:
    """A Markdown file, taken apart. `fields` is empty where there is no usable head."""

    fields: Mapping[str, Any]
    body: str
    repaired: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def parse(content: bytes, known: Iterable[str]) -> Document:
    """Take a file apart; never raises for what is in it."""
    if len(content) > LARGEST:
        return Document(fields={}, body="", errors=(f"larger than {LARGEST // 1000} kB",))
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Document(fields={}, body="", errors=("UTF-16; save it as UTF-8",))
    text, repaired = _decode(content)
    lines = text.split("\n")
    start, warnings = _opening(lines)
    if start is None:
        return Document(
            fields={},
            body=text,
            repaired=tuple(repaired),
            errors=("no front matter: the file must begin with a line ---",),
        )
    end = next((index for index in range(start + 1, len(lines)) if END.fullmatch(lines[index])), None)
    if end is None:
        return Document(
            fields={}, body=text, repaired=tuple(repaired), errors=("the front matter is never closed by a line ---",)
        )
    head = lines[start + 1 : end]
    fields, more, fault = _fields(head, frozenset(known))
    body = "\n".join(lines[end + 1 :])
    return Document(
        fields=fields or {},
        body=body,
        repaired=(*repaired, *more),
        warnings=tuple(warnings),
        errors=(fault,) if fault else (),
    )


def _decode(content: bytes) -> tuple[str, list[str]]:
    repaired: list[str] = []
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
        repaired.append("byte order mark removed")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        repaired.append("not UTF-8; read as Windows-1252")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        repaired.append("line ends made LF")
    if "\0" in text:
        text = text.replace("\0", "")
        repaired.append("NUL characters removed")
    return text, repaired


def _opening(lines: list[str]) -> tuple[int | None, list[str]]:
    """The line that opens the head; blank lines, a comment or a code fence before it are stepped over."""
    for index, line in enumerate(lines[:20]):
        if FENCE.fullmatch(line):
            return index, [f"{index} lines before the front matter are left out"] if index else []
        if FENCE.fullmatch(line.strip()) and line != line.strip():
            return index, ["the front matter's first line is indented"]
        if line.strip() and not re.match(r"\s*(<!--.*-->|```\w*|~~~\w*)\s*$", line):
            return None, []
    return None, []


def _fields(head: list[str], known: frozenset[str]) -> tuple[Mapping[str, Any] | None, list[str], str | None]:
    """The fields, what was repaired, and what is wrong beyond repair."""
    plain = [line.expandtabs(2) for line in head]
    tabs = ["tabs made blanks"] if plain != head else []
    value, first = _load("\n".join(plain))
    if value is not None:
        return value, tabs, None
    quoted, changed = _quoted(plain)
    value, _ = _load("\n".join(quoted))
    if value is not None and changed:
        return value, [*tabs, *(f"{key}: value quoted" for key in changed)], None
    value, _ = _load("\n".join(_joined(plain, known)))
    if value is not None:
        return value, [*tabs, "fields told apart by their known names"], None
    return None, tabs, f"front matter is not YAML: {first}"


def _load(text: str) -> tuple[Mapping[str, Any] | None, str]:
    """The mapping that the text is, or why it is none."""
    import yaml

    try:
        if text.count("*") > DEEPEST_ALIASES and re.search(r"&\w", text):
            return None, "too many aliases"
        value = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 2}: " if mark else ""
        return None, f"{where}{getattr(error, 'problem', None) or ' '.join(str(error).split())[:120]}"
    if value in (None, ""):
        return {}, ""
    return (value, "") if isinstance(value, dict) else (None, "not `name: value` lines")


def _quoted(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines, each top-level one that does not parse alone with its value in quotes."""
    result, changed = list(lines), []
    for index, line in enumerate(lines):
        found = FIELD.fullmatch(line.strip() if index == 0 else line)
        if found and found["value"] and _load(line)[0] is None:
            result[index] = _quote(found["key"], found["value"])
            changed.append(found["key"])
    return result, changed


def _quote(key: str, value: str) -> str:
    return f"{key}: '{value.strip().replace(chr(39), chr(39) * 2)}'"


def _joined(lines: list[str], known: frozenset[str]) -> list[str]:
    """One quoted line a field: a known name at the left edge begins one, everything else goes on with it."""
    fields: list[tuple[str, list[str]]] = []
    for line in lines:
        found = FIELD.fullmatch(line.strip())
        if found and found["key"] in known:
            fields.append((found["key"], [found["value"] or ""]))
        elif fields:
            fields[-1][1].append(line.strip())
    return [_quote(key, "\n".join(words).strip().replace("\n", " ")) for key, words in fields]
