"""Trajectories in ATIF, the interchange format of Harbor and others: one JSON document an attempt."""

from collections.abc import Iterator, Sequence
from typing import Any

from agency_evals.results import CaseResult
from agency_evals.transcript import Done, Step, Transcript, by_turn
from agency_runtime.wire import Json, Reply, Usage

SCHEMA = "ATIF-v1.6"
"""The newest version that needs nothing we do not have; readers of later ones take it."""


def trajectory(result: CaseResult, transcript: Transcript, version: str) -> dict[str, Any]:
    """The document. An attempt that never spoke still has one step, as the format demands: its issue."""
    steps = [step for part in _parts(transcript) for step in part]
    if not steps or steps[0]["source"] != "user":  # recordings keep the issue aside
        steps.insert(0, {"source": "user", "message": transcript.issue or result.case})
    numbered = [{"step_id": number, **step} for number, step in enumerate(steps, 1)]
    usage = {**Usage().json(), **result.usage}
    return {
        "schema_version": SCHEMA,
        "session_id": transcript.session_id or f"{result.id}.{result.epoch}",
        "agent": _present(
            name="agency", version=version, model_name=transcript.model, extra={"persona": transcript.persona}
        ),
        "steps": numbered,
        "final_metrics": {
            "total_prompt_tokens": _prompt(usage),
            "total_completion_tokens": usage["output_tokens"],
            "total_cached_tokens": usage["cache_read_input_tokens"],
            "total_cost_usd": result.cost_usd,
            "total_steps": len(numbered),
        },
        "extra": {"case": result.id, "epoch": result.epoch, "outcome": result.outcome, "status": result.status},
    }


def _parts(transcript: Transcript) -> Iterator[list[dict[str, Any]]]:
    """The steps of each turn: what the model was told, what it said and did, what the runtime noticed."""
    for turn, steps in by_turn(transcript.steps):
        yield [_plain(step, "user") for step in steps if step.kind == "told"]
        acts = [step for step in steps if step.kind in ("said", "called")]
        if acts:
            yield [_agents(acts, transcript.replies.get(turn))]
        yield [_plain(step, "system") for step in steps if step.kind == "noticed"]


def _plain(step: Step, source: str) -> dict[str, Any]:
    return _present(source=source, message=step.text, timestamp=step.at)


def _agents(steps: Sequence[Step], reply: Json | None) -> dict[str, Any]:
    calls = [step.call for step in steps if step.call]
    return {
        "source": "agent",
        "message": "\n".join(step.text for step in steps if step.kind == "said"),
        **_present(
            timestamp=steps[0].at,
            tool_calls=[_call(call) for call in calls],
            observation={"results": [_result(call) for call in calls]} if calls else None,
            metrics=_metrics(Reply(message=reply).usage) if reply else None,
        ),
    }


def _call(call: Done) -> dict[str, Any]:
    return {"tool_call_id": call.id, "function_name": call.tool, "arguments": dict(call.input)}


def _result(call: Done) -> dict[str, Any]:
    """A result; how it ended is told in its text, since the version's results have no field of their own for it."""
    ending = "" if call.exit_code is None else f"\n[exit code {call.exit_code}]"
    denied = "[denied] " if call.denied else ""
    return {"source_call_id": call.id, "content": f"{denied}{call.text}{ending}"}


def _metrics(usage: Usage) -> dict[str, int]:
    counts = usage.json()
    return {
        "prompt_tokens": _prompt(counts),
        "completion_tokens": usage.output,
        "cached_tokens": usage.cache_read,
    }


def _prompt(usage: Json) -> int:
    return int(usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"])


def _present(**fields: object) -> dict[str, Any]:
    """The fields that hold something."""
    return {name: value for name, value in fields.items() if value}
