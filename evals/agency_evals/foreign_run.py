"""A trajectory in ATIF that another program made, as the events of a session, so that scorers can read it.

The format is Harbor's Agent Trajectory Interchange Format, versions 1.x: `steps` of source user, agent or system; an agent's
step holds `tool_calls` and an `observation` with their results; `final_metrics` holds the totals. It keeps no exit codes
and nothing of a gate or a handoff, so what rests on those is not judged.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError

STATUS = "imported"
NAMES: Mapping[str, str] = {
    **dict.fromkeys(
        ("bash", "shell", "execute_bash", "bash_command", "run_command", "execute_command", "run_shell_command", "terminal"), "Bash"
    ),
    **dict.fromkeys(("read", "read_file", "view", "view_file"), "Read"),
    **dict.fromkeys(("write", "write_file", "create_file"), "Write"),
    **dict.fromkeys(("edit", "edit_file", "replace", "str_replace"), "Edit"),
    **dict.fromkeys(("grep", "search_file_content", "grep_search"), "Grep"),
    **dict.fromkeys(("glob", "find_files"), "Glob"),
    **dict.fromkeys(("webfetch", "web_fetch", "fetch"), "WebFetch"),
    **dict.fromkeys(("websearch", "web_search"), "WebSearch"),
    **dict.fromkeys(("todowrite", "todo_write", "update_plan"), "TodoWrite"),
}  # fmt: skip
"""What other agents call the tools; any other name stays as it is."""

FIELDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "Bash": ("command", ("cmd", "keystrokes", "script")),
    "Read": ("file_path", ("path", "filename", "file")),
    "Write": ("file_path", ("path", "filename", "file")),
    "Edit": ("file_path", ("path", "filename", "file")),
}
"""The input that scorers ask for, and what others call it."""

DENIED = "[denied] "
EXIT = re.compile(r"\n\[exit code (-?\d+)\]\Z")
"""How `atif.py` tells of an ending, for which the format has no field."""


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """events: as a session's log has them. ended: the last one; `unknown` names the measures that nothing is said of."""

    events: tuple[Json, ...]
    ended: Json


def read_trajectory(path: Path) -> Foreign:
    """Read a trajectory. Raises UsageError that names the file, the step and what is wrong with it."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from error
    whole = json_object(value)
    if not str(whole.get("schema_version", "")).startswith("ATIF-v1"):
        raise UsageError(
            f"{path}: schema_version is {whole.get('schema_version')!r}; a trajectory in ATIF-v1.x is taken"
        )
    steps = _objects(whole.get("steps"), f"{path}: steps")
    if not steps:
        raise UsageError(f"{path}: steps: there is none; a trajectory has at least one")
    agent = json_object(whole.get("agent"))
    first = {
        "type": "session.started", "id": str(whole.get("session_id") or path.stem), "persona": str(agent.get("name") or ""),
        "model": str(agent.get("model_name") or ""), "source": STATUS, "issue": _issue(steps), "at": str(steps[0].get("timestamp") or ""),
    }  # fmt: skip
    ended = _ended(steps, json_object(whole.get("final_metrics")))
    return Foreign(events=(first, *_events(steps, path), ended), ended=ended)


def _events(steps: Sequence[Json], path: Path) -> Iterator[Json]:
    turn = count = 0
    for number, step in enumerate(steps, 1):
        where = f"{path}: step {number}"
        if step.get("source") not in ("user", "agent", "system"):
            raise UsageError(f"{where}: source is {step.get('source')!r}; it is user, agent or system")
        if step["source"] != "agent":
            continue
        turn += 1
        at = str(step.get("timestamp") or "")
        content = [{"type": "text", "text": _text(step.get("message"), where)}]
        yield {"type": "reply", "turn": turn, "at": at, "message": {"content": content, "usage": {}}}
        results = {
            str(each.get("source_call_id")): _text(each.get("content"), where)
            for each in _objects(json_object(step.get("observation")).get("results"), f"{where}: observation.results")
        }
        for call in _objects(step.get("tool_calls"), f"{where}: tool_calls"):
            count += 1
            yield _call(call, results, {"turn": turn, "ref": f"c{count}", "at": at}, where)


def _call(call: Json, results: Mapping[str, str], place: Json, where: str) -> Json:
    name, given = call.get("function_name"), call.get("arguments")
    if not isinstance(name, str) or not name:
        raise UsageError(f"{where}: tool_calls: function_name is {name!r}; it is the tool's name")
    if not isinstance(given, (dict, type(None))):
        raise UsageError(f"{where}: tool_calls: arguments of {name} are no object")
    tool = NAMES.get(name.lower(), name)
    said = results.get(str(call.get("tool_call_id")), "")
    denied, said = said.startswith(DENIED), said.removeprefix(DENIED)
    code = EXIT.search(said)
    exit_code = int(code[1]) if code else None
    return {
        **place, "type": "call.finished", "id": str(call.get("tool_call_id") or place["ref"]), "tool": tool,
        "input": _input(tool, json_object(cast("object", given))), "denied": denied, "failed": denied or bool(exit_code), "exit_code": exit_code,
        "text": EXIT.sub("", said), "started": place["at"], "seconds": 0.0,
    }  # fmt: skip


def _input(tool: str, given: Json) -> Json:
    """The input, with the field that scorers ask for under its name here."""
    wanted, others = FIELDS.get(tool, ("", ()))
    found = next((other for other in others if other in given), None)
    if not wanted or wanted in given or found is None:
        return given
    value: Any = given[found]
    text = " ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else value
    return {wanted: text, **{name: each for name, each in given.items() if name != found}}


def _ended(steps: Sequence[Json], totals: Json) -> Json:
    acts = [step for step in steps if step.get("source") == "agent"]
    metrics = [json_object(step.get("metrics")) for step in acts]
    prompt, completion, cached, cost = (
        _total(totals, metrics, name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "cost_usd")
    )
    known = prompt is not None and completion is not None
    usage = {
        "input_tokens": int((prompt or 0) - (cached or 0)), "output_tokens": int(completion or 0), "cache_read_input_tokens": int(cached or 0)
    }  # fmt: skip
    unknown = [name for name, there in (("tokens", known), ("cost_usd", cost is not None)) if not there]
    return {
        "type": "session.ended", "status": STATUS, "exit_code": None, "reason": "", "turns": len(acts),
        "usage": usage if known else {}, "cost_usd": float(cost or 0), "unknown": unknown, "at": str(steps[-1].get("timestamp") or ""),
    }  # fmt: skip


def _total(totals: Json, metrics: Sequence[Json], name: str) -> float | None:
    """The total; where none is given, the steps' together, if every step that acts says it."""
    whole = _number(totals.get(f"total_{name}"))
    if whole is not None:
        return whole
    parts = [_number(each.get(name)) for each in metrics]
    return sum(part for part in parts if part is not None) if parts and None not in parts else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _issue(steps: Sequence[Json]) -> str:
    return next((_text(step.get("message"), "") for step in steps if step.get("source") == "user"), "")


def _text(value: object, where: str) -> str:
    """A message or a result: a string, or parts of which those of type text are read. Raises UsageError."""
    if value is None or isinstance(value, str):
        return value or ""
    return "\n".join(str(part.get("text") or "") for part in _objects(value, f"{where}: its text"))


def _objects(value: object, where: str) -> list[Json]:
    """A list of objects; nothing is an empty one. Raises UsageError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):  # pyright: ignore[reportUnknownVariableType]
        raise UsageError(f"{where}: not a list of objects")
    return [json_object(each) for each in cast("list[object]", value)]
