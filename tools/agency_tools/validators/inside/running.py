"""Running a validator's command: absent, overdue and broken are told apart from clean."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .values import NotRun

if TYPE_CHECKING:
    from collections.abc import Mapping


class Ran(NamedTuple):
    """What one command came to."""

    code: int
    out: str
    err: str


class Runner:
    """Runs commands in the tree that is checked."""

    def __init__(self, root: str, *, patience: float = 120.0) -> None:
        self.root = root
        self.patience = patience

    def has(self, name: str) -> bool:
        """Whether there is such a command."""
        return shutil.which(name) is not None

    def need(self, name: str) -> str:
        """The command's path. Raises NotRun where there is none."""
        found = shutil.which(name)
        if found is None:
            raise NotRun(f"{name} is not in this sandbox")
        return found

    def run(
        self, argv: Sequence[str], *, cwd: str | None = None, given: str = "", env: Mapping[str, str] | None = None
    ) -> Ran:
        """Run it to its end. Raises NotRun where it is absent or does not end in time."""
        try:
            done = subprocess.run(
                [self.need(argv[0]), *argv[1:]],
                cwd=cwd or self.root,
                input=given,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=self.patience,
                env={**os.environ, **(env or {})},
                check=False,
            )
        except subprocess.TimeoutExpired as problem:
            raise NotRun(f"{argv[0]} did not end within {self.patience:g} s") from problem
        except OSError as problem:
            raise NotRun(f"{argv[0]} could not be started: {problem.strerror}") from problem
        return Ran(done.returncode, done.stdout, done.stderr)

    def scratch(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for what only the check needs."""
        return tempfile.TemporaryDirectory(prefix="agency-check-")


def batches(words: Sequence[str], size: int) -> list[Sequence[str]]:
    """The words in groups of at most `size`, so that no command line grows too long."""
    return [words[start : start + size] for start in range(0, len(words), size)]
