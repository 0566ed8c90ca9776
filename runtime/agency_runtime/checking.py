"""Checking many files in one pass: one report a file, in order, and no file ever stops another."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agency_runtime.collection import Candidate, no_persona, persona_candidates, skill_candidates
from agency_runtime.frontmatter import read_document
from agency_runtime.load_report import Kind, LoadReport
from agency_runtime.persona import FIELDS, Skills, build_persona
from agency_runtime.skill import load_skill

Candidates: TypeAlias = Callable[[Path], Iterable[Candidate]]


def check_personas(paths: Iterable[Path], skills: Skills, servers: Collection[str] = ()) -> Iterator[LoadReport]:
    """A report on every Markdown file that the paths come to; `servers` are the MCP servers that are configured."""
    return _each(paths, "persona", persona_candidates, lambda candidate: _check_persona(candidate, skills, servers))


def check_skills(paths: Iterable[Path]) -> Iterator[LoadReport]:
    """A report on every SKILL.md that the paths come to."""
    return _each(paths, "skill", skill_candidates, lambda candidate: load_skill(candidate.path).report)


def _check_persona(candidate: Candidate, skills: Skills, servers: Collection[str]) -> LoadReport:
    document = read_document(candidate.path, FIELDS.known)
    why = no_persona(candidate.path, candidate.top, document) if candidate.top else None
    return _skipped(candidate.path, why) if why else build_persona(candidate.path, document, skills, servers).report


def _each(
    paths: Iterable[Path], kind: Kind, candidates: Candidates, check: Callable[[Candidate], LoadReport]
) -> Iterator[LoadReport]:
    for path in paths:
        found = False
        for candidate in candidates(path):
            report = _skipped(candidate.path, candidate.skipped) if candidate.skipped else check(candidate)
            found = found or report.kind == kind
            yield report
        if not found:
            yield LoadReport(path=str(path), kind=kind, errors=(f"no {kind} in this folder",))


def _skipped(path: Path, why: str) -> LoadReport:
    return LoadReport(path=str(path), kind="other", skipped=why)


@dataclass
class Tally:
    """What a check came to so far."""

    loaded: int = 0
    doubtful: int = 0
    failed: int = 0
    skipped: int = 0

    def count(self, report: LoadReport) -> None:
        """Take one report in."""
        if report.skipped:
            self.skipped += 1
        elif not report.ok:
            self.failed += 1
        else:
            self.loaded += 1
            self.doubtful += bool(report.warnings)

    def passed(self, *, strict: bool) -> bool:
        """Whether every file loaded; a strict check takes no warning either."""
        return not self.failed and not (strict and self.doubtful)

    def __str__(self) -> str:
        return (
            f"{self.loaded} loaded, {self.doubtful} of them with warnings; {self.failed} failed; {self.skipped} skipped"
        )
