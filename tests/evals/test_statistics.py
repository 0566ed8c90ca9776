"""Statistics, against values worked out by hand and against inspect_ai's."""

import json
import math
import statistics
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_evals.exact import sign_test
from agency_evals.repeats import NAMES, pass_at_k, pass_hat_k, reducer
from agency_evals.spread import (
    Interval,
    bootstrap_interval,
    clustered_error,
    quantile,
    standard_error,
    t_interval,
    wilson_interval,
)
from agency_evals.student import incomplete_beta, t_cdf, t_quantile
from agency_tools.errors import UsageError

NAN = math.nan


@pytest.mark.parametrize(
    ("n", "c", "k", "any_of", "all_of"),
    [
        (5, 3, 1, 0.6, 0.6),
        (5, 3, 2, 0.9, 0.3),  # 1 - C(2,2)/C(5,2) and C(3,2)/C(5,2)
        (10, 2, 3, 64 / 120, 0.0),  # 1 - C(8,3)/C(10,3) = 1 - 56/120
        (4, 4, 4, 1.0, 1.0),
        (4, 0, 2, 0.0, 0.0),
        (3, 2, 2, 1.0, 1 / 3),
    ],
)
def test_pass_at_k_and_pass_hat_k_by_hand(n: int, c: int, k: int, any_of: float, all_of: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(any_of)
    assert pass_hat_k(n, c, k) == pytest.approx(all_of)


def test_fewer_tries_than_asked_for_say_nothing() -> None:
    assert math.isnan(pass_at_k(2, 2, 3))
    assert math.isnan(pass_hat_k(2, 2, 3))
    assert math.isnan(reducer("pass@3")([1.0, 1.0, NAN]))
    assert math.isnan(reducer("pass^3")([1.0, 1.0, NAN]))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("mean", [1, 0, 0.5, NAN], 0.5),
        ("median", [0, 1, 1, NAN], 1),
        ("median", [0, 1], 0.5),
        ("mode", [1, 0, 1], 1),
        ("mode", [1, 0], 0),
        ("mode", [0, 1], 0),
        ("max", [0, 0.75, NAN], 0.75),
        ("at_least_2", [1, 0, 1], 1),
        ("at_least_2", [1, 0, 0.9], 0),
        ("pass@1", [1, 0, NAN], 0.5),
        ("pass^2", [1, 1, 0], 1 / 3),
    ],
)
def test_reducers(name: str, values: list[float], expected: float) -> None:
    assert reducer(name)(values) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["mean", "median", "mode", "max", "at_least_1", "pass@1", "pass^1"])
def test_nothing_scored_comes_to_nothing(name: str) -> None:
    assert math.isnan(reducer(name)([NAN]))
    assert math.isnan(reducer(name)([]))


@pytest.mark.parametrize("name", ["meen", "pass@", "pass@0", "pass@x", "at_least_-1", ""])
def test_a_reducer_that_is_none_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="mean, median") as caught:
        reducer(name)
    assert NAMES in str(caught.value)


@given(st.integers(1, 40), st.data())
def test_pass_at_k_grows_with_k_and_pass_hat_k_shrinks(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    any_of = [pass_at_k(n, c, k) for k in range(1, n + 1)]
    all_of = [pass_hat_k(n, c, k) for k in range(1, n + 1)]
    assert any_of == sorted(any_of)
    assert all_of == sorted(all_of, reverse=True)
    assert any_of[0] == pytest.approx(c / n)
    assert all_of[0] == pytest.approx(c / n)
    assert all(0 <= value <= 1 for value in any_of + all_of)


@pytest.mark.parametrize(
    ("probability", "df", "t"),
    [
        (0.975, 1, 12.706204736432095),  # tan(0.475 pi)
        (0.975, 2, 4.302652729911275),
        (0.975, 4, 2.776445105198),
        (0.95, 10, 1.812461122811676),
        (0.995, 30, 2.749995653567),
        (0.025, 4, -2.776445105198),
        (0.5, 7, 0.0),
        (0.975, 1e7, 1.959964),
    ],
)
def test_t_quantiles_are_those_of_the_tables(probability: float, df: float, t: float) -> None:
    assert t_quantile(probability, df) == pytest.approx(t, abs=1e-6 if df > 1e6 else 1e-9)


@given(st.floats(1e-4, 1 - 1e-4), st.integers(1, 5000))
def test_a_quantile_is_where_its_share_lies(probability: float, df: int) -> None:
    assert t_cdf(t_quantile(probability, df), df) == pytest.approx(probability, abs=1e-11)


def test_there_is_no_quantile_beyond_the_ends() -> None:
    for probability, df in ((0.0, 3), (1.0, 3), (0.5, 0)):
        with pytest.raises(ValueError, match="no quantile"):
            t_quantile(probability, df)
    assert (incomplete_beta(2, 3, 0), incomplete_beta(2, 3, 1)) == (0.0, 1.0)
    assert incomplete_beta(1, 1, 0.3) == pytest.approx(0.3)


def test_standard_error_by_hand() -> None:
    assert standard_error([1, 0, 1, 1]) == pytest.approx(0.25)  # variance 0.25, over four
    assert standard_error([1.0]) is None
    assert standard_error([]) is None


def test_clustered_error_by_hand() -> None:
    # mean 0.5; deviations per cluster: +1, -1, 0; sqrt((1 + 1 + 0) * 3/2) / 6
    assert clustered_error([1, 1, 0, 0, 1, 0], list("aabbcc")) == pytest.approx(math.sqrt(3) / 6)
    assert clustered_error([1, 0, 1], ["a", "a", "a"]) is None


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=30))
def test_with_every_value_its_own_cluster_the_clustered_error_is_the_plain_one(values: list[float]) -> None:
    assert clustered_error(values, range(len(values))) == pytest.approx(standard_error(values), abs=1e-9)


def test_repeats_of_a_case_that_always_agree_add_no_certainty() -> None:
    once, thrice = [1.0, 0.0, 1.0, 1.0], [value for value in (1.0, 0.0, 1.0, 1.0) for _ in range(3)]
    cases = [name for name in "abcd" for _ in range(3)]
    assert clustered_error(thrice, cases) == pytest.approx(standard_error(once))
    assert ends(t_interval(thrice, cases)) == pytest.approx(ends(t_interval(once)))
    wide, narrow = t_interval(thrice, cases), t_interval(thrice)
    assert wide
    assert narrow
    assert wide.high - wide.low > narrow.high - narrow.low


def test_intervals_of_too_few_values_say_nothing() -> None:
    assert t_interval([1.0]) is None
    assert t_interval([1.0, 0.0], ["a", "a"]) is None
    assert bootstrap_interval([1.0]) is None
    assert wilson_interval(0, 0) is None


def test_wilson_by_hand() -> None:
    # p=0.8, n=10, z=1.959964: the textbook's 0.4902 to 0.9433
    found = wilson_interval(8, 10)
    assert found
    assert (found.low, found.high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    none, every = wilson_interval(0, 10), wilson_interval(10, 10)
    assert none
    assert every
    assert (none.low, every.high) == (0.0, 1.0)
    assert none.high == pytest.approx(0.277533, abs=1e-6)
    assert every.low == pytest.approx(1 - none.high)


@given(st.integers(1, 200), st.data())
def test_wilson_holds_the_share_and_stays_within_bounds(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    found = wilson_interval(c, n)
    assert found
    assert 0 <= found.low <= c / n <= found.high <= 1


def test_the_bootstrap_is_repeatable_and_draws_whole_clusters() -> None:
    values, cases = [1, 1, 0, 0, 1, 1, 0, 0] * 5, [str(i // 2) for i in range(40)]
    first, again = bootstrap_interval(values, cases), bootstrap_interval(values, cases)
    assert first == again
    single = bootstrap_interval(values)
    assert first
    assert single
    assert first.high - first.low > single.high - single.low
    assert first.low <= statistics.fmean(values) <= first.high


def test_quantiles_lie_between_neighbours_linearly() -> None:
    assert [quantile([0, 1, 2, 3], share) for share in (0, 0.25, 0.5, 1)] == [0, 0.75, 1.5, 3]


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 0.109375), (2, 8, 0.109375), (3, 3, 1.0)],
)
def test_the_exact_test_by_hand(worse: int, better: int, p: float) -> None:
    assert sign_test(worse, better) == pytest.approx(p)


def test_the_exact_test_bears_many_pairs() -> None:
    assert 0 < sign_test(400, 600) < 1e-9
    assert sign_test(5000, 5000) == 1.0


INSPECT = """
import json, math, sys, warnings
warnings.simplefilter("ignore")
from inspect_ai.scorer import Score, SampleScore, ci, stderr
from inspect_ai.scorer._reducer import reducer as r
values, clusters = json.load(sys.stdin)
samples = [SampleScore(score=Score(value=v), sample_metadata={"case": c}) for v, c in zip(values, clusters)]
scores = [Score(value=v) for v in values]
reduced = {name: make(scores).value for name, make in {
    "mean": r.mean_score(), "median": r.median_score(), "max": r.max_score(), "at_least_3": r.at_least(3),
    "pass@2": r.pass_at(2), "pass@5": r.pass_at(5), "pass^2": r.pass_k(2), "pass^5": r.pass_k(5)}.items()}
t, tc = ci()(samples), ci(cluster="case")(samples)
print(json.dumps({"reduced": reduced, "stderr": float(stderr()(samples)),
    "clustered": float(stderr(cluster="case")(samples)),
    "t": [t["lower"], t["upper"]], "t_clustered": [tc["lower"], tc["upper"]]}))
"""


def test_inspect_ai_finds_the_same() -> None:
    values, cases = [1, 0, 1, 1, 0.5, 0, 1, 0, 1, 1, 0.25, 1], list("aaabbbcccddd")
    found = json.loads(
        subprocess.run(
            [sys.executable, "-c", INSPECT],
            input=json.dumps([values, cases]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    for name, expected in found["reduced"].items():
        assert reducer(name)(values) == pytest.approx(expected), name
    assert standard_error(values) == pytest.approx(found["stderr"])
    assert clustered_error(values, cases) == pytest.approx(found["clustered"])
    assert ends(t_interval(values)) == pytest.approx(found["t"])
    assert ends(t_interval(values, cases)) == pytest.approx(found["t_clustered"])


def ends(interval: Interval | None) -> list[float]:
    """An interval's two ends."""
    assert interval
    return [interval.low, interval.high]
