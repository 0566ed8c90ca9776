"""The session: it only grows, its log is on disk before the act, and holds no secret."""

import os
import re
import stat
from pathlib import Path

import pytest

from agency_runtime.session import DURABLE, Event, Log, Session, new_id, read_events, sessions_folder
from agency_tools.errors import UsageError
from agency_tools.redaction import MASK, Redactor


def logged(folder: Path, redact: Redactor | None = None) -> tuple[Session, Log]:
    log = Log(folder, redact or Redactor())
    return Session(id="s", listeners=[log]), log


def test_every_event_is_a_line_numbered_from_1_with_its_time(tmp_path: Path) -> None:
    session, log = logged(tmp_path)
    session.add("session.started", id="s")
    session.add("notice", text="zwölf\nlines")
    log.close()
    events = list(read_events(log.path))
    assert [(event["n"], event["type"]) for event in events] == [(1, "session.started"), (2, "notice")]
    assert events[1]["text"] == "zwölf\nlines"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["at"]) for event in events)
    assert len(log.path.read_bytes().splitlines()) == 2


def test_the_log_only_grows_even_when_it_is_opened_again(tmp_path: Path) -> None:
    session, log = logged(tmp_path)
    session.add("notice", text="one")
    before = log.path.read_bytes()
    log.close()
    session, log = logged(tmp_path)
    session.add("notice", text="two")
    log.close()
    assert log.path.read_bytes().startswith(before)
    assert [event["text"] for event in read_events(log.path)] == ["one", "two"]


@pytest.mark.parametrize("announces", sorted(DURABLE))
def test_what_announces_an_act_is_flushed_to_the_disk_before_add_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announces: str
) -> None:
    session, log = logged(tmp_path)
    on_disk: list[list[str]] = []
    sync = os.fdatasync

    def watched(file: int) -> None:
        sync(file)
        on_disk.append([event["type"] for event in read_events(log.path)])

    monkeypatch.setattr(os, "fdatasync", watched)
    session.add("notice", text="not worth waiting for")
    assert on_disk == []
    session.add(announces)
    assert on_disk[0] == ["notice", announces]
    log.close()


def test_a_log_of_a_session_in_which_nothing_acts_waits_for_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path, Redactor(), durable=False)
    session = Session(id="s", listeners=[log])
    waited: list[int] = []
    monkeypatch.setattr(os, "fdatasync", waited.append)
    for each in sorted(DURABLE):
        session.add(each)
    log.close()
    assert waited == []
    assert [event["type"] for event in read_events(log.path)] == sorted(DURABLE)


def test_every_event_is_in_the_file_when_add_returns(tmp_path: Path) -> None:
    session, log = logged(tmp_path)
    session.add("reply", text="x" * 200_000)
    assert [event["type"] for event in read_events(log.path)] == ["reply"]
    log.close()


def test_a_last_line_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    session, log = logged(tmp_path)
    session.add("notice", text="whole")
    log.close()
    with log.path.open("a") as file:
        file.write('{"n": 2, "type": "call.sta')
    assert [event["n"] for event in read_events(log.path)] == [1]


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"n": 1}\noops\n')
    with pytest.raises(UsageError, match=r"events\.jsonl:2: not JSON"):
        list(read_events(path))


def test_secrets_are_masked_in_the_file_while_the_live_value_is_unaltered(tmp_path: Path) -> None:
    session, log = logged(tmp_path, Redactor(["hunter2-hunter2"]))
    heard: list[Event] = []
    session.listeners.append(heard.append)
    given = {"command": "curl -u me:hunter2-hunter2 x\nAKIA" + "IOSFODNN7EXAMPLE"}
    event = session.add("call.started", input=given)
    log.close()
    assert [line["input"] for line in read_events(log.path)] == [{"command": f"curl -u me:{MASK} x\n{MASK}"}]
    assert event.data["input"] is given
    assert given["command"].startswith("curl -u me:hunter2-hunter2")
    assert heard == [event]


def test_a_mask_never_breaks_the_line(tmp_path: Path) -> None:
    session, log = logged(tmp_path, Redactor(['n"secret"', "nothing-else"]))
    session.add("notice", text='n"secret"', also="\nothing-else", path=tmp_path)
    session.add("notice", open="-----BEGIN PRIVATE KEY-----", close="-----END PRIVATE KEY-----")
    log.close()
    first, second = read_events(log.path)
    assert (first["text"], first["also"], first["path"]) == (MASK, "\nothing-else", str(tmp_path))
    assert (second["open"], second["close"]) == (MASK, "-----END PRIVATE KEY-----")


def test_a_lone_surrogate_does_not_stop_the_log(tmp_path: Path) -> None:
    session, log = logged(tmp_path)
    session.add("notice", text="a\ud800b")
    log.close()
    assert [event["text"] for event in read_events(log.path)] == ["a?b"]


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    _, log = logged(tmp_path / "deep" / "session")
    log.close()
    log.close()
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_is_a_usage_error_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"Not a directory.*set XDG_STATE_HOME"):
        Log(tmp_path / "file" / "session", Redactor())


def test_sessions_lie_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert sessions_folder() == tmp_path / "agency" / "sessions"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sessions_folder() == tmp_path / ".local" / "state" / "agency" / "sessions"


def test_ids_sort_by_time_and_do_not_clash() -> None:
    ids = {new_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", each) for each in ids)
