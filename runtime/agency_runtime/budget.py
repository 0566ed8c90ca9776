"""What a run may spend: turns, money and time, each finite unless a person said `unlimited`."""

import math
import time
from dataclasses import dataclass, field

from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Turns, US dollars, minutes; `math.inf` where a person said `unlimited`. Tokens, of both directions, for evals."""

    turns: float = 100
    cost: float = 10.0
    minutes: float = 60
    tokens: float = math.inf


def limit(name: str, given: str | float) -> float:
    """A budget as given on the command line, in the configuration or the environment.

    Raises UsageError for anything but a positive number or `unlimited`; 0 never means "no limit".
    """
    if given == "unlimited":
        return math.inf
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not value > 0 or math.isinf(value):
        raise UsageError(f"{name}: {given!r} is no limit; give a number above 0, or the word unlimited")
    return value


@dataclass
class Spending:
    """What a run has spent so far; `earlier` are the minutes of the parts that it goes on from."""

    budget: Budget
    turns: int = 0
    cost: float = 0.0
    tokens: int = 0
    earlier: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def minutes(self) -> float:
        """Minutes of wall time since the start, earlier parts included."""
        return self.earlier + (time.monotonic() - self.started) / 60

    @property
    def seconds_left(self) -> float | None:
        """Seconds of wall time left; None where time is unlimited."""
        if math.isinf(self.budget.minutes):
            return None
        return max(0.0, (self.budget.minutes - self.minutes) * 60)

    @property
    def option(self) -> str | None:
        """The option that gives more of what is used up, with the word for its value; None while all hold."""
        if self.turns >= self.budget.turns:
            return "--max-turns N"
        if self.cost >= self.budget.cost:
            return "--max-cost USD"
        return "--max-minutes N" if self.minutes >= self.budget.minutes else None

    def spent(self) -> str | None:
        """Which budget is used up, in words with its number; None while all hold."""
        if self.turns >= self.budget.turns:
            return f"{self.budget.turns:g} turns (--max-turns)"
        if self.cost >= self.budget.cost:
            return f"${self.budget.cost:g} (--max-cost; ${self.cost:.4f} spent)"
        if self.tokens >= self.budget.tokens:
            return f"{self.budget.tokens:g} tokens ({self.tokens} spent)"
        if self.minutes >= self.budget.minutes:
            return f"{self.budget.minutes:g} minutes (--max-minutes)"
        return None
