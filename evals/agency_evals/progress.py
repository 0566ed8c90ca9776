"""How a run is getting on: one line that is written over at a terminal, a line a result anywhere else."""

import time
from dataclasses import dataclass, field
from typing import TextIO

from agency_evals.results import CaseResult

WIDTH = 24
WORDS = {"passed": "passed", "failed": "failed", "unscored": "unscored", "error": "error"}


@dataclass
class Progress:
    """Counts results. total: how many there will be; done: how many there were before."""

    out: TextIO
    total: int
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    counts: dict[str, int] = field(default_factory=dict[str, int])
    _here: int = 0

    def __call__(self, result: CaseResult) -> None:
        """One more."""
        self.done += 1
        self._here += 1
        self.counts[result.outcome] = self.counts.get(result.outcome, 0) + 1
        if self.out.isatty():
            self.out.write(f"\r\x1b[K{self.line(time.monotonic() - self.began)}")
        else:
            self.out.write(f"{told(result)}\n")
        self.out.flush()

    def line(self, elapsed: float) -> str:
        """The bar, the counts, and the time left at the pace so far; seconds since the beginning."""
        filled = WIDTH * self.done // self.total if self.total else WIDTH
        said = " ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        left = elapsed / self._here * (self.total - self.done) if self._here else 0.0
        bar = "=" * filled + " " * (WIDTH - filled)
        return f"[{bar}] {self.done}/{self.total}  {said}  {clock(left)} left"

    def end(self) -> None:
        """Leave the line standing."""
        if self.out.isatty() and self._here:
            self.out.write("\n")


def told(result: CaseResult) -> str:
    """One result in a line, with the first thing that went wrong where the outcome is not the expected one."""
    mark = "ok  " if result.as_expected else "FAIL"
    epoch = f" #{result.epoch}" if result.epoch > 1 else ""
    expected = "" if result.as_expected else f" (expected {result.expected})"
    return f"{mark} {result.id}{epoch}: {result.outcome}{expected} {result.seconds:.1f}s{_why(result)}"


def _why(result: CaseResult) -> str:
    if result.as_expected:
        return ""
    if result.fault is not None:
        return f" · {result.fault.cause.value}: {result.fault.message}"
    bad = [score for score in result.scores if score.outcome not in ("passed", None)]
    first = next((score.evidence.excerpt.strip().splitlines() for score in bad if score.evidence), list[str]())
    return f" · {', '.join(score.scorer for score in bad)}: {first[0] if first else ''}" if bad else ""


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
