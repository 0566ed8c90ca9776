"""Which files have changed since the last look, by their times and sizes."""

from __future__ import annotations

import os
import stat

SKIPPED = frozenset(
    {".git", ".terraform", ".venv", "venv", "node_modules", "__pycache__", ".agency", ".mypy_cache", ".pytest_cache"}
)
MOST = 200
"""Changed files that are checked after one act; a generated tree is checked at the end."""


class Watch:
    """Looks at a tree again and again. What was there at the first look has not changed."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[str, tuple[int, int, int]] = {}
        self.mark()

    def mark(self) -> None:
        """Take everything as it is now for known."""
        self._known = self._look()

    def changed(self) -> list[str]:
        """The files that are new or different since the last look."""
        now = self._look()
        found = sorted(path for path, state in now.items() if self._known.get(path) != state)
        self._known = now
        return found[:MOST]

    def seen(self, paths: list[str]) -> None:
        """These have been checked as they are."""
        for path in paths:
            state = self._state(os.path.join(self._root, path))
            if state is not None:
                self._known[path] = state

    def _look(self) -> dict[str, tuple[int, int, int]]:
        found: dict[str, tuple[int, int, int]] = {}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(os.path.join(self._root, folder)))
            except OSError:
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in SKIPPED:
                            waiting.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
                except OSError:
                    continue
        return found

    @staticmethod
    def _state(path: str) -> tuple[int, int, int] | None:
        try:
            status = os.lstat(path)
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else None
