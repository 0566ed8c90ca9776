"""Trust: what a repository brings is used only once a person has trusted its content, by hash."""

import json
import os
from pathlib import Path


def store() -> Path:
    """`$XDG_STATE_HOME/agency/trust.json`."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "agency" / "trust.json"


def trusted() -> dict[str, str]:
    """Digest to path of everything trusted so far; an unreadable store trusts nothing."""
    try:
        value = json.loads(store().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def is_trusted(sha256: str) -> bool:
    return sha256 in trusted()


def trust(sha256: str, path: Path) -> None:
    """Remember the digest; the store is replaced in one step and is the user's alone."""
    known = {**trusted(), sha256: str(path)}
    file = store()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(file.name + ".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    part.replace(file)
