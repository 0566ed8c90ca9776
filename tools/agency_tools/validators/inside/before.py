"""What was found in the same files at a commit, so that only what came after it counts."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import Any

from .engine import Judged, Pace, check, sources_of
from .kinds import TERRAFORM

LONGEST = 4000
"""Characters of a line that are kept for comparing; longer ones are generated."""

NEIGHBOURS = frozenset({"Chart.yaml"})
"""Files by which others are known for what they are."""


def lines_of(root: str, judged: list[Judged]) -> list[str]:
    """The text of each finding's line, by which a finding is known again when lines have moved."""
    files: dict[str, list[str]] = {}
    found: list[str] = []
    for finding in (finding for each in judged for finding in each.findings):
        if finding.path not in files:
            files[finding.path] = _lines(os.path.join(root, finding.path))
        lines = files[finding.path]
        found.append(lines[finding.line - 1].strip()[:LONGEST] if 0 < finding.line <= len(lines) else "")
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _neighbours(wanted: list[str], there: set[str], pace: Pace) -> set[str]:
    """What has to lie beside the files so that they mean the same: charts, and for policies the rest of a module."""
    folders = {path.rpartition("/")[0] for path in wanted if path.endswith(TERRAFORM)} if pace == "slow" else set[str]()
    modules = {path for path in there if path.endswith(TERRAFORM) and path.rpartition("/")[0] in folders}
    return modules | {path for path in there if path.rpartition("/")[2] in NEIGHBOURS}


class Before:
    """The findings of earlier versions, each file of a commit judged once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[tuple[str, Pace, str], list[list[Any]]] = {}

    def findings(self, ref: str, paths: list[str], pace: Pace) -> list[list[Any]]:
        """What there was to find in these files at the commit, each with its line's text; nothing without git."""
        commit = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
        if not commit:
            return []
        new = [path for path in paths if (commit, pace, path) not in self._known]
        if new:
            self._judge(commit, new, pace)
        return [row for path in paths for row in self._known.get((commit, pace, path), [])]

    def _judge(self, commit: str, paths: list[str], pace: Pace) -> None:
        there = set(self._git("ls-tree", "-r", "--name-only", "-z", commit).split("\0")) - {""}
        earlier = {path: path for path in paths if path in there}
        if any(path not in there for path in paths):
            renamed = self._renamed(commit)
            earlier |= {path: renamed[path] for path in paths if path not in there and path in renamed}
        wanted = sorted(set(earlier.values()))
        for path in paths:
            self._known[commit, pace, path] = []
        with tempfile.TemporaryDirectory(prefix="agency-before-") as folder:
            for path in {*wanted, *_neighbours(wanted, there, pace)}:
                self._extract(commit, path, os.path.join(folder, path))
            judged = check(folder, sources_of(folder, wanted), pace)
            texts = lines_of(folder, judged)
        findings = [finding for each in judged for finding in each.findings]
        for number, finding in enumerate(findings):
            for path in (path for path, name in earlier.items() if name == finding.path):
                self._known[commit, pace, path].append([*finding._replace(path=path), texts[number]])

    def _renamed(self, commit: str) -> dict[str, str]:
        """What files that git knows were called at the commit, by their name now."""
        words = self._git("diff", "--name-status", "--find-renames", "--diff-filter=R", "-z", commit, "--").split("\0")
        return {words[at + 2]: words[at + 1] for at in range(0, len(words) - 2, 3)}

    def _extract(self, commit: str, path: str, target: str) -> None:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            subprocess.run(
                ["git", "cat-file", "blob", f"{commit}:{path}"],
                cwd=self._root, stdout=file, stderr=subprocess.DEVNULL, timeout=60, check=False,
            )  # fmt: skip

    def _git(self, *words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=self._root, capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return os.fsdecode(done.stdout) if done.returncode == 0 else ""
