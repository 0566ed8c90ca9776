"""The terminal: calm, honest about what a text holds, and never the reason why a run ends."""

import io
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.closing import WORDS, close
from agency_runtime.loop import Ending
from agency_runtime.outcome import Ended, Outcome, judged
from agency_runtime.session import Event
from agency_runtime.terminal import Terminal, cells, listing, money, plain, shortened, subject, tokens
from agency_runtime.wire import Usage

HOSTILE = "a\x1b[2Kb\x07c\u202ed\u2066e\x9bf\rg"
CALL = {
    "tool": "Bash",
    "input": {"command": "ls -l"},
    "failed": False,
    "denied": False,
    "exit_code": 0,
    "seconds": 0.25,
}


def shown(*events: Event, width: int = 80, color: bool | None = None) -> str:
    out = io.StringIO()
    terminal = Terminal(out=out, width=width, color=color)
    for event in events:
        terminal(event)
    return out.getvalue()


def event(type: str, **data: Any) -> Event:  # noqa: A002 - the log's own word
    return Event(n=1, at="2026-01-01T00:00:00.000Z", type=type, data=data)


def finished(**data: Any) -> Event:
    return event("call.finished", **{**CALL, **data})


def on_a_terminal(**variables: str) -> bool | None:
    """Whether a terminal on a real terminal device has colors."""
    ours, theirs = pty.openpty()
    try:
        with pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w", closefd=False) as out:
            for name in ("NO_COLOR", "TERM"):
                patch.delenv(name, raising=False)
            for name, value in variables.items():
                patch.setenv(name, value)
            return Terminal(out=out, width=80).color
    finally:
        os.close(ours)
        os.close(theirs)


def test_colors_are_for_terminals_that_want_them() -> None:
    assert on_a_terminal(TERM="xterm") is True
    assert on_a_terminal(TERM="xterm", NO_COLOR="1") is False
    assert on_a_terminal(TERM="xterm", NO_COLOR="") is True
    assert on_a_terminal(TERM="dumb") is False


def test_a_pipe_and_a_file_get_no_colors(tmp_path: Path) -> None:
    assert "\x1b" not in shown(event("notice", text="careful"), finished())
    with (tmp_path / "out").open("w") as out:
        assert Terminal(out=out, width=80).color is False


def test_colors_stand_around_the_marks_alone() -> None:
    assert shown(finished(), color=True) == "\x1b[32m✓\x1b[0m Bash ls -l \x1b[2m0.2s\x1b[0m\n"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({}, "✓ Bash ls -l 0.2s"),
        ({"failed": True, "exit_code": 2}, "✗ Bash ls -l exit 2 0.2s"),
        ({"failed": True, "denied": True, "exit_code": None}, "⊘ Bash ls -l 0.2s"),
        ({"seconds": 90.0}, "✓ Bash ls -l 1.5m"),
        ({"input": {}}, "✓ Bash 0.2s"),
        ({"tool": "Terraform", "input": {"action": "plan", "dir": "infra"}}, "✓ Terraform plan infra 0.2s"),
        ({"input": {"command": "a \\\n\n  b\u2028c"}}, "✓ Bash a \\ b c 0.2s"),
        ({"tool": "no\nsuch\x1b[2Jtool", "input": {}}, "✓ no such\\x1b[2Jtool 0.2s"),
        ({"tool": "Cloud", "input": {"action": "a\x1b]0;x\x07\nb"}}, "✓ Cloud a\\x1b]0;x\\x07 b 0.2s"),
    ],
)
def test_a_call_is_one_line(data: dict[str, Any], line: str) -> None:
    assert shown(finished(**data)) == line + "\n"


@pytest.mark.parametrize("width", [40, 60, 200])
@pytest.mark.parametrize("command", ["x" * 500, "字" * 500, "é" * 500, "\x1b" * 500])
def test_a_long_call_is_cut_to_the_width(width: int, command: str) -> None:
    line = shown(finished(input={"command": command}, tool="T" * 99), width=width).rstrip("\n")
    assert "\n" not in line
    assert cells(line) <= width
    assert "…" in line


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("字字字", 5, "字字…"), ("字字", 4, "字字"), ("abc", 1, "…"), ("abc", -5, "…")],
)  # fmt: skip
def test_what_does_not_fit_ends_in_an_ellipsis(text: str, room: int, kept: str) -> None:
    assert shortened(text, room) == kept


def test_what_could_forge_the_screen_is_written_as_escapes() -> None:
    assert plain(HOSTILE) == "a\\x1b[2Kb\\x07c\\u202ed\\u2066e\\x9bf\\x0dg"
    assert plain("line\r\n\ttab") == "line\n\ttab"


@pytest.mark.parametrize(
    "hostile",
    [
        event("notice", text=HOSTILE),
        finished(input={"command": HOSTILE}),
        finished(tool=HOSTILE),
        event("session.started", command="work", persona=HOSTILE, model=HOSTILE, sandbox="bwrap", id="s"),
    ],
    ids=["notice", "input", "tool", "start"],
)
def test_no_event_reaches_the_screen_unescaped(hostile: Event) -> None:
    out = shown(hostile, width=200)
    assert not {"\x1b", "\x07", "\u202e", "\u2066", "\x9b", "\r"} & set(out)


def test_streamed_text_ends_where_the_next_line_begins() -> None:
    out = io.StringIO()
    terminal = Terminal(out=out, width=80)
    for piece in ("I will ", "look", "", " first.\x1b[2J"):
        terminal.text(piece)
    terminal(finished())
    terminal.text("Now\n")
    terminal.line("next")
    terminal.line()
    assert out.getvalue() == "I will look first.\\x1b[2J\n✓ Bash ls -l 0.2s\nNow\nnext\n\n"


def test_a_reader_who_leaves_does_not_end_the_run() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        terminal = Terminal(out=out, width=80)
        terminal.line("nobody hears this")
        terminal.line("nor this")
        assert out.write("late") == 4  # the stream leads nowhere now, so that closing it raises nothing either


def test_what_an_output_cannot_encode_does_not_end_the_run() -> None:
    raw = io.BytesIO()
    terminal = Terminal(out=io.TextIOWrapper(raw, encoding="ascii"), width=80)
    terminal.line("✓ done")
    terminal.text("\ud800")
    assert raw.getvalue() == b"? done\n\\ud800"


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({"file_path": "a.tf", "limit": 3}, "a.tf"),
        ({"command": "", "description": "why"}, "why"),
        ({"action": "apply", "plan": "p", "count": 3}, "apply p"),
        ({"unknown": "x"}, ""),
    ],
)
def test_a_calls_subject_is_its_most_telling_input(given: dict[str, Any], about: str) -> None:
    assert subject(given) == about


def test_numbers_are_short() -> None:
    assert [money(cost) for cost in (0, 0.01234, 1, 12.345)] == ["$0.0000", "$0.0123", "$1.00", "$12.35"]
    usage = Usage(input=900, output=1_250, cache_read=10_100, cache_write=2_000_000)
    assert tokens(usage.json()) == "2.01M in (10.1k cached), 1.2k out"
    assert tokens(Usage(input=1, output=2).json()) == "1 in, 2 out"


def test_a_list_says_how_many_it_leaves_out() -> None:
    assert listing("Files:", [], 2) == []
    assert listing("Files:", ["a", "b\n\x07"], 2) == ["Files:", "  a", "  b \\x07"]
    assert listing("Files:", ["a", "b", "c", "d"], 2) == ["Files:", "  a", "  b", "  … and 2 more"]


def outcome(**more: Any) -> Outcome:
    values: dict[str, Any] = {
        "status": "done", "exit_code": 0, "reason": "", "feature": "add-ci", "session_id": "20260101-000000-abcdef",
        "turns": 3, "usage": Usage(input=10, output=5), "cost_usd": 0.5,
    }  # fmt: skip
    return Outcome(**{**values, **more})


def closed(what: Outcome) -> list[str]:
    out = io.StringIO()
    close(Terminal(out=out, width=80), what, "work")
    return out.getvalue().splitlines()


def test_the_last_lines_say_what_changed_what_is_verified_and_what_to_type_next() -> None:
    files = {"created": ["ci.yml"], "modified": ["README.md"], "deleted": ["old"]}
    handoff = ".agency/handoff/add-ci/devops-automator"
    assert closed(outcome(files_changed=files, verified=["it builds"], handoff=handoff)) == [
        "",
        "done and verified",
        "3 turns · 10 in, 5 out · $0.5000 · exit 0",
        "Changed (3):",
        "  + ci.yml",
        "  ~ README.md",
        "  - old",
        "Verified (1):",
        "  it builds",
        f"Handoff: {handoff}/summary.md",
        "Next: agency verify add-ci",
        "Next: git status; git diff",
    ]


def test_what_nobody_approved_is_listed_with_the_rule_that_would() -> None:
    denial = {"tool": "Bash", "why": "It changes things.", "rule": "r", "permits": ["Bash(echo 'x' > y)"]}
    lines = closed(outcome(status="approval_needed", exit_code=6, denials=[denial]))
    assert lines[1] == "an approval or an answer was needed and nobody could give it"
    assert """  Bash (no approval): It changes things.; to permit it: --allow 'Bash(echo '"'"'x'"'"' > y)'""" in lines
    assert lines[-1] == "Next: agency session show 20260101-000000-abcdef"


def test_the_next_command_of_a_plan_is_fit_to_be_pasted() -> None:
    assert closed(outcome(plan="plans/my plan.md"))[-1] == "Next: agency implement 'plans/my plan.md'"


@pytest.mark.parametrize("status", [*(ending.value for ending in Ending), "unverified", "approval_needed", "model_failed", "sandbox_failed", "replay_differs", "interrupted", "terminated"])  # fmt: skip
def test_every_status_has_its_words(status: str) -> None:
    assert closed(outcome(status=status, reason="because\nso"))[1] == f"{WORDS[status][1]}: because so"


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("unapproved", [True, False])
@pytest.mark.parametrize("ending", Ending)
def test_only_what_is_verified_and_approved_is_done(ending: Ending, verified: bool, unapproved: bool) -> None:
    ended = judged(Ended(ending=ending), verified=verified, unapproved=unapproved)
    status, code = ended.status, ended.code
    assert (code == 0) is (status == "done") is (ending is Ending.DONE and verified and not unapproved)
    assert code in {0, 1, 5, 6}
