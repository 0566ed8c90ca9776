"""Trust: what a repository brings is used only once a person has trusted its content, by hash.

The store is a JSON object, digest to path and day; a changed file has another digest and is asked about again.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, cast

from agency_tools.errors import UsageError

Ask: TypeAlias = Callable[[Path, str], bool]
"""Asks a person whether to trust this path with this digest."""


def trust_file(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/agency/trust.json`."""
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "agency" / "trust.json"


def ask_at_terminal() -> Ask | None:
    """Something that asks the person at the terminal; None where nobody sits there."""
    return _ask if sys.stdin.isatty() and sys.stderr.isatty() else None


def _ask(path: Path, sha256: str) -> bool:
    sys.stderr.write(f"{path}\n  comes with this repository (sha256 {sha256}). Have you read it, and trust it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What has been trusted, and how new things come to be.

    granted: everything asked about is trusted from now on (`--trust`). ask: called once for each thing otherwise.
    """

    file: Path
    granted: bool = False
    ask: Ask | None = None

    def admits(self, path: Path, sha256: str) -> bool:
        """Whether the content may be used; a yes given now is remembered."""
        if is_trusted(sha256, self.file):
            return True
        if not self.granted and not (self.ask and self.ask(path, sha256)):
            return False
        trust(sha256, path, self.file)
        return True


def trusted(file: Path | None = None) -> Mapping[str, object]:
    """Everything trusted so far, by digest; a store that cannot be read trusts nothing."""
    try:
        value = cast("object", json.loads((file or trust_file()).read_bytes()))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def is_trusted(sha256: str, file: Path | None = None) -> bool:
    """Whether exactly this content was trusted."""
    return sha256 in trusted(file)


def trust(sha256: str, path: Path, file: Path | None = None) -> None:
    """Remember the digest. The store is replaced in one step and is its owner's alone.

    Raises UsageError when it cannot be written.
    """
    store = file or trust_file()
    known = {**trusted(store), sha256: {"path": str(path.absolute()), "trusted": f"{datetime.now(UTC):%Y-%m-%d}"}}
    try:
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(store, json.dumps(known, indent=1) + "\n")
    except OSError as error:
        raise UsageError(
            f"{store}: cannot be written ({error.strerror}); trust is kept there, set XDG_STATE_HOME"
        ) from error


def _replace(file: Path, content: str) -> None:
    """Write beside it, 0600, flush, then rename."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as part:
            part.write(content)
            part.flush()
            os.fsync(descriptor)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
