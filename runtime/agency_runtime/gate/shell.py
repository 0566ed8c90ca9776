"""The shell's grammar: text to a syntax tree by tree-sitter-bash, and what makes text unfit to be judged."""

import re
from functools import lru_cache
from typing import Any

MOST_CHARACTERS = 10_000
"""Longer commands are asked: nobody reads them, and a rule should not have to."""

_STRANGE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff\ue000-\ue0ff\ud800-\udfff]")  # fmt: skip


@lru_cache(maxsize=1)
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def parse(text: str) -> Any:
    """The root of the syntax tree; never raises, a broken text gives a tree that says so."""
    tamed = _tame(_COPROC.sub("", text))
    root = _parser().parse(tamed.encode()).root_node
    if not root.has_error or not _BASED.search(tamed):
        return root
    without = _ARITHMETIC.sub(lambda found: _BASED.sub(lambda base: " " * len(base[0]), found[0]), tamed)
    return _parser().parse(without.encode()).root_node


_COPROC = re.compile(r"\bcoproc\s+(?:\w+\s+)?(?=[{(])")
"""The grammar does not know `coproc { … }`; what it runs is the group."""
_BASED = re.compile(r"(?<![\w#.])(?:[2-9]|[1-5][0-9]|6[0-4])#(?=[\w${@])")
"""The base of a number, as in `$((10#$x))`, which the grammar does not know either; it changes nothing that is run."""
_ARITHMETIC = re.compile(r"\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)")


def text_of(node: Any) -> str:
    """The source of a node."""
    return restored(node.text)


def restored(source: bytes) -> str:
    """A piece of the parsed source as it was written."""
    text = source.decode(errors="replace")
    return text if text.isascii() else _TAMED.sub(lambda match: chr(int(match[1], 16)), text)


def _tame(text: str) -> str:
    """Characters above U+00FF in a Latin-1 disguise.

    The grammar's scanner hands them to C's isalpha, which reads beyond its table and takes the process down.
    """
    return text if text.isascii() else _WILD.sub(lambda match: f"\xfe{ord(match[0]):x}\xff", text)


_WILD = re.compile("[^\x00-\xfd]")
_TAMED = re.compile("\xfe([0-9a-f]{2,6})\xff")


def unfit(text: str, *, most: int = MOST_CHARACTERS) -> str | None:
    """Why the text cannot be judged before it is parsed, or None."""
    if len(text) > most:
        return f"longer than {most} characters"
    strange = None if text.isascii() and text.isprintable() else _STRANGE.search(text)
    if strange:
        return f"holds the invisible character {strange[0]!a}, which shells and readers take differently"
    return None
