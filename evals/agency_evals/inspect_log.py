"""A run as a log of inspect_ai: `inspect view` shows it, `inspect_ai.log.read_eval_log` and its dataframes read it.

Written as that project's JSON format, version 2, without the project; the tests read it with the real one. What was not
judged is NaN there, which inspect_ai counts as unscored.
"""

import json
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from agency_evals.junit_report import evidence_text
from agency_evals.materials import Materials, none_of
from agency_evals.repeats import scored
from agency_evals.results import CaseResult, Run, Score
from agency_evals.spread import clustered_error
from agency_evals.transcript import Done, Transcript, by_turn
from agency_runtime.session import now
from agency_runtime.wire import Json, Usage

OVERALL = "outcome"
"""The name of the score that stands for the case as a whole."""


def inspect_log(run: Run, materials: Materials = none_of) -> str:
    """The log as JSON text."""
    found = [(result, materials(result).transcript or Transcript()) for result in run.cases]
    model = next((transcript.model for _, transcript in found if transcript.model), "replay")
    samples = [_sample(result, transcript, model) for result, transcript in found]
    started = min((result.started for result in run.cases if result.started), default=now())
    usage = {model: _usage({**Usage().json(), **run.totals.usage})}
    log: dict[str, Any] = {
        "version": 2,
        "status": "success",
        "eval": _spec(run, model, started),
        "plan": {"name": "agency", "steps": [{"solver": "agency", "params": {}}]},
        "results": _results(run),
        "stats": {"started_at": started, "completed_at": started, "model_usage": usage},
        "samples": samples,
    }
    return json.dumps(log, ensure_ascii=False)


def _spec(run: Run, model: str, started: str) -> dict[str, Any]:
    ids = list(dict.fromkeys(result.id for result in run.cases))
    return {
        "eval_id": run.id,
        "run_id": run.id,
        "task_id": "agency-eval",
        "task": "agency-eval",
        "created": started,
        "dataset": {"name": "agency", "samples": len(ids), "sample_ids": ids, "shuffled": False},
        "model": model,
        "config": {"epochs": max((result.epoch for result in run.cases), default=1)},
        "metadata": {"lock": run.lock},
    }


def _results(run: Run) -> dict[str, Any]:
    names = list(dict.fromkeys(score.scorer for result in run.cases for score in result.scores if score.outcome))
    return {
        "total_samples": len(run.cases),
        "completed_samples": sum(result.outcome != "error" for result in run.cases),
        "scores": [_totals(OVERALL, _outcomes(run.cases)), *(_totals(name, _named(run.cases, name)) for name in names)],
    }


def _outcomes(results: Sequence[CaseResult]) -> list[tuple[str, float]]:
    return [(result.case, _grade(result.outcome)) for result in results]


def _named(results: Sequence[CaseResult], name: str) -> list[tuple[str, float]]:
    return [
        (result.case, _grade(score.outcome)) for result in results for score in result.scores if score.scorer == name
    ]


def _grade(outcome: str | None) -> float:
    return {"passed": 1.0, "failed": 0.0}.get(outcome or "", math.nan)


def _totals(name: str, grades: Sequence[tuple[str, float]]) -> dict[str, Any]:
    judged = [(case, grade) for case, grade in grades if not math.isnan(grade)]
    values = scored([grade for _, grade in judged])
    figures = {
        "accuracy": statistics.fmean(values) if values else math.nan,
        "stderr": clustered_error(values, [case for case, _ in judged]) or 0.0,
    }
    return {
        "name": name,
        "scorer": name,
        "scored_samples": len(values),
        "unscored_samples": len(grades) - len(values),
        "metrics": {metric: {"name": metric, "value": value} for metric, value in figures.items()},
    }


def _sample(result: CaseResult, transcript: Transcript, model: str) -> dict[str, Any]:
    last = next((step.text for step in reversed(transcript.steps) if step.kind == "said"), "")
    value: dict[str, Any] = {
        "id": result.id,
        "epoch": result.epoch,
        "input": transcript.issue or result.case,
        "target": result.expected,
        "messages": list(_messages(transcript)),
        "output": {
            "model": model,
            "choices": [{"message": {"role": "assistant", "content": last}, "stop_reason": "stop"}] if last else [],
            "completion": last,
        },
        "scores": {OVERALL: {"value": _letter(result.outcome), "answer": result.outcome, "explanation": _why(result)}},
        "metadata": _metadata(result),
        "model_usage": {model: _usage({**Usage().json(), **result.usage})},
        "total_time": result.seconds,
    }
    value["scores"].update({score.scorer: _score(score) for score in result.scores})
    if result.started:
        value["started_at"] = result.started
    if result.fault and result.outcome == "error":
        message = f"{result.fault.cause.value}: {result.fault.message}"
        value["error"] = {"message": message, "traceback": message, "traceback_ansi": message}
    return value


def _metadata(result: CaseResult) -> dict[str, Any]:
    names = ("outcome", "expected", "agent", "recording", "status", "turns", "cost_usd", "diverged_at_step", "tags")
    given = result.json()
    return {name: given[name] for name in names}


def _why(result: CaseResult) -> str:
    wrong = [f"{score.scorer}: {score.outcome}" for score in result.scores if score.outcome not in ("passed", None)]
    return "; ".join(wrong)


def _score(score: Score) -> dict[str, Any]:
    number = isinstance(score.value, float) and not math.isnan(score.value)
    judged = score.outcome in ("passed", "failed", None)
    value = score.value if judged and (number or score.outcome is None) else _letter(score.outcome)
    return {
        "value": math.nan if value is None else value,
        "explanation": evidence_text(score.evidence),
        "metadata": {"outcome": score.outcome},
    }


def _letter(outcome: str | None) -> str | float:
    """inspect_ai's C and I; NaN for what was not judged."""
    return {"passed": "C", "failed": "I"}.get(outcome or "", math.nan)


def _messages(transcript: Transcript) -> Iterator[dict[str, Any]]:
    for _, steps in by_turn(transcript.steps):
        yield from ({"role": "user", "content": step.text} for step in steps if step.kind == "told")
        calls = [step.call for step in steps if step.call]
        text = "\n".join(step.text for step in steps if step.kind == "said")
        if text or calls:
            yield {"role": "assistant", "content": text, "tool_calls": [_call(call) for call in calls] or None}
        yield from (_answer(call) for call in calls)


def _call(call: Done) -> dict[str, Any]:
    return {"id": call.id, "function": call.tool, "arguments": dict(call.input), "type": "function"}


def _answer(call: Done) -> dict[str, Any]:
    kind = "approval" if call.denied else "unknown" if call.failed else ""
    error = {"error": {"type": kind, "message": call.text[:2000]}} if kind else {}
    return {"role": "tool", "tool_call_id": call.id, "function": call.tool, "content": call.text, **error}


def _usage(usage: Json) -> dict[str, int]:
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "total_tokens": sum(usage.values()),
        "input_tokens_cache_write": usage["cache_creation_input_tokens"],
        "input_tokens_cache_read": usage["cache_read_input_tokens"],
    }
