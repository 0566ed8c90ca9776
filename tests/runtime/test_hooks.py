"""Hooks before a tool: asked with Claude Code's object, and whatever goes wrong with one denies the call."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.gate import Decision, Mode, Verdict
from agency_runtime.gatehouse import admitted_hooks
from agency_runtime.hook_file import users_hooks
from agency_runtime.hooks import Answered, Hook, Hooks, asked, heard, refuse_within
from agency_runtime.wire import Call
from agency_tools.errors import UsageError

CALL = Call(id="t1", name="Bash", input={"command": "make deploy"})


def decision(verdict: Verdict) -> Decision:
    return Decision(verdict=verdict, kind="local", rule="the gate's", segments=(), why="So says the gate.")


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Hook]:
    """A hook that runs these lines of shell."""

    def made(text: str, **more: Any) -> Hook:
        path = tmp_path / f"hook{len(list(tmp_path.iterdir()))}"
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return Hook(command=(str(path),), **more)

    return made


def hooks(*each: Hook, mode: Mode = "acceptEdits") -> Hooks:
    return Hooks(hooks=each, mode=mode, session_id="s1", transcript=Path("/state/s1/events.jsonl"))


def saying(word: str, **more: Any) -> str:
    said = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": word, **more}}
    return f"echo '{json.dumps(said)}'"


async def test_a_hook_hears_of_the_call_what_claude_code_tells(program: Callable[..., Hook], tmp_path: Path) -> None:
    judgement = decision("allow")
    hook = program(f"cat >{tmp_path}/heard; pwd >{tmp_path}/where")
    assert await hooks(hook).tighten(CALL, judgement, "/workspace/app") is judgement
    assert json.loads((tmp_path / "heard").read_text()) == {
        "session_id": "s1",
        "transcript_path": "/state/s1/events.jsonl",
        "cwd": "/workspace/app",
        "permission_mode": "acceptEdits",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": "make deploy"},
        "tool_use_id": "t1",
    }
    assert (tmp_path / "where").read_text() == "/\n"


@pytest.mark.parametrize(
    ("lines", "verdict", "why"),
    [
        ("exit 0", "allow", ""),
        (saying("allow"), "allow", ""),
        (saying("defer"), "allow", ""),
        (saying("ask", permissionDecisionReason="Sure?"), "ask", "Sure?"),
        (saying("deny", permissionDecisionReason="Not on Fridays."), "deny", "Not on Fridays."),
        ("""echo '{"decision": "block", "reason": "no"}'""", "deny", "no"),
        ("""echo '{"continue": false, "stopReason": "stop"}'""", "deny", "stop"),
        ("echo 'never deploy' >&2; exit 2", "deny", "never deploy"),
        ("exit 1", "deny", "It failed with exit code 1."),
        ("echo broken >&2; exit 127", "deny", "It failed with exit code 127: broken."),
        ("kill -SEGV $$", "deny", "It was ended by signal 11."),
        ("echo fine", "deny", "It answered with what is no JSON object."),
        ("echo '[1]'", "deny", "It answered with what is no JSON object."),
        ("echo '{\"a\": '", "deny", "It answered with what is no JSON object."),
        (saying("maybe"), "deny", "It answered with a decision that is none: 'maybe'."),
        (
            saying("allow", updatedInput={"command": "x"}),
            "deny",
            "It would change the call's input, which no hook may.",
        ),
        ("head -c 3000000 /dev/zero", "deny", "It answered with what is no JSON object."),
        ("exec 0<&-; exit 0", "allow", ""),
    ],
)
async def test_what_a_hook_does_becomes_a_verdict_and_whatever_is_no_answer_denies(
    program: Callable[..., Hook], lines: str, verdict: str, why: str
) -> None:
    large = {"tool_input": {"content": "x" * 300_000}}
    said = await asked(program(lines), large)
    assert (said.verdict, said.why) == (verdict, why)


async def test_a_hook_that_is_not_there_denies() -> None:
    said = await asked(Hook(command=("/nowhere/hook",)), {})
    assert said.verdict == "deny"
    assert "could not be started" in said.why


async def test_a_hook_whose_time_is_over_denies_and_dies_with_what_it_started(program: Callable[..., Hook]) -> None:
    mark = f"7{time.time_ns() % 10**9}"
    begun = time.monotonic()
    said = await asked(program(f"sleep {mark} & sleep {mark}", seconds=0.5), {})
    assert said == Answered(verdict="deny", why="It did not answer within 0.5 s.")
    assert time.monotonic() - begun < 20
    assert await dead(mark)


async def test_a_hook_that_leaves_a_process_with_its_pipes_does_not_hold_the_run(program: Callable[..., Hook]) -> None:
    mark = f"8{time.time_ns() % 10**9}"
    said = await asked(program(f"sleep {mark} & exit 0", seconds=1), {})
    assert said.verdict == "deny"
    assert await dead(mark)


async def test_an_interrupted_run_leaves_no_hook_behind(program: Callable[..., Hook]) -> None:
    mark = f"6{time.time_ns() % 10**9}"
    asking = asyncio.ensure_future(asked(program(f"sleep {mark}"), {}))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if alive(mark):
            break
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await dead(mark)


def alive(mark: str) -> bool:
    """Whether a process has the mark among its words."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


async def dead(mark: str) -> bool:
    """Whether it ends within some seconds."""
    for _ in range(100):
        if not alive(mark):
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("gate", ["allow", "ask", "deny"])
@pytest.mark.parametrize("word", ["allow", "ask", "deny"])
async def test_a_hook_can_only_tighten(program: Callable[..., Hook], gate: Verdict, word: str) -> None:
    order = ["allow", "ask", "deny"]
    judgement = await hooks(program(saying(word))).tighten(CALL, decision(gate), "/workspace")
    assert judgement.verdict == max(gate, word, key=order.index)


async def test_where_nobody_is_asked_a_hooks_question_is_a_no(program: Callable[..., Hook]) -> None:
    judgement = await hooks(program(saying("ask")), mode="dontAsk").tighten(CALL, decision("allow"), "/workspace")
    assert judgement.verdict == "deny"


@pytest.mark.parametrize(
    ("matcher", "tool", "about"),
    [("Bash", "Bash", True), ("Bash", "BashOutput", False), ("Edit|Write", "Write", True), (".*", "Read", True)],
)
def test_a_matcher_is_the_whole_name(matcher: str, tool: str, about: bool) -> None:
    assert Hook(command=("x",), matcher=matcher).about(tool) is about


async def test_a_hook_has_no_key_in_its_environment(
    program: Callable[..., Hook], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    await asked(program(f"env >{tmp_path}/env"), {})
    said = (tmp_path / "env").read_text()
    assert "PATH=" in said
    assert "canary" not in said


def test_no_word_of_a_reason_reaches_the_terminal_as_a_command() -> None:
    assert "\x1b" not in heard(2, b"", b"\x1b[2Jcleared\nline").why


def policy(repository: Path, command: str) -> None:
    (repository / ".agency").mkdir(exist_ok=True)
    text = f"hooks: {{PreToolUse: [{{matcher: Bash, hooks: [{{type: command, command: {json.dumps(command)}}}]}}]}}\n"
    (repository / ".agency" / "policy.yaml").write_text(text, encoding="utf-8")


def test_a_repositorys_hooks_run_only_once_it_is_trusted(repository: Path) -> None:
    policy(repository, "/bin/true --now")
    with pytest.raises(UsageError, match="brings hooks, which run on this machine, and is not trusted"):
        admitted_hooks(repository, trust_all=False)
    assert admitted_hooks(repository, trust_all=True) == (Hook(command=("/bin/true", "--now"), matcher="Bash"),)
    policy(repository, "/bin/true --other")
    with pytest.raises(UsageError, match="not trusted"):
        admitted_hooks(repository, trust_all=False)


@pytest.mark.parametrize(
    "command",
    ["scripts/guard.sh", "python3 scripts/guard.sh", "{root}/scripts/guard.sh", "sh -c {root}/x", "x --c={root}/y"],
)
def test_a_hook_that_the_agent_could_write_is_refused_even_if_trusted(repository: Path, command: str) -> None:
    (repository / "scripts").mkdir()
    (repository / "scripts" / "guard.sh").write_text("exit 0\n", encoding="utf-8")
    policy(repository, command.format(root=repository))
    with pytest.raises(UsageError, match="leads into the repository, where the agent can write"):
        admitted_hooks(repository, trust_all=True)


def test_a_link_into_the_repository_is_followed(repository: Path, tmp_path: Path) -> None:
    (repository / "guard.sh").write_text("exit 0\n", encoding="utf-8")
    (tmp_path / "outside").symlink_to(repository / "guard.sh")
    with pytest.raises(UsageError, match="leads into the repository"):
        refuse_within([Hook(command=(str(tmp_path / "outside"),))], repository)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("hooks: {PostToolUse: []}", "hooks.PostToolUse"),
        ("hooks: {PreToolUse: [{matcher: '(', hooks: [{command: x}]}]}", "is no regular expression"),
        ("hooks: {PreToolUse: [{hooks: [{command: ''}]}]}", "the command is empty"),
        ("hooks: {PreToolUse: [{hooks: [{command: x, timeout: 0}]}]}", "timeout"),
        ("hooks: [", "cannot be read"),
    ],
)
def test_a_users_file_that_is_wrong_starts_nothing(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "hooks.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as error:
        users_hooks(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.bwrap
def test_a_users_hook_refuses_a_call_of_the_shell(
    repository: Path, own_state: Path, program: Callable[..., Hook]
) -> None:
    hook = program("""case $(cat) in *deploy*) echo 'deploys are frozen' >&2; exit 2;; esac""")
    (own_state / "config" / "agency").mkdir(parents=True)
    (own_state / "config" / "agency" / "hooks.yaml").write_text(
        f"hooks:\n  PreToolUse:\n    - hooks:\n        - command: {hook.command[0]}\n", encoding="utf-8"
    )
    lines = [json.dumps({"name": "Bash", "input": {"command": f"echo {word}"}}) for word in ("deploy", "test")]
    argv = [sys.executable, "-m", "agency_runtime.cli", "tool", "call", "--batch", "-", "--sandbox", "bwrap"]
    done = subprocess.run(
        argv, cwd=repository, input="\n".join(lines), capture_output=True, text=True, env=os.environ, check=False
    )
    refused, allowed = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 6
    assert "deploys are frozen" in refused["content"]
    assert (allowed["content"], allowed["is_error"]) == ("test", False)
