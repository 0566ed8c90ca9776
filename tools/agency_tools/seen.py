"""What of the files the model has seen, so that nothing is changed unseen or since."""

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class View:
    """One file as it was shown: the stamp of its content, and how many lines from its start have been shown."""

    stamp: str
    upto: int
    total: int | None

    @property
    def whole(self) -> bool:
        """Nothing of it was left out."""
        return self.total is not None and self.upto >= self.total


class Seen:
    """The views of one run; the tools of the run share it."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}

    def show(self, path: str, stamp: str, *, first: int = 1, last: int, total: int | None) -> View:
        """Lines `first` to `last` were shown; pages that follow on each other add up."""
        before = self._views.get(path)
        upto = before.upto if before and before.stamp == stamp else 0
        view = View(stamp=stamp, upto=max(upto, last) if first <= upto + 1 else upto, total=total)
        self._views[path] = view
        return view

    def know(self, path: str, stamp: str | None, *, whole: bool = True) -> None:
        """The content is known, for it was written, or shown by other means."""
        if stamp is None:
            self._views.pop(path, None)
        else:
            self._views[path] = View(stamp=stamp, upto=0, total=0 if whole else None)

    def view(self, path: str) -> View | None:
        """What was last shown of the file at the real path."""
        return self._views.get(path)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A program that shows a file: how many words come before it, which options take a value, which show nothing."""

    programs: int = 0
    values: frozenset[str] = frozenset()
    hiding: str = ""


_LINES = Reader(values=frozenset({"-n", "-c"}))
_GREP = Reader(programs=1, values=frozenset({"-A", "-B", "-C", "-m"}), hiding="ceflqLor")
READERS = {
    "cat": Reader(),
    "head": _LINES,
    "tail": _LINES,
    "sed": Reader(programs=1, hiding="efirsEz"),
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": _GREP,
}

_COMPOSITE = re.compile(r"[;&|<>`$(){}\n*?\[\\]")


def file_shown_by(command: str) -> str | None:
    """The one file that a plain `cat`, `head`, `tail`, `sed -n` or `grep` of one file shows; else None."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    reader = READERS.get(words[0]) if words else None
    if reader is None or _is_composite(command, reader) or (words[0] == "sed" and words[1:2] != ["-n"]):
        return None
    operands = _operands(reader, words[1:])
    return operands[-1] if operands is not None and len(operands) == reader.programs + 1 else None


def _is_composite(command: str, reader: Reader) -> bool:
    """More than one plain command; a quoted search pattern may hold anything."""
    bare = re.sub(r"'[^']*'", "", command)
    if reader.programs:
        bare = re.sub(r'"[^"$`\\]*"', "", bare)
    return bool(_COMPOSITE.search(bare))


def _operands(reader: Reader, words: list[str]) -> list[str] | None:
    """The words that are no options; None where an option makes it something else than showing."""
    found: list[str] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-") or word == "-":
            found.append(word)
        elif word.startswith("--") or set(word[1:]) & set(reader.hiding):
            return None
        elif word in reader.values:
            next(left, None)
    return found
