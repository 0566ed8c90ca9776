"""What a shell command's exit code stands for: which of its commands must have succeeded where it is 0."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agency_runtime.gate.checks import CHECKERS
from agency_runtime.gate.shell import parse, text_of

Words = tuple[str, ...]
CARRIERS = {"sudo", "env", "time", "nice", "nohup", "timeout", "xargs", "exec", "command", "stdbuf", "ionice"}
"""Programs that run the program named after them."""

SHELLS = {"sh", "bash", "dash", "zsh", "ash"}
HOLLOW = {"echo", "printf", "true", ":", "return", "cat", "sleep"}
"""What a function does that does nothing."""

ENDS = {("exit", "0"), ("return", "0")}


@dataclass(frozen=True)
class ShellCall:
    """Every command of a text, those whose success the exit code 0 proves, and the names that the text itself gives a
    hollow meaning."""

    commands: tuple[Words, ...]
    certain: tuple[Words, ...]
    functions: frozenset[str] = frozenset()


def read_shell(text: str) -> ShellCall:
    """The commands of a shell text. Of what cannot be told nothing is certain."""
    root = parse(text)
    certain = () if root.has_error else tuple(_Exit().of(root))
    return ShellCall(tuple(_all(root)), certain, frozenset(_functions(root)))


def _functions(node: Any) -> Iterator[str]:
    """The names of functions and aliases that stand in for a program, or that do nothing but print."""
    if node.type == "function_definition":
        name = text_of(node.child_by_field_name("name"))
        if name in CHECKERS or all(words[0] in HOLLOW for words in _all(node.child_by_field_name("body"))):
            yield name
    if node.type == "command" and (words := _words(node)) and words[0] == "alias":
        yield from (word.partition("=")[0] for word in words[1:])
    for child in node.named_children:
        yield from _functions(child)


def _all(node: Any) -> Iterator[Words]:
    if node.type == "command" and (words := _words(node)):
        yield words
        if inner := _inner(words):
            yield from _all(parse(inner))
    for child in node.named_children:
        yield from _all(child)


def _words(node: Any) -> Words:
    """A command's words, without quotes and without the programs that only carry another."""
    parts = [child for child in node.named_children if child.type not in ("variable_assignment", "file_redirect")]
    words = [_plain(text_of(part)) for part in parts if "heredoc" not in part.type and "herestring" not in part.type]
    while words and words[0].rpartition("/")[2] in CARRIERS:
        words = _carried(words[1:])
    return (words[0].rpartition("/")[2], *words[1:]) if words else ()


def _carried(words: Sequence[str]) -> list[str]:
    """The words from the carried program on: options, settings and durations are the carrier's."""
    for index, word in enumerate(words):
        if not word.startswith("-") and "=" not in word and not word[:1].isdigit():
            return list(words[index:])
    return []


def _plain(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _inner(words: Words) -> str:
    """The text that a shell is given to run."""
    if words[0] not in SHELLS:
        return ""
    flags = [index for index, word in enumerate(words) if word.startswith("-") and "c" in word and "=" not in word]
    return words[flags[0] + 1] if flags and flags[0] + 1 < len(words) else ""


class _Exit:
    """Follows what an exit code of 0 proves; `set -e` and `set -o pipefail` change it on the way."""

    def __init__(self) -> None:
        self.errexit = False
        self.pipefail = False

    def of(self, node: Any, *, last: bool = True) -> list[Words]:
        """The commands under a node that must have succeeded where the whole ended with 0."""
        kind = node.type
        if kind in ("program", "compound_statement", "subshell", "do_group"):
            return self._sequence(node, last=last)
        if kind == "list":
            return self._list(node, last=last)
        if kind == "pipeline":
            return self._pipeline(node) if last or self.errexit else []
        if kind == "redirected_statement":
            body = node.child_by_field_name("body")
            return self.of(body, last=last) if body is not None else []
        if kind in ("for_statement", "c_style_for_statement"):
            return [
                words
                for child in node.named_children
                if child.type == "do_group"
                for words in self.of(child, last=False)
            ]
        if kind == "command":
            return self._command(node, counts=last or self.errexit)
        return [("test",)] if kind == "test_command" and (last or self.errexit) else []

    def _sequence(self, node: Any, *, last: bool) -> list[Words]:
        statements = [child for child in node.named_children if child.type not in ("comment", "heredoc_body")]
        if last and len(statements) > 1 and (passed_on := _passed_on(statements[-1])):
            return [*self._sequence_of(statements[:-2], last=False), *self._status(statements[-2], passed_on)]
        return self._sequence_of(statements, last=last)

    def _sequence_of(self, statements: Sequence[Any], *, last: bool) -> list[Words]:
        found: list[Words] = []
        for statement in statements:
            waited = statement.next_sibling is None or statement.next_sibling.type != "&"
            if waited:
                found += self.of(statement, last=last and statement is statements[-1])
        return found

    def _status(self, statement: Any, passed_on: str) -> list[Words]:
        """What a status that is passed on proves of the statement it came from."""
        if passed_on == "$?" or statement.type != "pipeline":
            return self.of(statement)
        return self.of(statement.named_children[0])

    def _list(self, node: Any, *, last: bool) -> list[Words]:
        left, right = node.named_children[0], node.named_children[-1]
        if any(child.type == "||" for child in node.children):
            return self.of(left) if _gives_up(right) else []
        return [*self.of(left), *self.of(right)] if last else []

    def _pipeline(self, node: Any) -> list[Words]:
        parts = [child for child in node.named_children if child.type != "comment"]
        certain = parts if self.pipefail else parts[-1:]
        return [words for part in certain for words in self.of(part)]

    def _command(self, node: Any, *, counts: bool) -> list[Words]:
        words = _words(node)
        if words and words[0] == "set":
            self._set(words)
        if not words or not counts:
            return []
        if inner := _inner(words):
            return _Exit().of(parse(inner))
        return [words]

    def _set(self, words: Words) -> None:
        flags = "".join(word[1:] for word in words if word.startswith("-"))
        self.errexit = self.errexit or "e" in flags or "errexit" in words
        self.pipefail = self.pipefail or "pipefail" in words


def _passed_on(node: Any) -> str:
    """The status of an earlier command that `exit` ends with: `$?`, or that of a pipeline's first part."""
    words = _words(node) if node.type == "command" else ()
    known = {"$?": "$?", "${PIPESTATUS[0]}": "first", "${PIPESTATUS}": "first"}
    return known.get(words[1], "") if len(words) == 2 and words[0] == "exit" else ""


def _gives_up(node: Any) -> bool:
    """Whether a branch ends everything with a failure."""
    if node.type in ("compound_statement", "subshell"):
        return bool(node.named_children) and _gives_up(node.named_children[-1])
    words = _words(node) if node.type == "command" else ()
    return bool(words) and words[0] in ("exit", "return", "false") and words not in ENDS
