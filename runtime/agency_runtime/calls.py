"""Calls that are under way, and those that have run, on which every claim of a handoff rests."""

import hashlib
import time
from dataclasses import dataclass, field

from agency_runtime.session import now
from agency_runtime.wire import Call, Json
from agency_tools.mcp.names import PREFIX
from agency_tools.tool import Output


@dataclass(frozen=True, kw_only=True)
class Executed:
    """One tool call and what came of it, as the model saw it.

    ref: the short name the model cites ("c7"), counted from 1 in the order of the session.
    output: the result's text. denied: the gate refused, nothing ran. started: ISO 8601, UTC. seconds: wall time.
    changed: repository-relative paths the call is known to have written. altered: those that were different when it had
    ended, by the tree itself; None where nobody looked, as in recordings of old. cwd: where its shell stood, empty for the
    repository's top.
    """

    ref: str
    id: str
    turn: int
    tool: str
    input: Json
    output: str
    failed: bool
    exit_code: int | None
    denied: bool
    started: str
    seconds: float
    changed: tuple[str, ...] = ()
    altered: tuple[str, ...] | None = None
    cwd: str = ""

    @property
    def command(self) -> str:
        """What ran, as one line a person can read."""
        if "command" in self.input and not self.tool.startswith(PREFIX):
            return str(self.input["command"])
        return " ".join([self.tool, *(f"{name}={value}" for name, value in self.input.items())])[:500]

    @property
    def sha256(self) -> str:
        """Digest of the output's UTF-8; a lone surrogate, which has none, counts as `?`."""
        return hashlib.sha256(self.output.encode(errors="replace")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Started:
    """A call that has come up. `recorded` is what came of it when it was recorded; `runs` is False in a replay that
    takes its result from there."""

    call: Call
    turn: int
    ref: str
    recorded: Json | None
    runs: bool
    cwd: str = ""
    at: str = field(default_factory=now)
    clock: float = field(default_factory=time.perf_counter)

    def executed(self, output: Output, denied: bool) -> Executed:
        """The call with its outcome, which has come just now."""
        seconds = round(time.perf_counter() - self.clock, 3)
        return self._executed(
            output, denied, text=output.text, started=self.at, seconds=seconds, altered=output.altered
        )

    def as_recorded(self, output: Output, denied: bool, recorded: Json) -> Executed:
        """The call with its outcome, and text, times and altered paths as they were recorded."""
        return self._executed(
            output, denied, text=recorded["text"], started=recorded["started"], seconds=recorded["seconds"],
            altered=altered(recorded),
        )  # fmt: skip

    def _executed(
        self, output: Output, denied: bool, *, text: str, started: str, seconds: float, altered: tuple[str, ...] | None
    ) -> Executed:
        call = self.call
        return Executed(
            ref=self.ref, id=call.id, turn=self.turn, tool=call.name, input=call.input, output=text,
            failed=output.failed, exit_code=output.exit_code, denied=denied, started=started, seconds=seconds,
            changed=output.changed, altered=altered, cwd=self.cwd,
        )  # fmt: skip


def altered(kept: Json) -> tuple[str, ...] | None:
    """The paths that a kept outcome says were different; None where it says nothing of them."""
    found = kept.get("altered")
    return None if found is None else tuple(found)
