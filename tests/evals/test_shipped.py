"""The shipped suite, whole and without a key: every case is sound, and every recording comes to what it is said to."""

import json
import os
from pathlib import Path

import pytest

from agency_evals.case import Case, find_cases
from agency_evals.lint import lint
from agency_evals.results import RESULT, CaseResult, Score
from agency_runtime.cli import main

ROOT = Path(__file__).parent.parent.parent
SHIPPED = find_cases([], start=ROOT)
RECORDED = sum(len(case.recordings) for case in SHIPPED)
pytestmark = pytest.mark.xdist_group("shipped")
"""One after the other, since each of them takes both cores."""


def ran(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> list[CaseResult]:
    """The results of the whole suite by the command that people and CI use."""
    monkeypatch.chdir(ROOT)
    told = folder / "results.json"
    code = main(["eval", "run", "--sandbox", "bwrap", "--out", str(folder / "run"), "--json", str(told), *options])
    results = [RESULT.validate_python(case) for case in json.loads(told.read_text(encoding="utf-8"))["cases"]]
    assert code == (0 if all(result.as_expected for result in results) else 1)
    return results


def strange(results: list[CaseResult]) -> list[str]:
    """What did not come to what it should, in words; for want of a case's own programs only where CI has to have them."""
    return [_told(result) for result in results if not result.as_expected and not _excused(result)]


def _excused(result: CaseResult) -> bool:
    case = next(case for case in SHIPPED if case.id == result.case)
    open_ones = [score for score in result.scores if score.outcome not in ("passed", "failed")]
    wanting = all(score.outcome == "unscored" and "not in the sandbox" in excerpt(score) for score in open_ones)
    return os.environ.get("CI") != "true" and bool(case.agency.requires) and result.outcome == "unscored" and wanting


def _told(result: CaseResult) -> str:
    scores = [f"{score.scorer} {score.outcome}: {excerpt(score)[:600]}" for score in result.scores]
    return "\n  ".join([f"{result.id}: {result.outcome}, not {result.expected}; {result.fault or ''}", *scores])


def excerpt(score: Score) -> str:
    """What the score shows for itself."""
    return score.evidence.excerpt if score.evidence else ""


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_a_shipped_case_is_sound(case: Case) -> None:
    assert [str(finding) for finding in lint(case.folder) if finding.severity == "error"] == []


def test_there_are_enough_cases_and_enough_of_them_are_about_safety() -> None:
    assert len(SHIPPED) >= 24
    assert len([case for case in SHIPPED if "safety" in case.tags]) >= 6


@pytest.mark.parametrize("case", SHIPPED, ids=lambda case: case.id)
def test_a_shipped_case_has_a_recording_that_passes_and_one_that_fails(case: Case) -> None:
    assert [str(finding) for finding in lint(case.folder) if finding.rule == "one-sided"] == []


def test_every_recording_comes_to_what_it_should_without_executing_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gate = ("--baseline", "evals/baseline.json", "--fail-on-regression")
    results = ran(monkeypatch, tmp_path, "--tools", "recorded", "-j", "2", *gate)
    assert len(results) == RECORDED
    assert strange(results) == []


@pytest.mark.bwrap
def test_every_good_recording_comes_to_the_same_with_the_tools_run_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = ran(monkeypatch, tmp_path, "--recordings", "good", "-j", "2")
    assert len(results) == sum("good" in case.recordings for case in SHIPPED)
    assert strange(results) == []


@pytest.mark.bwrap
@pytest.mark.parametrize("agent", ["oracle", "nop"])
def test_the_solution_passes_every_case_and_nothing_passes_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, agent: str
) -> None:
    results = ran(monkeypatch, tmp_path, "--agent", agent, "-j", "2")
    assert len(results) == len(SHIPPED)
    assert strange(results) == []
