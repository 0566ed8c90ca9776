"""The chain of digests over a session's log: one changed byte, one line dropped, added or moved is named."""

import json
from pathlib import Path

import pytest

from agency_runtime import cli
from agency_runtime.audit import FIRST, verify
from agency_runtime.session import Log, Session, sessions_folder
from agency_tools.errors import UsageError
from agency_tools.redaction import Redactor

NAME = "20260101-000000-aaaaaa"


@pytest.fixture
def folder(own_state: Path) -> Path:
    """A session of five events as a run leaves it."""
    log = Log(sessions_folder() / NAME, Redactor())
    session = Session(id=NAME, listeners=[log])
    session.add("session.started", id=NAME, command="work", issue="Add CI")
    session.add("call.judged", ref="c1", tool="Terraform", verdict="ask", rule="apply")
    session.add("approval", ref="c1", tool="Terraform", who="ann", granted=True)
    session.add("call.finished", ref="c1", tool="Terraform", failed=False, exit_code=0, denied=False, text="ü" * 20)
    session.add("session.ended", status="done", exit_code=0, reason="")
    log.close()
    return sessions_folder() / NAME


def test_a_session_as_it_was_written_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = verify(folder)
    assert (verdict.ok, verdict.events, verdict.ended) == (True, 5, True)
    assert cli.main(["session", "audit", NAME[:10]]) == 0
    assert capsys.readouterr().out == f"{NAME}: 5 events as written, last hash {verdict.head}\n"


def test_the_audit_says_who_allowed_which_act_and_how_it_ended(folder: Path) -> None:
    entries = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    assert entries[0]["previous"] == FIRST
    assert [entry["previous"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    assert (entries[2]["tool"], entries[2]["who"], entries[2]["granted"]) == ("Terraform", "ann", True)
    assert (entries[3]["exit_code"], entries[3]["failed"]) == (0, False)


def test_every_flipped_bit_of_the_log_is_named(folder: Path) -> None:
    log = folder / "events.jsonl"
    whole = log.read_bytes()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        log.write_bytes(changed)
        verdict = verify(folder)
        line = whole[:at].count(b"\n") + 1
        assert not verdict.ok, at
        assert verdict.faults[0].startswith(f"events.jsonl:{line}:"), (at, verdict.faults)


def test_every_flipped_bit_of_the_chain_is_named(folder: Path) -> None:
    chain = folder / "audit.jsonl"
    whole = chain.read_bytes()
    for at in range(0, len(whole) - 1, 11):
        changed = bytearray(whole)
        changed[at] ^= 1
        chain.write_bytes(changed)
        assert not verify(folder).ok, at


@pytest.mark.parametrize("file", ["events.jsonl", "audit.jsonl"])
@pytest.mark.parametrize("change", ["drop", "swap", "add"])
def test_a_line_dropped_moved_or_added_is_named(
    folder: Path, file: str, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / file
    lines = path.read_bytes().splitlines(keepends=True)
    if change == "drop":
        del lines[2]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines.append(lines[-1])
    path.write_bytes(b"".join(lines))
    assert cli.main(["session", "audit", NAME]) == 1
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith(f"{NAME}: ")
    assert ".jsonl:" in said


def test_a_log_that_lost_its_end_is_named(folder: Path) -> None:
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[:-1]))
    assert verify(folder).faults == ("events.jsonl:5: is missing: the chain holds session.ended there",)


def test_a_killed_run_may_lack_the_seal_of_its_last_event_and_is_said_to_be_cut_off(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "audit.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:20])
    logged = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(logged[:4]))
    assert verify(folder).ok
    assert cli.main(["session", "audit", NAME]) == 0
    assert capsys.readouterr().out.endswith(
        "3 events as written, last hash "
        f"{verify(folder).head}; the session was cut off, or still runs, and nothing vouches for its last 1 event\n"
    )


def test_secrets_are_in_neither_file(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "canary-7f31-token-value")
    log = Log(sessions_folder() / "s", Redactor.of_environment())
    session = Session(id="s", listeners=[log])
    session.add("call.judged", ref="c1", tool="Bash", verdict="deny", rule="says canary-7f31-token-value")
    log.close()
    written = b"".join(path.read_bytes() for path in (sessions_folder() / "s").iterdir())
    assert b"canary" not in written
    assert verify(sessions_folder() / "s").ok


def test_a_session_without_a_chain_says_so(folder: Path) -> None:
    (folder / "audit.jsonl").unlink()
    with pytest.raises(UsageError, match=r"no audit\.jsonl"):
        verify(folder)
