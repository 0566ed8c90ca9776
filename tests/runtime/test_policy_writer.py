"""A permission written into the policy file: comments stay, the file stays valid, trust goes on."""

import hashlib
from pathlib import Path

import pytest

from agency_runtime.policy import read_policy
from agency_runtime.policy_writer import permit, permitting
from agency_runtime.trust import is_trusted
from agency_tools.errors import UsageError

RULE = "Terraform(destroy apply target=staging)"
COMMENTED = """\
# who may do what
allow:
  - "Bash(make *)"   # builds
deny: ["Read(.env)"]  # secrets
targets:
  staging: {protected: false}
"""


def test_comments_and_order_stay() -> None:
    lines = permitting(COMMENTED, [RULE]).splitlines()
    assert [line for line in COMMENTED.splitlines() if line not in lines] == []
    assert [line.strip() for line in lines if line not in COMMENTED.splitlines()] == [f"- {RULE}"]


def test_a_rule_is_written_once() -> None:
    once = permitting(COMMENTED, [RULE])
    assert permitting(once, [RULE]) == once


def test_a_file_is_made_and_is_read_as_it_was_meant_and_trusted(tmp_path: Path) -> None:
    path = tmp_path / ".agency" / "policy.yaml"
    permit(path, [RULE, "Bash(echo ': #')"])
    assert [rule.text for rule in read_policy(path).rules.allow] == [RULE, "Bash(echo ': #')"]
    assert is_trusted(hashlib.sha256(path.read_bytes()).hexdigest())
    assert sorted(each.name for each in path.parent.iterdir()) == ["policy.yaml"]


@pytest.mark.parametrize(
    "text",
    ["allow: [Bash(ls)]\ntests: [{command: terraform plan, verdict: deny}]\n", "- a list\n", "allow: {\n"],
    ids=["fails its tests", "no mapping", "no YAML"],
)
def test_a_file_that_would_not_be_valid_stays_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".agency" / "policy.yaml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UsageError):
        permit(path, [RULE])
    assert path.read_text() == text
    assert sorted(each.name for each in path.parent.iterdir()) == ["policy.yaml"]
