"""Judging claims: each rests on calls that ran, succeeded, can show such a thing, and are not out of date."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.report import Claim, HandoffReport
from agency_runtime.handoff.residue import residue

SHOWS_NOTHING = {"TodoWrite", "Skill", "Task", "Handoff", "Escalate", "TaskStop"}
"""Tools whose success shows nothing about the repository: their word is the model's own."""

CHANGES_FILES = {"Write", "Edit"}
"""Tools whose calls show that a file was written, and nothing about whether it is right."""

MEASURED = re.compile(
    r"""
    [$€£]\s?\d | \b\d+(?:[.,]\d+)?\s?%                                    # money, percentages
  | \b\d+(?:[.,]\d+)?\s?(?:ms|seconds?|secs?|minutes?|req/s|rps|MB/s)\b   # times and rates
  | \b(?:tests?|checks?|pipelines?|builds?|deployments?|rollbacks?|scans?|validation)\b[^.\n]{0,40}
    \b(?:pass(?:ed|es|ing)|succeed(?:ed|s)|successful(?:ly)?|green|verified)\b
  | \b(?:successfully|was)\s(?:deployed|provisioned|applied|rolled\sback)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
NUMBER = re.compile(r"(?<![\w./:-])\d+(?:[.,]\d+)*(?![\w-]|[./:]\d)")
QUOTED = re.compile(r"`[^`\n]*`")

Standing = Literal["verified", "not verified"]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A claim and its standing. `where` is the part of the report it stands in; `reason` says why it is not verified."""

    where: str
    statement: str
    about: str
    calls: tuple[str, ...]
    standing: Standing
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.statement!r}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the completion checklist."""

    name: str
    outcome: Literal["passed", "failed", "not applicable", "not run"]
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Everything claimed, judged. `ok` means that nothing stands unproven."""

    claims: tuple[Claimed, ...]
    discrepancies: tuple[str, ...]

    @property
    def verified(self) -> tuple[Claimed, ...]:
        return tuple(claim for claim in self.claims if claim.standing == "verified")

    @property
    def unverified(self) -> tuple[str, ...]:
        """What is not verified, each with its reason, as lines."""
        return (*(str(claim) for claim in self.claims if claim.standing != "verified"), *self.discrepancies)

    @property
    def ok(self) -> bool:
        return not self.unverified


def judge(report: HandoffReport, calls: Sequence[Executed], files: FilesChanged) -> Verdict:
    """Judge every claim of the report against the calls of the session and the changes that git shows.

    A run that changed files and claims nothing has shown nothing: that is a discrepancy too.
    """
    by_ref = {call.ref: (index, call) for index, call in enumerate(calls)}
    claims = [_judged("claims", claim, by_ref, calls) for claim in report.claims]
    claims += [_judged("cost", claim, by_ref, calls) for claim in report.cost]
    claims += [
        _judged("resources", Claim(statement=f"{resource.name} is provisioned", calls=resource.calls), by_ref, calls)
        for resource in report.resources
        if resource.state == "provisioned"
    ]
    claims += _prose(report)
    discrepancies = list(_differences(report, files))
    if files.all and not report.claims:
        discrepancies.append("claims: files were changed and no check of them is claimed; run one and cite it")
    return Verdict(claims=tuple(claims), discrepancies=tuple(discrepancies))


def _judged(where: str, claim: Claim, by_ref: Mapping[str, tuple[int, Executed]], calls: Sequence[Executed]) -> Claimed:
    reason = _fault(claim, by_ref, calls)
    return Claimed(
        where=where, statement=claim.statement, about=claim.about, calls=tuple(claim.calls),
        standing="not verified" if reason else "verified", reason=reason,
    )  # fmt: skip


def _fault(claim: Claim, by_ref: Mapping[str, tuple[int, Executed]], calls: Sequence[Executed]) -> str:
    """Why a claim does not stand; empty where it does."""
    if not claim.calls:
        return "it cites no call"
    if copied := residue(claim.statement):
        return f"{copied!r} is a sample value of a template, not a result"
    for ref in claim.calls:
        if ref not in by_ref:
            return f"there is no call {ref} in this session"
        if fault := _unfit(by_ref[ref][1]):
            return fault
    cited = [by_ref[ref] for ref in claim.calls]
    return _stale(claim, cited, calls) or _missing_number(claim.statement, [call for _, call in cited])


def _unfit(call: Executed) -> str:
    if call.denied:
        return f"call {call.ref} was denied and did not run"
    if call.failed:
        code = f" with exit code {call.exit_code}" if call.exit_code is not None else ""
        return f"call {call.ref} failed{code}"
    if call.tool in SHOWS_NOTHING:
        return f"call {call.ref} is a {call.tool} call, which shows nothing about the repository"
    return ""


def _stale(claim: Claim, cited: Iterable[tuple[int, Executed]], calls: Sequence[Executed]) -> str:
    """A check that is older than the last change to what it speaks of counts for nothing."""
    checks = [(index, call) for index, call in cited if call.tool not in CHANGES_FILES]
    if not checks:
        return (
            "it cites only the calls that wrote the files; cite one that checked them" if _asserts_more(claim) else ""
        )
    newest = max(index for index, _ in checks)
    for later in calls[newest + 1 :]:
        touched = [path for path in later.changed if not claim.about or _concerns(path, claim.about)]
        if touched and not later.failed:
            return f"{touched[0]} was changed by call {later.ref}, after the check in {calls[newest].ref}; check again"
    return ""


def _asserts_more(claim: Claim) -> bool:
    """Whether a claim says more than that something was written."""
    return re.search(r"\b(writ|wrote|add|creat|chang|edit|remov|delet|renam)", claim.statement, re.IGNORECASE) is None


def _concerns(path: str, about: str) -> bool:
    """Whether a changed path lies at, below or above what a claim speaks of."""
    one, other = path.strip("/"), about.removeprefix("/workspace/").strip("/")
    return (
        one == other
        or one.startswith(other + "/")
        or other.startswith(one + "/")
        or ("/" not in other
        and other not in one)
    )


def _missing_number(statement: str, cited: Sequence[Executed]) -> str:
    """A number that no cited output contains was not shown by it."""
    shown = "\n".join(f"{call.command}\n{call.output}" for call in cited)
    exits = {str(call.exit_code) for call in cited}
    for number in NUMBER.findall(QUOTED.sub(" ", statement)):
        plain = number.replace(",", "")
        if number not in shown and plain not in shown.replace(",", "") and number not in exits:
            return f"the number {number} is in no cited output"
    return ""


def _prose(report: HandoffReport) -> list[Claimed]:
    """Results that stand in prose, where nothing backs them."""
    found: list[Claimed] = []
    for where, text in _texts(report):
        copied = residue(text)
        measured = MEASURED.search(QUOTED.sub(" ", text)) if where in RESULTS_FREE else None
        if copied or measured:
            said = copied or (measured.group(0) if measured else "")
            why = "is a sample value of a template" if copied else "reads like a result"
            reason = f"{said.strip()!r} {why}; make it a claim that cites a call, or leave it out"
            found.append(
                Claimed(where=where, statement=text, about="", calls=(), standing="not verified", reason=reason)
            )
    return found


RESULTS_FREE = {"work_completed"}
"""Parts whose prose may hold no results; design values (thresholds, limits) are at home in the others."""


def _texts(report: HandoffReport) -> Iterable[tuple[str, str]]:
    yield from (("work_completed", item.what) for item in report.work_completed)
    yield from (("implementation_details", detail.text) for detail in report.implementation_details)
    yield from (("integration_points", point.text) for point in report.integration_points)
    yield from (("verification_criteria", criterion.criterion) for criterion in report.verification_criteria)
    yield from (("next_steps", step) for step in report.next_steps)


def _differences(report: HandoffReport, files: FilesChanged) -> Iterable[str]:
    """Where the files that the model believes it changed are not those that git shows."""
    if report.files is None:
        return
    for kind in ("created", "modified", "deleted"):
        claimed = {path.removeprefix("/workspace/").removeprefix("./") for path in getattr(report.files, kind)}
        actual = set(getattr(files, kind))
        for path in sorted(claimed - actual):
            yield f"files: {path} is claimed as {kind}, git does not show it so"
        for path in sorted(actual - claimed):
            yield f"files: git shows {path} as {kind}, the report leaves it out"
