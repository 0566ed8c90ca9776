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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from agency_runtime.answer import Answer
from agency_runtime.approval import AtTerminal, can_ask, nobody, silence, user
from agency_runtime.escalate_tool import Ask
from agency_runtime.gate import Decision, Gate, Rules, Segment, Target
from agency_runtime.gate.decision import decide
from agency_runtime.judgement import Approval, Approve, Judgement, approval_record
from agency_runtime.session import Event, Session
from agency_runtime.terminal import Terminal
from agency_runtime.wire import Call
from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger
from agency_tools.prospect import Prospect
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
    said = await asker(CALL, ASKED)
    assert (said.who, said.granted) == (user(), granted)


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
    def judge(
        self, tool: str, given: Mapping[str, Any], *, cwd: str | None = None, prospect: Prospect | None = None
    ) -> Judgement:
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


PLAN = Prospect(
    id="p1",
    tool="Terraform",
    action="apply",
    target="staging",
    kind="change",
    summary="1 to add, 1 to change",
    lines=("add     a.b", "change  a.c"),
    warnings=("local-exec in a.b runs: ./deploy\u202e.sh",),
    content="c",
    expires=datetime(2026, 11, 25, 13, 30, tzinfo=UTC),
)
APPLY_PLAN = Call(id="t1", name="Terraform", input={"action": "apply", "plan": "p1"})


def asked(prospect: Prospect, *, unproven: bool = False, permits: bool = True) -> Decision:
    """What the gate says of a prepared change."""
    words = "destroy apply" if prospect.kind == "destroy" else "apply"
    permit = f"Terraform({words} target={prospect.target})" if permits else ""
    segment = Segment(
        command="Terraform apply", kind=prospect.kind, verdict="ask", rule="Terraform apply", permit=permit
    )
    return replace(decide([segment]), prospect=prospect, unproven=unproven)


async def test_the_person_sees_what_would_change_its_warnings_hash_and_expiry() -> None:
    asker, out, prompts = at_terminal("n")
    await asker(APPLY_PLAN, asked(replace(PLAN, proven_on=("testing",))))
    lines = out.getvalue().splitlines()
    assert lines[2].startswith("  class change · target staging · ")
    assert lines[-6:] == [
        "  1 to add, 1 to change",
        "    add a.b",
        "    change a.c",
        "  ! local-exec in a.b runs: ./deploy\\u202e.sh",
        "  the same change was carried out on testing in this run",
        f"  hash {PLAN.digest[:16]} · until 13:30 UTC",
    ]
    assert prompts == ["  [y] once  [a] for this run  [n] no: "]


async def test_a_yes_for_the_run_covers_the_same_class_of_change_and_no_deletion() -> None:
    asker, _, prompts = at_terminal("a", "n")
    first = await asker(APPLY_PLAN, asked(PLAN))
    assert (first.granted, first.scope, first.rule) == (True, "run", "Terraform(apply target=staging)")
    assert (await asker(APPLY_PLAN, asked(replace(PLAN, id="p2")))).granted
    assert len(prompts) == 1
    assert not (await asker(APPLY_PLAN, asked(replace(PLAN, kind="destroy")))).granted


async def test_where_no_rule_can_permit_it_only_this_once_is_offered() -> None:
    asker, _, prompts = at_terminal("a")
    asker.keep = lambda rules: ""
    assert not (await asker(APPLY_PLAN, asked(PLAN, permits=False))).granted
    assert prompts == ["  [y] once  [n] no: "]


async def test_what_was_not_proven_needs_a_reason_which_is_kept() -> None:
    asker, out, _ = at_terminal("hotfix, staging is down", "")
    decision = asked(replace(PLAN, target="production"), unproven=True, permits=False)
    said = await asker(APPLY_PLAN, decision)
    assert (said.granted, said.override) == (True, "hotfix, staging is down")
    assert "not proven on an unprotected target in this run" in out.getvalue()
    assert not (await asker(APPLY_PLAN, decision)).granted
    assert approval_record(said, decision)["override"] == "hotfix, staging is down"


async def test_a_yes_can_be_written_into_the_policy() -> None:
    kept: list[str] = []
    asker, _, prompts = at_terminal("w", "n")

    def keep(rules: Sequence[str]) -> str:
        kept.extend(rules)
        return ""

    asker.keep = keep
    said = await asker(APPLY_PLAN, asked(PLAN))
    assert (said.scope, kept) == ("policy", ["Terraform(apply target=staging)"])
    assert (await asker(APPLY_PLAN, asked(PLAN))).granted
    assert prompts == ["  [y] once  [a] for this run  [w] always, in the policy file  [n] no: "]


async def test_a_policy_that_cannot_be_written_permits_this_run_alone_and_says_why() -> None:
    asker, out, _ = at_terminal("w")
    asker.keep = lambda rules: "policy.yaml: read-only file system"
    said = await asker(APPLY_PLAN, asked(PLAN))
    assert (said.granted, said.scope) == (True, "run")
    assert "not written, so for this run only: policy.yaml: read-only file system" in out.getvalue()


def test_the_record_says_who_what_which_hash_and_until_when() -> None:
    record = approval_record(Approval(who="kim", granted=True), asked(PLAN))
    assert record == {
        "who": "kim",
        "granted": True,
        "kind": "change",
        "scope": "once",
        "until": "2026-11-25T13:30:00+00:00",
        "target": "staging",
        "what": "1 to add, 1 to change",
        "hash": PLAN.digest,
    }
    assert approval_record(None, asked(PLAN)) == {"who": None, "granted": False}
    assert approval_record(Approval(who="kim", granted=True, scope="run"), asked(PLAN))["until"] == "the end of the run"


class PlanInput(Input):
    action: str
    plan: str


class Prepares(Apply):
    """A tool that says what it would change, or that it cannot."""

    input_type: ClassVar[type[Input]] = PlanInput

    def __init__(self, says: Prospect | str, ledger: Ledger) -> None:
        self.says, self.ledger = says, ledger

    async def prospect(self, given: Any) -> Prospect | None:
        if isinstance(self.says, str):
            raise ToolError(self.says)
        return self.says

    async def run(self, given: Any) -> Output:
        assert isinstance(self.says, Prospect)
        return Output(content=f"applied, approved by {self.ledger.take(self.says)}")


async def prepared(says: Prospect | str, approve: Approve, *allow: str) -> tuple[str, Answer, list[Event]]:
    events: list[Event] = []
    session = Session(id="s", listeners=[events.append])
    gate = Gate(mode="acceptEdits", rules=Rules.parse(allow=allow), target=Target(name="staging"))
    answer = Answer(session=session, tools={}, gate=gate, approve=approve)
    answer.tools = {"Terraform": Prepares(says, answer.ledger)}
    block = await answer(Call(id="t", name="Terraform", input={"action": "apply", "plan": "p1"}), 1)
    return block["content"], answer, events


async def test_a_prepared_change_is_judged_by_what_it_would_do_and_carried_out_as_approved() -> None:
    said, _, events = await prepared(PLAN, at_terminal("y")[0])
    assert said.startswith(f"applied, approved by {user()}")
    judged, approval = events[0].data, events[1].data
    assert (judged["verdict"], judged["prospect"]["digest"]) == ("ask", PLAN.digest)
    assert (approval["hash"], approval["target"]) == (PLAN.digest, "staging")


async def test_a_rule_that_permits_it_is_its_approver() -> None:
    said, _, _ = await prepared(PLAN, nobody, "Terraform(apply)")
    assert said.startswith("applied, approved by rule Terraform(apply)")


async def test_a_deletion_that_only_a_rule_for_apply_speaks_for_names_the_rule_that_would_permit_it() -> None:
    said, answer, _ = await prepared(replace(PLAN, kind="destroy"), nobody, "Terraform(apply)")
    assert said.startswith("Not executed: not approved: nobody was there")
    assert answer.unapproved[0]["permits"] == ["Terraform(destroy apply target=staging)"]


async def test_what_cannot_be_done_is_said_before_anybody_is_asked() -> None:
    said, answer, events = await prepared("not done: changed since the plan: state", nobody)
    assert said.startswith("not done: changed since the plan: state")
    assert [event.type for event in events] == ["call.judged", "call.finished"]
    assert (events[0].data["refused"], answer.denials) == ("not done: changed since the plan: state", [])


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
