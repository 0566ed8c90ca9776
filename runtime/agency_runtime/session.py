"""The session: an append-only list of events, and the file it is kept in.

Terminal, audit, recording, handoff and scorers read events; nothing else passes between them. An event that announces
an act is on disk before the act begins. Format: JSON Lines, `{"n", "at", "type", …}`, `n` counted from 1, `at` in
ISO 8601 UTC.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from agency_runtime.redaction import Redactor
from agency_runtime.wire import Json

FORMAT = "agency-session/1"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened. Types: session.started, request, reply, call.judged, call.started, call.finished,
    notice, handoff, session.ended."""

    n: int
    at: str
    type: str
    data: Json

    def line(self) -> str:
        """As it stands in the log."""
        return json.dumps({"n": self.n, "at": self.at, "type": self.type, **self.data}, ensure_ascii=False, default=str)


Listener: TypeAlias = Callable[[Event], None]


def now() -> str:
    """The time, ISO 8601 in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A session id that sorts by time and is unguessable enough not to clash: 20261123-142501-9f3c2a."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def sessions_folder() -> Path:
    """`$XDG_STATE_HOME/agency/sessions`, by default below `~/.local/state`."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "agency" / "sessions"


@dataclass
class Session:
    """What has happened so far; it only grows."""

    id: str
    listeners: list[Listener] = field(default_factory=list)
    count: int = 0
    turns: int = 0  # requests sent, helpers' included

    def add(self, type: str, **data: Any) -> Event:  # noqa: A002 - the log's own word
        """Append one event and tell every listener, the log first."""
        self.count += 1
        event = Event(n=self.count, at=now(), type=type, data=data)
        for listener in self.listeners:
            listener(event)
        return event


DURABLE = {"session.started", "call.started", "approval", "handoff", "session.ended"}


class Log:
    """A session's file. Opened for appending only; `DURABLE` events reach the disk before `add` returns."""

    def __init__(self, folder: Path, redact: Redactor) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "events.jsonl"
        self._redact = redact
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __call__(self, event: Event) -> None:
        line = self._redact(event.line()) + "\n"
        data = memoryview(line.encode(errors="replace"))
        while data:
            data = data[os.write(self._file, data) :]
        if event.type in DURABLE:
            os.fdatasync(self._file)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._file)


def read_events(path: Path) -> Iterator[Json]:
    """The events of a log; a last line cut short by a crash is left out."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            yield json.loads(line)
