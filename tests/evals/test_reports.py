"""What a run looks like for CI systems, job summaries, terminals, and other programs."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_evals.atif import trajectory
from agency_evals.comparison import compare
from agency_evals.inspect_log import inspect_log
from agency_evals.junit_report import clean, first_line, junit_report
from agency_evals.markdown_report import LIMIT, escaped, markdown_report
from agency_evals.materials import Materials
from agency_evals.results import CaseResult, Evidence, Run, Score
from agency_evals.standing import standings
from agency_evals.table_report import comparison_lines, table_report
from agency_evals.transcript import Step, Transcript, by_turn, of_recording
from agency_evals.verdict import Limits, judge
from agency_runtime.recording import read_recording
from agency_runtime.terminal import cells

ROOT = Path(__file__).parents[2]
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"skipped", "failure", "error", "system-out"},
}
ATTRIBUTES = {  # of the schema that Jenkins publishes, what is required and what is allowed
    "testsuites": ({"name"}, {"tests", "failures", "errors", "time", "disabled"}),
    "testsuite": ({"name", "tests"}, {"failures", "errors", "skipped", "time", "timestamp", "hostname", "id"}),
    "properties": (set[str](), set[str]()),
    "property": ({"name", "value"}, set[str]()),
    "testcase": ({"name", "classname"}, {"time", "status", "assertions"}),
    "skipped": (set[str](), {"message"}),
    "failure": (set[str](), {"message", "type"}),
    "error": (set[str](), {"message", "type"}),
    "system-out": (set[str](), set[str]()),
}


def cases_of(root: ET.Element, suite: str) -> dict[str, ET.Element]:
    """A suite's test cases by name."""
    found = root.find(f"testsuite[@name='{suite}']")
    assert found is not None
    return {test.get("name", ""): test for test in found.iter("testcase")}


def hold_to_schema(root: ET.Element) -> None:
    """Elements, attributes, their types, and counts that agree with what is there."""
    for element in root.iter():
        required, allowed = ATTRIBUTES[element.tag]
        assert required <= set(element.keys()) <= required | allowed, element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        for name in {"tests", "failures", "errors", "skipped"} & set(element.keys()):
            assert int(element.get(name, "")) >= 0
        assert element.get("time") is None or float(element.get("time", "")) >= 0
        if stamp := element.get("timestamp"):
            assert datetime.fromisoformat(stamp).tzinfo is None  # xs:dateTime without a zone, as Jenkins wants it
    for element in [root, *root.iter("testsuite")]:
        assert int(element.get("tests", "")) == len(list(element.iter("testcase")))
        assert int(element.get("failures", "")) == len(list(element.iter("failure")))
        assert int(element.get("errors", "")) == len(list(element.iter("error")))


def test_junit_holds_to_its_schema_and_has_a_test_case_for_each_scorer(run: Run) -> None:
    root = ET.fromstring(junit_report(run))
    hold_to_schema(root)
    assert list(cases_of(root, "alpha")) == ["tests", "usage"]
    assert [len(test) for test in cases_of(root, "alpha").values()] == [0, 0]
    failure = cases_of(root, "alpha (epoch 2)")["tests"].find("failure")
    assert failure is not None
    assert failure.get("message") == "assert 'root' == 'app'"
    assert failure.text == "$ pytest -q\nexit code 1\n===\nE       assert 'root' == 'app'"


def test_junit_tells_what_was_not_judged_from_what_passed(run: Run) -> None:
    root = ET.fromstring(junit_report(run))
    skipped = cases_of(root, "charlie")["tests"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "terraform is not there"
    error = cases_of(root, "delta")["run"].find("error")
    assert error is not None
    assert error.get("message") == "sandbox: the container ended"


def test_junit_turns_a_recorded_failure_round(run: Run) -> None:
    root = ET.fromstring(junit_report(run))
    meant = cases_of(root, "bravo@failure")
    assert {name: [child.tag for child in test] for name, test in meant.items()} == {
        "tests": ["system-out"],
        "usage": [],
        "told apart": [],
    }
    assert cases_of(root, "echo@failure")["told apart"].find("failure") is not None


def test_junit_of_a_result_without_scores_is_no_pass(result: Callable[..., CaseResult]) -> None:
    root = ET.fromstring(junit_report(Run(id="r", lock={}, cases=[result(scores=[], outcome="unscored")])))
    hold_to_schema(root)
    assert cases_of(root, "a")["run"].find("skipped") is not None


@given(st.text())
def test_junit_holds_any_text(text: str) -> None:
    score = Score(scorer=text, value=False, outcome="failed", evidence=Evidence(command=text, excerpt=text))
    found = CaseResult(id=f"a{text}", digest="", outcome="failed", scores=[score])
    root = ET.fromstring(junit_report(Run(id="r", lock={}, cases=[found])))
    hold_to_schema(root)
    assert len(list(root.iter("failure"))) == 1


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert clean("a\x00b\x1b[0m\ufffe\ud800 ok\t\n") == "a\ufffdb\ufffd[0m\ufffd\ufffd ok\t\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$ pytest\nexit code 1\n==== FAILURES ====\nE   assert 1 == 2\n", "assert 1 == 2"),
        ("$ x\nexit code 3", "exit code 3"),
        ("---\nimage has no tag\nmore", "image has no tag"),
        ("", ""),
    ],
)
def test_the_message_is_the_line_that_says_most(text: str, said: str) -> None:
    assert first_line(text) == said


def test_the_summary_has_verdict_changes_evidence_and_the_rest_folded(run: Run) -> None:
    before = [each for each in standings(run) if each.id != "charlie"]
    found = compare(before, standings(run))
    text = markdown_report(run, verdict=judge(standings(run), Limits()), comparison=found)
    assert text.startswith("## Agency evals: FAILED\n")
    assert "| 2 of 7 (95 %:" in text
    assert "- **1 new**: charlie" in text
    assert "<summary><b>delta</b>: error</summary>" in text
    assert "<summary><b>echo@failure</b>: passed, but is known to be a failure</summary>" in text
    assert "| bravo@failure | failed, as it should | tests | 4 | $0.2500 | 2.0 s |" in text


def test_the_summary_lets_no_tag_through(run: Run) -> None:
    text = markdown_report(run)
    assert set(re.findall(r"<(/?\w+)", text)) <= {
        "details",
        "/details",
        "summary",
        "/summary",
        "pre",
        "/pre",
        "b",
        "/b",
    }


@given(st.text())
def test_escaped_text_stays_in_its_cell(text: str) -> None:
    shown = escaped(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert re.search(r"(?<!\\)(?:\\\\)*\|", shown) is None


def test_a_summary_that_github_would_cut_leaves_the_table_out(result: Callable[..., CaseResult]) -> None:
    cases = [result(f"case-{number:05}-{'x' * 80}") for number in range(8000)]
    text = markdown_report(Run(id="r", lock={}, cases=cases))
    assert len(text.encode()) < LIMIT
    assert "too long to be shown" in text


def test_the_table_has_a_line_each_and_what_is_wrong_below(run: Run) -> None:
    lines = list(table_report(run, width=80))
    assert lines[0] == "passed    alpha             4 turns   $0.2500     2.0 s"
    assert lines[3] == "failed    bravo@failure     4 turns   $0.2500     2.0 s  as it should"
    assert "  tests failed: assert 'root' == 'app'" in lines
    assert "  sandbox: the container ended" in lines
    assert lines[-2].startswith("2 passed, 3 failed, 1 unscored, 1 error (1 infrastructure) · 2 of 7 as expected (95 %")
    assert lines[-1] == "28 turns · 1.3k in (350 cached), 140 out · $1.75 · 14.0 s of work"


def test_no_line_of_the_table_moves_the_terminal(run: Run) -> None:
    lines = list(table_report(run, width=90))
    assert not any("\x1b" in line for line in lines)
    assert max(cells(line) for line in lines[:-2]) <= 90


def test_a_comparison_has_a_line_a_change(run: Run) -> None:
    before = standings(run)[1:]
    lines = list(comparison_lines(compare(before, standings(run))))
    assert lines == [
        "new         alpha: passed",
        "0 regression, 0 fix, 1 new, 0 gone, 6 unchanged",
        "difference +0.0 points, 95 %: +0.0 to +0.0, exact p = 1",
    ]


def test_steps_are_shown_by_turn_whatever_order_they_ended_in() -> None:
    steps = [
        Step(kind="said", turn=3, text="start a helper"),
        Step(kind="noticed", turn=0, text="n"),
        Step(kind="said", turn=4, text="helper"),
        Step(kind="called", turn=3),
    ]
    assert [(turn, [step.kind for step in found]) for turn, found in by_turn(steps)] == [
        (3, ["said", "noticed", "called"]),
        (4, ["said"]),
    ]


def hold_to_atif(document: dict[str, Any]) -> None:
    """What the format demands, as its own models check it: keys, numbering, who may have what, references."""
    assert set(document) <= {"schema_version", "session_id", "agent", "steps", "final_metrics", "extra", "notes"}
    assert {"name", "version"} <= set(document["agent"]) <= {"name", "version", "model_name", "extra"}
    assert [step["step_id"] for step in document["steps"]] == list(range(1, len(document["steps"]) + 1))
    assert document["final_metrics"]["total_steps"] == len(document["steps"])
    for step in document["steps"]:
        own = {"tool_calls", "metrics"} if step["source"] == "agent" else set[str]()
        assert set(step) - own <= {"step_id", "source", "message", "timestamp", "observation"}
        assert step["source"] in ("system", "user", "agent")
        calls = {call["tool_call_id"] for call in step.get("tool_calls", ())}
        assert {each["source_call_id"] for each in step.get("observation", {}).get("results", ())} == calls


def test_a_trajectory_holds_to_atif(run: Run, materials: Materials) -> None:
    transcript = materials(run.cases[0]).transcript
    assert transcript
    found = trajectory(run.cases[0], transcript, "0.1.0")
    hold_to_atif(found)
    assert [step["source"] for step in found["steps"]] == ["user", "agent", "system", "agent", "agent"]
    assert found["steps"][1]["tool_calls"][0] == {
        "tool_call_id": "1",
        "function_name": "Bash",
        "arguments": {"command": "false"},
    }
    assert found["steps"][1]["observation"]["results"][0]["content"].endswith("[exit code 1]")
    assert found["steps"][3]["observation"]["results"][1]["content"].startswith("[denied]")
    assert found["final_metrics"]["total_prompt_tokens"] == 180
    json.dumps(found)


def test_a_recording_becomes_a_trajectory_too(result: Callable[..., CaseResult]) -> None:
    recording = read_recording(ROOT / "runtime" / "agency_runtime" / "demo" / "recording.jsonl")
    transcript = of_recording(recording)
    found = trajectory(result(), transcript, "0.1.0")
    hold_to_atif(found)
    assert found["steps"][0]["message"] == recording.header["issue"]
    assert sum(len(step.get("tool_calls", ())) for step in found["steps"]) == len(transcript.calls) > 50
    hold_to_atif(trajectory(result(), Transcript(), "0.1.0"))


READ = """
import json, math, sys, warnings
warnings.simplefilter("ignore")
from inspect_ai.log import read_eval_log
log = read_eval_log(sys.argv[1])
value = lambda v: "NaN" if isinstance(v, float) and math.isnan(v) else v
scores = {f"{s.id}.{s.epoch}": {n: value(x.value) for n, x in s.scores.items()} for s in log.samples}
overall = log.results.scores[0]
print(json.dumps({"status": log.status, "model": log.eval.model, "epochs": log.eval.config.epochs, "scores": scores,
    "roles": [m.role for m in log.samples[0].messages], "errors": [s.id for s in log.samples if s.error],
    "calls": [c.function for m in log.samples[0].messages for c in getattr(m, "tool_calls", None) or []],
    "denied": [m.function for m in log.samples[0].messages if m.role == "tool" and m.error and m.error.type == "approval"],
    "scored": [overall.scored_samples, overall.unscored_samples], "accuracy": overall.metrics["accuracy"].value,
    "tokens": log.stats.model_usage["m1"].total_tokens}))
"""


def test_inspect_ai_reads_the_log(run: Run, materials: Materials, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(inspect_log(run, materials), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["scores"]["alpha.1"] == {"outcome": "C", "tests": "C", "usage": 4.0}
    assert found["scores"]["alpha.2"]["outcome"] == "I"
    assert found["scores"]["charlie.1"]["tests"] == "NaN"
    assert found["scores"]["delta.1"] == {"outcome": "NaN"}
    assert (found["status"], found["model"], found["epochs"]) == ("success", "m1", 2)
    assert found["roles"] == ["user", "assistant", "tool", "tool", "assistant", "tool", "tool", "tool", "assistant"]
    assert found["calls"] == ["Bash", "Edit", "Write", "Terraform", "Read"]
    assert found["denied"] == ["Terraform"]
    assert found["errors"] == ["delta"]
    assert found["scored"] == [5, 2]
    assert found["accuracy"] == pytest.approx(0.4)
    assert found["tokens"] == 1400
