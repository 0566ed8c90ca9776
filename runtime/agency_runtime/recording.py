"""Recordings: what the model said and what the tools answered, so that a run replays without either.

Format `agency-recording/1`, JSON Lines. The first line says what was recorded and how its replies came about
(`source`); then one line a turn: digests of the request's parts, the reply as the API's Message JSON, the results of
its calls. A last line says how the run ended. A file that a crash cut short is read up to its last whole line.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

from agency_runtime.session import Event
from agency_runtime.wire import Call, Json, Reply, json_object
from agency_tools.errors import UsageError
from agency_tools.redaction import Redactor

FORMAT = "agency-recording/1"
Source = Literal["api", "relay", "authored"]
SOURCES: tuple[str, ...] = get_args(Source)
RESULT = (
    "id",
    "ref",
    "tool",
    "failed",
    "exit_code",
    "denied",
    "started",
    "seconds",
    "changed",
    "altered",
    "cwd",
    "text",
)
"""What a recording keeps of a call's outcome."""


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


def fixed_digests(system: Sequence[Json], tools: Sequence[Json]) -> dict[str, str]:
    """The digests of what stays the same from turn to turn."""
    return {"system": digest([_spoken(block) for block in system]), "tools": digest(list(tools))}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One recorded turn."""

    number: int
    request: Mapping[str, str]
    reply: Json
    results: Sequence[Json]
    depth: int = 0  # 0 for the run itself, 1 for a helper it started
    files: Json | None = None  # what had changed so far, where the conversation was condensed after this turn


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording, read."""

    header: Json
    turns: Sequence[Turn]
    end: Json = field(default_factory=dict[str, Any])

    @property
    def source(self) -> str:
        """How its replies came about."""
        return str(self.header["source"])

    def result(self, call_id: str) -> Json | None:
        """What a call came to when it was recorded."""
        return self._by_id.get(call_id)

    @cached_property
    def _by_id(self) -> Mapping[str, Json]:
        return {result["id"]: result for turn in self.turns for result in turn.results}

    def of_helpers(self) -> Iterator[tuple[Call, int, Json]]:
        """The calls that helpers made, with turn and result."""
        for turn in self.turns:
            calls = {call.id: call for call in Reply(message=turn.reply).calls} if turn.depth else {}
            yield from ((calls[result["id"]], turn.number, result) for result in turn.results if result["id"] in calls)


def read_recording(path: Path) -> Recording:
    """Read a recording. Raises UsageError that names the file and the line that is wrong."""
    lines = [_object(path, number, line) for number, line in enumerate(_lines(path), 1)]
    if not lines or lines[0].get("format") != FORMAT:
        raise UsageError(f"{path}: not a recording: its first line does not say {FORMAT!r}")
    header, *rest = lines
    if header.get("source") not in SOURCES:
        raise UsageError(f"{path}:1: source is {header.get('source')!r}; it must be one of {', '.join(SOURCES)}")
    turns = [_turn(path, number, line) for number, line in enumerate(rest, 2) if "turn" in line]
    ends = [line["end"] for line in rest if "end" in line]
    return Recording(
        header=header, turns=sorted(turns, key=lambda turn: turn.number), end=json_object(ends[-1] if ends else None)
    )


def _lines(path: Path) -> list[str]:
    """The whole lines, the last one also where only its line feed is missing."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read this recording: {getattr(error, 'strerror', None) or error}") from error
    *whole, rest = text.split("\n")
    return [*whole, rest] if _parses(rest) else whole


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _object(path: Path, number: int, line: str) -> Json:
    try:
        value: object = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{path}:{number}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}:{number}: not a JSON object")
    return cast("Json", value)


def _turn(path: Path, number: int, line: Json) -> Turn:
    """One turn's line. Raises UsageError for what is missing or of another shape."""
    for name, shape in SHAPES.items():
        if name not in line:
            raise UsageError(f"{path}:{number}: a turn without {name!r}; record it again")
        if not isinstance(line[name], shape):
            raise UsageError(f"{path}:{number}: a turn whose {name!r} is {line[name]!r:.40}; record it again")
    if not isinstance(line["reply"].get("content"), list):
        raise UsageError(f"{path}:{number}: a turn whose reply has no list of content; record it again")
    if not all(json_object(each).keys() >= NEEDED for each in line["results"]):
        raise UsageError(f"{path}:{number}: a result without one of {', '.join(sorted(NEEDED))}; record it again")
    return Turn(
        number=line["turn"],
        request=line["request"],
        reply=line["reply"],
        results=line["results"],
        depth=line.get("depth", 0),
        files=line.get("files"),
    )


NEEDED = {"id", "text", "failed", "exit_code", "started", "seconds"}
SHAPES: Mapping[str, type] = {"turn": int, "request": dict, "reply": dict, "results": list}


class Recorder:
    """A listener that writes a recording as the session goes: one line a turn, once all its calls have results.

    A turn that starts a helper run is over after the helper's own turns, so lines may stand out of order.
    Raises UsageError when the file cannot be written.
    """

    def __init__(self, path: Path, header: Json, redact: Redactor) -> None:
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"--record {path}: cannot be written: {error.strerror or error}") from error
        self._redact = redact
        self._open: dict[int, _OpenTurn] = {}
        self._write({"format": FORMAT, **header})

    def __call__(self, event: Event) -> None:
        """Take down what the event adds; a turn is written once nothing more can come to it."""
        data = event.data
        match event.type:
            case "request":
                self._finish(lambda turn: turn.depth >= data["depth"] and turn.reply is not None)
                self._open[data["turn"]] = _OpenTurn(data["turn"], data["depth"], data["digests"])
            case "reply":
                self._open[data["turn"]].reply = data["message"]
            case "call.finished":
                self._open[data["turn"]].results.append({name: data[name] for name in RESULT})
            case "compacted" if "files" in data:
                self._open[data["turn"]].files = data["files"]
            case "session.ended":
                self._finish(lambda turn: turn.reply is not None)
                self._write({"end": data})
            case _:
                pass

    def _finish(self, over: "Callable[[_OpenTurn], bool]") -> None:
        for number in [number for number, turn in self._open.items() if over(turn)]:
            self._write(self._open.pop(number).json())

    def _write(self, value: Json) -> None:
        self._file.write(json.dumps(self._redact.inside(value), ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Write what is left and close the file; safe to call twice."""
        if not self._file.closed:
            self._finish(lambda turn: turn.reply is not None)
            self._file.close()


@dataclass
class _OpenTurn:
    """A turn that is still going on: over once its conversation asks again."""

    number: int
    depth: int
    request: Json
    reply: Json | None = None
    results: list[Json] = field(default_factory=list[Json])
    files: Json | None = None

    def json(self) -> Json:
        """As it stands in a recording."""
        return {
            "turn": self.number,
            "depth": self.depth,
            "request": self.request,
            "reply": self.reply,
            "results": self.results,
            **({} if self.files is None else {"files": self.files}),
        }
