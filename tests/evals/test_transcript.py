"""Transcripts, read from a session's log and from a recording, and the diff of what an attempt changed."""

import json
from pathlib import Path
from typing import Any

from agency_evals.transcript import Transcript, of_events, of_recording
from agency_runtime.recording import read_recording

DEMO = Path(__file__).parents[2] / "runtime" / "agency_runtime" / "demo" / "recording.jsonl"


def event(kind: str, **data: Any) -> dict[str, Any]:
    """One event of a log."""
    return {"n": 1, "at": "2026-11-25T01:00:00Z", "type": kind, **data}


def reply(text: str, turn: int) -> dict[str, Any]:
    """What the model said."""
    return event("reply", turn=turn, message={"content": [{"type": "text", "text": text}]})


def finished(name: str, **more: Any) -> dict[str, Any]:
    """A call's end."""
    usual = {"failed": False, "denied": False, "exit_code": 0, "seconds": 0.5, "changed": [], "text": "said"}
    return event("call.finished", turn=1, id=name, ref=f"c{name}", tool="Bash", input={"command": name}, **usual | more)


def test_a_log_is_told_step_by_step() -> None:
    told = [{"role": "user", "content": [{"type": "text", "text": "do it"}, {"type": "tool_result", "content": "x"}]}]
    found = of_events(
        [
            event("session.started", id="s1", persona="p", model="m", source="relay", issue="the issue"),
            event("request", turn=1, messages=told),
            reply("first", 1),
            event("call.judged", turn=1, id="1", verdict="ask", rule="rule"),
            event("call.started", turn=1, id="1", ref="c1", tool="Bash"),
            finished("1", exit_code=3, failed=True),
            event("notice", text="careful"),
            event("session.ended", status="done", reason="", cost_usd=0.5, usage={"input_tokens": 3}),
        ]
    )
    assert [(step.kind, step.turn, step.text) for step in found.steps] == [
        ("told", 1, "do it"),
        ("said", 1, "first"),
        ("called", 1, ""),
        ("noticed", 0, "careful"),
    ]
    (call,) = found.calls
    assert (call.verdict, call.rule, call.exit_code, call.outcome) == ("ask", "rule", 3, "failed")
    assert (found.session_id, found.persona, found.model, found.issue) == ("s1", "p", "m", "the issue")
    assert (found.status, found.cost_usd, dict(found.usage)) == ("done", 0.5, {"input_tokens": 3})


def test_a_call_that_never_ended_is_cut_off() -> None:
    judged = event(
        "call.judged", turn=1, id="1", ref="c1", tool="Bash", input={"command": "x"}, verdict="allow", rule="r"
    )
    found = of_events([reply("go", 1), judged, event("call.started", turn=1, id="1", ref="c1", tool="Bash")])
    (call,) = found.calls
    assert (call.outcome, dict(call.input), call.verdict) == ("cut off", {"command": "x"}, "allow")
    assert found.status == "cut off"


def test_a_denied_call_is_denied() -> None:
    (call,) = of_events([finished("1", denied=True, failed=True)]).calls
    assert call.outcome == "denied"


def test_a_recording_tells_the_same_calls_as_its_turns_hold() -> None:
    lines = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    wanted = [
        block["id"]
        for line in lines
        if "turn" in line
        for block in line["reply"]["content"]
        if block["type"] == "tool_use"
    ]
    found = of_recording(read_recording(DEMO))
    assert [call.id for call in found.calls] == wanted
    assert all(call.finished for call in found.calls)
    assert found.status == "done"
    assert found.issue == lines[0]["issue"]


def test_nothing_is_an_empty_transcript() -> None:
    assert of_events([]) == Transcript()
