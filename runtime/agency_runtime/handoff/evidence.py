"""Judging claims: each rests on calls that ran, succeeded, can show such a thing, concern it, and are not out of date."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.checklist import checklist
from agency_runtime.handoff.claimed import Claimed, Verdict
from agency_runtime.handoff.contradiction import contradicted
from agency_runtime.handoff.demands import unmet
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.failure import backing_of, counterparts, failed
from agency_runtime.handoff.figures import missing
from agency_runtime.handoff.freshness import Change, history, relative, stale, unconcerned
from agency_runtime.handoff.prose import unproven
from agency_runtime.handoff.report import Claim, HandoffReport
from agency_runtime.handoff.residue import residue
from agency_runtime.handoff.support import SHOWS_NOTHING, brief, unsupported

EXPECTED_EXIT = re.compile(r"\bexit(?:s|ed)?(?:\s+(?:code|status|with))*\s+(?P<code>\d+)\b", re.IGNORECASE)


def judge(
    report: HandoffReport, calls: Sequence[Executed], files: FilesChanged, checks: Sequence[EndCheck] = ()
) -> Verdict:
    """Judge every claim of the report against the calls of the session and the changes that git shows.

    A run that changed files and claims nothing has shown nothing: that is a gap too. checks: what the validators say.
    """
    court = _Court(calls, files)
    claims = [court.judged("claims", claim) for claim in report.claims]
    claims += [court.judged("cost", claim) for claim in report.cost]
    claims += [court.judged("resources", provisioned(resource.name, resource.calls)) for resource in report.resources if resource.state == "provisioned"]  # fmt: skip
    passed = [check.name for check in checks if check.outcome == "passed"]
    claims += unproven(report, calls, [claim.statement for claim in claims if claim.verified], passed)
    false_files, notes = differences(report, files)
    gaps = ("claims: files were changed and no check of them is claimed; run one and cite it",)
    verdict = Verdict(
        claims=tuple(claims), false_files=false_files, gaps=gaps if files.all and not report.claims else (), notes=notes,
        checks=tuple(checks),
    )  # fmt: skip
    return replace(verdict, items=checklist(report, verdict, calls, files))


def provisioned(name: str, calls: Sequence[str]) -> Claim:
    """The claim that a resource makes by being reported as provisioned."""
    return Claim(statement=f"{name} was provisioned", calls=list(calls), about=name)


class _Court:
    """The session that claims are judged against."""

    def __init__(self, calls: Sequence[Executed], files: FilesChanged) -> None:
        self.by_ref: Mapping[str, tuple[int, Executed]] = {call.ref: (index, call) for index, call in enumerate(calls)}
        self.changes: tuple[Change, ...] = history(calls, files)
        self.paths = {*files.all, *(path for change in self.changes for path in change.paths)}

    def judged(self, where: str, claim: Claim) -> Claimed:
        """The claim with its standing."""
        cited = [self.by_ref[ref] for ref in claim.calls if ref in self.by_ref]
        copied = residue(claim.statement, "\n".join(call.output for _, call in cited))
        reason = f"{copied!r} is a sample value of a template, not a result" if copied else self._fault(claim, cited)
        return Claimed(
            where=where, statement=claim.statement, about=claim.about, calls=tuple(dict.fromkeys(claim.calls)),
            reason=reason, residue=bool(copied),
        )  # fmt: skip

    def _fault(self, claim: Claim, cited: Sequence[tuple[int, Executed]]) -> str:
        """Everything for which a claim does not stand, so that one answer mends it; empty where it stands."""
        if not claim.calls:
            return "it cites no call"
        unknown = [ref for ref in claim.calls if ref not in self.by_ref]
        if unknown:
            return f"there is no call {', '.join(unknown)} in this session"
        calls = [call for _, call in cited]
        shown = counterparts(claim.statement, cited)
        unfit_calls = list(
            dict.fromkeys(fault for call in calls if call.ref not in shown and (fault := unfit(call, claim.statement)))
        )
        if unfit_calls:
            return "; ".join(unfit_calls)
        backing = backing_of(claim.statement, calls)
        if not backing:
            return f"{', '.join(claim.calls)} failed, which shows no success; cite the call that passed, too"
        faults = (
            unsupported(claim.statement, backing),
            *unmet(claim.statement, backing),
            unconcerned(claim.about, calls, self.paths),
            self._unmentioned(claim, calls),
            stale(claim, cited, self.changes, self.paths),
            contradicted(claim.statement, backing),
            _unshown(claim.statement, calls),
        )
        return "; ".join(fault for fault in faults if fault)

    def _unmentioned(self, claim: Claim, calls: Sequence[Executed]) -> str:
        """A resource that is no path has to be named by a call that speaks of it."""
        name = claim.about.rpartition("/")[2].strip()
        if not name or relative(claim.about) in self.paths or "." in name or " " in name:
            return ""
        text = "\n".join(f"{call.command}\n{call.output}\n{' '.join(map(str, call.input.values()))}" for call in calls)
        return (
            "" if name.lower() in text.lower() else f"{', '.join(claim.calls)}: {claim.about} is named in no cited call"
        )


def unfit(call: Executed, statement: str) -> str:
    """Why a call can show nothing; empty where it can. A failure shows what a claim says of its exit code.

    A typed tool knows which exit codes are fine (2 says "changes" of a plan, 1 "differs" of a diff); a shell does not.
    """
    if call.denied:
        return f"call {call.ref} was denied and did not run"
    if call.tool in SHOWS_NOTHING:
        return f"call {call.ref} is a {call.tool} call, which shows nothing about the repository"
    if failed(call) and not _expected(call, statement):
        code = f" with exit code {call.exit_code}" if call.exit_code is not None else ""
        return f"call {call.ref} ({brief(call.command)}) failed{code}"
    return ""


def _expected(call: Executed, statement: str) -> bool:
    """Whether the claim says that the call ended with just this exit code."""
    return any(int(found["code"]) == call.exit_code for found in EXPECTED_EXIT.finditer(statement))


def _unshown(statement: str, calls: Sequence[Executed]) -> str:
    numbers = missing(statement, calls)
    said = "numbers" if len(numbers) > 1 else "number"
    return (
        f"the {said} {', '.join(numbers)} {'are' if len(numbers) > 1 else 'is'} in no cited output" if numbers else ""
    )


def differences(report: HandoffReport, files: FilesChanged) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the files that the model believes it changed are not those that git shows: false claims, and omissions."""
    if report.files is None:
        return (), ()
    false: list[str] = []
    left_out: list[str] = []
    for kind in ("created", "modified", "deleted"):
        claimed = set(_relative(getattr(report.files, kind)))
        actual = set(getattr(files, kind))
        false += [f"files: {path} is claimed as {kind}, git does not show it so" for path in sorted(claimed - actual)]
        left_out += [
            f"files: git shows {path} as {kind}, the report leaves it out" for path in sorted(actual - claimed)
        ]
    return tuple(false), tuple(left_out)


def _relative(paths: Iterable[str]) -> Iterable[str]:
    return (relative(path) for path in paths)
