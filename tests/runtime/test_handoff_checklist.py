"""The checklist says passed only where a call ran the thing; what was linted is not run."""

from collections.abc import Sequence

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import EndCheck, HandoffReport, judge
from agency_runtime.handoff.checklist import checklist

FILES = FilesChanged(created=(".github/workflows/ci.yml", "prometheus/alerts.yml", "Dockerfile"))


def items(claims: Sequence[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    """Outcome and reason of each item, of claims with the command each rests on and its output."""
    calls = [
        Executed(
            ref=f"c{number}", id=f"toolu_{number}", turn=number, tool="Bash", input={"command": command}, output=output,
            failed=False, exit_code=0, denied=False, started=f"2026-01-01T00:00:{number:02}Z", seconds=0.5,
        )
        for number, (_, command, output) in enumerate(claims, 1)
    ]  # fmt: skip
    stated = [{"statement": claim[0], "calls": [f"c{number}"]} for number, claim in enumerate(claims, 1)]
    work = [{"area": "other", "what": "A workflow."}]
    report = HandoffReport.model_validate({"work_completed": work, "claims": stated})
    found = checklist(report, judge(report, calls, FILES), calls, FILES)
    return {item.name: (item.outcome, item.why) for item in found}


@pytest.mark.parametrize(
    ("name", "statement", "command", "why"),
    [
        ("Pipelines functional", "actionlint reports nothing on the workflow", "actionlint", "checked by c1, never run"),
        ("Security validated", "zizmor reports no findings", "zizmor .github", "checked by c1, no scan for secrets or vulnerabilities"),
        ("Monitoring active", "promtool accepts the alert rules", "promtool check rules x.yml", "checked by c1, nothing was live"),
    ],
)  # fmt: skip
def test_what_was_only_linted_is_not_run(name: str, statement: str, command: str, why: str) -> None:
    assert items([(statement, command, "")])[name] == ("not run", why)


@pytest.mark.parametrize(
    ("name", "statement", "command", "why"),
    [
        ("Pipelines functional", "the workflow's jobs succeeded", "gh run view 7", "shown by c1"),
        ("Security validated", "no secrets are in the tree", "gitleaks detect", "scanned by c1"),
        ("Security validated", "no vulnerabilities were found", "trivy image app", "scanned by c1"),
        ("Monitoring active", "Prometheus answers with the metrics", "curl -sf localhost:9090/metrics", "shown by c1"),
    ],
)
def test_what_ran_has_passed(name: str, statement: str, command: str, why: str) -> None:
    assert items([(statement, command, "")])[name] == ("passed", why)


def test_a_claim_that_falls_fails_the_item() -> None:
    statement = "the workflow's jobs succeeded"
    assert items([(statement, "actionlint", "")])["Pipelines functional"] == ("failed", f"not verified: {statement}")


def test_a_validator_that_failed_on_its_file_fails_the_item() -> None:
    finding = ".github/workflows/ci.yml:3:1 syntax-check unexpected key"
    checks = (EndCheck(name="actionlint", outcome="failed", findings=(finding,)),)
    report = HandoffReport.model_validate({"work_completed": [{"area": "other", "what": "A workflow."}]})
    found = judge(report, [], FILES, checks)
    assert {item.name: item.outcome for item in found.items}["Pipelines functional"] == "failed"
    assert found.failed_items == (f"Pipelines functional: failed: {finding}",)
