"""Bash as the model uses it: what it is told, what is left behind, and what is refused."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agency_tools.bash import Bash
from agency_tools.bash_bounds import Bounds, bounds_of
from agency_tools.core import core_tools
from agency_tools.errors import ToolError
from agency_tools.seen import Seen
from agency_tools.task_output import TaskOutput
from agency_tools.task_stop import TaskStop
from agency_tools.tool import Output, Tool
from agency_tools.workspace import Workspace


async def use(tool: Tool, **given: Any) -> Output:
    return await tool.run(tool.input_type.model_validate(given))


def alive(mark: str) -> bool:
    """Whether a process with this mark in its command line runs on this machine."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.fixture
def bash(workspace: Workspace) -> Bash:
    return Bash(workspace, Seen())


@pytest.fixture
def mark() -> str:
    """A number of seconds that no other sleep on this machine has."""
    return f"3{time.time_ns() % 10**9}"


async def test_success_is_the_output_alone(bash: Bash) -> None:
    assert await use(bash, command="echo out; echo err >&2") == Output(content="out\nerr", exit_code=0)


async def test_silence_is_said(bash: Bash) -> None:
    assert (await use(bash, command="true")).content == "(no output)"


async def test_a_failure_tells_its_exit_code(bash: Bash) -> None:
    assert await use(bash, command="echo hi; exit 7") == Output(content="hi\n\nExit code 7", failed=True, exit_code=7)
    assert (await use(bash, command="echo on")).content == "on"


async def test_a_death_by_signal_is_told_as_the_shell_does(bash: Bash) -> None:
    assert (await use(bash, command="kill -9 $$")).exit_code == 137


@pytest.mark.parametrize(
    "command",
    [
        "grep x /dev/null",
        "diff a b",
        "[ 1 = 2 ]",
        "test -e nope",
        "git diff --no-index a b",
        "true && grep x a",
        "cat a | grep x",
        "grep 'x|y' a",
    ],
)
async def test_exit_code_1_is_an_answer_of_those_that_say_no_by_it(bash: Bash, tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "b").write_text("2\n")
    done = await use(bash, command=command)
    assert (done.exit_code, done.failed) == (1, False)
    assert "Exit code 1" in done.text


@pytest.mark.parametrize("command", ["false", "grep x nope", "grep x a; false", "git show nope"])
async def test_other_failures_are_failures(bash: Bash, tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_text("1\n")
    assert (await use(bash, command=command)).failed


async def test_standard_input_is_empty(bash: Bash) -> None:
    assert (await use(bash, command="cat; wc -c")).content == "0"


async def test_the_directory_goes_over_to_the_next_command_and_variables_do_not(bash: Bash, tmp_path: Path) -> None:
    await use(bash, command="mkdir -p a/b; cd a/b; export X=1")
    assert (await use(bash, command="pwd; echo ${X-none}")).content == f"{tmp_path}/a/b\nnone"
    assert (await use(bash, command="exit 3")).exit_code == 3
    assert (await use(bash, command="pwd")).content == f"{tmp_path}/a/b"


async def test_leaving_the_repository_sets_the_directory_back(bash: Bash, tmp_path: Path) -> None:
    assert (await use(bash, command="cd /; pwd")).content == f"/\n\nShell cwd was reset to {tmp_path}"
    assert (await use(bash, command="pwd")).content == str(tmp_path)


async def test_a_directory_that_has_gone_is_no_end(bash: Bash, tmp_path: Path) -> None:
    await use(bash, command="mkdir gone; cd gone")
    (tmp_path / "gone").rmdir()
    assert (await use(bash, command="pwd")).content == str(tmp_path)
    assert "reset" in (await use(bash, command="mkdir x; cd x; rmdir ../x")).text
    assert (await use(bash, command="pwd")).content == str(tmp_path)


async def test_a_link_out_of_the_repository_is_outside(bash: Bash, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    assert "was reset" in (await use(bash, command="cd link")).text


async def test_error_messages_are_those_of_the_plain_command(bash: Bash) -> None:
    assert (await use(bash, command="nope")).content == "bash: line 1: nope: command not found\n\nExit code 127"
    assert "BASH_ENV" not in (await use(bash, command="env")).text


async def test_overdue_commands_die_with_all_they_started(bash: Bash, mark: str) -> None:
    command = f"echo begun; setsid sleep {mark} & (trap '' TERM INT; sleep {mark}) & nohup sleep {mark} & sleep {mark}"
    begun = time.monotonic()
    done = await use(bash, command=command, timeout=300)
    assert time.monotonic() - begun < 5
    assert (done.failed, done.exit_code) == (True, 124)
    assert done.text.startswith("begun")
    assert "Timed out after 300 ms" in done.text
    assert not alive(mark)


async def test_orphans_without_environment_die_too(bash: Bash, mark: str) -> None:
    done = await use(bash, command=f"(setsid env -i sleep {mark} >/dev/null 2>&1 &); sleep 30", timeout=300)
    assert done.exit_code == 124
    assert not alive(mark)


@pytest.mark.parametrize(
    "command",
    [
        "AGENCY_COMMAND=zzz setsid sleep {mark}",
        "(setsid env -i sleep {mark} &)",
        "setsid env -u AGENCY_COMMAND sleep {mark}",
    ],
)
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("ending", ["sleep 0.1", "sleep 10"])
async def test_no_orphan_outlives_its_command_whatever_mark_it_bears(
    bash: Bash, workspace: Workspace, mark: str, command: str, beside: bool, ending: str
) -> None:
    other = f"4{mark[1:]}"
    if beside:
        await workspace.call("task_start", command=f"setsid sleep {other} & wait")
        await asyncio.sleep(0.1)
    await use(bash, command=f"{command.format(mark=mark)} >/dev/null 2>&1 & {ending}", timeout=400)
    assert not alive(mark)
    assert alive(other) is beside


async def test_output_that_comes_a_little_late_is_not_lost(bash: Bash) -> None:
    assert (await use(bash, command="echo hi > >(sleep 0.03; cat)")).content == "hi"
    begun = time.monotonic()
    assert "Still running at its end, and killed: sleep." in str(
        (await use(bash, command="echo hi; sleep 5 &")).content
    )
    assert time.monotonic() - begun < 2


async def test_what_is_left_running_is_killed_and_told(bash: Bash, mark: str) -> None:
    done = await use(bash, command=f"sleep {mark} & setsid sleep {mark} >/dev/null 2>&1 & sleep 0.2; echo started")
    assert done.text.startswith("started\n\nStill running at its end, and killed: sleep, sleep.")
    assert (done.failed, done.exit_code) == (False, 0)
    assert not alive(mark)


async def test_one_commands_end_does_not_touch_another(bash: Bash, mark: str) -> None:
    other = asyncio.create_task(use(bash, command=f"(setsid sleep 0.6; echo through) & wait # {mark}"))
    await asyncio.sleep(0.2)
    await use(bash, command="sleep 100 & true")
    assert (await other).content == "through"


async def test_a_fork_bomb_in_one_session_ends_with_its_time(bash: Bash, mark: str) -> None:
    command = f"f() {{ sleep {mark} & [ $1 -gt 0 ] && {{ f $(($1-1)) & f $(($1-1)) & }}; wait; }}; f 5"
    assert (await use(bash, command=command, timeout=700)).exit_code == 124
    assert not alive(mark)


async def test_cancelling_ends_the_command(bash: Bash, mark: str) -> None:
    running = asyncio.create_task(use(bash, command=f"setsid sleep {mark} & sleep {mark}"))
    for _ in range(300):
        if alive(mark):
            break
        await asyncio.sleep(0.1)
    assert alive(mark)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(100):
        if not alive(mark):
            break
        await asyncio.sleep(0.05)
    assert not alive(mark)


async def test_terraform_is_interrupted_once_and_may_give_back_its_lock(bash: Bash, tmp_path: Path) -> None:
    script = tmp_path / "terraform"
    script.write_text(
        "#!/bin/bash\ntouch lock\ntrap 'echo interrupt; rm lock; exit 1' INT\nwhile :; do sleep 0.1; done\n"
    )
    script.chmod(0o755)
    done = await use(bash, command="./terraform apply; touch next", timeout=500)
    assert done.text.startswith("interrupt\n")
    assert "interrupted and ended by itself" in done.text
    assert not (tmp_path / "lock").exists()
    assert not (tmp_path / "next").exists()


async def test_terraform_that_will_not_stop_is_killed_and_its_lock_told(
    bash: Bash, tmp_path: Path, workspace: Any
) -> None:
    script = tmp_path / "tofu"
    script.write_text(
        "#!/bin/bash\ntrap '' INT TERM\necho '{\"ID\": \"4-2\"}' >.terraform.tfstate.lock.info\nsleep 60\n"
    )
    script.chmod(0o755)
    running = asyncio.create_task(
        workspace.call("exec", command="./tofu apply", timeout_s=0.3, partial=True, sweep=True, grace_s=0.5)
    )
    done = await running
    assert (done["ended_by"], done["locks"]) == ("SIGKILL", [f"{tmp_path}/.terraform.tfstate.lock.info (ID 4-2)"])


@pytest.mark.parametrize(
    ("default", "longest", "shown", "expected"),
    [
        ("", "", "", Bounds()),
        ("5000", "9000", "2000", Bounds(default_ms=5000, longest_ms=9000, shown=2000)),
        ("700000", "", "", Bounds(default_ms=700_000, longest_ms=700_000)),
        ("-1", "x", "0", Bounds()),
        ("9" * 12, "9" * 30, "9" * 9, Bounds(default_ms=86_400_000, longest_ms=86_400_000, shown=150_000)),
        ("", "", "1", Bounds(shown=1000)),
    ],
)
def test_time_and_output_are_bounded_as_the_environment_says(
    default: str, longest: str, shown: str, expected: Bounds
) -> None:
    given = {
        "BASH_DEFAULT_TIMEOUT_MS": default,
        "BASH_MAX_TIMEOUT_MS": longest,
        "BASH_MAX_OUTPUT_LENGTH": shown,
    }
    assert bounds_of(given) == expected


async def test_bounds_of_the_environment_hold_for_commands(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASH_DEFAULT_TIMEOUT_MS", "150")
    monkeypatch.setenv("BASH_MAX_TIMEOUT_MS", "300")
    monkeypatch.setenv("BASH_MAX_OUTPUT_LENGTH", "1000")
    (bash,) = [tool for tool in core_tools(workspace) if isinstance(tool, Bash)]
    assert "Timed out after 150 ms" in (await use(bash, command="sleep 9")).text
    assert "Timed out after 300 ms" in (await use(bash, command="sleep 9", timeout=5000)).text
    done = await use(bash, command="seq 500")
    assert (done.truncated, done.output_path is not None, len(done.text) < 1400) == (True, True, True)


async def test_the_timeout_has_a_largest(bash: Bash) -> None:
    assert (await use(bash, command="echo x", timeout=10**9)).content == "x"


async def test_long_output_is_kept_in_a_file_and_shown_at_both_ends(bash: Bash) -> None:
    done = await use(bash, command="seq 100000")
    assert done.truncated
    assert done.output_path is not None
    assert Path(done.output_path).read_text() == "".join(f"{number}\n" for number in range(1, 100001))
    assert done.text.startswith("1\n2\n3\n")
    assert "99999\n100000\n\nThe whole output is in" in done.text
    assert 29_000 < len(done.text) < 31_000


async def test_output_that_fits_is_whole(bash: Bash) -> None:
    done = await use(bash, command="head -c 29999 /dev/zero | tr '\\0' x")
    assert done == Output(content="x" * 29999, exit_code=0)


async def test_characters_are_counted_not_bytes(bash: Bash) -> None:
    done = await use(bash, command="python3 -c 'print(\"é\" * 29000)'")
    assert done == Output(content="é" * 29000, exit_code=0)


async def test_a_failures_output_is_cut_shorter(bash: Bash) -> None:
    done = await use(bash, command="seq 100000; false")
    assert done.truncated
    assert len(done.text) < 11_000
    assert "100000\n" in done.text


async def test_a_kept_file_has_a_largest_size(bash: Bash) -> None:
    done = await use(bash, command="head -c 80000000 /dev/zero | tr '\\0' x; echo end")
    assert done.output_path is not None
    assert Path(done.output_path).stat().st_size == 64 << 20
    assert "end\n\nThe whole output is in" in done.text
    assert "(its first 67,108,864 of 80,000,004 bytes)" in done.text


async def test_what_is_no_text_is_made_visible(bash: Bash) -> None:
    done = await use(
        bash, command=r"printf '\x1b[31mred\x1b[0m \xff\x00\x07 \xe2\x80\xae\x1b]0;title\x07 50%%\r100%%\r\n'"
    )
    assert done.content == "red \ufffd\\x00\\x07 \\u202e 50%\n100%"


@pytest.mark.parametrize(
    "command",
    [
        "vim main.tf",
        "EDITOR=vi kubectl edit deploy/x",
        "cd x && less log",
        "git rebase -i HEAD~3",
        "watch kubectl get pods",
        "kubectl exec -it pod -- sh",
        "docker run --rm -it alpine",
        "sudo apt install x",
        "true; top",
        "python3",
        "if true; then nano x; fi",
    ],
)
async def test_what_waits_for_a_person_is_refused_with_what_to_use_instead(bash: Bash, command: str) -> None:
    with pytest.raises(ToolError, match=r"not run: .*(waits for a person|terminal|asks for a password)"):
        await use(bash, command=command)


@pytest.mark.parametrize(
    "command",
    [
        "echo vim; echo 'a; vim b'",
        "cat <<'X'\nvim is an editor\ntop\nX",
        "vim --version || true",
        "python3 <<X\nprint(1)\nX",
        "echo 1 | python3",
        "echo 2>&1 top",
        "top -b -n 1 >/dev/null || true",
        "echo x | less",
    ],
)
async def test_what_only_looks_like_it_runs(bash: Bash, command: str) -> None:
    assert (await use(bash, command=command)).exit_code is not None


async def test_an_escape_without_an_end_hides_nothing(bash: Bash) -> None:
    assert (await use(bash, command=r"printf 'a\x1b]0;b\nc'")).content == "a\\x1b]0;b\nc"
    assert (
        await use(bash, command=r"printf 'x\x1b]8;;http://h\x1b\\link\x1b]8;;\x1b\\ N\bN_\bo'")
    ).content == "xlink No"


async def test_nothing_runs_outside_the_sandbox(bash: Bash) -> None:
    with pytest.raises(ToolError, match="nothing runs outside the sandbox"):
        await use(bash, command="true", dangerouslyDisableSandbox=True)


async def test_a_background_command_is_started_read_and_stopped(bash: Bash, workspace: Workspace, mark: str) -> None:
    started = await use(bash, command=f"echo one; sleep {mark}", run_in_background=True)
    assert "task-1" in started.text
    now = await use(TaskOutput(workspace), task_id="task-1", timeout=300)
    assert "still running" in now.text
    assert now.text.endswith("\n\none")
    assert now.output_path == started.output_path
    assert now.output_path is not None
    assert Path(now.output_path).read_text() == "one\n"
    stopped = await use(TaskStop(workspace), task_id="task-1")
    assert "stopped" in stopped.text
    assert not stopped.failed
    assert not alive(mark)


async def test_a_background_command_tells_its_end(bash: Bash, workspace: Workspace) -> None:
    await use(bash, command="sleep 0.2; echo done; exit 3", run_in_background=True)
    ended = await use(TaskOutput(workspace), task_id="task-1")
    assert (ended.exit_code, ended.failed) == (3, True)
    assert ended.text.endswith("\n\ndone")


async def test_a_background_command_outlives_others(bash: Bash, workspace: Workspace) -> None:
    await use(bash, command="setsid sleep 0.5; echo through", run_in_background=True)
    await use(bash, command="sleep 100 & true")
    assert "through" in (await use(TaskOutput(workspace), task_id="task-1")).text


async def test_a_task_that_is_not_there_is_named_with_those_that_are(workspace: Workspace) -> None:
    with pytest.raises(ToolError, match="there is no task 'x'; there are: none"):
        await use(TaskOutput(workspace), task_id="x")


async def test_each_core_tool_has_a_name_of_its_own(workspace: Workspace) -> None:
    names = [tool.name for tool in core_tools(workspace)]
    assert sorted(names) == [
        "Bash", "Edit", "Glob", "Grep", "Read", "TaskOutput", "TaskStop", "TodoWrite", "Write",
    ]  # fmt: skip
