"""A figure in prose is shown by the same number of the same unit, and by no other."""

from decimal import Decimal
from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import HandoffReport, judge
from agency_runtime.handoff.quantities import quantities


def done(tool: str, output: str, **given: str) -> Executed:
    return Executed(
        ref="c1", id="toolu_1", turn=1, tool=tool, input=dict(given), output=output, failed=False,
        exit_code=0 if tool == "Bash" else None, denied=False, started="2026-01-01T00:00:01Z", seconds=0.5,
    )  # fmt: skip


SESSION = [
    done(
        "Bash",
        "2 passed, 3 skipped, 37 files, 50 lines\nbuilt in 90 seconds, p95 85 ms, 61% smaller, up in 0.5 s, 105 s",
        command="make",
    ),
    done("Write", "written", file_path="ci.yml", content="timeout-minutes: 12\nreplicas: 4\naverageUtilization: 70\n"),
]


def flagged(text: str, part: str = "implementation_details") -> list[str]:
    parts: dict[str, Any] = {
        "implementation_details": {"implementation_details": [{"topic": "Design", "text": text}]},
        "next_steps": {"next_steps": [text]},
    }
    work = [{"area": "other", "what": "A workflow."}]
    report = HandoffReport.model_validate({"work_completed": work, **parts[part]})
    return [claim.statement for claim in judge(report, SESSION, FilesChanged()).claims]


@pytest.mark.parametrize(
    "text",
    [
        "Builds are 37 % faster.",
        "Cuts the time of a release by 50 %.",
        "Rollback was rehearsed and works in 2 minutes.",
        "The job finishes in 3 minutes.",
        "The cache saves 4 minutes.",
        "Caching cut the time in half, to 37 seconds.",
        "The utilization was cut to 12%.",
    ],
)
@pytest.mark.parametrize("part", ["implementation_details", "next_steps"])
def test_a_figure_is_not_excused_by_an_equal_number_of_something_else(part: str, text: str) -> None:
    assert flagged(text, part) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "The build took 90 seconds.",
        "The build took 1.5 minutes.",
        "The start took 0.5 seconds.",
        "The release took 1m 45s.",
        "p95 was 85 ms.",
        "The image is 61 % smaller.",
        "A job that takes more than 12 minutes is cancelled.",
        "The timeout is 12 minutes.",
        "The target is 70 % of the CPU.",
    ],
)
def test_a_figure_that_the_session_holds_stands(text: str) -> None:
    assert flagged(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "All jobs are green on main.",
        "The rollback was tested.",
        "Deployment to staging: success",
        "Tests passed on GitHub.",
    ],
)
def test_a_next_step_holds_no_result(text: str) -> None:
    assert flagged(text, "next_steps") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Run the workflow and get its jobs green.",
        "Merge once the checks passed.",
        "Build the image; tag it when the tests are green.",
        "Check that the rollback succeeds on staging.",
        "Test that the service is healthy.",
        "Set the replicas to 4 and the timeout to 30 seconds.",
    ],
)
def test_a_next_step_may_say_what_to_reach(text: str) -> None:
    assert flagged(text, "next_steps") == []


def test_a_quantity_is_the_same_in_every_notation() -> None:
    assert quantities("2 minutes, 2m0s, 120 s, 120s, timeout-minutes: 2, periodSeconds: 120") == {("s", Decimal(120))}
    assert quantities("0.05") == quantities("5 percent") == quantities("5%") == {("%", Decimal(5))}
    assert quantities("interval=5-seconds: 3") == {("s", Decimal(5)), ("s", Decimal(3))}
    assert quantities("5 \u017feconds") == {("s", Decimal(5))}, (
        "a long s, which a pattern that ignores case takes for one"
    )
    assert quantities("wait_ms=85") == quantities("85 ms") == {("s", Decimal("0.085"))}
