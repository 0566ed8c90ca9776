"""Approvals: what a person is shown, what the answers mean, and that an interrupted run waits for nobody."""

import asyncio
import getpass
import io
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from agency_runtime.answer import Answer, Approval, Approve, Judgement
from agency_runtime.approval import AtTerminal, can_ask, nobody, silence, user
from agency_runtime.escalate_tool import Ask
from agency_runtime.gate import Decision
from agency_runtime.session import Event, Session
from agency_runtime.terminal import Terminal
from agency_runtime.wire import Call
from agency_tools.tool import Input, Output

CALL = Call(id="t1", name="Bash", input={"command": "terraform apply tfplan"})
ASKED = Decision(verdict="ask", kind="change", rule="Bash(terraform apply:*)", segments=(), why="It changes things.")


def at_terminal(*answers: str) -> tuple[AtTerminal, io.StringIO, list[str]]:
    """Someone who types these lines; what is shown; what was asked."""
    out, prompts, lines = io.StringIO(), list[str](), iter(answers)

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    return AtTerminal(Terminal(out=out, width=100), target="staging", ask=ask), out, prompts


@pytest.mark.parametrize(
    ("typed", "granted"), [("y", True), (" Y ", True), ("a", True), ("n", False), ("", False), ("yes please", False)]
)
async def test_only_a_clear_yes_is_one(typed: str, granted: bool) -> None:
    asker, _, _ = at_terminal(typed)
    assert await asker(CALL, ASKED) == Approval(who=user(), granted=granted)


async def test_the_end_of_the_input_is_a_no() -> None:
    asker, _, _ = at_terminal()
    assert await asker(CALL, ASKED) == Approval(who=user(), granted=False)
    assert await asker.question("Which region?") is None


async def test_the_person_sees_the_call_its_class_the_target_and_the_reason() -> None:
    asker, out, prompts = at_terminal("n")
    await asker(CALL, ASKED)
    assert out.getvalue().splitlines() == [
        "? Bash: terraform apply tfplan",
        "  class change · target staging · Bash(terraform apply:*)",
        "  It changes things.",
    ]
    assert prompts == ["  [y] once  [a] for this run  [n] no: "]


async def test_nothing_of_the_call_is_cut_or_hidden() -> None:
    asker, out, _ = at_terminal("n")
    command = "true " + "x" * 300 + "\u202e\x1b[2K; curl evil.example"
    await asker(Call(id="t", name="Bash", input={"command": command, "timeout": 5}), ASKED)
    shown = out.getvalue()
    assert "x" * 300 in shown
    assert "\\u202e\\x1b[2K; curl evil.example" in shown
    assert '"timeout": 5' in shown
    assert not {"\u202e", "\x1b"} & set(shown)


async def test_a_approves_the_same_call_for_the_rest_of_the_run_and_no_other() -> None:
    asker, _, prompts = at_terminal("a", "n")
    assert (await asker(CALL, ASKED)).granted
    assert (await asker(CALL, ASKED)).granted
    assert len(prompts) == 1
    other = Call(id="t2", name="Bash", input={"command": "terraform apply otherplan"})
    assert not (await asker(other, ASKED)).granted


async def test_y_approves_once() -> None:
    asker, _, prompts = at_terminal("y", "n")
    assert [(await asker(CALL, ASKED)).granted, (await asker(CALL, ASKED)).granted] == [True, False]
    assert len(prompts) == 2


async def test_calls_that_run_side_by_side_are_asked_about_one_after_the_other() -> None:
    asker, out, _ = at_terminal("y", "n")
    first, second = await asyncio.gather(asker(CALL, ASKED), asker(Call(id="t", name="Bash", input={"command": "b"}), ASKED))  # fmt: skip
    assert (first.granted, second.granted) == (True, False)
    assert [line for line in out.getvalue().splitlines() if line.startswith("?")] == [
        "? Bash: terraform apply tfplan",
        "? Bash: b",
    ]


async def test_an_answer_to_the_agents_question_is_passed_on() -> None:
    asker, out, _ = at_terminal(" eu-central-1 ", "  ")
    assert await asker.question("Which region?\n  - eu\n  - us") == "eu-central-1"
    assert await asker.question("Which one?") is None
    assert out.getvalue().startswith("? Which region?\n  - eu\n")


async def test_nobody_says_nothing() -> None:
    approve: Approve = nobody
    ask: Ask = silence
    assert (await approve(CALL, ASKED), await ask("?")) == (None, None)


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert user() == f"uid {os.getuid()}"


@pytest.mark.parametrize("output", ["text", "json", "stream-json"])
def test_nobody_is_asked_where_no_person_sits(output: str) -> None:
    assert can_ask(output) is False  # the tests' own output is no terminal


class ApplyInput(Input):
    pass


class Apply:
    name: ClassVar[str] = "Apply"
    description: ClassVar[str] = "applies"
    input_type: ClassVar[type[Input]] = ApplyInput
    read_only: ClassVar[bool] = False

    async def run(self, given: Any) -> Output:
        return Output(content="applied")


class Asks:
    def judge(self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None) -> Judgement:
        return ASKED


async def answer_of(approve: Approve) -> tuple[str, Answer, list[Event]]:
    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    answer = Answer(session=session, tools={"Apply": Apply()}, gate=Asks(), approve=approve)
    block = await answer(Call(id="t", name="Apply", input={}), 1)
    return block["content"], answer, events


async def test_an_approval_is_in_the_log_with_its_giver_before_the_call_starts() -> None:
    said, answer, events = await answer_of(at_terminal("y")[0])
    assert said == "applied\n\n[call c1]"
    assert [event.type for event in events] == ["call.judged", "approval", "call.started", "call.finished"]
    assert (events[1].data["who"], events[1].data["granted"]) == (user(), True)
    assert (answer.denials, answer.unapproved) == ([], [])


async def test_a_persons_no_is_a_denial_and_not_a_missing_approval() -> None:
    said, answer, events = await answer_of(at_terminal("n")[0])
    assert said.startswith("Not executed: refused by the user")
    assert [event.type for event in events] == ["call.judged", "approval", "call.finished"]
    assert [denial["tool"] for denial in answer.denials] == ["Apply"]
    assert answer.unapproved == []


async def test_where_nobody_is_the_call_waits_for_a_rule() -> None:
    said, answer, _ = await answer_of(nobody)
    assert said.startswith("Not executed: not approved: nobody was there")
    assert answer.unapproved == answer.denials


PROMPTING = """
import asyncio, signal
from agency_runtime.approval import answered

async def main():
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await answered(input, "approve? ")
    except asyncio.CancelledError:
        print("interrupted", flush=True)

asyncio.run(main())
"""


def read_until(terminal: int, words: str, seconds: float = 20) -> str:
    """What the terminal shows, up to and with the words."""
    shown, end = "", time.monotonic() + seconds
    while words not in shown and time.monotonic() < end:
        shown += os.read(terminal, 4096).decode()
    return shown


@pytest.fixture
def on_a_terminal() -> Any:
    """Starts a Python program on a terminal of its own."""
    ours, theirs = pty.openpty()
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> tuple[subprocess.Popen[bytes], Callable[[str], str], int]:
        argv = [sys.executable, "-c", program]
        started.append(subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True))
        return started[-1], lambda words: read_until(ours, words), ours

    yield start
    for process in started:
        process.kill()
        process.wait()
    os.close(ours)
    os.close(theirs)


def test_an_interrupt_at_the_prompt_ends_the_run_without_a_key(on_a_terminal: Any) -> None:
    process, shown, _ = on_a_terminal(PROMPTING)
    shown("approve? ")
    process.send_signal(signal.SIGINT)
    assert "interrupted" in shown("interrupted")
    assert process.wait(timeout=10) == 0
