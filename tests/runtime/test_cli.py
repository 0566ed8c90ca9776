"""The command line as a user meets it: help, versions, exit codes, and one line for what was given wrongly."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agency_runtime import cli
from agency_runtime.session import Log, Session, sessions_folder
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.redaction import Redactor

Done = subprocess.CompletedProcess[str]


def agency(*words: str, given: bytes | None = None, cwd: Path | None = None, **variables: str) -> Done:
    """The command in a process of its own."""
    argv = [sys.executable, "-m", "agency_runtime.cli", *words]
    environment = {**os.environ, **variables}
    done = subprocess.run(argv, input=given, cwd=cwd, env=environment, capture_output=True, timeout=60, check=False)
    return Done(argv, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_help_lists_every_command_and_exits_0() -> None:
    done = agency("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(cli.COMMANDS) <= {line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ")}


def test_no_command_shows_the_help_as_an_error() -> None:
    done = agency()
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: agency" in done.stderr


def test_an_unknown_command_is_named_beside_those_there_are() -> None:
    done = agency("wrok")
    assert (done.returncode, done.stdout) == (2, "")
    assert "wrok" in done.stderr
    assert "work" in done.stderr


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    done = agency("--version")
    assert (done.returncode, done.stdout) == (0, f"agency {version('agency-runtime')}\n")


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: agency {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_an_unknown_option_is_a_usage_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--no-such-option"])
    assert ended.value.code == 2
    assert "usage: agency" in capsys.readouterr().err


def test_only_the_command_that_was_asked_for_is_imported() -> None:
    program = (
        "import sys; from agency_runtime.cli import build; build(['session', 'list']);"
        "print(sorted(name for name in sys.modules if name.startswith('agency_runtime.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['agency_runtime.commands.session']\n"


def ended(error: BaseException) -> int:
    """The exit code of a command that raises."""

    def fail(_: argparse.Namespace) -> int:
        raise error

    return cli.guarded(argparse.Namespace(run=fail))


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("plan.md: no such file; name\nanother"), 2, "agency: plan.md: no such file; name another\n"),
        (UsageError("a\x1b[2Jb"), 2, "agency: a\\x1b[2Jb\n"),
        (WorkspaceError("no engine answers"), 4, "agency: no engine answers\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["usage", "hostile", "sandbox", "interrupt"],
)
def test_each_kind_of_error_is_one_line_and_its_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error) == code
    assert capsys.readouterr() == ("", said)


def test_an_error_of_the_program_itself_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ended(ZeroDivisionError())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["work", "Do it", "--repo", "/nowhere"], "--repo /nowhere: no such folder"),
        (["work", "a", "--issue", "o/r#1"], "the issue was given twice; give TEXT, or --issue-file, or --issue"),
        (["work", "--issue-file", "none.md"], "--issue-file none.md: No such file or directory"),
        (["work", "  "], "the issue is empty; say in a sentence what is to be done"),
        (["session", "show", "2020"], "no session '2020'; see agency session list"),
        (["session", "gc", "--days", "-1"], "--days -1: give 0 or more"),
        (["tool", "call", "Read"], "agency tool call: give NAME and JSON, or --batch FILE"),
        (["tool", "call", "Raed", "{}"], "Raed: no tool 'Raed'; did you mean Read?"),
        (["tool", "call", "Read", "{"], "JSON: not JSON: Expecting property name"),
        (["tool", "call", "Read", "[]"], "Read: the input must be a JSON object, not []"),
        (["tool", "call", "--batch", "none.jsonl"], "--batch none.jsonl: No such file or directory"),
        (["tool", "call", "Read", "{}", "--repo", "/nowhere"], "--repo /nowhere: no such folder"),
    ],
)
def test_what_is_given_wrongly_is_named_in_one_line(
    words: list[str], said: str, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"agency: {said}")
    assert err.count("\n") == 1


def test_a_usage_error_reaches_the_shell_as_exit_2(repository: Path) -> None:
    done = agency("work", "Do it", "--max-turns", "0", cwd=repository)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "agency: --max-turns: '0' is no limit; give a number above 0, or the word unlimited\n"


def test_an_issue_on_standard_input_has_to_be_text(repository: Path) -> None:
    done = agency("work", "-", given=b"\xff\xfe", cwd=repository)
    assert (done.returncode, done.stderr) == (2, "agency: standard input: not UTF-8 text; convert the issue to UTF-8\n")


def test_a_batch_is_checked_before_its_first_call_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = tmp_path / "calls.jsonl"
    lines = ['{"name": "Bash", "input": {"command": "touch done"}}', "", '{"name": "Nope", "input": {}}']
    calls.write_text("\n".join(lines))
    assert cli.main(["tool", "call", "--batch", str(calls), "--repo", str(tmp_path)]) == 2
    assert f"--batch {calls}:3: no tool 'Nope'" in capsys.readouterr().err
    assert not (tmp_path / "done").exists()
    calls.write_text('{"input": {}}\n')
    assert cli.main(["tool", "call", "--batch", str(calls)]) == 2
    assert f'--batch {calls}:1: give {{"name": …, "input": …}}' in capsys.readouterr().err


def test_tool_list_shows_each_tool_in_a_line_or_as_the_model_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tool", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert cli.main(["tool", "list", "--json"]) == 0
    definitions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[0] for line in lines] == [each["name"] for each in definitions]
    assert {"Read", "Bash", "Terraform", "WebSearch", "Skill", "Task", "Handoff", "Escalate"} <= {
        each["name"] for each in definitions
    }
    assert all(each.keys() == {"name", "description", "input_schema"} for each in definitions)


@pytest.mark.bwrap
def test_calls_by_hand_are_answered_in_order(repository: Path) -> None:
    calls = b'{"name": "Bash", "input": {"command": "echo one; exit 3"}}\n{"name": "Read", "input": {}}\n'
    done = agency("tool", "call", "--batch", "-", "--sandbox", "bwrap", given=calls, cwd=repository)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, first["exit_code"], first["is_error"]) == (1, 3, True)
    assert first.keys() == {"content", "is_error", "exit_code", "seconds", "truncated", "output_path"}
    assert second["content"].startswith("Read: the input does not fit: file_path: Field required")


def past_run(name: str, *, ends: bool = True) -> Path:
    """A session as a run leaves it."""
    log = Log(sessions_folder() / name, Redactor())
    session = Session(id=name, listeners=[log])
    session.add(
        "session.started", id=name, command="work", persona="devops\x1b[2J", repository="/r", issue="Add\nCI\x07"
    )
    session.add("reply", turn=1, message={"content": [{"type": "text", "text": "Looking.\x1b[2J"}]})
    session.add("call.judged", ref="c1", verdict="ask", rule="Bash(make:*)", tool="Bash")
    session.add("approval", ref="c1", who="ann", granted=True)
    call = {"ref": "c1", "tool": "Bash", "input": {"command": "make\ntest"}, "failed": True, "denied": False}
    session.add("call.finished", **call, exit_code=2, seconds=0.5)
    if ends:
        session.add("session.ended", status="done", exit_code=0, reason="")
    log.close()
    return log.path


def test_sessions_are_listed_newest_first_with_how_they_ended(capsys: pytest.CaptureFixture[str]) -> None:
    past_run("20260101-000000-aaaaaa")
    past_run("20260102-000000-bbbbbb", ends=False)
    assert cli.main(["session", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "20260102-000000-bbbbbb  cut off          work      Add CI\\x07",
        "20260101-000000-aaaaaa  done             work      Add CI\\x07",
    ]


def test_a_session_is_shown_by_the_beginning_of_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    past_run("20260101-000000-aaaaaa")
    past_run("20260102-000000-bbbbbb")
    assert cli.main(["session", "show", "20260101"]) == 0
    shown = capsys.readouterr().out
    assert [line.partition("  ")[2] for line in shown.splitlines() if line.startswith("20")] == [
        "work as devops\\x1b[2J on /r: Add",
        "“Looking.\\x1b[2J”",
        "c1 ask (Bash(make:*))",
        "c1 approved by ann",
        "c1 Bash make test → failed, exit 2, 0.5 s",
        "done, exit 0",
    ]
    assert "\x1b" not in shown
    assert cli.main(["session", "show", "2026"]) == 2
    assert "is the beginning of 2 sessions" in capsys.readouterr().err


def test_an_export_is_the_log_byte_for_byte() -> None:
    path = past_run("20260101-000000-aaaaaa")
    done = agency("session", "export", "20260101")
    assert done.stdout == path.read_text()


def test_old_sessions_are_removed_and_young_ones_stay(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["session", "gc"])  # what runs that other tests killed have left
    capsys.readouterr()
    old, young = past_run("20260101-000000-aaaaaa"), past_run("20260102-000000-bbbbbb")
    os.utime(old, (0, 0))
    assert cli.main(["session", "gc"]) == 0
    assert (old.parent.exists(), young.parent.exists()) == (False, True)
    assert capsys.readouterr().out == "removed 1 session\n"


def test_a_reader_who_leaves_early_is_no_error() -> None:
    for number in range(1500):  # more than a pipe holds
        folder = sessions_folder() / f"20260101-{number:06}-aaaaaa"
        folder.mkdir(parents=True)
        (folder / "events.jsonl").write_text('{"n": 1, "type": "session.started"}\n')
    argv = [sys.executable, "-m", "agency_runtime.cli", "session", "list"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("there", "said"),
    [("place", "not a folder; name another, or leave it out"), ("place/x", "not empty; name a folder that is, or leave it out")],
    ids=["file", "full folder"],
)  # fmt: skip
def test_the_demo_overwrites_nothing(tmp_path: Path, there: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")
    assert cli.main(["demo", str(tmp_path / "place")]) == 2
    assert capsys.readouterr().err == f"agency: {tmp_path / 'place'}: {said}\n"
    assert (tmp_path / there).read_text() == "mine"
