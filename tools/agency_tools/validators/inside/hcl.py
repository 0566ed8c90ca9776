"""HCL's blocks and arguments with their places; of expressions, what they refer to. Syntax is terraform's to judge."""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
      |(?P<newline>\n)
      |(?P<heredoc><<-?(?P<tag>\w+)[ \t]*\n)
      |(?P<name>[A-Za-z_][\w-]*)
      |(?P<quote>")
      |(?P<mark>=>|==|!=|<=|>=|&&|\|\||\.\.\.|[^\s])""",
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"
DEEPEST = 60


class Unreadable(Exception):
    """The text is not HCL as far as this reader knows it."""


class Token(NamedTuple):
    """One piece of the text: its kind, what it says and its offset. Kind `text` is a string, `template` one with ${…}."""

    kind: str
    text: str
    at: int


class Item(NamedTuple):
    """An argument or a block: its name and labels, its offset, its expression's tokens or its own items."""

    name: str
    labels: tuple[str, ...]
    at: int
    expression: tuple[Token, ...]
    body: tuple[Item, ...] | None

    def blocks(self, name: str) -> list[Item]:
        """The blocks of that name directly within."""
        return [each for each in self.body or () if each.name == name and each.body is not None]

    def argument(self, name: str) -> Item | None:
        """The argument of that name directly within."""
        return next((each for each in self.body or () if each.name == name and each.body is None), None)


def tokens(text: str) -> list[Token]:
    """The text's tokens without space and comments; what stands in ${…} comes as tokens after its string's."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Unreadable(f"offset {at}")
        at = match.end()
        if match["heredoc"]:
            at = _heredoc(text, match, found)
        elif match["quote"]:
            at = _string(text, at, found)
        elif not match["space"]:
            kind = "name" if match["name"] else "newline" if match["newline"] else "mark"
            found.append(Token(kind, match[0], match.start()))
    return found


def _heredoc(text: str, match: re.Match[str], found: list[Token]) -> int:
    end = re.compile(rf"^[ \t]*{re.escape(match['tag'])}[ \t\r]*$", re.MULTILINE).search(text, match.end())
    if end is None:
        raise Unreadable("a heredoc is not closed")
    content = text[match.end() : end.start()]
    found.append(Token("template", content, match.start()))
    _interpolated(content, match.end(), found)
    return end.end()


def _string(text: str, at: int, found: list[Token]) -> int:
    """Past the closing quote of the string whose opening one stands before `at`."""
    start, depth = at, 0
    while at < len(text):
        two = text[at : at + 2]
        if depth == 0 and text[at] == '"':
            content = text[start:at]
            found.append(Token("template" if re.search(r"(?<!\$)\$\{|%\{", content) else "text", content, start - 1))
            _interpolated(content, start, found)
            return at + 1
        if text[at] == "\n" and depth == 0:
            raise Unreadable("a string is not closed")
        if depth and text[at] == '"':
            at = _string(text, at + 1, [])
            continue
        if text[at] == "\\" or text[at : at + 3] in ("$${", "%%{"):
            at += 2 if text[at] == "\\" else 3
            continue
        if two in ("${", "%{"):
            depth += 1
            at += 2
            continue
        depth += (text[at] == "{") - (text[at] == "}") if depth else 0
        at += 1
    raise Unreadable("a string is not closed")


def _interpolated(content: str, start: int, found: list[Token]) -> None:
    """The tokens within each ${…} and %{…} of a string."""
    at = 0
    opening = re.compile(r"(?<!\$)\$\{~?|(?<!%)%\{~?")
    while (match := opening.search(content, at)) is not None:
        end, depth = match.end(), 1
        while end < len(content) and depth:
            if content[end] == '"':
                end = _string(content, end + 1, [])
                continue
            depth += (content[end] == "{") - (content[end] == "}")
            end += 1
        inner = content[match.end() : end - 1]
        try:
            inside = [token for token in tokens(inner) if token.kind != "newline"]
        except Unreadable:
            inside = []
        marks = [Token("mark", "(", start + match.start()), *(each._replace(at=start + match.end() + each.at) for each in inside)]  # fmt: skip
        found += [*marks, Token("mark", ")", start + end - 1)]
        at = end


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._at = 0

    def body(self, depth: int = 0) -> tuple[Item, ...]:
        """The items up to the closing brace or the end."""
        items: list[Item] = []
        while True:
            token = self._next()
            if token is None or (token.kind == "mark" and token.text == "}"):
                if (token is None) != (depth == 0) or depth > DEEPEST:
                    raise Unreadable("braces do not match")
                return tuple(items)
            if token.kind == "newline":
                continue
            if token.kind not in ("name", "text"):
                raise Unreadable(f"unexpected {token.text!r}")
            items.append(self._item(token, depth))

    def _item(self, first: Token, depth: int) -> Item:
        labels: list[str] = []
        while True:
            token = self._next()
            if token is None:
                raise Unreadable("the text ends within a block")
            if token.kind == "mark" and token.text == "{":
                return Item(first.text, tuple(labels), first.at, (), self.body(depth + 1))
            if token.kind == "mark" and token.text == "=" and not labels:
                return Item(first.text, (), first.at, self._expression(), None)
            if token.kind not in ("name", "text"):
                raise Unreadable(f"unexpected {token.text!r}")
            labels.append(token.text)

    def _expression(self) -> tuple[Token, ...]:
        found: list[Token] = []
        depth = 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if depth == 0 and (token.kind == "newline" or (token.kind == "mark" and token.text == "}")):
                break
            self._at += 1
            if token.kind == "mark":
                depth += (token.text in OPENING) - (token.text in CLOSING)
            found.append(token)
        return tuple(found)

    def _next(self) -> Token | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]


def read(text: str) -> tuple[Item, ...]:
    """The items of a file. Raises Unreadable."""
    return _Reader(text).body()


def place(text: str, at: int) -> tuple[int, int]:
    """The line and column of an offset, counted from 1."""
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1) + 1


def references(expression: tuple[Token, ...]) -> list[tuple[tuple[str, ...], int]]:
    """The dotted names an expression holds, but for the names of functions and of an object's keys."""
    found: list[tuple[tuple[str, ...], int]] = []
    kept = [token for token in expression if token.kind != "newline"]
    index = 0
    while index < len(kept):
        token = kept[index]
        before = kept[index - 1].text if index and kept[index - 1].kind == "mark" else ""
        index += 1
        if token.kind != "name" or before == ".":
            continue
        parts = [token.text]
        while index + 1 < len(kept) and kept[index].text == "." and kept[index].kind == "mark" and kept[index + 1].kind == "name":  # fmt: skip
            parts.append(kept[index + 1].text)
            index += 2
        found.append((tuple(parts), token.at))
    return found
