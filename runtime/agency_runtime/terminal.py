"""The terminal: a calm reader of the session. Text as it streams, one line a call, and at the end what came of it."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from agency_runtime.session import Event

COLORS = {"green": "32", "red": "31", "yellow": "33", "dim": "2", "bold": "1"}
CONTROL = {code: None for code in [*range(32), 127, *range(0x80, 0xA0)] if code not in (9, 10)}
BIDI = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def plain(text: str) -> str:
    """Text from a model or a tool without control and bidirectional characters, which could forge the screen."""
    return text.translate({**CONTROL, **BIDI})


def subject(tool: str, given: Mapping[str, Any]) -> str:
    """What a call is about, in one line."""
    for name in ("command", "file_path", "pattern", "url", "query", "skill", "description", "task_id", "question"):
        if given.get(name):
            return " ".join(plain(str(given[name])).split())
    if "action" in given:
        rest = [str(value) for name, value in given.items() if name != "action" and isinstance(value, str)]
        return " ".join([str(given["action"]), *rest])
    return ""


@dataclass
class Terminal:
    """Writes a session for people. Colors only on a terminal, and never where NO_COLOR is set."""

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    width: int = field(default_factory=lambda: max(40, shutil.get_terminal_size((100, 24)).columns))
    color: bool | None = None
    _column: int = 0

    def __post_init__(self) -> None:
        if self.color is None:
            self.color = self.out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def paint(self, color: str, text: str) -> str:
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
        if not text:
            return
        try:
            self.out.write(text)
            self.out.flush()
        except BrokenPipeError:  # the reader left; the run goes on
            self.out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        self._column = len(text) - text.rfind("\n") - 1 if "\n" in text else self._column + len(text)

    def __call__(self, event: Event) -> None:
        data = event.data
        match event.type:
            case "session.started":
                self.line(
                    self.paint("bold", f"agency {data['command']}")
                    + f" · {data['persona']} · {data['model']} · {data['sandbox']} · session {data['id']}"
                )
                self.line()
            case "call.finished":
                self._call(data)
            case "notice":
                self.line(self.paint("yellow", "! " + plain(data["text"])))
            case _:
                pass

    def _call(self, data: Mapping[str, Any]) -> None:
        mark, color = ("✗", "red") if data["failed"] else ("✓", "green")
        if data["denied"]:
            mark, color = "⊘", "yellow"
        code = f" exit {data['exit_code']}" if data["exit_code"] else ""
        tail = f"{code} {data['seconds']:.1f}s" if data["seconds"] < 60 else f"{code} {data['seconds'] / 60:.1f}m"
        head = f"{data['tool']} "
        room = self.width - len(head) - len(tail) - 4
        about = subject(data["tool"], data["input"])
        about = about if len(about) <= room else about[: max(0, room - 1)] + "…"
        self.line(f"{self.paint(color, mark)} {head}{about} {self.paint('dim', tail.strip())}")


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
    return [title, *(f"  {plain(line)}" for line in lines[:limit]), *more]
