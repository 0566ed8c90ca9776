"""Recordings: what is written can be read, and a replay says what differs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agency_runtime.answer import Answer, Judgement
from agency_runtime.approval import nobody
from agency_runtime.budget import Budget, Spending
from agency_runtime.conversation import Conversation
from agency_runtime.gate import Decision
from agency_runtime.loop import Ending, run
from agency_runtime.prices import Price
from agency_runtime.recording import Recorder, Recording, read_recording
from agency_runtime.replay import Drift, ReplayModel, essence, first_difference
from agency_runtime.session import Session
from agency_runtime.testing import Scripted, message, text, use
from agency_runtime.wire import Json, Model, ReplayError, Reply
from agency_tools.errors import UsageError
from agency_tools.prospect import Prospect
from agency_tools.redaction import Redactor
from agency_tools.tool import Input, Output

HEADER = {"source": "authored", "model": "scripted", "issue": "say hello"}


class SayInput(Input):
    words: str


class Say:
    """Answers with its words and a time that is never the same."""

    name: ClassVar[str] = "Say"
    description: ClassVar[str] = "says"
    input_type: ClassVar[type[Input]] = SayInput
    read_only: ClassVar[bool] = False

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.count = 0

    async def run(self, given: Any) -> Output:
        self.count += 1
        return Output(content=f"{self.prefix}{given.words} in 0.{self.count}s", exit_code=0)


class AllowAll:
    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement:
        return Decision(verdict="allow", kind="read", rule="test", segments=(), why="")


async def owes_nothing(reply: Reply) -> str | None:
    return None


async def play(
    model: Model, tool: Say, *, system: str = "be good", recorder: Recorder | None = None, live: bool = True
) -> Answer:
    """One run with the tool; the recorder listens."""
    session = Session(id="s", listeners=[recorder] if recorder else [])
    replay = model if isinstance(model, ReplayModel) else None
    answer = Answer(session=session, tools={"Say": tool}, gate=AllowAll(), approve=nobody, replay=replay, live=live)
    talk = Conversation(
        system=[text(system)], tools=[], model="scripted", price=Price(input=1, output=1),
        messages=[{"role": "user", "content": [text("go")]}],
    )  # fmt: skip
    ending = await run(session, talk, model, answer, Spending(Budget()), owes_nothing, lambda _: None)
    assert ending is Ending.DONE
    session.add("session.ended", status="done", exit_code=0)
    return answer


SCRIPT: list[Json] = [
    message(use("Say", id="a", words="hello")),
    message(use("Say", id="b", words="again")),
    message(text("bye")),
]


@pytest.fixture
async def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, HEADER, Redactor())
    await play(Scripted(SCRIPT), Say(), recorder=recorder)
    recorder.close()
    return read_recording(path)


async def test_a_recording_holds_every_turn_with_its_results_and_the_end(recording: Recording) -> None:
    assert [turn.number for turn in recording.turns] == [1, 2, 3]
    assert [[result["text"] for result in turn.results] for turn in recording.turns] == [
        ["hello in 0.1s"],
        ["again in 0.2s"],
        [],
    ]
    assert recording.turns[0].reply == SCRIPT[0]
    assert recording.end == {"status": "done", "exit_code": 0}


async def test_a_replay_that_says_the_same_is_the_recorded_run(recording: Recording) -> None:
    tool = Say()
    tool.count = 7  # the times differ, which is no difference
    model = ReplayModel(recording)
    answer = await play(model, tool)
    assert answer.divergences == []
    assert [executed.output for executed in answer.executed] == ["hello in 0.1s", "again in 0.2s"]
    recorded = [result for turn in recording.turns for result in turn.results]
    assert [executed.started for executed in answer.executed] == [result["started"] for result in recorded]
    assert model.unused == 0


async def test_a_live_result_that_says_something_else_stands_and_is_named(recording: Recording) -> None:
    answer = await play(ReplayModel(recording), Say(prefix="well, "))
    assert [executed.output for executed in answer.executed] == ["well, hello in 0.1s", "well, again in 0.2s"]
    assert [str(each) for each in answer.divergences] == [
        "turn 1, Say (a): line 1: recorded 'hello in ~', now 'well, hello in ~'",
        "turn 2, Say (b): line 1: recorded 'again in ~', now 'well, again in ~'",
    ]


async def test_with_recorded_tools_nothing_is_executed(recording: Recording) -> None:
    tool = Say()
    answer = await play(ReplayModel(recording, live=False), tool, live=False)
    assert tool.count == 0
    assert [executed.output for executed in answer.executed] == ["hello in 0.1s", "again in 0.2s"]


async def test_with_recorded_tools_a_call_without_a_recorded_result_is_a_difference(recording: Recording) -> None:
    first, *rest = recording.turns
    without = Recording(header=recording.header, turns=[replace(first, results=[]), *rest])
    with pytest.raises(ReplayError, match=r"turn 1: it holds no result of Say \(a\)"):
        await play(ReplayModel(without, live=False), Say(), live=False)


async def test_a_changed_prompt_is_a_difference_that_names_the_part(recording: Recording) -> None:
    with pytest.raises(ReplayError, match="at turn 1: the request's system prompt differs"):
        await play(ReplayModel(recording), Say(), system="be bad")


async def test_a_changed_prompt_may_be_tried_and_is_reported(recording: Recording) -> None:
    drift: Drift = "warn"
    model = ReplayModel(recording, drift=drift)
    await play(model, Say(), system="be better")
    assert model.drifted == ["system"]


async def test_replies_that_run_out_are_a_difference(recording: Recording) -> None:
    short = Recording(header=recording.header, turns=recording.turns[:2])
    with pytest.raises(ReplayError, match="its 2 replies are used up"):
        await play(ReplayModel(short), Say())


async def test_secrets_do_not_reach_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, HEADER, Redactor(["hunter2-hunter2"]))
    await play(
        Scripted([message(use("Say", words="hunter2-hunter2 sk-ant-" + "a" * 20)), message(text("bye"))]),
        Say(),
        recorder=recorder,
    )
    recorder.close()
    written = path.read_text()
    assert "hunter2" not in written
    assert "sk-ant-aaa" not in written


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not a recording"),
        ("{}\n", "not a recording"),
        ("hello\n", ":1: not JSON"),
        ('{"format": "agency-recording/1", "source": "guess"}\n', ":1: source is 'guess'"),
        ('{"format": "agency-recording/1", "source": "api"}\n[]\n', ":2: not a JSON object"),
        ('{"format": "agency-recording/1", "source": "api"}\n{"turn": 1}\n', ":2: a turn without 'request'"),
        (
            '{"format": "agency-recording/1", "source": "api"}\n{"turn": "1", "request": {}, "reply": {}, "results": []}\n',
            ":2: a turn whose 'turn' is '1'",
        ),
        (
            '{"format": "agency-recording/1", "source": "api"}\n{"turn": 1, "request": {}, "reply": {}, "results": []}\n',
            ":2: a turn whose reply has no list of content",
        ),
        (
            '{"format": "agency-recording/1", "source": "api"}\n{"turn": 1, "request": {}, "reply": {"content": []}, "results": [{"id": "a"}]}\n',
            ":2: a result without one of exit_code, failed, id",
        ),
    ],
)
def test_a_wrong_recording_is_named_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError) as error:
        read_recording(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_a_recording_that_a_crash_cut_short_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    turn: Json = {"turn": 1, "request": {}, "reply": SCRIPT[0], "results": []}
    path.write_text(
        json.dumps({"format": "agency-recording/1", **HEADER}) + "\n" + json.dumps(turn) + '\n{"turn": 2, "req'
    )
    assert [turn.number for turn in read_recording(path).turns] == [1]


def test_an_unreadable_recording_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_recording(tmp_path / "none.jsonl")


def test_a_recording_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"--record {tmp_path}: cannot be written: Is a directory"):
        Recorder(tmp_path, HEADER, Redactor())


async def test_a_mask_in_a_recording_leaves_it_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorder = Recorder(path, {**HEADER, "issue": "-----BEGIN PRIVATE KEY-----"}, Redactor(['q"uote"d']))
    await play(Scripted([message(use("Say", words='q"uote"d')), message(text("-----END PRIVATE KEY-----"))]), Say(), recorder=recorder)  # fmt: skip
    recorder.close()
    assert [turn.reply["content"][0].get("input") for turn in read_recording(path).turns] == [
        {"words": "[redacted]"},
        None,
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ran 7 tests in 2.019s", "Ran 7 tests in 1.7s"),
        ("at 2026-11-24T02:14:01Z done", "at 2027-01-01T00:00:00.123Z done"),
        ("-rw-r--r-- 1 u u 5 Nov 24 02:14 a", "-rw-r--r-- 1 u u 5 Jan  3 11:00 a"),
        ("saved to /tmp/out-3f9.txt", "saved to /tmp/out-77.txt"),
    ],
)
def test_times_and_temporary_names_are_no_difference(one: str, other: str) -> None:
    assert essence(one) == essence(other)


def test_numbers_that_mean_something_are_a_difference() -> None:
    assert essence("Ran 7 tests in 2s") != essence("Ran 8 tests in 2s")
    assert first_difference("a\nRan 7 tests", "a\nRan 8 tests") == "line 2: recorded 'Ran 7 tests', now 'Ran 8 tests'"
