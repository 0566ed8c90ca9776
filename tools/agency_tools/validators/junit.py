"""A report as JUnit XML, which build servers show as tests: a suite for each validator, a case for each file with findings."""

import re
from collections import defaultdict
from xml.etree import ElementTree

from agency_tools.validators.finding import Finding, Report, Validated

UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """The XML. What was not run is skipped, with the reason; it is no passed test."""
    root = ElementTree.Element("testsuites", name="agency check")
    for validated in report.validators:
        root.append(_suite(validated, [each for each in report.findings if each.validator == validated.name]))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(validated: Validated, findings: list[Finding]) -> ElementTree.Element:
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_path[finding.path].append(finding)
    cases = [_failed(validated.name, path, found) for path, found in by_path.items()]
    if validated.outcome == "not_run":
        cases.append(_skipped(validated.name, "all files", validated.why or "not run"))
    elif not cases:
        cases.append(ElementTree.Element("testcase", classname=validated.name, name=f"{validated.files} files"))
    cases += [
        _skipped(validated.name, path, why) for path, why in validated.unchecked if validated.outcome != "not_run"
    ]
    suite = ElementTree.Element(
        "testsuite",
        name=validated.name,
        tests=str(len(cases)),
        failures=str(len(by_path)),
        errors="0",
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    suite.extend(cases)
    return suite


def _failed(name: str, path: str, findings: list[Finding]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=name, name=_plain(path), file=_plain(path))
    first = findings[0]
    failure = ElementTree.SubElement(case, "failure", type=first.rule, message=_plain(first.message))
    failure.text = _plain("\n".join(map(str, findings)))
    return case


def _skipped(name: str, what: str, why: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=name, name=_plain(what))
    ElementTree.SubElement(case, "skipped", message=_plain(why))
    return case


def _plain(text: str) -> str:
    """What XML can hold of it."""
    return UNPRINTABLE.sub("�", text.encode("utf-8", "replace").decode("utf-8"))
