"""What a report shows beside a result: its transcript and what it changed, read from the run's folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agency_evals.results import CaseResult
from agency_evals.transcript import Transcript, of_events
from agency_evals.workspace_diff import diff_of
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
        return Material(transcript=_transcript(folder, result), diff=diff_of(result, folder))

    return found


def _transcript(folder: Path, result: CaseResult) -> Transcript | None:
    try:
        return of_events(read_events(folder / (result.session or "-")))
    except (OSError, UsageError):
        return None
