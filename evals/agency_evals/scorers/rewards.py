"""What tests report, as a score: a reward they wrote, or pytest's own report."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from agency_evals.results import Evidence, Score
from agency_evals.scorers.verdict import broken, unscored
from agency_evals.verifier import Done
from agency_runtime.wire import json_object

NO_PYTEST = re.compile(r"No module named '?pytest|agency-python: [^\n]*not found")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Tests of pytest's reports; an expected failure counts as skipped."""

    tests: int = 0
    passed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            tests=self.tests + other.tests, passed=self.passed + other.passed, skipped=self.skipped + other.skipped
        )


def rewarded(
    name: str, done: Done, text: str | None, numbers: str | None, *, command: str, public: bool = False
) -> Score:
    """The reward as a score; none, or one that is no number from 0 to 1, is an error of the verifier's.

    All numbers must be 1. public: the one named `reward` decides where there is one, and the task may count in points of its
    own: below 0 is a failure, and above 1 nobody knows what is enough.
    """
    evidence = Evidence(excerpt=done.excerpt, command=command, exit_code=done.exit_code)
    if done.overdue:
        return broken(name, f"the tests took too long\n{done.excerpt}", command=command, exit_code=done.exit_code)
    try:
        found = numbers_of(text, numbers)
        if not public:
            _check_range(found)
    except ValueError as error:
        return broken(name, f"{error}\n{done.excerpt}", command=command, exit_code=done.exit_code)
    deciding = {"reward": found["reward"]} if public and "reward" in found else found
    value = found.get("reward", min(deciding.values()))
    if high := [f"{value:g}" for value in deciding.values() if value > 1]:
        why = f"the reward is {high[0]}, and nothing says how many points are enough; from 0 to 1 it would be judged"
        return Score(
            scorer=name, value=value, outcome="unscored",
            evidence=Evidence(excerpt=f"{why}\n{done.excerpt}", command=command, exit_code=done.exit_code),
        )  # fmt: skip
    return Score(
        scorer=name, value=value, outcome="passed" if min(deciding.values()) >= 1 else "failed", evidence=evidence
    )


def numbers_of(text: str | None, numbers: str | None) -> dict[str, float]:
    """The reward by name. Raises ValueError for what is none."""
    if numbers is not None:
        try:
            value = json_object(json.loads(numbers))
        except ValueError:
            raise ValueError("reward.json is not JSON") from None
        if not value:
            raise ValueError("reward.json holds no object of numbers")
        return {str(key): _number(each, str(key)) for key, each in value.items()}
    if text is None:
        raise ValueError("the tests wrote no reward to /logs/verifier/reward.txt")
    return {"reward": _number(text)}


def _number(given: object, key: str = "reward") -> float:
    try:
        value = math.nan if isinstance(given, bool) else float(str(given))
    except ValueError:
        raise ValueError(f"the {key} is {str(given)[:40]!r}, which is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"the {key} is {value}, which is no number to reckon with")
    return value


def _check_range(found: dict[str, float]) -> None:
    for key, value in found.items():
        if not 0 <= value <= 1:
            raise ValueError(f"the {key} is {value:g}; it must lie between 0 and 1")


def reported(name: str, command: str, done: Done, reports: Sequence[str]) -> Score:
    """pytest's reports as a score: the share of tests that passed; no test, or a skipped one, is never a pass."""
    if NO_PYTEST.search(done.output) and not reports:
        return unscored(name, "pytest is not in the sandbox; `agency image build` brings it", command=command)
    counts = counts_of(reports)
    evidence = Evidence(excerpt=done.excerpt, command=command, exit_code=done.exit_code)
    if done.overdue or counts is None:
        why = "the tests took too long" if done.overdue else "pytest gave no report"
        return broken(name, f"{why}\n{done.excerpt}", command=command, exit_code=done.exit_code)
    if counts.tests == 0:
        return broken(name, f"no test was collected\n{done.excerpt}", command=command, exit_code=done.exit_code)
    value = counts.passed / counts.tests
    if counts.skipped and counts.passed + counts.skipped == counts.tests and done.exit_code == 0:
        return Score(scorer=name, value=value, outcome="unscored", evidence=evidence)
    whole = counts.passed == counts.tests and done.exit_code == 0
    return Score(scorer=name, value=value, outcome="passed" if whole else "failed", evidence=evidence)


def counts_of(reports: Sequence[str]) -> Counts | None:
    """The tests of all reports together; None where there is no report, or one that cannot be read."""
    if not reports:
        return None
    whole = Counts()
    for report in reports:
        try:
            cases = list(ElementTree.fromstring(report).iter("testcase"))
        except ElementTree.ParseError:
            return None
        skipped = sum(1 for case in cases if case.find("skipped") is not None)
        bad = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
        whole += Counts(tests=len(cases), passed=len(cases) - skipped - bad, skipped=skipped)
    return whole
