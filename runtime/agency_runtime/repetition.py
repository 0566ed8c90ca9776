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
from functools import cached_property
from itertools import combinations
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

OBSERVERS = re.compile(r"(sleep|wait)\b|(kubectl|oc)\s(.*\s)?(get|describe|logs|wait|top|rollout)\b|docker\s(.*\s)?(ps|logs|inspect|wait)\b|helm\s(.*\s)?status\b")  # fmt: skip
SEGMENTS = re.compile(r"[;&|\n(){}]+|\bdo\b|\bthen\b|\buntil\b|\bwhile\b")


@dataclass(frozen=True)
class Step:
    """One call with what came of it."""

    call: Call
    done: Executed

    @cached_property
    def asked(self) -> str:
        """What was asked, as text to compare."""
        return f"{self.call.name} {json.dumps(self.call.input, sort_keys=True)}"

    @cached_property
    def outcome(self) -> str:
        """What came of it, times aside. Dear where the output is long, so it is only looked at where it decides."""
        return digest([self.done.failed, self.done.exit_code, comparable(self.call.name, self.done.output)])

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.done.failed

    @property
    def about(self) -> str:
        """The call in a few words."""
        return f"{self.call.name} {shortened(subject(self.call.input), 100)}".strip()

    @property
    def waits(self) -> bool:
        """Whether it looks at what changes by itself."""
        return waits(self.call, self.done)

    def same(self, other: "Step") -> bool:
        """Whether the same call came to the same."""
        return self.asked == other.asked and self.outcome == other.outcome

    def same_error(self, other: "Step") -> bool:
        """Whether a call of the same tool failed in the same way."""
        return self.failed and other.failed and self.call.name == other.call.name and self.outcome == other.outcome


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
    _errors: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])  # by call and outcome

    def after(self, steps: Sequence[Step]) -> Stuck | None:
        """What the run is stuck in once these steps are done; None where it gets on."""
        if math.isinf(self.bounds.repeats) and math.isinf(self.bounds.polls):
            return None
        self._steps += steps
        self._errors.update((step.asked, step.outcome) for step in steps if step.failed)
        found = [stuck for stuck in self._found() if stuck.worth_telling]
        self._forget()
        return max(found, key=lambda stuck: stuck.count / stuck.limit, default=None)

    def _found(self) -> Iterator[Stuck]:
        if not self._steps:
            return
        last = self._steps[-1]
        for period in range(1, LONGEST_PERIOD + 1):
            block = self._steps[-period:]
            if any(one.same(two) for one, two in combinations(block, 2)):
                continue  # a shorter circle, or none
            again = self._again(period)
            if again >= period:
                yield self._circle(block, again // period + 1)
        yield self._stuck("failing", self._failures(last), [last], "failed in a row")
        if last.failed:
            how = "came to the same error, other calls between,"
            yield Stuck(pattern="failing again", count=self._errors[last.asked, last.outcome], limit=self.bounds.polls, about=last.about, how=how)  # fmt: skip

    def _again(self, period: int) -> int:
        """How many of the last steps are what was done `period` steps before."""
        back = list(reversed(self._steps))
        pairs = zip(back, back[period:], strict=False)
        return next((n for n, (one, two) in enumerate(pairs) if not one.same(two)), max(0, len(back) - period))

    def _circle(self, block: Sequence[Step], rounds: int) -> Stuck:
        """These steps were done so often with the same results, one round after the other."""
        pattern: Pattern = "repeated" if len(block) == 1 else "alternating"
        return self._stuck(pattern, rounds, block, "came to the same result in a row")

    def _failures(self, last: Step) -> int:
        """How often in a row this call failed, or this tool with this very error."""

        if not last.failed:
            return 0
        back = list(reversed(self._steps))
        rows = (
            [step.failed and step.asked == last.asked for step in back],
            [step.same_error(last) for step in back],
        )
        return max(next((n for n, alike in enumerate(row) if not alike), len(row)) for row in rows)

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
