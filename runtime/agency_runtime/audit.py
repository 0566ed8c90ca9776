"""The audit of a session: a chain of digests over its log, so that no event can be changed, dropped or moved unseen.

Beside `events.jsonl` lies `audit.jsonl`, a line an event: `{n, at, type, …, event, previous, hash}`. `event` is the SHA-256 of
the event's line in the log, `hash` that of this line's other fields as canonical JSON, `previous` the hash of the line before
(of nothing, for the first). Acts and approvals also say which call, and what came of it. Whoever can write both files can
make a new chain: keep the last hash elsewhere, as `agency session audit` prints it, to show that they did not.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError

FILE = "audit.jsonl"
LOG = "events.jsonl"
FIRST = "0" * 64
TOLD = ("ref", "id", "tool", "verdict", "kind", "rule", "who", "granted", "failed", "exit_code", "denied", "status")
"""What of an event stands in the audit too, where the event has it."""

SYNCED = frozenset({"approval", "session.ended"})


def sealed(event: Mapping[str, Any], line: bytes, previous: str) -> Json:
    """The audit's line on an event whose line in the log is `line`."""
    told = {name: event[name] for name in TOLD if name in event}
    body = {"n": event["n"], "at": event["at"], "type": event["type"], **told}
    body |= {"event": hashlib.sha256(line).hexdigest(), "previous": previous}
    return {**body, "hash": digest_of(body)}


def digest_of(body: Mapping[str, Any]) -> str:
    """The hash of a line without its own."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


class Audit:
    """The chain of one session as it grows."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Opens the file for appending, its owner's alone. Raises OSError."""
        self._durable = durable
        path = folder / FILE
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        last = next(reversed([json_object(json.loads(line)) for line in path.read_bytes().splitlines()]), None)
        self.head = str(last["hash"]) if last else FIRST

    def add(self, event: Mapping[str, Any], line: bytes) -> None:
        """Seal an event, given as it stands in the log."""
        entry = sealed(event, line, self.head)
        self.head = str(entry["hash"])
        data = memoryview((json.dumps(entry, ensure_ascii=True) + "\n").encode())
        while data:
            data = data[os.write(self._file, data) :]
        if self._durable and event["type"] in SYNCED:
            os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        file, self._file = self._file, -1
        with suppress(OSError):
            os.close(file)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an audit came to: the faults found, the events that hold, the chain's last hash, and whether it is complete.

    unsealed: events behind the chain's end, as a run that was killed leaves them; nothing vouches for those.
    """

    faults: tuple[str, ...]
    events: int
    head: str
    ended: bool
    unsealed: int = 0

    @property
    def ok(self) -> bool:
        """Nothing was changed."""
        return not self.faults


def verify(folder: Path) -> Verdict:
    """Check a session's log against its chain. Raises UsageError where there is no chain."""
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder.name}: no {FILE}; a session of an older version cannot be audited")
    faults: list[str] = []
    previous, count, last, extra = FIRST, 0, "", 0
    logged = _lines(folder / LOG)
    for number, line in enumerate(_lines(folder / FILE), 1):
        entry = _parsed(line)
        event = next(logged, None)
        fault = _fault(entry, event, number, previous)
        if fault:
            faults.append(fault)
            break  # whatever follows rests on this one
        assert entry is not None
        previous, count, last = str(entry["hash"]), number, str(entry["type"])
    else:
        extra = sum(1 for _ in logged)
        if extra and last == "session.ended":
            faults.append(f"{LOG}:{count + 1}: {extra} events that the chain does not hold")
    return Verdict(faults=tuple(faults), events=count, head=previous, ended=last == "session.ended", unsealed=extra)


def hash_at(folder: Path, number: int) -> str:
    """The hash of the chain's line of that number, from 1; of its last line where it has fewer."""
    found = FIRST
    for at, line in enumerate(_lines(folder / FILE), 1):
        found = str((_parsed(line) or {}).get("hash", ""))
        if at == number:
            break
    return found


def _fault(entry: Json | None, event: bytes | None, number: int, previous: str) -> str | None:
    """What is wrong with a line of the chain and its event; None where they hold."""
    if entry is None:
        return f"{FILE}:{number}: is no line of a chain"
    given = {name: value for name, value in entry.items() if name != "hash"}
    if digest_of(given) != entry.get("hash"):
        return f"{FILE}:{number}: was changed: its hash is not that of what it says"
    if entry.get("previous") != previous:
        return f"{FILE}:{number}: does not follow on line {number - 1}: a line was dropped, added or moved"
    if event is None:
        return f"{LOG}:{number}: is missing: the chain holds {entry.get('type')} there"
    if hashlib.sha256(event).hexdigest() != entry.get("event"):
        return f"{LOG}:{number}: was changed after it was written ({entry.get('type')} of {entry.get('at')})"
    return None


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, with their ends; a last one cut short by a crash is left out."""
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return


def _parsed(line: bytes) -> Json | None:
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    return json_object(value) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownArgumentType]
