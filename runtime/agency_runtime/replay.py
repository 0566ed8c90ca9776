"""Replaying: a model that answers from a recording, and the comparison of live tool results with recorded ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from agency_runtime.diagnostics import without_diagnostics
from agency_runtime.recording import Recording, Turn, digest, fixed_digests, spoken
from agency_runtime.wire import Call, Json, Listener, ReplayError, Reply, Request
from agency_tools.terraform_answers import in_order

Drift = Literal["fail", "warn"]

VARIES = re.compile(
    r"""
    \d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?   # a point in time
  | \b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\ +\d{1,2}\ +(?:\d\d:\d\d(?::\d\d)?|\d{4})\b   # ls -l, syslog
  | \b\d\d:\d\d:\d\d(?:\.\d+)?\b                                         # a time of day
  | \b\d+(?:\.\d+)?\ ?(?:ns|us|µs|ms|s|sec|secs|seconds?|m|min)\b        # a duration
  | \b\d+m\d+(?:\.\d+)?s\b
  | /tmp/[\w.\-/]+                                                       # a temporary name
    """,
    re.VERBOSE,
)


def essence(text: str) -> str:
    """The text with what differs from run to run (times, durations, temporary names) masked."""
    return VARIES.sub("~", text)


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """A live result that is not what was recorded."""

    turn: int
    call: str
    tool: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"turn {self.turn}, {self.tool} ({self.call}): {first_difference(self.expected, self.got)}"


def first_difference(expected: str, got: str) -> str:
    """The first line that differs, in both forms."""
    old, new = essence(expected).splitlines(), essence(got).splitlines()
    for number, (left, right) in enumerate(zip(old, new, strict=False), 1):
        if left != right:
            return f"line {number}: recorded {left[:120]!r}, now {right[:120]!r}"
    return f"{len(old)} lines recorded, {len(new)} now"


@dataclass
class ReplayModel:
    """Answers each request with the reply recorded for it.

    Raises ReplayError when the replies run out or the request is not the recorded one. With drift `warn`, a changed
    system prompt or tool list is noted in `drifted` and the replay goes on: that is how a changed persona is tried.
    """

    recording: Recording
    drift: Drift = "fail"
    live: bool = True  # False: no call is executed, so the turns of helpers it would have started are passed over
    source: str = "replay"
    step: int = 0
    drifted: list[str] = field(default_factory=list[str])
    _fixed: tuple[Request, dict[str, str]] | None = None

    @property
    def unused(self) -> int:
        """Recorded replies that were never asked for."""
        return len(self.turns) - self.step

    @property
    def turns(self) -> Sequence[Turn]:
        """The recorded turns that this replay asks for."""
        return [turn for turn in self.recording.turns if self.live or turn.depth == 0]

    def fork(self) -> "ReplayModel":
        """A helper run takes its replies from the same recording, in order."""
        return self

    async def reply(self, request: Request, on_text: Listener) -> Reply:
        """The next recorded reply. Raises ReplayError when there is none, or the request is not the one it answered."""
        if self.step >= len(self.turns):
            raise ReplayError(f"its {self.step} replies are used up and another was asked for", step=self.step + 1)
        turn = self.turns[self.step]
        self.step += 1
        self._compare(turn, {"messages": digest(spoken(request.messages[request.fresh :])), **self._fixed_of(request)})
        reply = Reply(message=turn.reply)
        on_text(reply.text)
        return reply

    def _fixed_of(self, request: Request) -> dict[str, str]:
        """The digests of system and tools, made once for each that is a turn's: those of one conversation are one."""
        last, made = self._fixed or (None, {})
        if last is None or last.system is not request.system or last.tools is not request.tools:
            made = fixed_digests(request.system, request.tools)
            self._fixed = request, made
        return made

    def _compare(self, turn: Turn, now: dict[str, str]) -> None:
        for part, value in now.items():
            if turn.request.get(part) == value:
                continue
            if part == "messages" or self.drift == "fail":
                raise ReplayError(SAID[part], step=self.step)
            if part not in self.drifted:
                self.drifted.append(part)

    async def close(self) -> None:
        """Nothing is held open."""


SAID = {
    "messages": "the request's messages differ from the recorded ones: the runtime told the model something else",
    "system": "the request's system prompt differs from the recorded one; --drift warn tries the recorded replies all the same",
    "tools": "the request's tools differ from the recorded ones; --drift warn tries the recorded replies all the same",
}

UNORDERED = {"Glob"}
"""Tools that list by time, which a fresh copy of a repository does not keep."""


def comparable(tool: str, text: str) -> str:
    """The text without what differs from run to run."""
    said = essence(without_diagnostics(text))
    if tool == "Terraform":
        return in_order(said)
    return "\n".join(sorted(said.splitlines())) if tool in UNORDERED else said


def divergence(recorded: Json | None, call: Call, turn: int, got: str) -> Divergence | None:
    """None where a live result says the same as the recorded one; else the divergence."""
    if recorded is None:
        return Divergence(turn=turn, call=call.id, tool=call.name, expected="(no result recorded)", got=got)
    if comparable(call.name, str(recorded["text"])) == comparable(call.name, got):
        return None
    return Divergence(turn=turn, call=call.id, tool=call.name, expected=str(recorded["text"]), got=got)
