"""Lists of names as people write them: comma or blank separated, a YAML list, a JSON list, each name with a scope or not.

Parentheses hold together: `Agent(a, b), Bash(git diff:*)` is two names.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from agency_runtime.plain_yaml import Value

_COMMAS = re.compile(r"[,;\n]")
_BLANKS = re.compile(r"\s")


def name_list(value: Value | None) -> tuple[str, ...]:
    """The names in `value`, each once, in order; a mapping's are the keys that are not switched off."""
    match value:
        case None:
            parts: Sequence[str] = ()
        case str():
            parts = _from_text(value)
        case Mapping():
            parts = [key for key, on in value.items() if on != "false"]
        case _:
            parts = [part for item in value if isinstance(item, str) for part in pieces(item, _COMMAS)]
    names = (part.strip().strip("\"'`").strip() for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def _from_text(text: str) -> Sequence[str]:
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        return _from_json(bare)
    parts = list(pieces(bare, _COMMAS))
    return parts if len(parts) > 1 else list(pieces(bare, _BLANKS))


def _from_json(text: str) -> Sequence[str]:
    try:
        value = cast("object", json.loads(text))
    except (ValueError, RecursionError):
        return list(pieces(text[1:-1], _COMMAS))
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else ()


def pieces(text: str, separators: re.Pattern[str]) -> Iterator[str]:
    """`text` cut at the separators that stand outside parentheses; an unclosed one reaches to the end."""
    depth, start = 0, 0
    for index, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and separators.match(char):
            yield text[start:index]
            start = index + 1
    yield text[start:]
