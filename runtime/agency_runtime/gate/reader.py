"""Gives the gate the text of a repository's files that a command would run."""

from pathlib import Path

from agency_runtime.gate.files import Reader

_MOST_BYTES = 256 * 1024


def repository_reader(repository: Path, root: str = "/workspace") -> Reader:
    """Reads below the repository by paths of the sandbox; None for what is absent, too long, binary or outside."""
    home = repository.resolve()

    def read(path: str) -> str | None:
        if not path.startswith(root + "/"):
            return None
        try:
            file = (home / path[len(root) + 1 :]).resolve()
            if not file.is_relative_to(home) or not file.is_file() or file.stat().st_size > _MOST_BYTES:
                return None
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None

    return read
