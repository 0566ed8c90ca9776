"""What a report shows beside a result: its transcript, read from the run's folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agency_evals.results import CaseResult
from agency_evals.transcript import Transcript, of_events
from agency_runtime.session import read_events
from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is known of one attempt beyond its result; `diff` is a unified diff of what it changed."""

    transcript: Transcript | None = None
    diff: str = ""


Materials: TypeAlias = Callable[[CaseResult], Material]


def none_of(_: CaseResult) -> Material:
    """Nothing is known: the run came without its folder."""
    return Material()


def of_folder(folder: Path) -> Materials:
    """What a run's folder holds; a log that is gone or unreadable is as none, since a report must not hang on it."""

    def found(result: CaseResult) -> Material:
        path = folder / (result.session or "-")
        path = path / "events.jsonl" if path.is_dir() else path
        try:
            return Material(transcript=of_events(read_events(path)))
        except (OSError, UsageError):
            return Material()

    return found
