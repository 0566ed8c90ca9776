"""`agency session resume`: runs that were killed or ended early go on, nothing is done twice, every call has a result."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.audit import verify
from agency_runtime.diagnostics import without_diagnostics
from agency_runtime.loopback import Service, fails, streams
from agency_runtime.session import sessions_folder
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = pytest.mark.bwrap
Serve = Callable[..., Service]
CLI = [sys.executable, "-m", "agency_runtime.cli"]
CHECK = use("Bash", id="t1", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")
AGAIN = use("Bash", id="t2", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")
ITEM = {"area": "infrastructure", "path": "Dockerfile", "what": "an image of nothing"}
CLAIM = {"statement": "the Dockerfile has a FROM line", "calls": ["c1"], "about": "Dockerfile"}
HANDOFF = use("Handoff", id="t9", work_completed=[ITEM], claims=[CLAIM])
DONE = streams(message(text("Done.")))
HANGS = "echo x >> count; sleep 300"


def agency(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*CLI, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def work(cwd: Path, *words: str) -> Json:
    """`agency work` to its end; its last object."""
    return last(agency("work", "Add a Dockerfile", "--sandbox", "bwrap", "--output", "json", *words, cwd=cwd))


def resume(cwd: Path, session: str, *words: str) -> Json:
    return last(agency("session", "resume", session, "--output", "json", *words, cwd=cwd))


def last(done: "subprocess.CompletedProcess[str]") -> Json:
    assert done.stdout, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome


def ended_by(cwd: Path, number: signal.Signals, when: Callable[[], bool], *words: str) -> str:
    """Start `agency work`, wait until `when`, send the signal; the session's id."""
    argv = [*CLI, "work", "Add a Dockerfile", "--sandbox", "bwrap", "--output", "json", *words]
    with subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not when():
            assert time.monotonic() < deadline, "what the test waits for never came"
            assert run.poll() is None, "the run ended by itself"
            time.sleep(0.02)
        run.send_signal(number)
    return newest()


def newest() -> str:
    return max(path.name for path in sessions_folder().iterdir())


def events(session: str) -> list[Json]:
    lines = (sessions_folder() / session / "events.jsonl").read_text().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def logged(kind: str) -> Callable[[], bool]:
    """Whether the newest session's log holds such an event."""

    def there() -> bool:
        found = sessions_folder().is_dir() and any(sessions_folder().glob("*/events.jsonl"))
        return found and any(event["type"] == kind for event in events(newest()))

    return there


def waits(*_: object) -> None:
    """An answer that never comes."""
    time.sleep(90)


def valid(messages: Iterable[Json]) -> list[Json]:
    """The messages, once it is sure that sides alternate and every tool_use has its tool_result next."""
    listed = list(messages)
    assert [each["role"] for each in listed] == ["user", "assistant"] * (len(listed) // 2) + ["user"]
    for said, answered in zip(listed[1::2], listed[2::2], strict=True):
        asked = [block["id"] for block in said["content"] if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in answered["content"] if block["type"] == "tool_result"]
        assert results == asked
    return listed


def whole(request: Json) -> list[Json]:
    """The messages of a request that carries the whole history."""
    assert "previous_message_id" not in json.dumps(request.get("thread") or {})
    return valid(request["messages"])


def result(messages: list[Json], call: str) -> Json:
    blocks = [block for each in messages for block in each["content"] if block["type"] == "tool_result"]
    found: Json
    [found] = [block for block in blocks if block["tool_use_id"] == call]
    return found


def said(messages: list[Json], call: str, ref: str) -> str:
    """What the call came to, without its reference and what the validators of this machine say of it."""
    content = str(result(messages, call)["content"])
    assert content.endswith(f"\n\n[call {ref}]")
    return without_diagnostics(content.removesuffix(f"\n\n[call {ref}]"))


def told(messages: list[Json]) -> str:
    return "\n".join(block["text"] for block in messages[-1]["content"] if block["type"] == "text")


def test_a_run_killed_during_a_call_goes_on_and_the_call_is_not_made_again(serve: Serve, repository: Path) -> None:
    service = serve(
        streams(message(CHECK)),
        streams(message(use("Bash", id="t2", command=HANGS), use("Bash", id="t3", command="echo y >> count"))),
        streams(message(HANDOFF)),
        DONE,
    )
    session = ended_by(repository, signal.SIGKILL, (repository / "count").exists)
    log = sessions_folder() / session / "events.jsonl"
    before = log.read_bytes()
    outcome = resume(repository, session)
    messages = whole(service.requests[2])
    assert (outcome["status"], outcome["turns"], outcome["unverified"]) == ("done", 4, [])
    assert (repository / "count").read_text() == "x\n"
    assert outcome["files_changed"] == {"created": ["Dockerfile", "count"], "modified": [], "deleted": []}
    assert result(messages, "t1")["content"].startswith("1\n")
    interrupted, never = result(messages, "t2"), result(messages, "t3")
    assert interrupted["content"].startswith("interrupted; verify its side effects before you go on")
    assert never["content"].startswith("Not executed")
    assert interrupted["is_error"] is never["is_error"] is True
    assert "This run was killed at" in told(messages)
    assert "Under way when it ended: c2 (Bash)" in told(messages)
    assert log.read_bytes() == before
    assert verify(log.parent).ok
    assert verify(sessions_folder() / outcome["session_id"]).ended
    evidence = json.loads((repository / outcome["handoff"] / "evidence.json").read_text())
    assert [(claim["standing"], claim["calls"][0]["ref"]) for claim in evidence["claims"]] == [("verified", "c1")]


def test_a_run_killed_before_its_first_call_goes_on(serve: Serve, repository: Path) -> None:
    service = serve(waits, streams(message(CHECK)), streams(message(HANDOFF)), DONE)
    session = ended_by(repository, signal.SIGKILL, lambda: len(service.requests) == 1)
    outcome = resume(repository, session)
    assert (outcome["status"], outcome["turns"]) == ("done", 4)
    assert whole(service.requests[1])[0]["content"][0] == service.requests[0]["messages"][0]["content"][0]


def test_a_run_killed_after_a_result_and_before_the_next_reply_keeps_the_result(serve: Serve, repository: Path) -> None:
    service = serve(streams(message(CHECK)), waits, streams(message(HANDOFF)), DONE)
    session = ended_by(repository, signal.SIGKILL, lambda: len(service.requests) == 2 and logged("call.finished")())
    outcome = resume(repository, session)
    assert outcome["status"] == "done"
    assert said(whole(service.requests[2]), "t1", "c1") == "1"


def test_a_call_whose_result_did_not_reach_the_log_is_interrupted_and_a_torn_line_is_said(
    serve: Serve, repository: Path
) -> None:
    service = serve(streams(message(CHECK)), waits, streams(message(AGAIN)), DONE, DONE, DONE, DONE)
    session = ended_by(repository, signal.SIGKILL, lambda: len(service.requests) == 2 and logged("call.finished")())
    for name in ("events.jsonl", "audit.jsonl"):  # as if the crash had come while the result was written
        path = sessions_folder() / session / name
        lines = path.read_text().splitlines(keepends=True)
        cut = next(at for at, line in enumerate(lines) if json.loads(line)["type"] == "call.finished")
        path.write_text("".join(lines[:cut]) + lines[cut][:40])
    outcome = resume(repository, session)
    messages = whole(service.requests[2])
    assert result(messages, "t1")["content"].startswith("interrupted; verify")
    assert "last line of its log was cut" in told(messages)
    assert outcome["files_changed"]["created"] == ["Dockerfile"]
    assert [event["ref"] for event in events(outcome["session_id"]) if event["type"] == "call.finished"] == ["c1", "c2"]


def test_a_run_killed_during_the_handoff_goes_on_from_it(serve: Serve, repository: Path) -> None:
    service = serve(streams(message(CHECK)), streams(message(HANDOFF)), waits, DONE)
    session = ended_by(repository, signal.SIGKILL, lambda: len(service.requests) == 3)
    outcome = resume(repository, session)
    assert result(whole(service.requests[3]), "t9")["content"].startswith("Accepted")
    assert (outcome["status"], outcome["unverified"]) == ("done", [])
    assert outcome["verified"] == ["the Dockerfile has a FROM line"]


@pytest.mark.parametrize(
    ("number", "status", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)]
)
def test_a_run_that_a_signal_ended_goes_on_and_is_told_what_somebody_changed_meanwhile(
    serve: Serve, repository: Path, number: signal.Signals, status: str, code: int
) -> None:
    service = serve(
        streams(message(CHECK)), streams(message(use("Bash", id="t2", command=HANGS))), streams(message(HANDOFF)), DONE
    )
    session = ended_by(repository, number, (repository / "count").exists)
    end = events(session)[-1]
    assert (end["status"], end["exit_code"], end["resume"]) == (status, code, f"agency session resume {session}")
    (repository / "mine").write_text("by hand")
    outcome = resume(repository, session)
    messages = whole(service.requests[2])
    assert outcome["status"] == "done"
    assert "Changed since then by somebody else: mine." in told(messages)
    assert result(messages, "t2")["content"].startswith("interrupted; verify")


def test_a_spent_budget_counts_on_and_more_is_asked_for(serve: Serve, repository: Path) -> None:
    service = serve(streams(message(CHECK)), streams(message(HANDOFF)), DONE)
    first = work(repository, "--max-turns", "1")
    session = first["session_id"]
    assert (first["exit_code"], first["resume"]) == (5, f"agency session resume {session} --max-turns N")
    refused = agency("session", "resume", session, cwd=repository)
    assert refused.returncode == 2
    assert "its budget is spent: 1 turns (--max-turns); give more" in refused.stderr
    second = resume(repository, session, "--max-turns", "2")
    assert (second["exit_code"], second["turns"]) == (5, 2)
    assert said(whole(service.requests[1]), "t1", "c1") == "1"
    third = resume(repository, second["session_id"], "--max-turns", "9")
    assert (third["status"], third["turns"]) == ("done", 3)
    assert third["usage"]["output_tokens"] == 15
    assert third["cost_usd"] > second["cost_usd"] > first["cost_usd"]
    asked = agency("session", "resume", session, cwd=repository)
    assert f"session {session} was resumed as {second['session_id']}; resume that one" in asked.stderr


def test_a_run_that_lost_the_service_goes_on(serve: Serve, repository: Path) -> None:
    service = serve(streams(message(CHECK)), fails(401, "authentication_error"), streams(message(HANDOFF)), DONE)
    first = work(repository)
    assert first["exit_code"] == 3
    assert resume(repository, first["session_id"])["status"] == "done"
    assert "lost the model's service" in told(whole(service.requests[2]))


def test_a_finished_session_is_not_resumed_and_the_list_says_which_can_be(serve: Serve, repository: Path) -> None:
    serve(streams(message(CHECK)), streams(message(HANDOFF)), DONE, fails(401, "authentication_error"))
    done, lost = work(repository), work(repository)
    refused = agency("session", "resume", done["session_id"], cwd=repository)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "has ended by itself (done): nothing is left to resume; `agency verify add-a-dockerfile`" in refused.stderr
    listed = agency("session", "list", cwd=repository).stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [[lost["session_id"], "model_failed"], [done["session_id"], "done"]]
    assert [line.endswith("(can be resumed)") for line in listed] == [True, False]


def test_a_session_that_still_runs_is_not_resumed(serve: Serve, repository: Path) -> None:
    serve(waits)
    argv = [*CLI, "work", "Wait", "--sandbox", "bwrap", "--output", "json"]
    with subprocess.Popen(argv, cwd=repository, stdout=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not logged("request")():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        refused = agency("session", "resume", newest(), cwd=repository)
        listed = agency("session", "list", cwd=repository).stdout.split()
        run.kill()
    assert (refused.returncode, listed[1]) == (2, "running")
    assert "still runs; wait for its end, or interrupt it first" in refused.stderr


def test_another_branch_is_refused_and_drift_warn_goes_on(serve: Serve, repository: Path) -> None:
    serve(fails(401, "authentication_error"), streams(message(CHECK)), streams(message(HANDOFF)), DONE)
    session = work(repository)["session_id"]
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "switch", "-q", "-c", "other"], cwd=repository, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=repository, check=True)
    refused = agency("session", "resume", session, cwd=repository)
    assert refused.returncode == 2
    assert "the repository is on branch other, not on branch " in refused.stderr
    outcome = resume(repository, session, "--drift", "warn")
    assert outcome["status"] == "done"
    notices = [event["text"] for event in events(outcome["session_id"]) if event["type"] == "notice"]
    assert any(notice.startswith("The repository's commit was ") for notice in notices)


def test_another_persona_is_refused(serve: Serve, repository: Path, tmp_path: Path) -> None:
    persona = tmp_path / "mine.md"
    persona.write_text("---\nname: mine\ndescription: mine\ntools: Bash\n---\nWork.\n")
    serve(fails(401, "authentication_error"))
    session = work(repository, "--persona", str(persona))["session_id"]
    persona.write_text(persona.read_text() + "Work harder.\n")
    refused = agency("session", "resume", session, cwd=tmp_path)
    assert refused.returncode == 2
    assert "the persona mine has changed; put that back as it was, or add --drift warn" in refused.stderr


def test_a_log_that_was_changed_is_not_gone_on_from(serve: Serve, repository: Path) -> None:
    serve(streams(message(CHECK)), fails(401, "authentication_error"))
    session = work(repository)["session_id"]
    log = sessions_folder() / session / "events.jsonl"
    log.write_text(log.read_text().replace("FROM scratch", "FROM alpine!"))
    refused = agency("session", "resume", session, cwd=repository)
    assert refused.returncode == 2
    assert "cannot be trusted: events.jsonl:" in refused.stderr


def test_an_approval_is_asked_for_again(serve: Serve, repository: Path) -> None:
    ask = ("--ask", "Bash(*)")
    serve(
        streams(message(CHECK)),
        fails(401, "authentication_error"),
        streams(message(AGAIN)),
        DONE,
        DONE,
        DONE,
        DONE,
    )
    first = work(repository, *ask)
    second = resume(repository, first["session_id"])
    judged = [event for event in events(second["session_id"]) if event["type"] in ("call.judged", "approval")]
    assert [(event["type"], event["ref"]) for event in judged] == [("call.judged", "c2"), ("approval", "c2")]
    assert [denial["ref"] for denial in second["denials"]] == ["c1", "c2"]
    assert all("permits" in denial for denial in second["denials"])
