"""How long a conversation may go on: how often it may repeat itself, and how full it may become.

They are part of what a run is told, so a recording keeps them and its replay takes them from there; a recording that says
nothing of one was made without it.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from agency_runtime.wire import Json
from agency_tools.errors import UsageError

WINDOWS: Mapping[str, int] = {
    "claude-haiku-5": 1_000_000,
    "claude-sonnet-5": 1_000_000,
    "claude-opus-5": 1_000_000,
    "claude-fable-5": 1_000_000,
    "claude-mythos-5": 1_000_000,
    "claude-sonnet-4-6": 1_000_000,
    "claude-opus-4-6": 1_000_000,
    "claude-opus-4-7": 1_000_000,
    "claude-opus-4-8": 1_000_000,
}
"""Tokens that a model can hold, by a part of its id; read from the service's public pages on 2026-11-25."""

REPLY = 32_000  # tokens of a reply at most, for which there must be room, too
SMALLEST_WINDOW = 200_000  # of any other model: too small a window costs a compaction, too large a one the run


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Numbers that end a run or condense its conversation; infinite where nothing does.

    repeats: how often the same call may come to the same result in a row. polls: likewise while something is waited for,
    and for an error that comes back with other calls between. window: tokens the model can hold. full: tokens from which on
    the conversation is condensed.
    """

    repeats: float = math.inf
    polls: float = math.inf
    window: float = math.inf
    full: float = math.inf

    def json(self) -> dict[str, int]:
        """As a recording keeps them: the finite ones."""
        return {name: int(value) for name, value in asdict(self).items() if math.isfinite(value)}


BOUNDLESS = Bounds()


def recorded_bounds(kept: Json) -> Bounds:
    """Those of a recording."""
    named = {each.name: kept.get(each.name) for each in fields(Bounds)}
    return Bounds(**{name: float(value) for name, value in named.items() if isinstance(value, (int, float))})


def window_of(model: str) -> int:
    """Tokens that a model can hold; the least of all for an id nobody knows."""
    return next((tokens for part, tokens in WINDOWS.items() if part in model), SMALLEST_WINDOW)


def full_at(window: float, part: float) -> float:
    """Tokens from which on a window counts as full: so many percent of it, less where a whole reply would not fit beside."""
    asked = window * part / 100
    return min(asked, window - REPLY) if window > 4 * REPLY and math.isfinite(part) else asked


def whole(where: str, text: str, least: int = 2) -> float:
    """A whole number, or infinity for the word `unlimited`. Raises UsageError for anything else."""
    if text == "unlimited":
        return math.inf
    if not text.isdecimal() or int(text) < least:
        raise UsageError(
            f"{where}: {text!r} is no limit; give a whole number of at least {least}, or the word unlimited"
        )
    return int(text)


def percent(where: str, text: str) -> float:
    """A part of the model's window, or infinity for the word `never`. Raises UsageError for anything else."""
    if text == "never":
        return math.inf
    number = text.removesuffix("%")
    if not number.isdecimal() or not 10 <= int(number) <= 95:
        raise UsageError(
            f"{where}: {text!r} is no part of the model's window; give 10 to 95 percent, or the word never"
        )
    return int(number)
