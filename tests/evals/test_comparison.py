"""Two runs compared: pairs, the exact test, the limits, and the baseline that is committed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_evals.baseline import read_baseline, updated, write_baseline
from agency_evals.comparison import Comparison, compare
from agency_evals.results import CaseResult, Outcome, Run, Score
from agency_evals.standing import Standing, standing
from agency_evals.verdict import Limits, Verdict, judge
from agency_tools.errors import UsageError

OUTCOMES: list[Outcome] = ["passed", "failed", "unscored", "error"]


def stand(name: str, outcome: Outcome = "passed", epoch: int = 1, **more: Any) -> Standing:
    """A standing, most of it as usual."""
    return Standing(id=name, epoch=epoch, outcome=outcome, **more)


def changes(found: Comparison) -> dict[str, str]:
    """Each pair's change by its name."""
    return {f"{pair.key[0]}.{pair.key[1]}": pair.change for pair in found.pairs}


def test_pairs_are_made_by_case_and_epoch() -> None:
    before = [stand("a"), stand("a", "failed", 2), stand("b"), stand("c"), stand("d", "error")]
    after = [stand("a", "failed"), stand("a", "passed", 2), stand("b"), stand("d", "failed"), stand("e")]
    assert changes(compare(before, after)) == {
        "a.1": "regression",
        "a.2": "fix",
        "b.1": "unchanged",
        "c.1": "gone",
        "d.1": "unchanged",
        "e.1": "new",
    }


@pytest.mark.parametrize("outcome", ["failed", "unscored", "error"])
def test_what_passed_and_can_no_longer_be_judged_is_a_regression_too(outcome: Outcome) -> None:
    assert compare([stand("a")], [stand("a", outcome)]).pairs[0].change == "regression"


def test_a_recorded_failure_that_passes_is_a_regression() -> None:
    found = compare([stand("a@bad", "failed", expected="failed")], [stand("a@bad", "passed", expected="failed")])
    assert found.pairs[0].change == "regression"


def test_a_pair_names_the_scorers_that_differ_and_a_case_that_was_edited() -> None:
    before = stand("a", digest="1", scores={"tests": "passed", "files": "passed"})
    after = stand("a", "failed", digest="2", scores={"tests": "failed", "files": "passed", "plan": "passed"})
    pair = compare([before], [after]).pairs[0]
    assert pair.scorers == ["plan: absent → passed", "tests: passed → failed"]
    assert pair.edited
    assert pair.json() == {
        "id": "a",
        "epoch": 1,
        "change": "regression",
        "before": "passed",
        "after": "failed",
        "expected": "passed",
        "scorers": ["plan: absent → passed", "tests: passed → failed"],
        "edited": True,
    }


def test_the_exact_test_is_mcnemars_where_each_case_was_tried_once() -> None:
    before = [stand(f"c{i:02}") for i in range(20)]
    after = [stand(f"c{i:02}", "failed" if i < 6 else "passed") for i in range(20)]
    found = compare(before, after)
    assert found.p == pytest.approx(0.03125)
    assert found.difference == pytest.approx(-0.3)
    assert found.interval
    # mean -0.3, sd sqrt(0.3*0.7*20/19), t(19) = 2.0930
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.52004, -0.07996), abs=1e-4)


def test_repeats_of_a_case_are_one_observation_of_the_test() -> None:
    before = [stand("a", epoch=epoch) for epoch in range(1, 9)]
    after = [stand("a", "failed", epoch) for epoch in range(1, 9)]
    found = compare(before, after)
    assert found.p == 1.0
    assert found.interval is None


def test_two_runs_with_nothing_in_common_say_nothing() -> None:
    found = compare([stand("a")], [stand("b")])
    assert (found.difference, found.interval, found.p) == (None, None, 1.0)


def test_without_limits_everything_has_to_be_as_expected() -> None:
    assert judge([stand("a"), stand("b@bad", "failed", expected="failed")], Limits()).passed
    verdict = judge([stand("a"), stand("b", "unscored"), stand("b", "failed", 2)], Limits())
    assert str(verdict) == "FAILED: 1 of 3 as expected, not b, b (epoch 2)"
    assert verdict.exit_code == 1


def test_a_run_of_nothing_is_not_good_enough() -> None:
    assert str(judge([], Limits(fail_under=0.0))) == "FAILED: no case ran"


def test_the_suites_share_is_held() -> None:
    run = [stand("a"), stand("b"), stand("c", "error")]
    assert judge(run, Limits(fail_under=0.66)).passed
    assert str(judge(run, Limits(fail_under=0.67))) == "FAILED: 2 of 3 as expected, 66.66 %, less than 67 %"


def test_each_cases_share_over_its_epochs_is_held() -> None:
    run = [stand("a", "passed" if epoch < 5 else "failed", epoch) for epoch in range(1, 6)] + [stand("b")]
    assert judge(run, Limits(case_fail_under=0.8)).passed
    assert str(judge(run, Limits(case_fail_under=0.9))) == "FAILED: a: 4 of 5 as expected, less than 90 %"


def test_regressions_name_the_cases() -> None:
    before = [stand("a"), stand("b", "failed"), stand("c"), stand("d")]
    after = [stand("a", "failed"), stand("b", "failed"), stand("c"), stand("e", "failed"), stand("f")]
    verdict = judge(after, Limits(regressions=True), compare(before, after))
    assert verdict.reasons == ("1 regression: a", "1 gone: d", "1 new and not as expected: e")


def test_what_failed_before_may_fail_again() -> None:
    run = [stand("a"), stand("b", "failed")]
    assert judge(run, Limits(regressions=True), compare(run, run)).passed
    assert not judge(run, Limits()).passed


@pytest.mark.parametrize(("tolerance", "passed"), [(0.0, False), (0.19, False), (0.2, True)])
def test_a_tolerance_is_the_share_of_a_cases_tries_that_may_be_lost(tolerance: float, passed: bool) -> None:
    before = [stand("a", epoch=epoch) for epoch in range(1, 6)]
    after = [stand("a", "failed" if epoch == 3 else "passed", epoch) for epoch in range(1, 6)]
    verdict = judge(after, Limits(regressions=True, tolerance=tolerance), compare(before, after))
    assert verdict.passed is passed


def test_many_cases_are_named_in_part() -> None:
    verdict = judge([stand(f"c{i:02}", "failed") for i in range(13)], Limits())
    assert str(verdict).endswith("c08, c09 and 3 more")


STANDINGS = st.lists(
    st.builds(
        Standing,
        id=st.sampled_from(["a", "b", "c@x", "c@y"]),
        epoch=st.integers(1, 3),
        outcome=st.sampled_from(OUTCOMES),
        expected=st.sampled_from(["passed", "failed"]),
    ),
    max_size=12,
    unique_by=lambda each: each.key,
)
LIMITS = st.builds(
    Limits,
    fail_under=st.none() | st.floats(0, 1),
    case_fail_under=st.none() | st.floats(0, 1),
    regressions=st.booleans(),
    tolerance=st.floats(0, 1),
)


@given(STANDINGS, STANDINGS, LIMITS)
def test_what_is_printed_and_the_exit_code_never_disagree(
    before: list[Standing], after: list[Standing], limits: Limits
) -> None:
    verdict = judge(after, limits, compare(before, after))
    agree(verdict)
    plain = limits.fail_under is None and limits.case_fail_under is None and not limits.regressions
    if plain:
        assert verdict.passed == (bool(after) and all(each.good for each in after))


@given(st.lists(st.text(min_size=1)))
def test_any_verdict_agrees_with_itself(reasons: list[str]) -> None:
    agree(Verdict(reasons=tuple(reasons), summary="s"))


def agree(verdict: Verdict) -> None:
    """Word, line, JSON and exit code say one thing."""
    assert (verdict.exit_code == 0) is verdict.passed is str(verdict).startswith("PASSED")
    assert str(verdict).startswith("FAILED") is not verdict.passed
    assert verdict.json()["passed"] is verdict.passed
    assert verdict.json()["exit_code"] == verdict.exit_code


@given(STANDINGS)
def test_a_run_compared_with_itself_has_no_change(run: list[Standing]) -> None:
    found = compare(run, run)
    assert {pair.change for pair in found.pairs} <= {"unchanged"}
    assert found.p == 1.0


@given(STANDINGS, STANDINGS)
def test_a_comparison_turned_round_swaps_better_and_worse(before: list[Standing], after: list[Standing]) -> None:
    one = [replace(each, expected="passed") for each in before]
    other = [replace(each, expected="passed") for each in after]
    there, back = compare(one, other), compare(other, one)
    assert len(there.of("regression")) == len(back.of("fix"))
    assert len(there.of("gone")) == len(back.of("new"))
    assert there.p == back.p


def run_of(*standings: Standing) -> Run:
    """A run whose results stand so."""
    return Run(
        id="r1",
        lock={},
        cases=[
            CaseResult(
                id=each.id,
                epoch=each.epoch,
                digest=each.digest,
                outcome=each.outcome,
                expected=each.expected,
                scores=[Score(scorer=name, value=True, outcome=outcome) for name, outcome in each.scores.items()],
            )
            for each in standings
        ],
    )


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    entries = [
        stand("b@bad", "failed", expected="failed", digest="2"),
        stand("a", epoch=2, scores={"tests": "passed"}),
        stand("a"),
    ]
    write_baseline(tmp_path / "evals" / "baseline.json", entries)
    assert read_baseline(tmp_path / "evals" / "baseline.json") == sorted(entries, key=lambda each: each.key)
    assert (tmp_path / "evals" / "baseline.json").read_text(encoding="utf-8") == (
        '{\n"format": "agency-eval-baseline/1",\n"cases": [\n'
        '{"id": "a", "outcome": "passed", "scores": {}},\n'
        '{"id": "a", "epoch": 2, "outcome": "passed", "scores": {"tests": "passed"}},\n'
        '{"id": "b@bad", "outcome": "failed", "expected": "failed", "scores": {}, "digest": "2"}\n]\n}\n'
    )


def test_an_update_replaces_what_ran_and_keeps_the_rest() -> None:
    old = [stand("a"), stand("b"), stand("c")]
    run = run_of(stand("a"), stand("b", "failed", scores={"tests": "failed"}), stand("d"))
    part = updated(old, run, whole=False)
    assert str(part) == "1 added, 1 altered, 0 removed"
    assert sorted(each.id for each in part.entries) == ["a", "b", "c", "d"]
    whole = updated(old, run, whole=True)
    assert str(whole) == "1 added, 1 altered, 1 removed"
    assert sorted(each.id for each in whole.entries) == ["a", "b", "d"]


@pytest.mark.parametrize("outcome", ["error", "unscored"])
def test_what_could_not_be_judged_is_no_baseline(outcome: Outcome) -> None:
    with pytest.raises(UsageError, match=f"left as it was: b is {outcome}; run them again with --failed-from r1"):
        updated([], run_of(stand("a"), stand("b", outcome)), whole=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a baseline"),
        ('{"format": "other/1"}', "not a baseline"),
        ('{"format": "agency-eval-baseline/1", "cases": [{"id": "a", "outcome": "fine"}]}', "cases.0.outcome"),
        (
            '{"format": "agency-eval-baseline/1", "cases": [{"id": "a", "outcome": "passed"}, {"id": "a", "outcome": "passed"}]}',
            "a stands twice for epoch 1",
        ),
    ],
)
def test_a_baseline_that_is_none_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)


def test_a_baseline_that_is_not_there_is_told_how_to_make(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file.*--update-baseline makes one"):
        read_baseline(tmp_path / "none.json")


def test_a_standing_keeps_of_a_result_what_judges() -> None:
    result = CaseResult(
        id="a",
        digest="d",
        outcome="failed",
        scores=[Score(scorer="tests", value=False, outcome="failed"), Score(scorer="turns", value=4)],
    )
    assert standing(result) == Standing(id="a", digest="d", outcome="failed", scores={"tests": "failed"})
