"""`agency session fork`: a run shares another's past up to a turn, and nothing of what that one did is taken for its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.audit import verify
from agency_runtime.fork_point import Point
from agency_runtime.loopback import Service, fails, streams
from agency_runtime.past import Past, read_past
from agency_runtime.session import sessions_folder
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = pytest.mark.bwrap
Serve = Callable[..., Service]
CLI = [sys.executable, "-m", "agency_runtime.cli"]
WRITE = use("Bash", id="t1", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")
MORE = use("Bash", id="t2", command="printf 'USER app\\n' >> Dockerfile && cat Dockerfile")
LOOK = use("Bash", id="t5", command="grep -c FROM Dockerfile")
OTHER = use("Bash", id="t6", command="printf 'x\\n' > other && grep -c x other")
DONE = streams(message(text("Done.")))
LOST = fails(401, "authentication_error")


def handoff(call: str, path: str = "Dockerfile", claim: str = "the Dockerfile has a FROM line") -> Any:
    item = {"area": "infrastructure", "path": path, "what": "an image"}
    about = {"statement": claim, "calls": [call], "about": path}
    return streams(message(use("Handoff", id=f"h{call}", work_completed=[item], claims=[about])))


def agency(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*CLI, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def last(done: "subprocess.CompletedProcess[str]") -> Json:
    assert done.stdout, done.stderr
    outcome: Json = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome


def work(cwd: Path, *words: str) -> Json:
    return last(agency("work", "Add a Dockerfile", "--sandbox", "bwrap", "--output", "json", *words, cwd=cwd))


def fork(cwd: Path, session: str, *words: str) -> Json:
    return last(agency("session", "fork", session, "--output", "json", *words, cwd=cwd))


def refused(cwd: Path, session: str, *words: str) -> str:
    done = agency("session", "fork", session, *words, cwd=cwd)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    return done.stderr


def log(session: str) -> list[Json]:
    return [json.loads(line) for line in (sessions_folder() / session / "events.jsonl").read_text().splitlines()]


def said(request: Json) -> str:
    """The words that stand last on the user's side."""
    return "\n".join(block["text"] for block in request["messages"][-1]["content"] if block["type"] == "text")


def written(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_fork_shares_the_past_up_to_a_turn_and_is_told_what_the_other_run_did_later(
    serve: Serve, repository: Path
) -> None:
    service = serve(
        streams(message(WRITE)),
        streams(message(MORE)),
        handoff("c2"),
        DONE,
        streams(message(LOOK)),
        handoff("c2"),
        DONE,
    )
    first = work(repository)
    theirs, parent = repository / first["handoff"], sessions_folder() / first["session_id"]
    before = (written(theirs), written(parent))
    outcome = fork(repository, first["session_id"], "--at", "1", "--tell", "Keep it to one line.")
    shared, words = service.requests[4]["messages"], said(service.requests[4])
    assert [block["id"] for each in shared for block in each["content"] if block["type"] == "tool_use"] == ["t1"]
    assert "done later by the other run: Bash printf 'USER app" in words
    assert "Earlier calls cannot be cited" in words
    assert "The user says: Keep it to one line." in words
    assert (outcome["status"], outcome["feature"], outcome["turns"]) == ("done", "add-a-dockerfile-fork", 4)
    assert outcome["files_changed"] == {"created": [], "modified": [], "deleted": []}
    assert (written(theirs), written(parent)) == before
    named = log(outcome["session_id"])[0]["forks"]
    assert (named["id"], named["turn"], "resumes" in log(outcome["session_id"])[0]) == (first["session_id"], 1, False)
    said_by_audit = agency("session", "audit", outcome["session_id"], cwd=repository)
    assert said_by_audit.returncode == 0
    assert (
        f"forked from {first['session_id']} after turn 1, whose hash there is {named['head']}" in said_by_audit.stdout
    )
    hashes = [json.loads(line)["hash"] for line in (parent / "audit.jsonl").read_text().splitlines()]
    assert hashes.index(named["head"]) == named["events"] - 1 < len(hashes) - 1


def test_a_call_of_the_other_run_proves_nothing_where_the_tree_of_then_is_not_known(
    serve: Serve, repository: Path
) -> None:
    serve(streams(message(WRITE)), handoff("c1"), DONE, handoff("c1"), DONE, DONE, DONE, DONE)
    first = work(repository)
    outcome = fork(repository, first["session_id"], "--at", "1")
    assert (first["exit_code"], outcome["exit_code"], outcome["status"]) == (0, 1, "incomplete")
    assert any("there is no call c1 in this session" in each for each in outcome["unverified"])


def test_a_call_of_the_other_run_counts_where_the_tree_is_as_it_was(serve: Serve, repository: Path) -> None:
    serve(streams(message(WRITE)), LOST, handoff("c1"), DONE)
    first = work(repository)
    outcome = fork(repository, first["session_id"])
    assert (outcome["status"], outcome["unverified"]) == ("done", [])
    assert log(outcome["session_id"])[0]["forks"]["citable"] == ["c1"]


def test_it_does_not_count_for_a_file_that_somebody_changed_meanwhile(serve: Serve, repository: Path) -> None:
    service = serve(streams(message(WRITE)), LOST, handoff("c1"), DONE, DONE, DONE, DONE)
    first = work(repository)
    (repository / "Dockerfile").write_text("FROM alpine\n")
    outcome = fork(repository, first["session_id"])
    assert "Not as they were when the other run was left: Dockerfile" in said(service.requests[2])
    assert outcome["exit_code"] == 1
    assert any("Dockerfile was changed by call c2, after the check in c1" in each for each in outcome["unverified"])


def test_the_other_run_goes_on_as_if_nobody_had_left_it_and_may_be_left_again(serve: Serve, repository: Path) -> None:
    serve(
        streams(message(WRITE)), LOST, streams(message(OTHER)), handoff("c2", "other", "other has an x"), DONE,
        handoff("c1"), DONE, streams(message(LOOK)), handoff("c2"), DONE,
    )  # fmt: skip
    first = work(repository)["session_id"]
    left = fork(repository, first)
    resumed = last(agency("session", "resume", first, "--output", "json", cwd=repository))
    again = fork(repository, first)
    assert [each["status"] for each in (left, resumed, again)] == ["done"] * 3
    assert left["files_changed"]["created"] == ["other"]
    assert [left["feature"], resumed["feature"], again["feature"]] == [
        "add-a-dockerfile-fork", "add-a-dockerfile", "add-a-dockerfile-fork-2",
    ]  # fmt: skip


def test_a_fork_that_is_cut_off_is_resumed_with_its_own_budget_and_no_act_of_the_other(
    serve: Serve, repository: Path
) -> None:
    serve(streams(message(WRITE)), streams(message(MORE)), LOST, streams(message(OTHER)), LOST,
          handoff("c2", "other", "other has an x"), DONE)  # fmt: skip
    first = work(repository)["session_id"]
    cut = fork(repository, first, "--at", "1", "--max-turns", "9")
    assert (cut["status"], cut["usage"]["output_tokens"]) == ("model_failed", 5)
    outcome = last(agency("session", "resume", cut["session_id"], "--output", "json", cwd=repository))
    assert (outcome["status"], outcome["files_changed"]["created"]) == ("done", ["other"])
    assert outcome["usage"]["output_tokens"] == 15
    past = read_past(sessions_folder() / outcome["session_id"])
    assert (len(past.parts), past.shared) == (3, 1)
    calls = [event["id"] for event in past.events if event["type"] == "call.finished"]
    assert calls[:2] == ["t1", "t6"]


def test_denials_and_approvals_are_not_carried_over(serve: Serve, repository: Path) -> None:
    asks = ("--ask", "Bash(*)")
    serve(streams(message(WRITE)), LOST, streams(message(OTHER)), DONE, DONE, DONE, DONE)
    first = work(repository, *asks)
    outcome = fork(repository, first["session_id"])
    assert [denial["ref"] for denial in first["denials"]] == ["c1"]
    assert [denial["ref"] for denial in outcome["denials"]] == ["c2"]


def test_what_changed_a_target_is_never_evidence_of_a_fork() -> None:
    kinds = {"c1": "read", "c2": "local", "c3": "change", "c4": "destroy", "c5": "unknown", "c6": "plan"}
    judged = [
        {"type": "call.judged", "ref": ref, "kind": kind, "tool": "T", "input": {}} for ref, kind in kinds.items()
    ]
    begun = [{"type": "call.started", "ref": ref} for ref in kinds]
    finished = [{"type": "call.finished", "ref": ref, "denied": False} for ref in kinds]
    past = Past(folder=Path("s"), parts=((*judged, *finished),), torn=False)
    point = Point(past=past, folder=Path("s"), turn=1, later=(*judged, *begun), last=Path("s"))
    assert point.readings == ("c1", "c2", "c6")
    assert [event["ref"] for event in point.acts] == ["c2", "c3", "c4", "c5"]


@pytest.mark.parametrize("at", ["0", "-1", "x", "1.5", ""])
def test_a_turn_that_is_no_number_is_a_mistake(serve: Serve, repository: Path, at: str) -> None:
    serve(streams(message(WRITE)), LOST)
    session = work(repository)["session_id"]
    assert f"--at {at}: give the number of a turn, from 1" in refused(repository, session, f"--at={at}")


def test_what_cannot_be_left_is_refused_in_one_line(serve: Serve, repository: Path, tmp_path: Path) -> None:
    service = serve(streams(message(WRITE)), LOST, LOST)
    session, empty = work(repository)["session_id"], work(repository)["session_id"]
    assert f"--at 7: session {session} has turns 1 to 1 of its own; the nearest is 1" in refused(
        repository, session, "--at", "7"
    )
    assert "--tell is empty" in refused(repository, session, "--tell", " ")
    assert "--feature 'a b'" in refused(repository, session, "--feature", "a b")
    assert f"session {empty} has no turn that was answered; start the work anew" in refused(repository, empty)
    path = sessions_folder() / session / "events.jsonl"
    path.write_text(path.read_text().replace("FROM scratch", "FROM alpine!"))
    assert f"session {session} cannot be trusted: events.jsonl:" in refused(repository, session)
    assert len(service.requests) == 3


def test_a_run_that_still_goes_on_is_not_left(serve: Serve, repository: Path) -> None:
    serve(streams(message(WRITE)), lambda *_: time.sleep(90))
    argv = [*CLI, "work", "Wait", "--sandbox", "bwrap", "--output", "json"]
    with subprocess.Popen(argv, cwd=repository, stdout=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not list(sessions_folder().glob("*/events.jsonl")) or not any(
            event["type"] == "reply" for event in log(next(sessions_folder().iterdir()).name)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        said = refused(repository, next(sessions_folder().iterdir()).name)
        run.kill()
    assert "still runs; wait for its end, or interrupt it first" in said


def test_a_change_of_the_shared_past_is_found_by_the_forks_audit_and_gc_keeps_it(
    serve: Serve, repository: Path
) -> None:
    serve(streams(message(WRITE)), LOST, LOST)
    first = work(repository)["session_id"]
    session = fork(repository, first)["session_id"]
    parent = sessions_folder() / first / "events.jsonl"
    assert agency("session", "gc", "--days", "30", cwd=repository).returncode == 0
    assert parent.is_file()
    parent.write_text(parent.read_text().replace("FROM scratch", "FROM alpine!"))
    audit = agency("session", "audit", session, cwd=repository)
    assert (audit.returncode, f"{first}: its log is not the one" in audit.stdout) == (1, True)
    assert verify(sessions_folder() / session).ok
