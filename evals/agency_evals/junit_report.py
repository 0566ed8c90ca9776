"""A run as JUnit XML: a test suite for each result, in it a test case for each scorer, the evidence in the failure.

What was not judged is `skipped`. A scorer that fails a recording of a failure does what it should: its test case passes,
and says so in `system-out`; should such a recording pass as a whole, a test case of its own fails.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from agency_evals.results import CaseResult, Evidence, Run, Score

NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def junit_report(run: Run, name: str = "agency eval") -> str:
    """The document, with its declaration."""
    root = ET.Element("testsuites", name=name)
    for result in run.cases:
        root.append(_suite(result))
    counts = {kind: sum(int(suite.get(kind, "0")) for suite in root) for kind in ("tests", "failures", "errors")}
    root.attrib.update({kind: str(count) for kind, count in counts.items()}, time=f"{run.totals.seconds:.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def suite_name(result: CaseResult) -> str:
    """The case; its epoch only where it is not the first."""
    return result.id if result.epoch == 1 else f"{result.id} (epoch {result.epoch})"


def _suite(result: CaseResult) -> ET.Element:
    tests = _tests(result)
    for test in tests:
        test.set("classname", clean(suite_name(result)))
        test.set("time", f"{result.seconds / len(tests):.3f}")
    suite = ET.Element("testsuite", name=clean(suite_name(result)), tests=str(len(tests)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    suite.set("time", f"{result.seconds:.3f}")
    if result.started:
        suite.set("timestamp", result.started.removesuffix("Z"))
    suite.extend([_properties(result), *tests])
    return suite


def _properties(result: CaseResult) -> ET.Element:
    told = {"outcome": result.outcome, "expected": result.expected, "turns": result.turns, "cost_usd": result.cost_usd}
    element = ET.Element("properties")
    for name, value in told.items():
        ET.SubElement(element, "property", name=name, value=str(value))
    return element


def _tests(result: CaseResult) -> Sequence[ET.Element]:
    tests = [_test(score, result) for score in result.scores]
    if result.fault and result.outcome == "error":
        tests.append(_case("run", "error", f"{result.fault.cause.value}: {result.fault.message}", kind="error"))
    if result.expected == "failed":
        tests.append(_told_apart(result))
    return tests or [_case("run", "skipped", "nothing was scored")]


def _test(score: Score, result: CaseResult) -> ET.Element:
    said = evidence_text(score.evidence)
    if score.outcome == "failed" and result.expected == "failed":
        test = _case(score.scorer)
        ET.SubElement(test, "system-out").text = clean(f"failed, as it should here: {said}")
        return test
    match score.outcome:
        case "failed":
            return _case(score.scorer, "failure", first_line(said) or "failed", said, kind="failed")
        case "error":
            return _case(score.scorer, "error", first_line(said) or "error", said, kind="error")
        case "unscored":
            return _case(score.scorer, "skipped", first_line(said) or "not scored")
        case _:
            return _case(score.scorer)


def _told_apart(result: CaseResult) -> ET.Element:
    if result.outcome == "passed":
        said = "it passed, but it is known to be a failure: the scorers no longer tell the two apart"
        return _case("told apart", "failure", said, kind="passed")
    return _case("told apart") if result.as_expected else _case("told apart", "skipped", f"it is {result.outcome}")


def _case(name: str, tag: str = "", message: str = "", text: str = "", *, kind: str = "") -> ET.Element:
    test = ET.Element("testcase", name=clean(name))
    if tag:
        fault = ET.SubElement(test, tag, message=clean(message))
        if kind:
            fault.set("type", kind)
        fault.text = clean(text) or None
    return test


def evidence_text(evidence: Evidence | None) -> str:
    """The command, how it ended, and what it said."""
    if evidence is None:
        return ""
    lines = [f"$ {evidence.command}"] if evidence.command else []
    lines += [f"exit code {evidence.exit_code}"] if evidence.exit_code is not None else []
    return "\n".join([*lines, evidence.excerpt]).strip()


def first_line(text: str) -> str:
    """The line that says most, at most 200 characters of it: pytest's complaint, else the first that is no frame."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-_.") and not line.startswith("$ ")]
    said = [line for line in lines if not line.startswith("exit code ")] or lines
    found = next((line[1:].strip() for line in said if line.startswith("E  ")), said[0] if said else "")
    return found[:200]


def clean(text: str) -> str:
    """The text with what XML cannot hold replaced."""
    return NO_XML.sub("\ufffd", text)
