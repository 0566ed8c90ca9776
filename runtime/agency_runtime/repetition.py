"""Seeing that a run goes round in circles: the same calls with the same results, pairs that alternate, one error over and over.

What repeats is decided by call and result together, as the run is recorded, so that a replay sees the same. Looking again
at what changes by itself is waiting, not repeating, and is given more time.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agency_runtime.bounds import Bounds
from agency_runtime.calls import Executed
from agency_runtime.recording import digest
from agency_runtime.replay import comparable
from agency_runtime.terminal import shortened, subject
from agency_runtime.wire import Call

LONGEST_PERIOD = 4  # calls that repeat together
Pattern = Literal["repeated", "alternating", "failing", "failing again", "empty", "monologue", "paused"]

OBSERVING: Mapping[str, frozenset[str]] = {
    "Kubernetes": frozenset({"get", "describe", "logs", "events", "top", "rollout_status", "wait"}),
    "Helm": frozenset({"status", "list", "history"}),
    "Docker": frozenset({"logs", "inspect"}),
}
"""Actions whose answer changes by itself while something is waited for."""

OBSERVERS = re.compile(r"sleep|wait|(kubectl|oc)\s(.*\s)?(get|describe|logs|wait|top|rollout)\b|docker\s(.*\s)?(ps|logs|inspect|wait)\b|helm\s(.*\s)?status\b")  # fmt: skip
SEGMENTS = re.compile(r"[;&|\n(){}]+|\bdo\b|\bthen\b|\buntil\b|\bwhile\b")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One call with what came of it. `waits`: it looks at what changes by itself."""

    call: str
    outcome: str
    tool: str
    about: str
    failed: bool
    waits: bool

    @property
    def same(self) -> tuple[str, str]:
        """What makes two steps the same."""
        return self.call, self.outcome


def step_of(call: Call, done: Executed) -> Step:
    """The step that a call was."""
    about = shortened(subject(call.input), 100)
    return Step(
        call=digest([call.name, json.dumps(call.input, sort_keys=True)]),
        outcome=digest([done.failed, done.exit_code, comparable(call.name, done.output)]),
        tool=call.name,
        about=f"{call.name} {about}".strip(),
        failed=done.failed,
        waits=waits(call, done),
    )


def waits(call: Call, done: Executed) -> bool:
    """Whether a call looks at what changes by itself."""
    if call.name == "TaskOutput":
        return done.exit_code is None and not done.failed
    if call.name == "Bash":
        segments = SEGMENTS.split(str(call.input.get("command", "")))
        return any(OBSERVERS.match(segment.strip()) for segment in segments)
    if call.name == "Cloud":
        return (
            str(call.input.get("operation", "")).split(" ")[-1].startswith(("describe", "list", "get", "show", "wait"))
        )
    return str(call.input.get("action", "")) in OBSERVING.get(call.name, ())


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """What goes round in circles, and how often it has; at `limit` the run ends."""

    pattern: Pattern
    count: int
    limit: float
    about: str
    how: str

    @property
    def over(self) -> bool:
        """Whether the run ends."""
        return self.count >= self.limit

    @property
    def worth_telling(self) -> bool:
        """Whether half of the limit is reached."""
        return self.count >= max(2, self.limit / 2)

    @property
    def text(self) -> str:
        """In one line, for people."""
        return f"stuck: {self.about} {self.how} {self.count} times"

    @property
    def words(self) -> str:
        """What the model is told."""
        return (
            f"You repeat yourself: {self.about} {self.how} {self.count} times; at {self.limit:g} the run ends as incomplete."
            " Once more will show nothing new. Look at what the result says and try another way; if something is waited for,"
            " wait longer between two looks; if nothing more can be done, finish with what stands and say what does not."
        )


@dataclass
class Repetition:
    """Watches the steps of one conversation."""

    bounds: Bounds
    _steps: list[Step] = field(default_factory=list[Step])
    _errors: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def after(self, steps: Sequence[Step]) -> Stuck | None:
        """What the run is stuck in once these steps are done; None where it gets on."""
        if math.isinf(self.bounds.repeats) and math.isinf(self.bounds.polls):
            return None
        self._steps += steps
        self._errors.update(step.same for step in steps if step.failed)
        found = [stuck for stuck in self._found() if stuck.worth_telling]
        self._forget()
        return max(found, key=lambda stuck: stuck.count / stuck.limit, default=None)

    def _found(self) -> Iterator[Stuck]:
        if not self._steps:
            return
        last = self._steps[-1]
        for period in range(1, LONGEST_PERIOD + 1):
            block = self._steps[-period:]
            if len({step.same for step in block}) == period <= len(block):
                yield self._circle(block)
        yield self._stuck("failing", self._failures(last), [last], "failed in a row")
        if last.failed:
            how = "came to the same error, other calls between,"
            yield Stuck(pattern="failing again", count=self._errors[last.same], limit=self.bounds.polls, about=last.about, how=how)  # fmt: skip

    def _circle(self, block: Sequence[Step]) -> Stuck:
        """How often these steps were done with the same results, one round after the other."""
        period, steps, again = len(block), self._steps, 0
        while again + period < len(steps) and steps[-1 - again].same == steps[-1 - again - period].same:
            again += 1
        pattern: Pattern = "repeated" if period == 1 else "alternating"
        return self._stuck(pattern, again // period + 1, block, "came to the same result in a row")

    def _failures(self, last: Step) -> int:
        """How often in a row this call failed, or this tool with this very error."""

        def run(alike: bool, step: Step) -> bool:
            same = step.call == last.call if alike else (step.tool, step.outcome) == (last.tool, last.outcome)
            return step.failed and same

        counts: list[int] = []
        for alike in (True, False):
            row = next((n for n, step in enumerate(reversed(self._steps)) if not run(alike, step)), len(self._steps))
            counts.append(row)
        return max(counts)

    def _stuck(self, pattern: Pattern, count: int, block: Sequence[Step], how: str) -> Stuck:
        waiting = any(step.waits for step in block)
        return Stuck(
            pattern=pattern,
            count=count,
            limit=max(self.bounds.polls, self.bounds.repeats) if waiting else self.bounds.repeats,
            about=", then ".join(f"`{step.about}`" for step in block),
            how=how,
        )

    def _forget(self) -> None:
        """Keep no more than the longest circle needs."""
        most = max((bound for bound in (self.bounds.repeats, self.bounds.polls) if math.isfinite(bound)), default=0)
        del self._steps[: -int(most + 1) * LONGEST_PERIOD]
