"""What was said and done in a run, step by step, read from its session's log or from a recording."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agency_runtime.recording import Recording
from agency_runtime.wire import Call, Json, Reply, json_object

Kind: TypeAlias = Literal["said", "called", "noticed", "told"]


@dataclass(frozen=True, kw_only=True)
class Done:
    """One tool call and what came of it."""

    id: str
    ref: str
    tool: str
    input: Json
    verdict: str = ""  # the gate's: allow, ask, deny; empty where the source does not keep it
    rule: str = ""
    denied: bool = False
    failed: bool = False
    exit_code: int | None = None
    started: str = ""
    seconds: float = 0.0
    changed: Sequence[str] = ()
    text: str = ""
    finished: bool = True

    @property
    def outcome(self) -> str:
        """In one word."""
        if not self.finished:
            return "cut off"
        return "denied" if self.denied else "failed" if self.failed else "ok"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing in a transcript: the model's words, a call, a notice, or what the model was told."""

    kind: Kind
    turn: int
    at: str = ""
    text: str = ""
    call: Done | None = None


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """A run from its issue to its end."""

    session_id: str = ""
    persona: str = ""
    model: str = ""
    source: str = ""
    issue: str = ""
    started: str = ""
    steps: Sequence[Step] = ()
    replies: Mapping[int, Json] = field(default_factory=dict[int, Json])  # by turn
    status: str = "cut off"
    reason: str = ""
    usage: Json = field(default_factory=dict[str, Any])
    cost_usd: float | None = None

    @property
    def calls(self) -> list[Done]:
        """The calls, in order."""
        return [step.call for step in self.steps if step.call]


def by_turn(steps: Sequence[Step]) -> list[tuple[int, list[Step]]]:
    """The steps of each turn, in order; what bears no turn belongs to the one before it.

    A call that started a helper ends after the helper's turns; it stands with its own turn all the same.
    """
    turns: dict[int, list[Step]] = defaultdict(list)
    last = min((step.turn for step in steps if step.turn), default=0)
    for step in steps:
        last = step.turn or last
        turns[last].append(step)
    return sorted(turns.items())


def of_events(events: Iterable[Json]) -> Transcript:
    """The transcript of a session's log; one that a crash cut short is told up to there."""
    seen = list(events)
    first = next((event for event in seen if event["type"] == "session.started"), json_object(None))
    last = next((event for event in reversed(seen) if event["type"] == "session.ended"), json_object(None))
    verdicts = {event["id"]: event for event in seen if event["type"] == "call.judged"}
    finished = {event["id"] for event in seen if event["type"] == "call.finished"}
    return Transcript(
        session_id=str(first.get("id", "")),
        persona=str(first.get("persona", "")),
        model=str(first.get("model", "")),
        source=str(first.get("source", "")),
        issue=str(first.get("issue", "")),
        started=str(first.get("at", "")),
        steps=tuple(step for event in seen for step in _steps(event, verdicts, finished)),
        replies={event["turn"]: event["message"] for event in seen if event["type"] == "reply"},
        status=str(last.get("status", "cut off")),
        reason=str(last.get("reason", "")),
        usage=json_object(last.get("usage")),
        cost_usd=last.get("cost_usd"),
    )


def _steps(event: Json, verdicts: dict[str, Json], finished: set[str]) -> Iterator[Step]:
    """What of an event belongs in a transcript."""
    turn, at = int(event.get("turn") or 0), str(event.get("at", ""))
    match event["type"]:
        case "reply":
            yield from _said(Reply(message=event["message"]), turn, at)
        case "call.finished":
            yield Step(kind="called", turn=turn, at=at, call=_done(event, verdicts.get(event["id"], {})))
        case "call.started" if event["id"] not in finished:
            judged = verdicts.get(event["id"], {})
            yield Step(kind="called", turn=turn, at=at, call=_done({**judged, **event}, judged, finished=False))
        case "notice" | "stuck" | "compacted":
            yield Step(kind="noticed", turn=turn, at=at, text=str(event["text"]))
        case "request":
            yield from _told(event, turn, at)
        case _:
            pass


def _said(reply: Reply, turn: int, at: str = "") -> Iterator[Step]:
    if reply.text.strip():
        yield Step(kind="said", turn=turn, at=at, text=reply.text.strip())


def _told(event: Json, turn: int, at: str) -> Iterator[Step]:
    """The words of a request that are no results: the opening message, reminders, and what opens a condensed conversation."""
    messages: Sequence[Json] = event.get("messages", ())
    for message in messages[:1] if event.get("anew") else messages:
        content = message["content"]
        blocks: Sequence[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "\n\n".join(block["text"] for block in blocks if block.get("type") == "text")
        if message["role"] == "user" and text.strip():
            yield Step(kind="told", turn=turn, at=at, text=text.strip())


def _done(result: Json, judged: Json, *, finished: bool = True) -> Done:
    return Done(
        id=str(result["id"]),
        ref=str(result.get("ref", "")),
        tool=str(result.get("tool", "")),
        input=json_object(result.get("input")),
        verdict=str(judged.get("verdict", "")),
        rule=str(judged.get("rule", "")),
        denied=bool(result.get("denied")),
        failed=bool(result.get("failed")),
        exit_code=result.get("exit_code"),
        started=str(result.get("started") or result.get("at") or ""),
        seconds=float(result.get("seconds") or 0),
        changed=tuple(result.get("changed") or ()),
        text=str(result.get("text", "")),
        finished=finished,
    )


def of_recording(recording: Recording) -> Transcript:
    """The transcript of a recording, which keeps what was said and answered, not what the gate said."""
    header = recording.header
    steps = [step for turn in recording.turns for step in _recorded(turn.number, turn.reply, turn.results)]
    return Transcript(
        persona=str(header.get("persona", "")),
        model=str(header.get("model", "")),
        source=recording.source,
        issue=str(header.get("issue", "")),
        started=str(header.get("created", "")),
        steps=tuple(steps),
        replies={turn.number: turn.reply for turn in recording.turns},
        status=str(recording.end.get("status", "cut off")),
        reason=str(recording.end.get("reason", "")),
        usage=json_object(recording.end.get("usage")),
        cost_usd=recording.end.get("cost_usd"),
    )


def _recorded(turn: int, message: Json, results: Sequence[Json]) -> Iterator[Step]:
    reply = Reply(message=message)
    yield from _said(reply, turn)
    by_id = {result["id"]: result for result in results}
    for call in reply.calls:
        yield Step(kind="called", turn=turn, call=_of_call(call, by_id.get(call.id)))


def _of_call(call: Call, result: Json | None) -> Done:
    own: Json = {"id": call.id, "tool": call.name, "input": call.input}
    return _done({**(result or {}), **own}, {}, finished=result is not None)
