"""The expression language of GitHub Actions: whether an expression can be read, and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|(?P<sign>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*]))"
)
CONTEXTS = frozenset({"github", "env", "vars", "job", "jobs", "steps", "runner", "secrets", "strategy", "matrix", "needs", "inputs"})  # fmt: skip
FUNCTIONS = {
    "contains": (2, 2),
    "startswith": (2, 2),
    "endswith": (2, 2),
    "format": (1, 99),
    "join": (1, 2),
    "tojson": (1, 1),
    "fromjson": (1, 1),
    "hashfiles": (1, 99),
    "success": (0, 99),
    "always": (0, 0),
    "cancelled": (0, 0),
    "failure": (0, 99),
    "case": (3, 99),
}
"""Each function with how many arguments it takes at least and at most."""

LITERALS = frozenset({"true", "false", "null", "nan", "infinity"})


class Unreadable(Exception):
    """The expression has no meaning; the text says why."""


class Reference(NamedTuple):
    """A context's name and the properties that follow it; `*` stands for what only the run knows."""

    parts: tuple[str, ...]


def embedded(text: str) -> Iterator[tuple[str, int]]:
    """Each expression in a text, with where it begins. Raises Unreadable where one is not closed."""
    at = 0
    while (start := text.find("${{", at)) >= 0:
        end = _end(text, start + 3)
        if end < 0:
            raise Unreadable("'${{' is not closed by '}}'")
        yield text[start + 3 : end], start
        at = end + 2


def _end(text: str, at: int) -> int:
    """Where the expression ends: at the first `}}` outside of a string."""
    quoted = False
    while at < len(text):
        if text[at] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", at):
            return at
        at += 1
    return -1


def references(expression: str) -> list[Reference]:
    """What the expression refers to. Raises Unreadable where it cannot be read."""
    return _Parser(_tokens(expression)).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            rest = text[at:].lstrip()
            hint = "; strings take single quotes" if rest[:1] == '"' else ""
            raise Unreadable(f"unexpected {rest[:1]!r} in an expression{hint}")
        kind = token.lastgroup or ""
        found.append((kind, token[kind]))
        at = token.end()
    return found


class _Parser:
    """Reads tokens by descent; collects references as it goes."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._found: list[Reference] = []

    def whole(self) -> list[Reference]:
        """All references of one whole expression."""
        if not self._tokens:
            raise Unreadable("an expression is empty")
        self._binary(0)
        if self._at < len(self._tokens):
            raise Unreadable(f"unexpected {self._tokens[self._at][1]!r} in an expression")
        return self._found

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise Unreadable(f"{sign!r} is missing in an expression")
        self._at += 1

    def _binary(self, depth: int) -> None:
        if depth > 50:
            raise Unreadable("an expression nests too deep")
        self._operand(depth)
        while self._peek() in ("&&", "||", "==", "!=", "<", "<=", ">", ">="):
            self._at += 1
            self._operand(depth)

    def _operand(self, depth: int) -> None:
        while self._peek() == "!":
            self._at += 1
        if self._peek() == "(":
            self._at += 1
            self._binary(depth + 1)
            self._take(")")
            self._trail([], depth)
            return
        if self._at >= len(self._tokens):
            raise Unreadable("an expression ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind in ("string", "number"):
            return
        if kind != "name":
            raise Unreadable(f"unexpected {text!r} in an expression")
        self._named(text, depth)

    def _named(self, text: str, depth: int) -> None:
        if self._peek() == "(":
            self._call(text, depth)
            self._trail([], depth)
        elif text.lower() not in LITERALS:
            if text.lower() not in CONTEXTS:
                raise Unreadable(f"there is no context {text!r}; there are {', '.join(sorted(CONTEXTS))}")
            self._trail([text.lower()], depth)

    def _call(self, name: str, depth: int) -> None:
        if name.lower() not in FUNCTIONS:
            raise Unreadable(f"there is no function {name!r}")
        least, most = FUNCTIONS[name.lower()]
        self._take("(")
        count = 0
        while self._peek() != ")":
            if count:
                self._take(",")
            self._binary(depth + 1)
            count += 1
        self._take(")")
        if not least <= count <= most:
            raise Unreadable(f"{name} takes {least if count < least else most} arguments, not {count}")

    def _trail(self, parts: list[str], depth: int) -> None:
        """Properties after a name: `.x`, `['x']`, `[0]`, `.*`."""
        while self._peek() in (".", "["):
            if self._peek() == ".":
                self._at += 1
                kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
                if kind != "name" and text != "*":
                    raise Unreadable("a property's name is missing after '.'")
                parts.append(text)
                self._at += 1
                continue
            self._at += 1
            parts.append(self._index(depth))
            self._take("]")
        if parts and parts[0] in CONTEXTS:
            self._found.append(Reference(tuple(parts)))

    def _index(self, depth: int) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        following = self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else ""
        if kind == "string" and following == "]":
            self._at += 1
            return text[1:-1].replace("''", "'")
        if text == "*":
            self._at += 1
            return "*"
        self._binary(depth + 1)
        return "*"
