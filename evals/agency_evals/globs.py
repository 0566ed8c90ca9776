"""Globs over relative paths: `*` and `?` within one part, `**` across parts, `**/` also where there is no part."""

import re
from collections.abc import Iterable, Sequence
from functools import cache

TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
SPECIAL = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matching(paths: Iterable[str], globs: Sequence[str]) -> list[str]:
    """The paths that any of the globs matches, in their order."""
    return [path for path in paths if any(pattern(glob).fullmatch(path) for glob in globs)]


@cache
def pattern(glob: str) -> "re.Pattern[str]":
    """The glob as a regular expression."""
    return re.compile("".join(_part(token) for token in TOKENS.findall(glob)), re.DOTALL)


def _part(token: str) -> str:
    if token in SPECIAL:
        return SPECIAL[token]
    if token.startswith("[") and len(token) > 2:
        return "[" + token[1:-1].replace("\\", "\\\\").replace("!", "^", token[1] == "!") + "]"
    return re.escape(token)
