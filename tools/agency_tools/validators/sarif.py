"""A report as SARIF 2.1.0, which code hosts and editors show beside the lines."""

import hashlib
from typing import Any

from agency_tools.validators.baseline import identity
from agency_tools.validators.finding import Finding, Report, Severity, Validated

LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report) -> dict[str, Any]:
    """One run for each validator; one that was not run says so as a notification, and is not successful."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(each, report) for each in report.validators]}


def _run(validated: Validated, report: Report) -> dict[str, Any]:
    findings = [finding for finding in report.findings if finding.validator == validated.name]
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    return {
        "tool": {"driver": {"name": validated.name, "rules": [{"id": rule} for rule in rules]}},
        "invocations": [_invocation(validated)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.rule)) for finding in findings],
    }


def _invocation(validated: Validated) -> dict[str, Any]:
    said: dict[str, Any] = {"executionSuccessful": validated.outcome != "not_run"}
    if validated.why:
        level = "error" if validated.outcome == "not_run" else "warning"
        said["toolExecutionNotifications"] = [{"level": level, "message": {"text": validated.why}}]
    return said


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    artifact = {"uri": finding.path, "uriBaseId": "%SRCROOT%"}
    digest = hashlib.sha256("\0".join(identity(finding)).encode("utf-8", "surrogateescape")).hexdigest()
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {"lineText/v1": digest},
    }
