"""What has run: the executed calls of a session, on which every claim of a handoff rests."""

import hashlib
from dataclasses import dataclass

from agency_runtime.wire import Json


@dataclass(frozen=True, kw_only=True)
class Executed:
    """One tool call and what came of it, as the model saw it.

    ref: the short name the model cites ("c7"), counted from 1 in the order of the session.
    output: the result's text. denied: the gate refused, nothing ran. started: ISO 8601, UTC. seconds: wall time.
    changed: repository-relative paths the call is known to have written.
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

    @property
    def command(self) -> str:
        """What ran, as one line a person can read."""
        if "command" in self.input:
            return str(self.input["command"])
        return " ".join([self.tool, *(f"{name}={value}" for name, value in self.input.items())])[:500]

    @property
    def sha256(self) -> str:
        """Digest of the output's UTF-8; a lone surrogate, which has none, counts as `?`."""
        return hashlib.sha256(self.output.encode(errors="replace")).hexdigest()
