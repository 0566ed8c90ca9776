"""What a recording keeps of the files its run left, in a line of its own: `{"left": …, "fixture": digest}`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agency_evals.tree import Left, left_of
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The files left, and the digest of the workspace they differ from."""

    left: Left
    fixture: str

    def json(self) -> dict[str, Any]:
        """As a line or a file holds it."""
        return {"left": self.left.json(), "fixture": self.fixture}


def kept_in(recording: Path) -> Kept | None:
    """What the recording keeps; None where it keeps none. Raises UsageError where that cannot be read."""
    for number, line in enumerate(recording.read_text(encoding="utf-8").split("\n"), 1):
        if line.startswith('{"left"'):
            return _kept(line, f"{recording}:{number}")
    return None


def read_kept(path: Path) -> Kept | None:
    """What a file of a run keeps; None where there is none."""
    return _kept(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else None


def keep_in(recording: Path, kept: Kept) -> None:
    """Put it at the recording's end, in place of what was kept before."""
    lines = recording.read_text(encoding="utf-8").rstrip("\n").split("\n")
    rest = [line for line in lines if not line.startswith('{"left"')]
    text = "\n".join([*rest, json.dumps(kept.json(), ensure_ascii=False)]) + "\n"
    recording.write_text(text, encoding="utf-8")


def _kept(text: str, where: str) -> Kept:
    try:
        value: Any = json_object(cast("object", json.loads(text)))
        return Kept(left=left_of(value["left"]), fixture=str(value["fixture"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{where}: the files it keeps cannot be read ({error}); record it again") from error
