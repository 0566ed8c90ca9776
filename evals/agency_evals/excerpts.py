"""How long texts, calls and diffs are shown in a report."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agency_evals.transcript import Done

EXCERPT = 3000  # characters of one text
DIFF = 400  # lines of one diff

Line: TypeAlias = tuple[str, str]
"""What a line of a diff is (add, del, hunk, file, or nothing), and the line."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One part of a call: plain text, or the lines of a diff."""

    title: str
    text: str = ""
    lines: Sequence[Line] = ()


def excerpt(text: str, limit: int = EXCERPT) -> str:
    """The text, or its beginning and end with a count of what is left out between them."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit // 3
    return f"{text[:head]}\n… {len(text) - head - tail:,} characters left out …\n{text[-tail:]}"


def diff_lines(diff: str, limit: int = DIFF) -> list[Line]:
    """A unified diff by line, cut with a count of what is left out."""
    lines = diff.splitlines()
    shown = [(_kind(line), line) for line in lines[:limit]]
    return shown + ([("hunk", f"… {len(lines) - limit:,} lines left out …")] if len(lines) > limit else [])


def _kind(line: str) -> str:
    if line.startswith(("diff ", "--- ", "+++ ")):
        return "file"
    return {"@": "hunk", "+": "add", "-": "del"}.get(line[:1], "")


def fitting(results: int) -> int:
    """How long a text may be in a page of so many results, so that the page stays one that a browser and a reader bear."""
    return max(800, min(EXCERPT, 60_000 // max(results, 1)))


def blocks(call: Done, limit: int = EXCERPT) -> list[Block]:
    """What was asked and what was answered, each tool's in the form that reads best."""
    answer = [Block(title="Result", text=excerpt(call.text, limit))] if call.text else []
    changed = [Block(title="Changed", text="\n".join(call.changed))] if call.changed else []
    return [*_asked(call, limit), *answer, *changed]


def _asked(call: Done, limit: int) -> Iterator[Block]:
    given = call.input
    match call.tool:
        case "Bash" if "command" in given:
            yield Block(title="Command", text=excerpt(str(given["command"]), limit))
        case "Edit" if "old_string" in given:
            edit = difflib.unified_diff(_lines(given["old_string"]), _lines(given.get("new_string")), lineterm="", n=3)
            yield Block(
                title=f"Edit of {given.get('file_path', '')}", lines=diff_lines("\n".join(list(edit)[2:]), limit // 10)
            )
        case "Write" if "content" in given:
            added = "\n".join(f"+{line}" for line in _lines(given["content"]))
            yield Block(title=f"Write of {given.get('file_path', '')}", lines=diff_lines(added, limit // 25))
        case _ if given:
            yield Block(title="Input", text=excerpt(json.dumps(dict(given), indent=2, ensure_ascii=False), limit))
        case _:
            pass


def _lines(text: object) -> list[str]:
    return str(text or "").splitlines()
