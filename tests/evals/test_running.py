"""Running cases: agents, replays, limits, verifiers, interruption, resumption, and the same verdicts side by side."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evals.conftest import REWARD, TASK, MakeCase, lines_of

from agency_evals.agents import Choices
from agency_evals.attempt import Job, attempt
from agency_evals.case import read_case
from agency_evals.engine import Local, Serial
from agency_evals.kept_tree import kept_in
from agency_evals.results import CaseResult, Cause, Fault
from agency_evals.run_folder import RunFolder, latest
from agency_evals.suite import jobs_of, missing, perform
from agency_evals.verdicts import verdicts_path
from agency_runtime.loopback import Answer, Service, streams
from agency_runtime.testing import message, text, use

pytestmark = pytest.mark.bwrap
BWRAP = Choices(sandbox="bwrap")
RECORDED = TASK + '[agency.recordings]\ngood = "passed"\nfailure = "failed"\n'

Serve = Callable[..., Service]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    services: list[Service] = []

    def start(*answers: Answer) -> Service:
        service = Service(answers)
        service.start()
        services.append(service)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", service.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-key")
        return service

    yield start
    for service in services:
        service.stop()


def run(case: Path, tmp_path: Path, choices: Choices, recording: str | None = None, **more: Any) -> CaseResult:
    folder = RunFolder(tmp_path / "run")
    folder.begin({})
    jobs = jobs_of([read_case(case)], choices, folder.path, recordings=[recording or "*"])
    return attempt(replace(jobs[0], **more))


def spoken(*blocks: Sequence[Any]) -> list[Answer]:
    return [streams(message(*each, id=f"msg_{number}")) for number, each in enumerate(blocks)]


WRITES = [
    [use("Write", id="toolu_1", file_path="answer.txt", content="42\n")],
    [use("Bash", id="toolu_2", command="chmod 755 answer.txt; date +%s%N")],
    *([[text("Done.")]] * 5),
]


def agency(*words: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "agency_runtime.cli", "eval", *words]
    return subprocess.run(
        argv, cwd=cwd, env={**os.environ, **more}, capture_output=True, text=True, timeout=300, check=False
    )


def scores(result: CaseResult) -> dict[str, str | None]:
    return {score.scorer: score.outcome for score in result.scores}


def test_the_solution_passes_nothing_fails_and_both_are_as_expected(make_case: MakeCase, tmp_path: Path) -> None:
    case = make_case()
    solved = run(case, tmp_path, replace(BWRAP, agent="oracle"))
    events = lines_of(tmp_path / "run" / (solved.session or ""))
    idle = run(case, tmp_path, replace(BWRAP, agent="nop"))
    assert (solved.outcome, solved.as_expected, solved.files["created"]) == ("passed", True, ["answer.txt"])
    assert (idle.outcome, idle.expected, idle.as_expected) == ("failed", "failed", True)
    assert any(event["type"] == "call.finished" and event["tool"] == "Bash" for event in events)


def test_a_case_that_nothing_passes_or_its_solution_does_not_is_broken(make_case: MakeCase, tmp_path: Path) -> None:
    always = make_case("always", {"tests/test.sh": "echo 1 > /logs/verifier/reward.txt\n"})
    assert not run(always, tmp_path, replace(BWRAP, agent="nop")).as_expected
    never = make_case("never", {"solution/solve.sh": "true\n"})
    assert not run(never, tmp_path, replace(BWRAP, agent="oracle")).as_expected


def test_a_cheat_that_writes_the_reward_and_hijacks_the_tests_gains_nothing(
    make_case: MakeCase, tmp_path: Path
) -> None:
    cheat = (
        "mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt; echo 1 > reward.txt\n"
        "printf 'import os\\nos._exit(0)\\n' > sitecustomize.py; cp sitecustomize.py conftest.py; cp sitecustomize.py json.py\n"
        "(while true; do echo 1 > /logs/verifier/reward.txt; sleep 0.1; done) &\n"
        "printf '[pytest]\\naddopts = --collect-only\\n' > pytest.ini\n"
    )
    tests = "from pathlib import Path\ndef test_it() -> None:\n    assert Path('/workspace/answer.txt').is_file()\n"
    for files in ({"tests/test.sh": REWARD}, {"tests/test.sh": None, "tests/test_outputs.py": tests}):
        case = make_case(f"cheat-{len(files)}", {**files, "cheat/cheat.sh": cheat})
        result = run(case, tmp_path, replace(BWRAP, agent="cheat"))
        assert (result.outcome, result.as_expected) == ("failed", True), result


@pytest.mark.parametrize(
    ("tests", "outcome"),
    [
        ("def test_a() -> None:\n    assert True\n", "passed"),
        ("import pytest\ndef test_a() -> None:\n    pytest.skip('no tool')\n", "unscored"),
        ("import pytest\n@pytest.mark.xfail\ndef test_a() -> None:\n    assert False\n", "unscored"),
        ("x = 1\n", "error"),
        ("import nothing_of_that_name\n", "failed"),
    ],
)
def test_pytest_is_judged_by_its_report(make_case: MakeCase, tmp_path: Path, tests: str, outcome: str) -> None:
    case = make_case(files={"tests/test.sh": None, "tests/test_outputs.py": tests})
    result = run(case, tmp_path, replace(BWRAP, agent="oracle"))
    assert scores(result) == {"tests": outcome}, result


def test_the_tests_see_a_copy_and_never_the_agents_sandbox(make_case: MakeCase, tmp_path: Path) -> None:
    solve = "ls /tests /logs 2>/dev/null | wc -l > seen.txt; (sleep 300 &) ; echo 42 > answer.txt\n"
    check = (
        "r=0; [ \"$(cat /workspace/seen.txt)\" = 0 ] && ! pgrep -f 'sleep 300' >/dev/null && ! touch /tests/x 2>/dev/null"
        " && [ -f /app/../workspace/answer.txt ] && r=1; echo $r > /logs/verifier/reward.txt\n"
    )
    case = make_case(files={"solution/solve.sh": solve, "tests/test.sh": check})
    result = run(case, tmp_path, replace(BWRAP, agent="oracle"))
    assert result.outcome in ("passed", "failed")
    assert result.scores[0].value == (1.0 if result.outcome == "passed" else 0.0)
    assert not (case / "tests" / "x").exists()


def recorded(
    case: Path, serve: Serve, name: str = "good", blocks: Sequence[Any] = WRITES
) -> "subprocess.CompletedProcess[str]":
    serve(*spoken(*blocks))
    return agency("record", str(case), "--name", name, "--source", "authored", "--sandbox", "bwrap", cwd=case.parent)


def test_a_recording_replays_live_and_purely_with_the_same_verdict(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(
        files={
            "task.toml": RECORDED,
            "scorers.yaml": "scorers: [{kind: tests}, {kind: files, created: [answer.txt]}]\n",
        }
    )
    done = recorded(case, serve)
    assert done.returncode == 0, done
    done = recorded(case, serve, "failure", [[text("I did nothing.")]] * 5)
    assert done.returncode == 0, done
    kept = kept_in(case / "recordings" / "good.jsonl")
    assert kept is not None
    assert {path: (entry.text, entry.executable) for path, entry in kept.left.changed.items()} == {
        "answer.txt": ("42\n", True)
    }
    assert verdicts_path(case / "recordings" / "good.jsonl").is_file()
    for tools in ("live", "recorded"):
        for name, outcome in (("good", "passed"), ("failure", "failed")):
            result = run(case, tmp_path, replace(BWRAP, tools=tools), name)
            assert (result.outcome, result.as_expected, result.recording) == (outcome, True, name), result
            assert result.turns > 0
            assert result.usage["input_tokens"] > 0
            assert [score.recorded for score in result.scores] == [tools == "recorded", False]
    assert run(case, tmp_path, BWRAP, "failure").id == "sample@failure"


def test_live_results_that_differ_are_named_and_may_fail_the_case(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(files={"task.toml": RECORDED.replace('failure = "failed"\n', "")})
    assert recorded(case, serve).returncode == 0
    for policy, outcome, step in (("ignore", "passed", None), ("warn", "passed", 2), ("fail", "failed", 2)):
        result = run(case, tmp_path, replace(BWRAP, divergence=policy))
        assert (result.outcome, result.diverged_at_step) == (outcome, step), result
    assert run(case, tmp_path, replace(BWRAP, divergence="fail")).scores[-1].scorer == "divergence"


def test_a_changed_persona_is_reported_as_drift_and_fails_nothing(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(files={"task.toml": RECORDED.replace('failure = "failed"\n', "")})
    assert recorded(case, serve).returncode == 0
    persona = tmp_path / "terse.md"
    persona.write_text(
        "---\nname: terse\ndescription: Says little\ntools: Read, Write, Bash\npermissionMode: acceptEdits\n---\nBe brief.\n"
    )
    result = run(case, tmp_path, replace(BWRAP, persona=str(persona)))
    assert (result.outcome, set(result.drifted)) == ("passed", {"system", "tools"})
    assert list(run(case, tmp_path, BWRAP).drifted) == []


def test_a_pure_replay_of_another_workspace_or_without_files_says_how_to_mend_it(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(files={"task.toml": RECORDED.replace('failure = "failed"\n', "")})
    assert recorded(case, serve).returncode == 0
    (case / "environment" / "workspace" / "more.txt").write_text("x")
    result = run(case, tmp_path, replace(BWRAP, tools="recorded"))
    assert result.fault is not None
    assert (result.fault.cause, "--refresh" in result.fault.message) == (Cause.HARNESS, True)
    done = agency("record", str(case), "--refresh", "--sandbox", "bwrap", cwd=case.parent)
    assert done.returncode == 0, done
    assert run(case, tmp_path, replace(BWRAP, tools="recorded")).outcome == "passed"


def test_a_verdict_is_not_taken_over_once_the_tests_have_changed(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(files={"task.toml": RECORDED.replace('failure = "failed"\n', "")})
    assert recorded(case, serve).returncode == 0
    (case / "tests" / "test.sh").write_text(REWARD + "# changed\n")
    assert run(case, tmp_path, replace(BWRAP, tools="recorded")).outcome == "unscored"
    assert agency("record", str(case), "--verdicts", "--sandbox", "bwrap", cwd=case.parent).returncode == 0
    assert run(case, tmp_path, replace(BWRAP, tools="recorded")).outcome == "passed"


def test_a_limit_that_is_hit_is_recorded_and_the_work_still_scored(
    make_case: MakeCase, tmp_path: Path, serve: Serve
) -> None:
    case = make_case(files={"task.toml": TASK + "[agency.limits]\nturns = 1\n"})
    serve(*spoken(*WRITES))
    result = run(case, tmp_path, replace(BWRAP, agent="live", source="authored"))
    assert (result.fault and result.fault.cause, result.outcome, result.turns) == (Cause.BUDGET, "passed", 1)
    tokens = make_case("tokens", {"task.toml": TASK + "[agency.limits]\ntokens = 10\n"})
    serve(*spoken(*WRITES))
    result = run(tokens, tmp_path, replace(BWRAP, agent="live", source="authored"))
    assert result.fault is not None
    assert "10 tokens" in result.fault.message


def made(job: Job) -> CaseResult:
    """A stand-in for an attempt: its case's name says what becomes of it."""
    if job.id.startswith("dies") and not job.earlier:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.id.startswith("breaks") and len(job.earlier) < 2:
        fault = Fault(cause=Cause.SANDBOX, message=f"no. {len(job.earlier)}")
        return CaseResult(id=job.id, digest=job.digest, outcome="error", fault=fault)
    if job.id.startswith("spends"):
        fault = Fault(cause=Cause.BUDGET, message="60 turns")
        return CaseResult(id=job.id, digest=job.digest, outcome="failed", fault=fault, earlier=tuple(job.earlier))
    return CaseResult(id=job.id, digest=job.digest, outcome="passed", earlier=tuple(job.earlier))


def jobs(tmp_path: Path, *names: str) -> list[Job]:
    return [
        Job(id=name, case=tmp_path, run=tmp_path / "run", digest="d", expected="passed", choices=BWRAP)
        for name in names
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_infrastructure_is_tried_again_agents_never_and_a_dead_worker_loses_nothing(
    tmp_path: Path, workers: int
) -> None:
    names = ["a", "breaks", "spends", *(["dies"] if workers > 1 else []), *(f"more-{number}" for number in range(20))]
    folder = RunFolder(tmp_path / "run")
    folder.begin({})
    engine = Local(workers, made) if workers > 1 else Serial(made)
    assert perform(jobs(tmp_path, *names), engine, folder, retries=2, tell=lambda _: None)
    results = {result.id: result for result in latest(folder.results())}
    assert len(list(folder.results())) == len(names)
    assert [fault.message for fault in results["breaks"].earlier] == ["no. 0", "no. 1"]
    assert (results["breaks"].outcome, list(results["spends"].earlier)) == ("passed", [])
    if workers > 1:
        assert "SIGKILL" in results["dies"].earlier[0].message


def test_only_what_is_missing_is_made_again_and_a_changed_case_is(tmp_path: Path) -> None:
    todo = jobs(tmp_path, "a", "b", "c")
    done = [
        CaseResult(id="a", digest="d", outcome="failed"),
        CaseResult(id="b", digest="other", outcome="passed"),
        CaseResult(id="c", digest="d", outcome="error", fault=Fault(cause=Cause.SANDBOX, message="x")),
    ]
    assert [job.id for job in missing(todo, done)] == ["b", "c"]


def test_side_by_side_comes_to_the_same_as_one_after_the_other(make_case: MakeCase, tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        make_case(name, {"solution/solve.sh": "echo 42 > answer.txt\n" if name < "c" else "true\n"})
    found: list[list[tuple[str, str, dict[str, str | None]]]] = []
    for count in ("1", "3"):
        out = tmp_path / f"run-{count}"
        agency("run", "--agent", "oracle", "--sandbox", "bwrap", "-j", count, "--out", str(out), cwd=tmp_path)
        found.append([(result.id, result.outcome, scores(result)) for result in RunFolder(out).read().cases])
    assert found[0] == found[1]
    assert [outcome for _, outcome, _ in found[0]] == ["passed", "passed", "failed", "failed"]


def test_an_interrupted_run_keeps_what_is_done_and_the_same_command_goes_on(
    make_case: MakeCase, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        make_case(name, {"solution/solve.sh": f"{'' if name == 'a' else 'sleep 60; '}echo 42 > answer.txt\n"})
    argv = [
        sys.executable,
        "-m",
        "agency_runtime.cli",
        "eval",
        "run",
        "--agent",
        "oracle",
        "--sandbox",
        "bwrap",
        "-j",
        "1",
    ]
    process = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    state = Path(os.environ["XDG_STATE_HOME"]) / "agency" / "evals"
    until(lambda: any(path.read_text().count("\n") == 1 for path in state.glob("*/results.jsonl")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "1 of 3 are done" in said
    for name in ("b", "c"):
        (tmp_path / "evals" / "cases" / name / "solution" / "solve.sh").write_text("echo 42 > answer.txt\n")
    done = agency("run", "--agent", "oracle", "--sandbox", "bwrap", "-j", "1", cwd=tmp_path)
    assert "2 of 3 attempts to make, the others are done" in done.stderr, done
    assert done.returncode == 0
    assert len(list(state.iterdir())) == 1
    assert "3 of 3 attempts to make" in agency("run", "--agent", "oracle", "--sandbox", "bwrap", cwd=tmp_path).stderr


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_is_scored_again_from_what_it_kept_and_only_what_failed_is_run_again(
    make_case: MakeCase, tmp_path: Path
) -> None:
    case = make_case(files={"tests/test.sh": "echo 0 > /logs/verifier/reward.txt\n"})
    make_case("fine")
    out = str(tmp_path / "out")
    assert agency("run", "--agent", "oracle", "--sandbox", "bwrap", "--out", out, cwd=tmp_path).returncode == 1
    (case / "solution" / "solve.sh").write_text("exit 1\n")  # it is not run again
    (case / "tests" / "test.sh").write_text(REWARD)
    done = agency("score", out, "--sandbox", "bwrap", cwd=tmp_path)
    assert done.returncode == 0, done
    (tmp_path / "scores.jsonl").write_text('{"id": "sample", "value": false, "evidence": "by hand"}\n')
    assert agency("score", out, "--import", "scores.jsonl", "--as", "hand", cwd=tmp_path).returncode == 1
    final = {result.id: scores(result) for result in RunFolder(Path(out)).read().cases}
    assert final == {"fine": {"tests": "passed"}, "sample": {"tests": "passed", "hand": "failed"}}
    again = agency("run", "--agent", "oracle", "--sandbox", "bwrap", "--failed-from", out, cwd=tmp_path)
    assert "1 of 1 attempts" in again.stderr, again


def test_the_lock_names_cases_tools_and_what_we_are(make_case: MakeCase, tmp_path: Path) -> None:
    case = make_case()
    out = tmp_path / "out"
    done = agency(
        "run",
        "--agent",
        "nop",
        "--sandbox",
        "bwrap",
        "--out",
        str(out),
        "--json",
        str(tmp_path / "r.json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done
    lock = json.loads((out / "lock.json").read_text())
    assert lock["cases"]["sample"]["digest"] == read_case(case).digest
    assert lock["tools"]["git"]
    assert lock["tools"]["pytest"]
    assert lock["sandbox"]["kind"] == "bwrap"
    assert len(lock["agency"]["commit"]) == 40
    assert isinstance(lock["agency"]["dirty"], bool)
    assert json.loads((tmp_path / "r.json").read_text())["cases"][0]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nothing"], "no case 'nothing'"),
        (["run", "--tag", "none"], "no case has the tags none; there are"),
        (["run", "--recordings", "x"], "nothing to run"),
        (["run", "--failed-from", "never"], "no run 'never'"),
        (["score", "never"], "no run 'never'"),
        (["record", "sample", "--refresh"], "recordings/good.jsonl is not there"),
    ],
)
def test_what_is_given_wrongly_is_said_in_one_line(
    make_case: MakeCase, tmp_path: Path, words: list[str], said: str
) -> None:
    make_case()
    done = agency(*words, cwd=tmp_path)
    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (2, True, 1), done
