"""The terminal: a calm reader of the session. Text as it streams, one line a call, and at the end what came of it."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from agency_runtime.session import Event
from agency_tools.plain import visible

COLORS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
SUBJECTS = ("command", "file_path", "pattern", "url", "query", "skill", "description", "task_id", "question")
"""The inputs that say what a call is about, the most telling first."""


def plain(text: str) -> str:
    """Text from a model or a tool; characters that could forge the screen or hide are written as escapes."""
    return visible(text.replace("\r\n", "\n"))


def in_one_line(text: str) -> str:
    """Likewise, with every line break and run of blanks as one blank."""
    return plain(" ".join(text.split()))


def subject(given: Mapping[str, Any]) -> str:
    """What a call with this input is about, in one line."""
    for name in SUBJECTS:
        if given.get(name):
            return in_one_line(str(given[name]))
    if "action" not in given:
        return ""
    rest = [str(value) for name, value in given.items() if name != "action" and isinstance(value, str)]
    return in_one_line(" ".join([str(given["action"]), *rest]))


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def shortened(text: str, room: int) -> str:
    """The text in at most `room` columns, an ellipsis in place of what does not fit."""
    if cells(text) <= room:
        return text
    end = next(end for end in range(max(0, min(len(text), room)), -1, -1) if cells(text[:end]) < max(1, room))
    return text[:end] + "…"


def let_go(out: IO[str]) -> None:
    """Stop writing to a pipe whose reader left, so that the interpreter does not try again at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)


@dataclass
class Terminal:
    """Writes a session for people. Colors only on a terminal, and never where NO_COLOR is set.

    A reader who leaves does not end the run; a character the output cannot encode becomes `?`.
    """

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    width: int = field(default_factory=lambda: max(40, shutil.get_terminal_size((100, 24)).columns))
    color: bool | None = None
    _column: int = 0
    _left: bool = False  # the reader is gone

    def __post_init__(self) -> None:
        if self.color is None:
            self.color = self.out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def paint(self, color: str, text: str) -> str:
        """The text in a color, where there are colors."""
        return f"\x1b[{COLORS[color]}m{text}\x1b[0m" if self.color else text

    def line(self, text: str = "") -> None:
        """One whole line, starting at the left edge."""
        self._fresh()
        self._write(text + "\n")

    def text(self, piece: str) -> None:
        """A piece of the model's text, as it arrives."""
        self._write(plain(piece))

    def _fresh(self) -> None:
        if self._column:
            self._write("\n")

    def _write(self, text: str) -> None:
        if not text or self._left:
            return
        encoding: str = getattr(self.out, "encoding", None) or "utf-8"
        try:
            self.out.write(text.encode(encoding, "replace").decode(encoding))
            self.out.flush()
        except BrokenPipeError:
            self._left = True
            let_go(self.out)
        self._column = len(text) - text.rfind("\n") - 1 if "\n" in text else self._column + len(text)

    def __call__(self, event: Event) -> None:
        """Show what of an event is worth a line."""
        data = event.data
        match event.type:
            case "session.started":
                what = f"{data['persona']} · {data['model']} · {data['sandbox']} · session {data['id']}"
                self.line(self.paint("bold", f"agency {data['command']}") + " · " + in_one_line(what))
                self.line()
            case "call.finished":
                self._call(data)
            case "notice" | "stuck" | "compacted":
                self.line(self.paint("yellow", "! " + in_one_line(data["text"])))
            case _:
                pass

    def _call(self, data: Mapping[str, Any]) -> None:
        """One line: how it came out, the tool, what it was about, exit code and time."""
        mark, color = ("✗", "red") if data["failed"] else ("✓", "green")
        if data["denied"]:
            mark, color = "⊘", "yellow"
        elif data["tool"] == "Handoff" and not data["text"].startswith("Accepted"):
            mark, color = "✗", "yellow"  # taken down, but something in it is not verified
        seconds = data["seconds"]
        took = f"{seconds:.1f}s" if seconds < 60 else f"{seconds / 60:.1f}m"
        tail = f"exit {data['exit_code']} {took}" if data["exit_code"] else took
        tool = shortened(in_one_line(data["tool"]), 20)
        about = shortened(subject(data["input"]), self.width - cells(tool) - len(tail) - 4)
        self.line(" ".join([self.paint(color, mark), tool, *([about] if about else []), self.paint("dim", tail)]))


def money(cost: float) -> str:
    """US dollars: cents where it is dollars, more where it is not."""
    return f"${cost:.2f}" if cost >= 1 else f"${cost:.4f}"


def tokens(usage: Mapping[str, int]) -> str:
    """A usage in words: 12.3k in (10.1k cached), 1.2k out."""
    cached = usage["cache_read_input_tokens"]
    into = usage["input_tokens"] + usage["cache_creation_input_tokens"] + cached
    return (
        f"{_short(into)} in"
        + (f" ({_short(cached)} cached)" if cached else "")
        + f", {_short(usage['output_tokens'])} out"
    )


def _short(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 1_000_000 else f"{count / 1_000_000:.2f}M"


def listing(title: str, lines: Sequence[str], limit: int = 12) -> list[str]:
    """A titled list, cut with a count of what is left out."""
    if not lines:
        return []
    more = [f"  … and {len(lines) - limit} more"] if len(lines) > limit else []
    return [title, *(f"  {in_one_line(line)}" for line in lines[:limit]), *more]
