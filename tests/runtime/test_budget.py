"""Budgets and prices: what a run may spend is finite, and a model nobody knows is never cheap."""

import math
import time

import pytest

from agency_runtime.budget import Budget, Spending, limit
from agency_runtime.prices import ALIASES, DEFAULT_MODEL, PRICES, Price, model_id, price_of
from agency_runtime.wire import Usage
from agency_tools.errors import UsageError


@pytest.mark.parametrize(
    ("given", "value"), [("3", 3), ("0.5", 0.5), (7, 7), ("1e3", 1000), ("unlimited", math.inf)]
)  # fmt: skip
def test_a_limit_is_a_number_above_0_or_unlimited(given: str | float, value: float) -> None:
    assert limit("--max-cost", given) == value


@pytest.mark.parametrize("given", ["0", 0, "-3", "nan", "inf", "infinity", "", "lots", "1,5", "Unlimited"])
def test_nothing_else_is_a_limit(given: str | float) -> None:
    with pytest.raises(UsageError) as error:
        limit("--max-cost", given)
    assert str(error.value) == f"--max-cost: {given!r} is no limit; give a number above 0, or the word unlimited"


def test_every_default_is_finite() -> None:
    budget = Budget()
    assert all(0 < value < math.inf for value in (budget.turns, budget.cost, budget.minutes))


@pytest.mark.parametrize(
    ("spending", "words"),
    [
        (Spending(Budget(turns=3), turns=2), None),
        (Spending(Budget(turns=3), turns=3), "3 turns (--max-turns)"),
        (Spending(Budget(cost=0.5), cost=0.75), "$0.5 (--max-cost; $0.7500 spent)"),
        (Spending(Budget(minutes=2), started=time.monotonic() - 121), "2 minutes (--max-minutes)"),
        (Spending(Budget(turns=math.inf, cost=math.inf, minutes=math.inf), turns=10**6, cost=1e9, started=-1e9), None),
    ],
)
def test_what_is_used_up_is_named_with_its_option(spending: Spending, words: str | None) -> None:
    assert spending.spent() == words


def test_the_time_that_is_left_runs_down_to_0() -> None:
    assert Spending(Budget(minutes=math.inf)).seconds_left is None
    assert Spending(Budget(minutes=1), started=time.monotonic() - 100).seconds_left == 0
    assert Spending(Budget(minutes=1), started=time.monotonic() - 20).seconds_left == pytest.approx(40, abs=1)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-sonnet-5-5", "claude-sonnet"),
        ("claude-haiku-5-5-20261101", "claude-haiku"),
        ("eu.anthropic.claude-opus-5-5-v1:0", "claude-opus"),
        ("claude-fable-5-2", "claude-fable"),
    ],
)
def test_a_model_is_priced_by_its_family(model: str, family: str) -> None:
    assert price_of(model) == PRICES[family]


def test_an_unknown_model_is_priced_as_the_dearest_that_is_known() -> None:
    dearest = max(PRICES.values(), key=lambda price: price.output)
    assert price_of("somebody-elses-model") == dearest
    dearer = Price(input=100, output=dearest.output + 1)
    assert price_of("somebody-elses-model", {**PRICES, "house": dearer}) == dearer


def test_a_configured_price_prevails_over_its_family() -> None:
    own = Price(input=0, output=0)
    table = {**PRICES, "claude-sonnet-5-5": own}
    assert price_of("claude-sonnet-5-5", table) == own
    assert price_of("claude-sonnet-4", table) == PRICES["claude-sonnet"]


def test_cache_writes_cost_more_than_input_and_cache_reads_a_tenth() -> None:
    price = Price(input=10, output=50)
    assert price.cost(Usage(input=1_000_000)) == 10
    assert price.cost(Usage(cache_write=1_000_000)) == 12.5
    assert price.cost(Usage(cache_read=1_000_000)) == 1
    assert price.cost(Usage(output=1_000_000)) == 50


def test_a_short_name_stands_for_the_familys_id() -> None:
    assert {name: model_id(name) for name in ALIASES} == ALIASES
    assert model_id("anything-else") == "anything-else"
    assert DEFAULT_MODEL in ALIASES.values()
    assert all(any(family in model for family in PRICES) for model in ALIASES.values())
