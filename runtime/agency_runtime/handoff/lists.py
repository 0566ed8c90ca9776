"""files-changed.json, read: exactly the lists created, modified and deleted."""

import json
from pathlib import Path

from agency_runtime.handoff.record import PathText, Record


class Lists(Record):
    """The document; anything else in it is refused."""

    created: list[PathText]
    modified: list[PathText]
    deleted: list[PathText]


def lists_in(folder: Path) -> Lists:
    """The lists of the handoff in `folder`. Raises OSError or ValueError where they cannot be read."""
    return Lists.model_validate(json.loads((folder / "files-changed.json").read_text(encoding="utf-8")))


def lists_if_any(folder: Path) -> Lists:
    """Likewise, empty where they cannot be read."""
    try:
        return lists_in(folder)
    except (OSError, ValueError):  # pydantic's errors are ValueErrors
        return Lists(created=[], modified=[], deleted=[])
