"""How long a command may take and how much of its output is shown, as the environment of the run says."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """default_ms and longest_ms: of a command's time; shown and shown_failed: characters of its output."""

    default_ms: int = 120_000
    longest_ms: int = 600_000
    shown: int = 30_000

    @property
    def shown_failed(self) -> int:
        """Of a failure the end tells most."""
        return min(self.shown, 10_000)

    def timeout_ms(self, asked: int | None) -> int:
        """The time a command gets."""
        return min(asked or self.default_ms, self.longest_ms)


A_DAY_MS = 86_400_000
MOST_SHOWN = 150_000
LEAST_SHOWN = 1_000


def bounds_of(environment: Mapping[str, str]) -> Bounds:
    """BASH_DEFAULT_TIMEOUT_MS, BASH_MAX_TIMEOUT_MS and BASH_MAX_OUTPUT_LENGTH, as Claude Code reads them.

    What is no positive number counts as absent. The longest time is never less than the default one.
    """
    usual = Bounds()
    default = min(_number(environment, "BASH_DEFAULT_TIMEOUT_MS", usual.default_ms), A_DAY_MS)
    longest = min(_number(environment, "BASH_MAX_TIMEOUT_MS", usual.longest_ms), A_DAY_MS)
    shown = _number(environment, "BASH_MAX_OUTPUT_LENGTH", usual.shown)
    return Bounds(default_ms=default, longest_ms=max(longest, default), shown=min(max(shown, LEAST_SHOWN), MOST_SHOWN))


def _number(environment: Mapping[str, str], name: str, usual: int) -> int:
    given = environment.get(name, "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 20 and int(given) else usual
