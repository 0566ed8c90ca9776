"""`agency work`, `implement` and `plan` as a user runs them: a real repository, a real sandbox, a loopback service."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from agency_runtime.loopback import Answer, Service, fails, streams
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = pytest.mark.bwrap
CHECK = use("Bash", id="t1", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")
ITEM = {"area": "infrastructure", "path": "Dockerfile", "what": "an image of nothing"}


def handoff(*claims: Json, **more: Any) -> Json:
    return use("Handoff", id="t9", work_completed=[ITEM], claims=list(claims), **more)


GOOD = handoff({"statement": "the Dockerfile has a FROM line", "calls": ["c1"], "about": "Dockerfile"})
DONE = streams(message(text("Done.")))


def agency(*words: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    environment = {**os.environ, **variables}
    argv = [sys.executable, "-m", "agency_runtime.cli", *words]
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def work(cwd: Path, *words: str, issue: str = "Add a Dockerfile") -> dict[str, Any]:
    """`agency work` in bubblewrap; its last object."""
    done = agency("work", issue, "--sandbox", "bwrap", "--output", "json", *words, cwd=cwd)
    assert done.stdout, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome


Serve = Callable[..., Service]


def test_work_that_proves_what_it_says_is_done(serve: Serve, repository: Path) -> None:
    serve(streams(message(text("Writing."), CHECK)), streams(message(GOOD)), DONE)
    outcome = work(repository)
    folder = repository / ".agency" / "handoff" / "add-a-dockerfile" / "devops-automator"
    assert (outcome["status"], outcome["exit_code"], outcome["unverified"]) == ("done", 0, [])
    assert outcome["files_changed"] == {"created": ["Dockerfile"], "modified": [], "deleted": []}
    assert json.loads((folder / "files-changed.json").read_text()) == outcome["files_changed"]
    assert [line for line in (folder / "summary.md").read_text().splitlines() if line.startswith("## ")] == [
        "## Work Completed",
        "## Implementation Details",
        "## Integration Points (For Other Specialists)",
        "## Verification Criteria (For Reality-Checker)",
        "## Testing Evidence",
        "## Files Changed",
        "## Infrastructure Resources Provisioned",
        "## Cost Optimization",
        "## Next Steps",
    ]
    evidence = json.loads((folder / "evidence.json").read_text())
    assert [claim["standing"] for claim in evidence["claims"]] == ["verified"]
    assert agency("verify", "add-a-dockerfile", cwd=repository).returncode == 0


def test_a_run_with_a_network_reaches_it_says_so_and_reaches_nothing_else(serve: Serve, repository: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        there = f"localhost:{server.server_port}"
        fetch = use(
            "Bash", id="t1", command=f"curl -s -o /dev/null -w '%{{http_code}} ' http://{{{there},other.example}}/"
        )
        service = serve(streams(message(fetch)), DONE, DONE, DONE, DONE)
        done = agency(
            "work", "Fetch it", "--sandbox", "bwrap", "--network", there, "--allow", "Bash(curl *)", cwd=repository
        )
        server.shutdown()
    told = [json.dumps(request["messages"]) for request in service.requests]
    assert f"network of the shell: {there} (these hosts and no others" in told[0]
    assert '"content": "200 agency: other.example:80 is not open to this sandbox' in told[1]
    assert f"network: {there} opened" in done.stdout
    assert "network: other.example:80 refused" in done.stdout


def test_what_nothing_shows_is_not_verified_and_the_model_may_mend_it(serve: Serve, repository: Path) -> None:
    invented = handoff({"statement": "p95: 220ms and $770/month saved", "calls": ["c1"]})
    service = serve(streams(message(CHECK)), streams(message(invented)), DONE, DONE, DONE, DONE)
    outcome = work(repository)
    assert (outcome["status"], outcome["exit_code"]) == ("incomplete", 1)
    assert "770" in outcome["unverified"][0]
    told = json.dumps(service.requests[2]["messages"])
    assert "Not verified" in told


def test_a_run_without_a_handoff_is_incomplete_and_says_so(serve: Serve, repository: Path) -> None:
    serve(streams(message(CHECK)), DONE, DONE, DONE, DONE)
    outcome = work(repository)
    assert (outcome["status"], outcome["exit_code"]) == ("incomplete", 1)
    assert outcome["unverified"] == ["no handoff was given"]
    assert (repository / outcome["handoff"] / "summary.md").is_file()


def test_a_recording_replays_to_the_same_handoff_with_tools_run_or_not(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    record = str(tmp_path / "run.jsonl")
    first = work(repository, "--record", record, "--source", "authored")
    for tools in ("live", "recorded"):
        copy = tmp_path / tools
        subprocess.run(["git", "clone", "-q", str(repository), str(copy)], check=True)
        done = agency("work", "--replay", record, "--tools", tools, "--sandbox", "bwrap", "--output", "json", cwd=copy)
        again = json.loads(done.stdout)
        assert (again["exit_code"], again["divergences"]) == (0, [])
        assert again["digests"] == first["digests"]
        assert (copy / first["handoff"] / "summary.md").read_bytes() == (
            repository / first["handoff"] / "summary.md"
        ).read_bytes()


def test_what_calls_really_changed_is_recorded_and_judged_again_in_a_replay(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    check = use("Bash", id="t1", command='test "$(cat README.md | wc -c)" -gt 0')
    copied = use(
        "Bash", id="t2", command="cp README.md /tmp/copy.md && cd /tmp && sed -i s/a/b/ copy.md README.md; true"
    )
    altered = use(
        "Bash", id="t2", command="python3 -c \"__import__('pathlib').Path('README' + '.md').write_text('b')\""
    )
    claimed = handoff({"statement": "the readme is no empty file", "calls": ["c1"], "about": "README.md"})
    for second, paths, code in ((copied, [], 0), (altered, ["README.md"], 1)):
        serve(streams(message(check, second)), streams(message(claimed)), DONE, DONE, DONE, DONE)
        record = tmp_path / f"{code}.jsonl"
        outcome = work(repository, "--record", str(record), "--source", "authored")
        turns = [json.loads(line) for line in record.read_text().splitlines()][1:-1]
        assert [result["altered"] for result in turns[0]["results"]] == [[], paths]
        done = agency("work", "--replay", str(record), "--tools", "recorded", "--output", "json", cwd=repository)
        again = json.loads(done.stdout)
        assert (outcome["exit_code"], again["exit_code"], again["digests"]) == (code, code, outcome["digests"])
        assert any("README.md was changed by call c2" in each for each in outcome["unverified"]) == bool(code)


def test_a_replay_without_execution_ends_as_the_recorded_run_did(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    honest = handoff(not_run=[{"check": "everything", "why": "the shell was not approved"}])
    serve(streams(message(CHECK)), streams(message(honest)), DONE)
    record = str(tmp_path / "run.jsonl")
    first = work(repository, "--record", record, "--source", "authored", "--ask", "Bash(*)")
    done = agency("work", "--replay", record, "--tools", "recorded", "--output", "json", cwd=repository)
    again = json.loads(done.stdout)
    assert (again["exit_code"], again["denials"]) == (first["exit_code"], first["denials"]) == (6, first["denials"])


def test_a_helpers_calls_keep_their_references_where_nothing_is_executed(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    ask_helper = use("Task", id="t1", description="look", prompt="count the files")
    helper = use("Bash", id="t2", command="ls")
    good = handoff({"statement": "the Dockerfile has a FROM line", "calls": ["c3"], "about": "Dockerfile"})
    check = {**CHECK, "id": "t3"}
    serve(
        streams(message(ask_helper)), streams(message(helper)), streams(message(text("one"))),
        streams(message(check)), streams(message(good)), DONE,
    )  # fmt: skip
    record = str(tmp_path / "run.jsonl")
    first = work(repository, "--record", record, "--source", "authored")
    assert first["status"] == "done", first
    done = agency("work", "--replay", record, "--tools", "recorded", "--output", "json", cwd=repository)
    again = json.loads(done.stdout)
    assert (again["status"], again["digests"]) == ("done", first["digests"])


def test_another_issue_is_no_replay_of_the_recorded_one(serve: Serve, repository: Path, tmp_path: Path) -> None:
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    record = str(tmp_path / "run.jsonl")
    work(repository, "--record", record, "--source", "authored")
    done = agency("work", "Do something else", "--replay", record, "--output", "json", cwd=repository)
    assert done.returncode == 7
    assert json.loads(done.stdout)["reason"] == "its issue is 'Add a Dockerfile', not 'Do something else'"


def test_a_replay_that_cannot_be_the_recorded_run_ends_with_exit_7(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    record = tmp_path / "run.jsonl"
    work(repository, "--record", str(record), "--source", "authored")
    lines = record.read_text().splitlines()
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(lines[:3]) + "\n")
    done = agency("work", "--replay", str(short), "--sandbox", "bwrap", "--output", "json", cwd=repository)
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["status"]) == (7, "replay_differs")
    assert "used up" in outcome["reason"]


@pytest.mark.parametrize(
    ("answers", "words", "status", "code"),
    [
        ([streams(message(CHECK))] * 5, ["--max-turns", "2"], "out_of_budget", 5),
        ([streams(message(CHECK))] * 5, ["--max-cost", "0.0000001"], "out_of_budget", 5),
        ([fails(401, "authentication_error", "invalid x-api-key")], [], "model_failed", 3),
        ([streams(message(text("I cannot."), stop_reason="refusal"))], [], "refused", 1),
        ([streams(message(CHECK))] * 6, ["--deny", "Bash(*)"], "denied", 6),
        ([streams(message(CHECK)), streams(message(handoff(not_run=[{"check": "all", "why": "refused"}]))), DONE], ["--ask", "Bash(*)"], "approval_needed", 6),
    ],
    ids=["turns", "money", "key", "refusal", "denied", "approval"],
)  # fmt: skip
def test_each_ending_has_its_exit_code(
    serve: Serve, repository: Path, answers: list[Answer], words: list[str], status: str, code: int
) -> None:
    serve(*answers)
    outcome = work(repository, *words)
    assert (outcome["status"], outcome["exit_code"]) == (status, code)


@pytest.mark.parametrize(
    ("number", "status", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)]
)
def test_a_signal_ends_the_run_with_a_valid_log_and_nothing_left_running(
    serve: Serve, repository: Path, number: signal.Signals, status: str, code: int
) -> None:
    serve(streams(message(use("Bash", command="echo started > started; sleep 300"))))
    argv = [sys.executable, "-m", "agency_runtime.cli", "work", "Wait", "--sandbox", "bwrap", "--output", "json"]
    with subprocess.Popen(argv, cwd=repository, stdout=subprocess.PIPE, text=True) as run:
        wait_for(repository / "started")
        run.send_signal(number)
        assert run.stdout is not None
        outcome = json.loads(run.stdout.read())
    assert (outcome["status"], run.returncode) == (status, code)
    events = log_of(outcome["session_id"])
    assert events[-1]["type"] == "session.ended"
    assert "sleep 300" not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


def test_a_run_that_is_killed_leaves_a_readable_log_and_no_half_written_file(serve: Serve, repository: Path) -> None:
    serve(streams(message(use("Bash", command="echo started > started; sleep 300"))))
    argv = [sys.executable, "-m", "agency_runtime.cli", "work", "Wait", "--sandbox", "bwrap", "--output", "json"]
    with subprocess.Popen(argv, cwd=repository, stdout=subprocess.DEVNULL) as run:
        wait_for(repository / "started")
        run.kill()
    sessions = Path(os.environ["XDG_STATE_HOME"]) / "agency" / "sessions"
    events = log_of(next(sessions.iterdir()).name)
    assert [event["type"] for event in events[-2:]] == ["call.judged", "call.started"]
    assert sorted(path.name for path in repository.iterdir()) == [".git", "README.md", "started"]
    assert agency("session", "list", cwd=repository).stdout.split()[1:3] == ["cut", "off"]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def log_of(session: str) -> list[dict[str, Any]]:
    path = Path(os.environ["XDG_STATE_HOME"]) / "agency" / "sessions" / session / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


PLAN = """# Ship it

## Objective
An image of the service.

## Context
`README.md` says hello.

## Steps
1. Write `Dockerfile`; checked by `hadolint Dockerfile`.
2. Write `.dockerignore`; checked by reading it.
3. Build it from `Dockerfile`; checked by `docker build .`.

## Files
`Dockerfile`, `.dockerignore`

## Success Criteria
`hadolint Dockerfile` exits 0.

## Risks and Rollback
None beyond the two files: delete `Dockerfile`.

## Open Questions
None.
"""


def test_plan_writes_the_plan_and_nothing_else(serve: Serve, repository: Path) -> None:
    try_it = use("Bash", command="echo no > forbidden; cat README.md")
    serve(streams(message(try_it)), streams(message(text("Here is half a plan."))), streams(message(text(PLAN))))
    done = agency("plan", "Ship it", "--sandbox", "bwrap", "--output", "json", cwd=repository)
    outcome = json.loads(done.stdout)
    assert (outcome["status"], done.returncode) == ("done", 0)
    assert (repository / ".agency" / "plans" / "ship-it.md").read_text() == PLAN
    changed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert changed.stdout == "?? .agency/plans/ship-it.md\n"


def test_implement_executes_a_plan_in_handoff_mode(serve: Serve, repository: Path) -> None:
    folder = repository / ".agency" / "handoff" / "shipping" / "devops-automator"
    folder.mkdir(parents=True)
    (folder / "plan.md").write_text(PLAN + "\n## Dependencies\nBackend: the port.\n")
    service = serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    done = agency("implement", str(folder / "plan.md"), "--sandbox", "bwrap", "--output", "json", cwd=repository)
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["feature"]) == ("done", "shipping")
    assert (folder / "summary.md").is_file()
    assert (folder / "plan.md").read_text().endswith("the port.\n")
    state = json.loads((folder.parent / "execution-state.json").read_text())
    assert state["specialists"]["devops-automator"]["status"] == "completed"
    told = service.requests[0]["messages"][0]["content"][0]["text"]
    assert "Backend: the port." in told
    assert "handoff mode" in told


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["work"], 2, "nothing to do"),
        (["work", " "], 2, "the issue is empty"),
        (["work", "x", "--issue-file", "y"], 2, "given twice"),
        (["work", "--issue-file", "none.txt"], 2, "none.txt: No such file"),
        (["work", "x", "--persona", "devop-automator"], 2, "devops-automator"),
        (["work", "x", "--persona", "none.md"], 2, "none.md"),
        (["work", "x", "--max-turns", "0"], 2, "--max-turns"),
        (["work", "x", "--max-cost", "free"], 2, "unlimited"),
        (["work", "x", "--permission-mode", "yolo"], 2, "acceptEdits"),
        (["work", "x", "--sandbox", "none"], 2, "docker"),
        (["work", "x", "--allow", "Bash(("], 2, "Bash(("),
        (["work", "x", "--target", "prod"], 2, "prod"),
        (["work", "x", "--replay", "none.jsonl"], 2, "none.jsonl"),
        (["work", "x", "--repo", "none"], 2, "none"),
        (["work", "x", "--feature", "../../etc"], 2, "--feature"),
        (["work", "x", "--tools", "recorded"], 2, "--replay"),
        (["work", "x", "--network", "https://example.com"], 2, "--network 'https://example.com': write HOST"),
        (["work", "x", "--network", "none,example.com"], 2, "`none` stands alone"),
        (["work", "x", "--network", "example.com,169.254.169.254"], 2, "metadata service"),
        (["implement", "none"], 2, "none"),
        (["implement", "README.md"], 2, "objective"),
        (["work", "x", "--record", "r.jsonl"], 2, "--source"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_input_is_one_line_with_the_remedy(
    serve: Serve, repository: Path, words: list[str], code: int, said: str
) -> None:
    service = serve()
    done = agency(*words, cwd=repository)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert service.requests == []


def test_outside_a_repository_and_without_a_key_is_said(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "plain"
    bare.mkdir()
    assert "git init" in agency("work", "x", cwd=bare).stderr
    done = agency("work", "x", cwd=repository, ANTHROPIC_API_KEY="", ANTHROPIC_AUTH_TOKEN="")
    assert (done.returncode, "ANTHROPIC_API_KEY" in done.stderr) == (2, True)


def test_without_any_sandbox_the_run_ends_before_the_model_is_asked(
    serve: Serve, repository: Path, tmp_path: Path
) -> None:
    serve(DONE)
    git = tmp_path / "bin"
    git.mkdir()
    (git / "git").symlink_to("/usr/bin/git")
    done = agency("work", "x", "--output", "json", cwd=repository, PATH=str(git), DOCKER_HOST="unix:///nowhere.sock")
    outcome = json.loads(done.stdout)
    assert (done.returncode, outcome["status"]) == (4, "sandbox_failed")
    assert "bubblewrap" in outcome["reason"]


def test_what_the_user_had_changed_before_is_not_the_runs(serve: Serve, repository: Path) -> None:
    (repository / "README.md").write_text("my own change\n")
    (repository / "notes.txt").write_text("mine\n")
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    outcome = work(repository)
    assert outcome["files_changed"] == {"created": ["Dockerfile"], "modified": [], "deleted": []}


def test_an_empty_repository_can_be_worked_on(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    assert work(folder)["status"] == "done"


def test_a_worktree_leaves_the_repository_as_it_was(serve: Serve, repository: Path) -> None:
    serve(streams(message(CHECK)), streams(message(GOOD)), DONE)
    outcome = work(repository, "--worktree")
    assert outcome["status"] == "done"
    assert not (repository / "Dockerfile").exists()
    branches = subprocess.run(
        ["git", "branch", "--list", "agency/*"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "agency/add-a-dockerfile" in branches.stdout
