"""Going on with a run that was interrupted: it is known by the command that began it, and by having no end."""

from collections.abc import Mapping
from typing import Any

from agency_evals.lock import read_request, request_digest
from agency_evals.run_folder import LOCK, RunFolder, runs_folder
from agency_runtime.session import now
from agency_tools.errors import UsageError

END = "finished"
"""A file whose presence says that every attempt of the run was made."""


def finish(folder: RunFolder) -> None:
    """Mark the run as whole."""
    (folder.path / END).write_text(now() + "\n", encoding="utf-8")


def unfinished(request: Mapping[str, Any]) -> RunFolder | None:
    """The newest run of the same command that has no end; None where the command has none to go on with."""
    wanted = request_digest(request)
    for path in sorted(runs_folder().glob("*"), reverse=True):
        if (path / LOCK).is_file() and not (path / END).exists() and _is_of(RunFolder(path), wanted):
            return RunFolder(path)
    return None


def _is_of(folder: RunFolder, wanted: str) -> bool:
    try:
        return read_request(folder.lock(), folder.path) == wanted
    except (UsageError, KeyError):
        return False
