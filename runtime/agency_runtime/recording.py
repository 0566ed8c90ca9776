"""Recordings: what the model said and what the tools answered, so that a run replays without either.

Format `agency-recording/1`, JSON Lines. The first line says what was recorded and how its replies came about
(`source`); then one line a turn: digests of the request's parts, the reply as the API's Message JSON, the results of
its calls. A last line says how the run ended. A file that a crash cut short is read up to its last whole line.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from agency_runtime.redaction import Redactor
from agency_runtime.session import Event
from agency_runtime.wire import Json, Request
from agency_tools.errors import UsageError

FORMAT = "agency-recording/1"
Source = Literal["api", "relay", "authored"]
SOURCES = ("api", "relay", "authored")


def digest(value: object) -> str:
    """SHA-256 of the value's canonical JSON, in hex."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def spoken(messages: Sequence[Json]) -> list[Json]:
    """The messages without what tools answered and without cache marks: what does not depend on the machine."""
    return [
        {"role": message["role"], "content": [_spoken(block) for block in _blocks(message)]} for message in messages
    ]


def _blocks(message: Json) -> Sequence[Json]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _spoken(block: Json) -> Json:
    if block.get("type") == "tool_result":
        return {"type": "tool_result", "tool_use_id": block["tool_use_id"]}
    return {name: value for name, value in block.items() if name != "cache_control"}


def digests(request: Request) -> dict[str, str]:
    """The digests of a request's parts, in the order in which a difference is looked for."""
    return {
        "messages": digest(spoken(request.messages[request.fresh :])),
        "system": digest([_spoken(block) for block in request.system]),
        "tools": digest(list(request.tools)),
    }


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One recorded turn."""

    number: int
    request: Mapping[str, str]
    reply: Json
    results: Sequence[Json]
    depth: int = 0  # 0 for the run itself, 1 for a helper it started


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording, read."""

    header: Json
    turns: Sequence[Turn]
    end: Json = field(default_factory=dict)

    @property
    def source(self) -> str:
        return str(self.header["source"])

    def result(self, call_id: str) -> Json | None:
        """What a call came to when it was recorded."""
        return next((result for turn in self.turns for result in turn.results if result["id"] == call_id), None)


def read_recording(path: Path) -> Recording:
    """Read a recording. Raises UsageError that names the file and the line that is wrong."""
    lines = list(_lines(path))
    if not lines or lines[0].get("format") != FORMAT:
        raise UsageError(f"{path}: not a recording: its first line does not say {FORMAT!r}")
    header, *rest = lines
    if header.get("source") not in SOURCES:
        raise UsageError(f"{path}:1: source is {header.get('source')!r}; it must be one of {', '.join(SOURCES)}")
    turns = [_turn(path, number, line) for number, line in enumerate(rest, 2) if "turn" in line]
    end: Json = next((line["end"] for line in reversed(rest) if "end" in line), {})
    return Recording(header=header, turns=sorted(turns, key=lambda turn: turn.number), end=end)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read this recording: {getattr(error, 'strerror', None) or error}") from error
    whole, cut = text.rpartition("\n")[0].split("\n") if "\n" in text else [], text.rpartition("\n")[2]
    for number, line in enumerate([*whole, *([cut] if cut and _parses(cut) else [])], 1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}:{number}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise UsageError(f"{path}:{number}: not a JSON object")
        yield value


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _turn(path: Path, number: int, line: Json) -> Turn:
    try:
        return Turn(
            number=line["turn"],
            request=line["request"],
            reply=line["reply"],
            results=line["results"],
            depth=line.get("depth", 0),
        )
    except KeyError as error:
        raise UsageError(f"{path}:{number}: a turn without {error.args[0]!r}; record it again") from error


class Recorder:
    """A listener that writes a recording as the session goes: one line a turn, once all its calls have results.

    A turn that starts a helper run is over after the helper's own turns, so lines may stand out of order.
    """

    def __init__(self, path: Path, header: Json, redact: Redactor) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("w", encoding="utf-8", errors="replace")
        self._redact = redact
        self._open: dict[int, dict[str, Any]] = {}
        self._write({"format": FORMAT, **header})

    def __call__(self, event: Event) -> None:
        data = event.data
        match event.type:
            case "request":
                self._finish(lambda turn: turn["waiting"] == 0)
                fields = {"turn": data["turn"], "depth": data["depth"], "request": data["digests"]}
                self._open[data["turn"]] = {**fields, "reply": None, "results": [], "waiting": 1}
            case "reply":
                turn = self._open[data["turn"]]
                turn["reply"] = data["message"]
                turn["waiting"] = sum(block.get("type") == "tool_use" for block in data["message"]["content"])
            case "call.finished":
                turn = self._open[data["turn"]]
                turn["results"].append({name: data[name] for name in RESULT})
                turn["waiting"] -= 1
            case "session.ended":
                self._finish(lambda turn: turn["reply"] is not None)
                self._write({"end": data})
            case _:
                pass

    def _finish(self, over: Callable[[dict[str, Any]], bool]) -> None:
        for number in [number for number, turn in self._open.items() if over(turn)]:
            turn = self._open.pop(number)
            del turn["waiting"]
            self._write(turn)

    def _write(self, value: Json) -> None:
        self._file.write(self._redact(json.dumps(value, ensure_ascii=False, default=str)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._finish(lambda turn: turn["reply"] is not None)
        self._file.close()


RESULT = ("id", "ref", "tool", "failed", "exit_code", "denied", "started", "seconds", "changed", "text")
