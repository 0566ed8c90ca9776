"""What the checks found, as frozen values: findings, and how each validator came out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

Severity: TypeAlias = Literal["error", "warning", "info"]
"""How much a finding matters: it does not work, it is probably wrong, it could be better."""

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

OutcomeName: TypeAlias = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One fault at one place. Line and column count from 1; `text` is that line, by which it is known again."""

    path: str
    line: int
    column: int
    validator: str
    rule: str
    severity: Severity
    message: str
    text: str = ""

    def json(self) -> dict[str, Any]:
        """As other programs read it."""
        return {name: getattr(self, name) for name in FIELDS}

    def __str__(self) -> str:
        """In one line, as compilers print it."""
        return f"{self.path}:{self.line}:{self.column}: {self.severity}: {self.message} [{self.validator} {self.rule}]"


FIELDS = ("path", "line", "column", "validator", "rule", "severity", "message")


@dataclass(frozen=True, kw_only=True)
class Validated:
    """How one validator came out: over how many files and which; `why` says why not all it applies to were checked."""

    name: str
    files: int
    outcome: OutcomeName
    why: str | None = None
    paths: tuple[str, ...] = ()
    unchecked: tuple[tuple[str, str], ...] = ()

    def json(self) -> dict[str, Any]:
        """As other programs read it."""
        unchecked = [{"path": path, "why": why} for path, why in self.unchecked]
        return {
            "name": self.name,
            "files": self.files,
            "outcome": self.outcome,
            "why": self.why,
            "unchecked": unchecked,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """All findings that count, how each validator came out, and which files were looked at.

    later: those to which a slow validator applies that was not asked.
    """

    findings: tuple[Finding, ...] = ()
    validators: tuple[Validated, ...] = ()
    paths: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything was found."""
        return bool(self.findings)

    def json(self) -> dict[str, Any]:
        """The object of `agency check --json`."""
        findings = [finding.json() for finding in self.findings]
        return {"findings": findings, "validators": [each.json() for each in self.validators]}


def report_of(answer: dict[str, Any], *, least: Severity = "warning", known: Iterable[Finding] = ()) -> Report:
    """The service's answer as a report of what is at least so severe and was not `known` before."""
    from agency_tools.validators.baseline import unknown

    every = [_finding(row, text) for row, text in zip(answer["findings"], answer["lines"], strict=True)]
    before = [_finding(row, text) for *row, text in answer["before"]]
    rank = SEVERITIES.index(least)
    findings = unknown([each for each in every if SEVERITIES.index(each.severity) >= rank], [*before, *known])
    failed = {finding.validator for finding in findings}
    return Report(
        findings=tuple(sorted(findings)),
        validators=tuple(_validated(row, failed) for row in answer["validators"]),
        paths=tuple(cast("Sequence[str]", answer.get("paths") or ())),
        later=tuple(cast("Sequence[str]", answer.get("later") or ())),
    )


def _finding(row: Sequence[Any], text: str) -> Finding:
    path, line, column, validator, rule, severity, message = row
    return Finding(
        path=path, line=int(line), column=int(column), validator=validator, rule=rule, severity=severity,
        message=message, text=text,
    )  # fmt: skip


def _validated(row: dict[str, Any], failed: set[str]) -> Validated:
    unchecked = tuple((str(path), str(why)) for path, why in row["unchecked"])
    outcome: OutcomeName = "failed" if row["name"] in failed else "passed" if row["paths"] else "not_run"
    why = row["why"] or (_summary(unchecked) if unchecked else None)
    paths = tuple(cast("Sequence[str]", row["paths"]))
    return Validated(name=row["name"], files=len(paths), outcome=outcome, why=why, paths=paths, unchecked=unchecked)


def _summary(unchecked: Sequence[tuple[str, str]]) -> str:
    path, why = unchecked[0]
    more = f", and {len(unchecked) - 1} more" if len(unchecked) > 1 else ""
    return f"not checked: {path} ({why}){more}"
