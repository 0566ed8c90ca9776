"""The gate and what a tool says it would change: the graver class counts, and destruction has to be named."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agency_runtime.gate import Decision, Gate, Mode, Rules, Target
from agency_tools.prospect import Grave, Prospect

STAGING = Target(name="staging", kube_context="stg", namespaces=("web",))
PRODUCTION = Target(name="production", kube_context="prod", protected=True)
APPLY = {"action": "apply", "plan": "p1"}
MODES_THAT_ASK: tuple[Mode, ...] = ("acceptEdits", "bypassPermissions")


def prospect(kind: Grave = "change", target: str = "staging", proven_on: tuple[str, ...] = ()) -> Prospect:
    return Prospect(
        id="p1",
        tool="Terraform",
        action="apply",
        target=target,
        kind=kind,
        summary="1 to add",
        content="c",
        expires=datetime(2026, 1, 1, tzinfo=UTC),
        proven_on=proven_on,
    )


def judged(
    found: Prospect | None,
    *,
    allow: tuple[str, ...] = (),
    ask: tuple[str, ...] = (),
    deny: tuple[str, ...] = (),
    mode: Mode = "acceptEdits",
    target: Target | None = STAGING,
    further: tuple[Target, ...] = (),
    given: dict[str, object] | None = None,
) -> Decision:
    gate = Gate(mode=mode, rules=Rules.parse(allow=allow, ask=ask, deny=deny), target=target, further=further)
    return gate.judge("Terraform", given or APPLY, prospect=found)


def test_a_change_asks_and_names_the_narrowest_rule_that_would_permit_it() -> None:
    decision = judged(prospect())
    assert (decision.verdict, decision.kind) == ("ask", "change")
    assert decision.permits == ("Terraform(apply target=staging)",)
    assert judged(prospect(), allow=decision.permits).verdict == "allow"
    assert "1 to add" in decision.rule


def test_the_graver_class_counts() -> None:
    assert judged(prospect("destroy")).kind == "destroy"
    assert judged(None).kind == "change"


@pytest.mark.parametrize(
    "rule",
    ["Terraform", "Terraform(apply)", "Terraform(apply *)", "Terraform(*)", "Terraform(* apply *)", "Terraform(apply target=staging)"],
)  # fmt: skip
def test_a_rule_for_apply_alone_covers_no_deletion(rule: str) -> None:
    assert judged(prospect("destroy"), allow=(rule,)).verdict == "ask"


def test_a_rule_that_names_the_deletion_covers_it() -> None:
    decision = judged(prospect("destroy"))
    assert decision.permits == ("Terraform(destroy apply target=staging)",)
    assert judged(prospect("destroy"), allow=decision.permits).verdict == "allow"
    assert judged(prospect("destroy"), allow=("Terraform(destroy apply *)",)).verdict == "allow"


def test_a_deny_rule_can_name_deletions_alone() -> None:
    assert (
        judged(prospect("destroy"), allow=("Terraform(destroy *)",), deny=("Terraform(destroy *)",)).verdict == "deny"
    )
    assert judged(prospect(), allow=("Terraform(apply)",), deny=("Terraform(destroy *)",)).verdict == "allow"


def test_bypass_still_asks_about_deletions() -> None:
    assert judged(prospect(), mode="bypassPermissions").verdict == "allow"
    assert judged(prospect("destroy"), mode="bypassPermissions").verdict == "ask"


def test_a_rule_can_be_for_one_target_alone() -> None:
    rules = ("Terraform(apply target=staging)",)
    assert judged(prospect(), allow=rules).verdict == "allow"
    other = Target(name="testing")
    given: dict[str, object] = {**APPLY, "target": "testing"}
    assert judged(prospect(target="testing"), allow=rules, further=(other,), given=given).verdict == "ask"


@pytest.mark.parametrize("allow", [(), ("Terraform",), ("Terraform(destroy apply target=production)",)])
def test_a_protected_target_asks_whatever_rules_say_and_no_rule_is_offered(allow: tuple[str, ...]) -> None:
    found = prospect(target="production")
    for mode in MODES_THAT_ASK:
        decision = judged(found, target=PRODUCTION, allow=allow, mode=mode)
        assert (decision.verdict, decision.permits) == ("ask", ())
        assert "at a terminal" in decision.why


def test_a_change_to_a_protected_target_is_proven_by_an_unprotected_one_alone() -> None:
    def unproven(*on: str) -> bool:
        found = prospect(target="production", proven_on=on)
        return judged(found, target=STAGING, further=(PRODUCTION,), given={**APPLY, "target": "production"}).unproven

    assert unproven()
    assert unproven("production")
    assert unproven("elsewhere")
    assert not unproven("staging")


def test_what_a_tool_cannot_foresee_is_unproven_on_a_protected_target() -> None:
    assert judged(None, target=PRODUCTION).unproven
    assert not judged(None, target=STAGING).unproven
    assert not judged(None, target=PRODUCTION, given={"action": "show"}).unproven


@pytest.mark.parametrize("tool", ["Terraform", "Kubernetes", "Helm"])
def test_without_a_target_a_change_is_refused_with_the_remedy_and_not_asked(tool: str) -> None:
    action = "upgrade" if tool == "Helm" else "apply"
    for mode in MODES_THAT_ASK:
        gate = Gate(mode=mode, rules=Rules.parse(allow=[tool]), target=None)
        decision = gate.judge(tool, {"action": action})
        assert decision.verdict == "deny"
        assert "--target NAME" in decision.rule


def test_a_target_that_the_run_does_not_have_is_refused() -> None:
    decision = judged(None, given={"action": "show", "target": "production"})
    assert (decision.verdict, "it has staging" in decision.rule) == ("deny", True)


def test_a_call_is_pinned_to_the_target_it_names_and_a_command_to_any_of_the_runs() -> None:
    gate = Gate(
        mode="bypassPermissions", rules=Rules(), target=STAGING, further=(Target(name="two", kube_context="k2"),)
    )
    assert gate.judge("Bash", {"command": "kubectl --context stg get pods"}).verdict == "allow"
    assert gate.judge("Bash", {"command": "kubectl --context k2 get pods"}).verdict == "allow"
    assert gate.judge("Bash", {"command": "kubectl --context k2 -n web get pods"}).verdict == "deny"
    assert gate.judge("Kubernetes", {"action": "get", "target": "two", "context": "stg"}).verdict == "deny"


def test_the_decision_carries_the_prospect() -> None:
    found = prospect()
    assert judged(found).prospect == found
    assert judged(replace(found, kind="destroy")).prospect != found
