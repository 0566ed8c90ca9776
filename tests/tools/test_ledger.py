"""The ledger of prepared changes: bound, granted, carried out once, expired; and what each refusal says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger
from agency_tools.prospect import Prospect

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
PLAN = Prospect(
    id="p1",
    tool="Terraform",
    action="apply",
    target="staging",
    kind="change",
    summary="1 to add",
    lines=("add a.b",),
    binding={"configuration": "c1", "state": "s1"},
    content="same everywhere",
    expires=NOON + timedelta(hours=1),
)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def ledger_with(prospect: Prospect) -> tuple[Ledger, Clock]:
    clock = Clock()
    ledger = Ledger(clock=clock)
    ledger.keep(prospect)
    return ledger, clock


def test_what_was_prepared_is_found_as_it_was() -> None:
    ledger, _ = ledger_with(PLAN)
    assert ledger.find("p1", target="staging") == PLAN
    assert ledger.expiry() == NOON + timedelta(hours=1)


def test_what_was_never_prepared_is_refused_and_what_there_is_named() -> None:
    ledger, _ = ledger_with(PLAN)
    with pytest.raises(
        ToolError, match=r"no plan 'p2' was made for a target in this run; make one first \(there are p1\)"
    ):
        ledger.find("p2", target="staging")


def test_a_change_of_one_target_is_not_made_on_another() -> None:
    ledger, _ = ledger_with(PLAN)
    with pytest.raises(ToolError, match="was made for target 'staging', not 'production'"):
        ledger.find("p1", target="production")


def test_a_prepared_change_expires() -> None:
    ledger, clock = ledger_with(PLAN)
    clock.now = NOON + timedelta(hours=1)
    with pytest.raises(ToolError, match="expired at 13:00:00 UTC"):
        ledger.find("p1", target="staging")


@pytest.mark.parametrize(
    ("now", "named"),
    [
        ({"configuration": "c2", "state": "s1"}, "configuration"),
        ({"configuration": "c2", "state": "s2"}, "configuration, state"),
        ({"configuration": "c1"}, "state"),
        ({"configuration": "c1", "state": "s1", "workspace": "w"}, "workspace"),
    ],
)
def test_everything_that_changed_since_is_named(now: dict[str, str], named: str) -> None:
    with pytest.raises(ToolError, match=f"changed since the plan: {named}\\."):
        Ledger().unchanged(PLAN, now)


def test_what_did_not_change_passes() -> None:
    assert Ledger().unchanged(PLAN, {"state": "s1", "configuration": "c1"}) is None  # type: ignore[func-returns-value]


def test_only_what_was_granted_is_carried_out_and_only_once() -> None:
    ledger, _ = ledger_with(PLAN)
    with pytest.raises(ToolError, match="nobody approved this plan"):
        ledger.take(PLAN)
    ledger.grant(PLAN, "kim")
    assert ledger.take(PLAN) == "kim"
    with pytest.raises(ToolError, match="carried out already"):
        ledger.take(PLAN)
    with pytest.raises(ToolError, match="carried out already"):
        ledger.find("p1", target="staging")


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, kind="destroy"),
        replace(PLAN, binding={"configuration": "c2", "state": "s1"}),
        replace(PLAN, lines=("destroy a.b",)),
        replace(PLAN, warnings=("runs local-exec",)),
        replace(PLAN, target="production"),
    ],
)
def test_a_grant_holds_for_exactly_what_was_shown(other: Prospect) -> None:
    ledger, _ = ledger_with(PLAN)
    ledger.grant(PLAN, "kim")
    with pytest.raises(ToolError, match="nobody approved"):
        ledger.take(other)


def test_preparing_again_takes_the_grant_back() -> None:
    ledger, _ = ledger_with(PLAN)
    ledger.grant(PLAN, "kim")
    ledger.keep(PLAN)
    with pytest.raises(ToolError, match="nobody approved"):
        ledger.take(PLAN)


def test_what_was_carried_out_elsewhere_is_known_by_its_content() -> None:
    ledger, _ = ledger_with(PLAN)
    ledger.prove(PLAN)
    same = replace(PLAN, id="p2", target="production", binding={"state": "other"})
    assert ledger.keep(same).proven_on == ("staging",)
    assert ledger.find("p2", target="production").proven_on == ("staging",)
    assert ledger.keep(replace(same, content="another")).proven_on == ()
