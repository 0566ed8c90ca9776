"""Whole runs that fill the model's context: condensed, cited across it, resumed, and replayed byte for byte."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from agency_runtime.audit import verify
from agency_runtime.loopback import Answer, Handler, Service, streams
from agency_runtime.session import sessions_folder
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = pytest.mark.bwrap
Serve = Callable[..., Service]
CLI = [sys.executable, "-m", "agency_runtime.cli"]
ISSUE = "Add a Dockerfile. Never touch the port, which is 8443."
CHECK = use("Bash", id="t0", command="printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile")
TODO = use(
    "TodoWrite", id="todo", todos=[{"content": "write the runbook", "status": "pending", "activeForm": "Writing"}]
)
HANDOFF = use(
    "Handoff",
    id="t9999",
    work_completed=[{"area": "infrastructure", "path": "Dockerfile", "what": "an image of nothing"}],
    claims=[
        {"statement": "the Dockerfile has a FROM line", "calls": ["c1"], "about": "Dockerfile"},
        {"statement": "the count goes up to 1003", "calls": ["c6"]},
    ],
)
NARROW = ("--context-window", "30000", "--max-turns", "400", "--max-cost", "unlimited")
BASE = 4_000  # tokens of system prompt and tools


def chatter(number: int) -> Json:
    """Step `number` of a long run: some words, and a result of some 1,500 tokens."""
    words = text(f"Step {number}: " + "I look at what comes next, and why. " * 30)
    return message(words, use("Bash", id=f"t{number}", command=f"seq {number} {number + 1000}"), id=f"m{number}")


@dataclass
class Endless:
    """A service that answers with the next step, counts tokens as they are sent, and holds each conversation's thread.

    asked: the whole messages of each request, with whether it asked for a summary. broken: what no service would take.
    """

    steps: Iterator[Json]
    summary: str = "The port is 8443. c6 counts to 1003."
    held: list[Json] = field(default_factory=list[Json])
    asked: list[tuple[bool, list[Json]]] = field(default_factory=list[tuple[bool, list[Json]]])
    last: str = ""

    def __call__(self, handler: Handler) -> None:
        """Answer one request."""
        request: Json = cast("Service", handler.server).requests[-1]
        new: list[Json] = request["messages"]
        thread: Json = request.get("thread") or {"type": "none"}
        if thread["type"] == "continue":
            assert thread["previous_message_id"] == self.last
            self.held += new
        else:
            self.held = list(new)
        valid(self.held)
        summing = "is condensed now" in json.dumps(self.held[-1])
        self.asked.append((summing, list(self.held)))
        reply = message(text(self.summary), id=f"s{len(self.asked)}") if summing else next(self.steps)
        self.last = reply["id"]
        size = BASE + len(json.dumps(self.held)) // 4
        reply = {**reply, "usage": {"input_tokens": size, "output_tokens": 5}}
        self.held.append({"role": "assistant", "content": reply["content"]})
        streams(reply)(handler)

    def __iter__(self) -> Iterator[Answer]:
        while True:
            yield self

    @property
    def summaries(self) -> list[list[Json]]:
        """What followed each summary."""
        return [after[1] for before, after in zip(self.asked, self.asked[1:], strict=False) if before[0]]


def valid(messages: list[Json]) -> None:
    """Sides alternate and every tool_use has its tool_result in the next message, and no result lacks its call."""
    roles = [each["role"] for each in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"], roles
    before: list[str] = []
    for each in messages:
        ids = [block["tool_use_id"] for block in each["content"] if block["type"] == "tool_result"]
        if each["role"] == "user":
            assert ids == before
        before = [block["id"] for block in each["content"] if block["type"] == "tool_use"]
        assert all(block["text"].strip() for block in each["content"] if block["type"] == "text")


def agency(*words: str, cwd: Path) -> Json:
    """`agency` with these words; its last object."""
    done = subprocess.run([*CLI, *words], cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome


def work(cwd: Path, *words: str) -> Json:
    return agency("work", ISSUE, "--sandbox", "bwrap", "--output", "json", *NARROW, *words, cwd=cwd)


def events(session: str, kind: str) -> list[Json]:
    lines = (sessions_folder() / session / "events.jsonl").read_text().split("\n")
    return [event for event in map(json.loads, lines[:-1]) if event["type"] == kind]


def long_run(steps: int) -> Iterator[Json]:
    yield message(CHECK, TODO, id="m0")
    for number in range(1, steps):
        yield chatter(number)
    yield message(HANDOFF, id="mh")
    yield message(text("Done."), id="md")


def served(serve: Serve, service: Endless) -> Service:
    started = serve()
    started.answers = iter(service)
    return started


@pytest.fixture
def recorded(serve: Serve, repository: Path, tmp_path: Path) -> tuple[Endless, Json, Path]:
    """A run of 200 steps with its service, outcome and recording."""
    service = Endless(long_run(200))
    served(serve, service)
    record = tmp_path / "run.jsonl"
    return service, work(repository, "--record", str(record), "--source", "authored"), record


def test_a_run_of_200_steps_is_condensed_again_and_again_and_cites_what_came_before(
    recorded: tuple[Endless, Json, Path], repository: Path, tmp_path: Path
) -> None:
    service, outcome, record = recorded
    assert (outcome["status"], outcome["exit_code"], outcome["unverified"]) == ("done", 0, [])
    compacted = events(outcome["session_id"], "compacted")
    kinds = [event["kind"] for event in compacted]
    assert kinds.count("summary") >= 3
    assert kinds.count("results") >= 3
    assert set(kinds) == {"summary", "results"}
    assert outcome["turns"] == 202 + kinds.count("summary") == len(service.asked)
    assert outcome["usage"]["output_tokens"] == 5 * len(service.asked)  # what summaries cost counts
    evidence = json.loads((repository / outcome["handoff"] / "evidence.json").read_text())
    assert [claim["standing"] for claim in evidence["claims"]] == ["verified", "verified"]
    sizes = [BASE + len(json.dumps(messages)) // 4 for _, messages in service.asked]
    assert max(sizes) < 30_000
    for messages in service.summaries:  # pinned, however often it was condensed
        head = messages[0]["content"]
        assert ISSUE in head[0]["text"]
        assert "c1 Bash printf 'FROM scratch\\n' > Dockerfile && grep -c FROM Dockerfile: exit 0" in head[1]["text"]
        assert "[ ] write the runbook" in head[1]["text"]
        assert "created: Dockerfile" in head[1]["text"]
        assert head[2]["text"].endswith(service.summary)
    assert verify(sessions_folder() / outcome["session_id"]).ok
    replays(outcome, record, repository, tmp_path)


def replays(outcome: Json, record: Path, repository: Path, tmp_path: Path) -> None:
    """Both kinds of replay come out byte for byte, and a recording of the replay is the recording."""
    for tools in ("live", "recorded"):
        copy, second = tmp_path / tools, tmp_path / f"{tools}.jsonl"
        subprocess.run(["git", "clone", "-q", str(repository), str(copy)], check=True)
        again = agency(
            "work", "--replay", str(record), "--record", str(second), "--tools", tools, "--sandbox", "bwrap",
            "--max-turns", "400", "--max-cost", "unlimited", "--output", "json", cwd=copy,
        )  # fmt: skip
        assert (again["exit_code"], again["divergences"], again["digests"]) == (0, [], outcome["digests"]), tools
        for name in ("summary.md", "evidence.json", "files-changed.json"):
            here, there = (root / outcome["handoff"] / name for root in (copy, repository))
            assert here.read_bytes() == there.read_bytes(), (tools, name)
        assert turns(second) == turns(record)


def test_what_left_the_conversation_can_be_read_in_the_sandbox(
    serve: Serve, repository: Path, tmp_path: Path, kind: str
) -> None:
    def script() -> Iterator[Json]:
        yield message(CHECK, id="m0")
        for number in range(1, 16):
            yield chatter(number)
        yield message(use("Read", id="r1", file_path="/tmp/agency-calls/c2.txt", offset=990), id="mr")
        yield message(use("Bash", id="r2", command="grep -c '' /tmp/agency-calls/c3.txt"), id="mg")
        yield message(HANDOFF, id="mh")
        yield message(text("Done."), id="md")

    service = Endless(script())
    served(serve, service)
    record = tmp_path / "run.jsonl"
    outcome = work(repository, "--record", str(record), "--source", "authored", "--sandbox", kind)
    assert outcome["status"] == "done"
    [event] = events(outcome["session_id"], "compacted")
    line = event["condensed"]["t1"]
    assert "exit code 0" in line
    assert "its whole text is in /tmp/agency-calls/c2.txt" in line
    done = {each["id"]: each for each in events(outcome["session_id"], "call.finished")}
    assert "1000" in done["r1"]["text"]
    assert done["r2"]["text"].startswith("1001")
    replays(outcome, record, repository, tmp_path)


def test_a_secret_in_what_is_pinned_is_masked_in_the_recording_which_replays(
    serve: Serve, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hunter2-hunter2-hunter2"
    monkeypatch.setenv("DEPLOY_TOKEN", secret)
    todo = {"content": f"rotate {secret}", "status": "pending", "activeForm": "Rotating"}

    def script() -> Iterator[Json]:
        yield message(CHECK, use("TodoWrite", id="todo", todos=[todo]), id="m0")
        for number in range(1, 50):
            step = chatter(number)
            yield {**step, "content": [text(f"{number}: {secret} " + "and so on " * 120), step["content"][1]]}
        yield message(HANDOFF, id="mh")
        yield message(text("Done."), id="md")

    service = Endless(script(), summary=f"The token is {secret}.")
    served(serve, service)
    record = tmp_path / "run.jsonl"
    outcome = work(repository, "--record", str(record), "--source", "authored")
    assert outcome["status"] == "done"
    assert (
        f"[ ] rotate {secret}" in service.summaries[0][0]["content"][1]["text"]
    )  # the live conversation is not altered
    log = (sessions_folder() / outcome["session_id"] / "events.jsonl").read_text()
    assert secret not in record.read_text() + log
    monkeypatch.delenv("DEPLOY_TOKEN")
    replays(outcome, record, repository, tmp_path)


def test_a_run_that_was_condensed_and_killed_goes_on(serve: Serve, repository: Path) -> None:
    """Its budget ends it after a summary; it goes on from there, and is condensed again."""
    service = Endless(long_run(120))
    served(serve, service)
    first = work(repository, "--max-turns", "60")
    assert first["status"] == "out_of_budget"
    kinds = [event["kind"] for event in events(first["session_id"], "compacted")]
    assert "summary" in kinds
    assert "results" in kinds
    before = len(service.asked)
    kept = ("--output", "json", "--max-turns", "400")
    outcome = agency("session", "resume", first["session_id"], *kept, cwd=repository)
    assert (outcome["status"], outcome["exit_code"], outcome["unverified"]) == ("done", 0, [])
    _, messages = service.asked[before]
    assert ISSUE in messages[0]["content"][0]["text"]
    assert "Your own summary of what was before" in json.dumps(messages[0])
    assert "This run had spent its budget" in json.dumps(messages[-1])
    summaries = sum(summing for summing, _ in service.asked)
    assert outcome["turns"] == 122 + summaries
    assert any(summing for summing, _ in service.asked[before:])
    later = service.asked[-1][1][0]["content"][1]["text"]
    assert "This run had spent its budget" in later  # what it was told when it went on is pinned too
    assert "c1 Bash printf" in later
    shown = subprocess.run([*CLI, "session", "show", outcome["session_id"]], cwd=repository, capture_output=True, text=True, timeout=60, check=True)  # fmt: skip
    assert "! the conversation (" in shown.stdout
    for session in (first["session_id"], outcome["session_id"]):
        audited = subprocess.run([*CLI, "session", "audit", session], cwd=repository, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
        assert audited.returncode == 0, audited.stdout + audited.stderr


def test_a_conversation_that_stays_full_ends_with_exit_1_and_a_line_that_says_so(
    serve: Serve, repository: Path
) -> None:
    service = Endless(long_run(200))
    served(serve, service)
    outcome = work(repository, "--context-window", "8000")
    assert (outcome["status"], outcome["exit_code"]) == ("context_full", 1)
    assert outcome["reason"].startswith("condensing the conversation freed too little: ")
    assert len(service.asked) < 12
    assert (repository / outcome["handoff"] / "summary.md").is_file()


def turns(recording: Path) -> list[str]:
    return [line for line in recording.read_text().splitlines()[1:] if "turn" in json.loads(line)]
