"""Trajectories that another program made: what can be judged is, the rest is unscored and says why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_evals.run_folder import find_run
from agency_runtime.cli import main

MakeCase = Callable[..., Path]

SCORERS = """\
scorers:
  - {kind: files, created: [answer.txt]}
  - {kind: trajectory, used: [Bash], never: [WebFetch], order: [{tool: Write}, {tool: Bash, input: {command: cat}}], max_turns: 3}
  - {kind: usage, max_tokens: 1000, max_cost_usd: 1}
  - {kind: gate, never_ran: [{tool: Bash, input: {command: destroy}}]}
  - {kind: handoff}
"""

FOREIGN: dict[str, Any] = {
    "schema_version": "ATIF-v1.2",
    "session_id": "s1",
    "agent": {"name": "other", "version": "2.0", "model_name": "m"},
    "steps": [
        {"step_id": 1, "source": "user", "message": "Write answer.txt."},
        {
            "step_id": 2, "source": "agent", "message": "I write it.",
            "tool_calls": [
                {"tool_call_id": "a", "function_name": "write_file", "arguments": {"path": "answer.txt", "content": "42"}},
            ],
            "observation": {"results": [{"source_call_id": "a", "content": "ok"}]},
        },
        {
            "step_id": 3, "source": "agent", "message": [{"type": "text", "text": "I look."}],
            "tool_calls": [{"tool_call_id": "b", "function_name": "bash_command", "arguments": {"keystrokes": "cat answer.txt"}}],
            "observation": {"results": [{"source_call_id": "b", "content": [{"type": "text", "text": "42"}]}]},
        },
    ],
    "final_metrics": {"total_prompt_tokens": 300, "total_completion_tokens": 20, "total_cached_tokens": 100, "total_cost_usd": 0.01},
}  # fmt: skip


def outcomes(run: str) -> dict[str, str | None]:
    return {score.scorer: score.outcome for result in find_run(run).results() for score in result.scores}


def changed(**more: Any) -> dict[str, Any]:
    return {**FOREIGN, **more}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Runs are kept in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def case(make_case: MakeCase) -> Path:
    return make_case(files={"scorers.yaml": SCORERS})


def put(place: Path, value: object) -> str:
    path = place / "trajectory.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def test_what_a_trajectory_shows_is_judged_and_the_rest_says_why(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    (left / "README.md").write_text("hello\n")
    (left / "answer.txt").write_text("42\n")
    assert main(["eval", "import", str(case), put(tmp_path, FOREIGN), "--workspace", str(left), "--out", "run"]) == 1
    assert outcomes("run") == {
        "files": "passed", "trajectory": "passed", "usage": "passed", "gate": "unscored", "handoff": "unscored"
    }  # fmt: skip
    (result,) = find_run("run").results()
    assert (result.outcome, result.turns, result.agent) == ("unscored", 2, "imported")
    assert result.usage == {"input_tokens": 200, "output_tokens": 20, "cache_read_input_tokens": 100}
    capsys.readouterr()
    assert main(["eval", "report", "run", "--html", "report.html"]) == 1
    assert "cat answer.txt" in Path("report.html").read_text(encoding="utf-8")
    assert main(["eval", "score", "run", str(case)]) == 1
    assert outcomes("run")["files"] == "passed"


def test_files_that_are_not_known_and_counts_that_are_not_told_are_no_pass(case: Path, tmp_path: Path) -> None:
    assert main(["eval", "import", str(case), put(tmp_path, changed(final_metrics=None)), "--out", "run"]) == 1
    found = outcomes("run")
    assert (found["files"], found["usage"], found["trajectory"]) == ("unscored", "unscored", "passed")


def test_a_forbidden_call_fails_whatever_it_is_called_there(case: Path, tmp_path: Path) -> None:
    call = {"tool_call_id": "c", "function_name": "web_fetch", "arguments": {"url": "https://example.com"}}
    steps = [*FOREIGN["steps"], {"step_id": 4, "source": "agent", "message": "", "tool_calls": [call]}]
    assert main(["eval", "import", str(case), put(tmp_path, changed(steps=steps)), "--out", "run"]) == 1
    assert outcomes("run")["trajectory"] == "failed"


def test_a_run_of_ours_exported_and_imported_again_gets_the_same_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(__file__).parents[2] / "evals" / "cases" / "multi-environment"
    code = main(
        ["eval", "run", str(shipped), "--tools", "recorded", "--recordings", "good", "--out", "own", "--atif", "atif"]
    )
    assert code == 0, capsys.readouterr()
    (own,) = find_run("own").results()
    (exported,) = Path("atif").glob("*.json")
    main(["eval", "import", str(shipped), str(exported), "--out", "again"])
    (again,) = find_run("again").results()
    assert again.turns == own.turns
    assert (sum(again.usage.values()), again.cost_usd) == (sum(own.usage.values()), own.cost_usd)
    conduct = {score.scorer: score.outcome for score in own.scores if score.scorer in ("trajectory", "usage")}
    assert conduct
    assert {name: outcome for name, outcome in outcomes("again").items() if name in conduct} == conduct


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "not JSON"),
        (changed(schema_version="1"), "schema_version is '1'"),
        (changed(steps=[]), "steps: there is none"),
        (changed(steps=[{"source": "tool"}]), "step 1: source is 'tool'"),
        (changed(steps=[{"source": "agent", "tool_calls": {}}]), "step 1: tool_calls: not a list of objects"),
        (changed(steps=[{"source": "agent", "tool_calls": [{"arguments": {}}]}]), "step 1: tool_calls: function_name is None"),
        (changed(steps=[{"source": "agent", "tool_calls": [{"function_name": "x", "arguments": []}]}]), "arguments of x are no object"),
        (changed(steps=[{"source": "agent", "message": 5}]), "step 1: its text: not a list of objects"),
    ],
)  # fmt: skip
def test_a_malformed_trajectory_is_named_in_one_line(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: object, said: str
) -> None:
    assert main(["eval", "import", str(case), put(tmp_path, value), "--out", "run"]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "trajectory.json" in told
    assert len(told.splitlines()) == 1
    assert not Path("run").exists()


def test_what_does_not_go_together_is_refused(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = put(tmp_path, FOREIGN)
    assert main(["eval", "import", str(case), given, given, "--workspace", str(tmp_path)]) == 2
    assert main(["eval", "import", str(case), given, "--workspace", "nowhere"]) == 2
    assert main(["eval", "import", str(case), given, "--out", "run"]) == 1
    assert main(["eval", "import", str(case), given, "--out", "run"]) == 2
    assert "holds a run already" in capsys.readouterr().err
