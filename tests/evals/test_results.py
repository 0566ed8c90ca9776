"""Results: what counts as what, and a log that survives a crash."""

import json
import os
import time
from pathlib import Path

import pytest

from agency_evals.results import (
    RESULT,
    CaseResult,
    Cause,
    Evidence,
    Fault,
    Outcome,
    Score,
    outcome_of,
    rescored,
    totals,
)
from agency_evals.run_folder import RunFolder, find_run
from agency_tools.errors import UsageError


def result(id: str = "a", epoch: int = 1, outcome: Outcome = "passed", **more: object) -> CaseResult:  # noqa: A002
    return CaseResult(id=id, epoch=epoch, digest="d", outcome=outcome, **more)  # type: ignore[arg-type]


def scores(*outcomes: Outcome | None) -> list[Score]:
    return [Score(scorer=str(number), outcome=outcome) for number, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "failed", "unscored"], "failed"),
        (["passed", "unscored"], "unscored"),
        (["failed", "error"], "error"),
        ([None], "unscored"),
        ([None, "passed"], "passed"),
        ([], "unscored"),
    ],
)
def test_what_could_not_be_judged_is_never_a_pass(given: list[Outcome | None], expected: Outcome) -> None:
    assert outcome_of(scores(*given)) == expected


def test_unscored_and_error_are_never_as_expected() -> None:
    assert [result(outcome=outcome).as_expected for outcome in ("passed", "failed", "unscored", "error")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert result(outcome="failed", expected="failed").as_expected
    assert not result(outcome="error", expected="failed").as_expected


def test_infrastructure_faults_stay_in_the_count_and_are_told_apart() -> None:
    broken = result("b", outcome="error", fault=Fault(cause=Cause.SANDBOX, message="no engine"))
    spent = result("c", outcome="failed", fault=Fault(cause=Cause.BUDGET, message="60 turns"))
    found = totals([result(), broken, spent])
    assert (found.cases, found.passed, found.failed, found.error, found.infrastructure) == (3, 1, 1, 1, 1)


def test_rescoring_does_not_make_a_fault_good() -> None:
    broken = result(outcome="error", fault=Fault(cause=Cause.SANDBOX, message="gone"))
    assert rescored(broken, scores("passed")).outcome == "error"
    spent = result(outcome="failed", fault=Fault(cause=Cause.BUDGET, message="60 turns"))
    assert rescored(spent, scores("passed")).outcome == "passed"


def test_a_result_survives_its_json() -> None:
    whole = result(
        scores=[Score(scorer="tests", value=0.5, outcome="failed", evidence=Evidence(excerpt="no", command="x", exit_code=1))],
        usage={"input_tokens": 3}, files={"created": ["a"]}, fault=Fault(cause=Cause.REFUSAL, message="no"), tags=["x"],
    )  # fmt: skip
    again = RESULT.validate_json(RESULT.dump_json(whole))
    assert again.json() == whole.json()
    assert again.fault == whole.fault


def test_the_last_result_of_a_case_and_epoch_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    folder.begin({"made": "by a test"})
    for each in (result("b"), result("a", outcome="failed"), result("a"), result("a", epoch=2, outcome="failed")):
        folder.append(each)
    run = folder.read()
    assert [(each.id, each.epoch, each.outcome) for each in run.cases] == [
        ("a", 1, "passed"), ("a", 2, "failed"), ("b", 1, "passed"),
    ]  # fmt: skip
    assert run.lock == {"made": "by a test"}
    assert json.loads(json.dumps(run.json()))["totals"]["passed"] == 2


def test_a_line_cut_short_by_a_crash_is_left_out_and_swallows_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    folder.begin({})
    folder.append(result("a"))
    with (folder.path / "results.jsonl").open("ab") as file:
        file.write(b'{"id": "b", "epo')
    assert [each.id for each in folder.read().cases] == ["a"]
    folder.append(result("c"))
    assert [each.id for each in folder.read().cases] == ["a", "c"]


def test_a_line_of_another_shape_is_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r")
    folder.begin({})
    (folder.path / "results.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(UsageError, match=r"results\.jsonl:1: not a result"):
        folder.read()


def test_appending_costs_the_same_however_long_the_log_is(tmp_path: Path) -> None:
    """Counted in bytes read and written, not in time."""
    folder = RunFolder(tmp_path / "r")
    folder.begin({})
    folder.append(result("a"))
    size = (folder.path / "results.jsonl").stat().st_size
    for _ in range(200):
        folder.append(result("a"))
    io = Path("/proc/self/io")
    before = io.read_text() if os.access(io, os.R_OK) else ""
    folder.append(result("a"))
    after = io.read_text() if before else ""
    assert (folder.path / "results.jsonl").stat().st_size == 202 * size
    if before:
        written = [int(text.split("wchar: ")[1].split()[0]) for text in (before, after)]
        assert written[1] - written[0] < 4 * size


def test_a_run_is_found_by_id_folder_and_as_the_last(own_state: Path) -> None:
    home = own_state / "state" / "agency" / "evals"
    for name in ("20260101-000000-aaaa", "20260102-000000-aaaa"):
        RunFolder(home / name).begin({})
        time.sleep(0)
    assert find_run("last").id == "20260102-000000-aaaa"
    assert find_run("20260101-000000-aaaa").path == find_run(str(home / "20260101-000000-aaaa")).path
    with pytest.raises(UsageError, match="no run 'other'"):
        find_run("other")
