"""A shell text's plain commands, roughly: good enough to advise by, not to permit by. The gate parses properly."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STARTERS = frozenset(
    {"exec", "command", "env", "nohup", "time", "if", "then", "do", "else", "while", "until", "!", "(", "{"}
)
"""Words that only lead to the command that matters."""

_SEPARATORS = re.compile(r"&&|\|\||;|\||\n|(?<![<>&])&(?![>&])")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1(?P<rest>[^\n]*)\n.*?^\t*\2$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class PlainCommand:
    """One command's words, without assignments before them; `fed` when something is piped or redirected into it."""

    words: Sequence[str]
    fed: bool


def plain_commands(command: str) -> Iterator[PlainCommand]:
    """The commands in the order they are written; what is quoted or in a here-document starts none."""
    command = _HEREDOC.sub(r"</dev/null\g<rest>", command)
    start, piped = 0, False
    for end, separator in [*_breaks(command), (len(command), "")]:
        text = command[start:end]
        yield PlainCommand(words=_without_prefix(_words(text)), fed=piped or "<" in text)
        start, piped = end + len(separator), separator == "|"


def _breaks(command: str) -> Iterator[tuple[int, str]]:
    quoted = [found.span() for found in _QUOTED.finditer(command)]
    for found in _SEPARATORS.finditer(command):
        if not any(start <= found.start() < end for start, end in quoted):
            yield found.start(), found.group()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def _without_prefix(words: Sequence[str]) -> list[str]:
    for at, word in enumerate(words):
        if not re.match(r"\w+=", word) and word not in STARTERS:
            return list(words[at:])
    return []
