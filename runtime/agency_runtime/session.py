"""The session: an append-only list of events, and the file it is kept in.

Terminal, audit, recording, handoff and scorers read events; nothing else passes between them. An event that announces
an act is on disk before the act begins. Format: JSON Lines, `{"n", "at", "type", …}`, `n` counted from 1, `at` in
ISO 8601 UTC.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from agency_runtime.audit import Audit
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError
from agency_tools.redaction import Redactor


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened.

    Types: session.started, request, reply, call.judged, approval, call.started, call.finished, notice, stuck,
    compacted, session.ended.
    """

    n: int
    at: str
    type: str
    data: Json

    def json(self) -> dict[str, Any]:
        """As it stands in the log, secrets aside."""
        return {"n": self.n, "at": self.at, "type": self.type, **self.data}

    def line(self) -> str:
        """Its JSON in one line."""
        return json.dumps(self.json(), ensure_ascii=False, default=str)


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
    listeners: list[Listener] = field(default_factory=list[Listener])
    count: int = 0
    turns: int = 0  # requests sent, helpers' included

    def add(self, type: str, **data: Any) -> Event:  # noqa: A002 - the log's own word
        """Append one event and tell every listener, the log first."""
        self.count += 1
        event = Event(n=self.count, at=now(), type=type, data=data)
        for listener in self.listeners:
            listener(event)
        return event


DURABLE = {"session.started", "call.started", "approval", "session.ended"}
"""Events that announce an act, or close the session: they are on the disk before anything else happens."""


class Log:
    """A session's file, its owner's alone, opened for appending only; secrets are masked as it is written.

    While it is open a lock says that the session runs (`running`). durable: False where no event announces an act, so
    that none is waited for until it has reached the disk.

    Raises UsageError when the folder cannot be written to.
    """

    def __init__(self, folder: Path, redact: Redactor, *, durable: bool = True) -> None:
        self.path = folder / "events.jsonl"
        self._redact = redact
        self._durable = durable
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._audit = Audit(folder, durable=durable)
            if durable:
                _reach_the_disk(folder)
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"{folder}: cannot be written ({why}); sessions lie there, set XDG_STATE_HOME") from error
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __call__(self, event: Event) -> None:
        """Append the event; a durable one has reached the disk when this returns."""
        masked = json_object(self._redact.inside(event.json()))
        line = (json.dumps(masked, ensure_ascii=False) + "\n").encode(errors="replace")
        data = memoryview(line)
        while data:
            data = data[os.write(self._file, data) :]
        if self._durable and event.type in DURABLE:
            os.fdatasync(self._file)
        self._audit.add(masked, line)

    def close(self) -> None:
        """Close the files; safe to call twice."""
        self._audit.close()
        file, self._file = self._file, -1
        with suppress(OSError):
            os.close(file)


def _reach_the_disk(folder: Path) -> None:
    """A new file's name is on the disk only once its folder is."""
    for path in (folder, folder.parent):
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def running(path: Path) -> bool:
    """Whether a process still writes this log; the kernel ends its claim with the process, however that ended."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False


def read_events(path: Path) -> Iterator[Json]:
    """The events of a log; a last line cut short by a crash is left out. Raises UsageError for a line that is none."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                event: object = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}:{number}: not JSON: {error}") from error
            yield json_object(event)
