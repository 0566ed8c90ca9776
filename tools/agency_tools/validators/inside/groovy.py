"""Groovy's statements and blocks, as far as a Jenkinsfile's outline needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f]+|//[^\n]*|/\*.*?\*/|\\\r?\n)
      |(?P<newline>\n)
      |(?P<plain>'{3}(?:\\.|(?!''').)*'{3}|'(?:\\.|[^'\\\n])*')
      |(?P<filled>"{3}(?:\\.|(?!"{3}).)*"{3}|"(?:\\.|\$\{[^{}]*\}|[^"\\\n])*")
      |(?P<dollar>\$/.*?/\$)
      |(?P<name>[A-Za-z_$@][\w$]*)
      |(?P<number>\d[\w.]*)
      |(?P<mark>==~|=~|->|&&|\|\||[=!<>+\-*/]=|\?\.|\?:|.)""",
    re.VERBOSE | re.DOTALL,
)
SLASHED = re.compile(r"/(?:\\.|[^/\n\\])+/")
BEFORE_SLASHED = frozenset({"(", ",", "=", "=~", "==~", "[", ":", "!", "&&", "||", "return", "==", "!="})
GOES_ON = frozenset({",", ".", "?.", "+", "&&", "||", "?", "?:", ":", "=", "==", "->", "-", "*", "+=", "!="})
CLOSES = {"(": ")", "[": "]", "{": "}"}
DEEPEST = 80


class Unbalanced(Exception):
    """A bracket or a string is not closed, or closed and not open."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Token(NamedTuple):
    """One piece of the text. Kind `plain` is a string as it stands, `filled` one in which Groovy replaces $…."""

    kind: str
    text: str
    at: int


class Statement(NamedTuple):
    """What stands before a block or to the end of the line, and the block."""

    head: tuple[Token, ...]
    body: tuple[Statement, ...] | None
    at: int

    @property
    def name(self) -> str:
        """The first word."""
        return self.head[0].text if self.head else ""

    def walk(self) -> Iterator[Statement]:
        """It and all within it."""
        yield self
        for each in self.body or ():
            yield from each.walk()


def tokens(text: str) -> list[Token]:
    """The text's tokens without space and comments. Raises Unbalanced for a string that does not end."""
    found: list[Token] = []
    at = len(text.split("\n", 1)[0]) if text.startswith("#!") else 0
    while at < len(text):
        last = next((each.text for each in reversed(found) if each.kind != "newline"), "(")
        slashed = SLASHED.match(text, at) if text[at] == "/" and text[at + 1 : at + 2] not in "/*" else None
        if slashed and last in BEFORE_SLASHED:
            found.append(Token("plain", slashed[0], at))
            at = slashed.end()
            continue
        match = TOKEN.match(text, at)
        if match is None or (match["mark"] in ("'", '"')):
            raise Unbalanced(at, "a string is not closed")
        at = match.end()
        if not match["space"]:
            kind = str(match.lastgroup)
            found.append(Token("plain" if kind == "dollar" else kind, match[0], match.start()))
    return found


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    def body(self, opened: Token | None, depth: int = 0) -> tuple[Statement, ...]:
        """The statements up to the brace that closes, or the end."""
        statements: list[Statement] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.text == "}" and token.kind == "mark":
                if opened is None:
                    raise Unbalanced(token.at, "this brace closes nothing")
                self._at += 1
                return tuple(statements)
            if token.kind == "newline" or token.text == ";":
                self._at += 1
                continue
            statements.append(self._statement(depth))
        if opened is not None:
            raise Unbalanced(opened.at, "this brace is not closed")
        return tuple(statements)

    def _statement(self, depth: int) -> Statement:
        head: list[Token] = []
        start = self._tokens[self._at]
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "newline":
                if self._ends(head):
                    break
            elif token.kind == "mark" and token.text in ";}":
                break
            elif token.kind == "mark" and token.text == "{":
                self._at += 1
                if depth > DEEPEST:
                    raise Unbalanced(token.at, "nested too deeply")
                return Statement(tuple(head), self.body(token, depth + 1), start.at)
            elif token.kind == "mark" and token.text in "([":
                head += self._bracket()
                continue
            elif token.kind == "mark" and token.text in ")]":
                raise Unbalanced(token.at, f"this {token.text} closes nothing")
            else:
                head.append(token)
            self._at += 1
        return Statement(tuple(head), None, start.at)

    def _ends(self, head: list[Token]) -> bool:
        """Whether the line's end ends the statement: not after an operator, nor before a block or one."""
        if head and head[-1].kind == "mark" and head[-1].text in GOES_ON:
            return False
        following = next((each for each in self._tokens[self._at :] if each.kind != "newline"), None)
        return following is None or following.kind != "mark" or following.text not in ("{", ".", "?.", "?", ":", "+", "&&", "||")  # fmt: skip

    def _bracket(self) -> list[Token]:
        """Everything up to the bracket that closes this one, with the brackets."""
        found: list[Token] = []
        opened: list[Token] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.kind != "newline":
                found.append(token)
            if token.kind == "mark" and token.text in CLOSES:
                opened.append(token)
            elif token.kind == "mark" and token.text in CLOSES.values():
                if CLOSES[opened[-1].text] != token.text:
                    raise Unbalanced(opened[-1].at, f"this {opened[-1].text} is closed by {token.text}")
                opened.pop()
                if not opened:
                    return found
        raise Unbalanced(opened[-1].at, f"this {opened[-1].text} is not closed")


def read(text: str) -> tuple[Statement, ...]:
    """The statements of a file. Raises Unbalanced."""
    return _Reader(tokens(text)).body(None)
