"""Redirects of a command: the files it writes and reads, and the text it is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from agency_runtime.gate.files import STDIN
from agency_runtime.gate.shell import text_of
from agency_runtime.gate.words import UNKNOWN, Words

Look: TypeAlias = Callable[[str], str | None]

_WRITES = {">", ">>", ">|", "&>", "&>>", ">&", "<>"}
STREAMS = {"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2"}
"""Paths that lead to no file."""


@dataclass(slots=True)
class Surround:
    """What the redirects of a command come to."""

    stdin: str | None
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


def surround(nodes: list[Any], stdin: str | None, words: Words, look: Look) -> Surround:
    """All redirects of one command, in order; the last to give it a text wins."""
    found = Surround(stdin=stdin)
    for node in nodes:
        if node.type == "herestring_redirect":
            found.stdin = words.whole(node.named_children[-1]) + "\n" if node.named_children else UNKNOWN
        elif node.type == "heredoc_redirect":
            _heredoc(node, found, words, look)
        elif node.type == "file_redirect":
            _file(node, found, words, look)
    return found


def _file(node: Any, found: Surround, words: Words, look: Look) -> None:
    sign = next((child.type for child in node.children if not child.is_named), "")
    path = words.whole(node.named_children[-1]) if node.named_children else UNKNOWN
    if sign in (">&", "<&") and (path in ("-", "") or path.rstrip("-").isdigit()):
        return
    if sign in _WRITES and path not in STREAMS:
        found.writes = (*found.writes, path)
    elif sign == "<":
        found.reads = (*found.reads, path)
        given = None if path in STDIN else look(path)
        found.stdin = UNKNOWN if given is None else given


def _heredoc(node: Any, found: Surround, words: Words, look: Look) -> None:
    start = next((text_of(child) for child in node.named_children if child.type == "heredoc_start"), "")
    for child in node.named_children:
        if child.type == "heredoc_body":
            quoted = any(mark in start for mark in "'\"\\")
            found.stdin = text_of(child) if quoted else words.heredoc(child)
        elif child.type == "file_redirect":
            _file(child, found, words, look)
