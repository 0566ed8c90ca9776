"""What terraform answers in JSON, as lines for the model: validation, tests, outputs."""

import itertools
import json
import re
from typing import Any, cast

from agency_tools.errors import ToolError

NO_TESTS = "no tests were found: nothing was checked"

AT_ONCE = re.compile(r"^\S.*: (?:Refreshing state\.\.\.|Reading\.\.\.|Read complete after)")
"""Lines that terraform writes as its parallel reads come in: their order is chance."""


def in_order(text: str) -> str:
    """The text with neighbouring lines about parallel reads sorted, so that the same plan reads the same each time."""
    groups = itertools.groupby(text.split("\n"), key=lambda line: bool(AT_ONCE.match(line)))
    return "\n".join(line for chance, lines in groups for line in (sorted(lines) if chance else lines))


def answered(text: str) -> dict[str, Any]:
    """The JSON object in a command's output, after any warnings. Raises ToolError where there is none."""
    start = text.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(text[max(start, 0) :])
    except ValueError:
        raise ToolError(f"terraform did not answer in JSON: {text.strip()[:2000]}") from None
    return cast(dict[str, Any], found)


def diagnostics(answer: dict[str, Any]) -> str:
    """`terraform validate -json` as lines of `file:line:column: severity: what`."""
    if not answer["diagnostics"]:
        return "valid"
    return "\n".join(_diagnostic(found) for found in answer["diagnostics"])


def _diagnostic(found: dict[str, Any]) -> str:
    span = found.get("range")
    where = f"{span['filename']}:{span['start']['line']}:{span['start']['column']}: " if span else ""
    detail = " ".join(str(found.get("detail", "")).split())
    return f"{where}{found['severity']}: {found['summary']}" + (f": {detail}" if detail else "")


def outputs(answer: dict[str, Any]) -> str:
    """`terraform output -json`, with sensitive values left out."""
    shown = {name: "(sensitive)" if output["sensitive"] else output["value"] for name, output in answer.items()}
    return json.dumps(shown, indent=2)


def tests(text: str) -> str:
    """`terraform test -json` as one line for each run, its complaints, and the counts; NO_TESTS where none ran."""
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    lines = [line for event in events if (line := _tested(event))]
    if any(event.get("test_abstract") == {} for event in events):
        lines = [NO_TESTS]
    return "\n".join(lines) or text


def _tested(event: dict[str, Any]) -> str:
    match event.get("type"):
        case "test_run" if event["test_run"]["progress"] == "complete":
            run = event["test_run"]
            return f"{run['status']}  {run['path']}: {run['run']}"
        case "diagnostic":
            return _diagnostic(event["diagnostic"])
        case "test_summary":
            counts = event["test_summary"]
            return ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "errored", "skipped"))
        case _:
            return ""
