"""A head's text as fields, repaired where people's YAML slips: in three passes, each repair named.

1. YAML as it stands.
2. Every top-level `key: value` line that does not parse alone gets its value quoted: `description: a: b`, `*`, `[a] b`.
3. Every line that begins with a known key opens a field, every other line continues the one before: descriptions
   that run on at the left edge. This pass also has the last word where the others found fields such as `user` and
   `assistant`, which are lines of a description's example dialogue.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agency_runtime.plain_yaml import Parsed, PlainYamlError, Value, parse

MAX_CHARACTERS = 64 * 1024

_FIELD = re.compile(r"(?P<key>[A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(?P<value>.*\S))?[ \t]*")
_DIALOGUE = frozenset({"assistant", "context", "human", "user"})
_BLOCK_VALUES = re.compile(r"[|>][+-]?\d?[ \t]*(#.*)?")


@dataclass(frozen=True, kw_only=True)
class Head:
    """The fields, what was repaired to read them, and what is doubtful about them."""

    fields: Mapping[str, Value]
    repaired: Sequence[str] = ()
    warnings: Sequence[str] = ()


def read_head(text: str, known: Collection[str]) -> Head:
    """The fields of `text`. Raises PlainYamlError, with the first pass's reason, when no pass can read it."""
    if len(text) > MAX_CHARACTERS:
        raise PlainYamlError(f"longer than {MAX_CHARACTERS // 1024} kB")
    first = None
    try:
        parsed = parse(text)
        if not _holds_dialogue(parsed):
            return _head(parsed, ())
    except PlainYamlError as error:
        first = error
    lines = _untabbed(text.split("\n"))
    repaired = _requoted(text, lines) if first else None
    if repaired is not None:
        return repaired
    fields, repairs = _by_known_keys(lines, known)
    if not fields:
        raise first or PlainYamlError("no known field")
    return Head(fields=fields, repaired=repairs)


def _requoted(text: str, lines: Sequence[str]) -> Head | None:
    """The second pass, after a look at whether the indent's tabs were all that was wrong."""
    quoted, keys = _quoted(lines)
    for attempt, repairs in (
        ("\n".join(lines), ["tabs in the indent read as blanks"]),
        ("\n".join(quoted), [f"{key}: value quoted" for key in keys]),
    ):
        parsed = _tried(attempt) if attempt != text else None
        if parsed is not None and not _holds_dialogue(parsed):
            return _head(parsed, repairs)
    return None


def _holds_dialogue(parsed: Parsed) -> bool:
    return any(key.lower() in _DIALOGUE for key in parsed.fields)


def _head(parsed: Parsed, repaired: Sequence[str]) -> Head:
    return Head(
        fields=parsed.fields,
        repaired=repaired,
        warnings=[f"{key}: given more than once; the last one counts" for key in dict.fromkeys(parsed.duplicates)],
    )


def _tried(text: str) -> Parsed | None:
    try:
        return parse(text)
    except PlainYamlError:
        return None


def _untabbed(lines: Iterable[str]) -> list[str]:
    """The lines with the tabs of their indent as blanks; YAML allows none there."""
    return [_untab(line) if "\t" in line else line for line in lines]


def _untab(line: str) -> str:
    text = line.lstrip()
    return line[: len(line) - len(text)].expandtabs(2) + text


def _quoted(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines, with the value quoted in each top-level one that does not parse alone; and the keys of those."""
    result, keys = list(lines), list[str]()
    for index, line in enumerate(lines):
        field = _FIELD.fullmatch(line)
        if field and field["value"] and _tried(line) is None:
            result[index] = f"{field['key']}: {_quote(field['value'])}"
            keys.append(field["key"])
    return result, keys


def _quote(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _by_known_keys(lines: Sequence[str], known: Collection[str]) -> tuple[dict[str, Value], list[str]]:
    """The fields told apart by known keys at the left edge; lines before the first of them belong to none."""
    chunks: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field and (field["key"] in known or _opens_unknown(field["key"], current)):
            current = field["key"]
            chunks[current] = [line]
        elif current:
            chunks[current].append(line)
    values = {key: _chunk(key, chunk) for key, chunk in chunks.items()}
    return {key: value for key, (value, _) in values.items()}, [text for _, texts in values.values() for text in texts]


def _opens_unknown(key: str, current: str) -> bool:
    """Whether an unknown key is a field of its own: not inside a description, where it is prose with a colon."""
    return current not in ("", "description") and key.lower() not in _DIALOGUE


def _chunk(key: str, lines: Sequence[str]) -> tuple[Value, list[str]]:
    """One field's value: as YAML where that works, else its text as written."""
    parsed = _tried("\n".join(lines))
    if parsed is not None and list(parsed.fields) == [key]:
        return parsed.fields[key], []
    first = lines[0].partition(":")[2].strip()
    kept = [] if _BLOCK_VALUES.fullmatch(first) else [first]
    text = "\n".join([*kept, *lines[1:]]).strip()
    repair = "value quoted" if len(lines) == 1 else f"{len(lines)} lines read as one text"
    return text, [f"{key}: {repair}"]
