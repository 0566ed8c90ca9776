"""`.dockerignore`: which files of a build's context are not copied."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

NAME = ".dockerignore"
TOKENS = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[\^?[^\]]+\]|.", re.DOTALL)
SPECIAL = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def ignoring(context: Path, more: Sequence[str] = ()) -> Callable[[str], bool]:
    """Whether a path relative to the context is left out, by its `.dockerignore` and further patterns; the last one counts."""
    path = context / NAME
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    rules = [rule for line in (*lines, *more) if (rule := line.strip()) and not rule.startswith("#")]

    def ignored(name: str) -> bool:
        out = False
        for rule in rules:
            if _pattern(rule.removeprefix("!").strip()).fullmatch(name):
                out = not rule.startswith("!")
        return out

    return ignored


@cache
def _pattern(rule: str) -> "re.Pattern[str]":
    """A rule as an expression: it stands for the path and all that is below."""
    tokens = TOKENS.findall(rule.removeprefix("./").strip("/"))
    return re.compile("".join(_part(token) for token in tokens) + "(?:/.*)?", re.DOTALL)


def _part(token: str) -> str:
    return SPECIAL.get(token) or (token if token.startswith("[") and len(token) > 2 else re.escape(token))
