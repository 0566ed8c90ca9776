"""Verifying a handoff: nothing in it altered, every claim still backed, and the tree still what it says."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged, snapshot
from agency_runtime.handoff.evidence import judge
from agency_runtime.handoff.files import evidence_text, pretty, write_whole
from agency_runtime.handoff.markdown import cell, line
from agency_runtime.handoff.record import CallRecord, ClaimRecord, Evidence
from agency_runtime.handoff.report import Claim, HandoffReport, WorkItem
from agency_runtime.handoff.state import sha256_of
from agency_runtime.handoff.summary import render_summary
from agency_runtime.repository import Repository
from agency_tools.errors import UsageError

AGAIN = "this compares outputs as they are stored; it does not run the checks again"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at; each fault names what is wrong."""

    name: str
    faults: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def outcome(self) -> Literal["passed", "failed", "not run"]:
        return "not run" if self.not_run else "failed" if self.faults else "passed"

    @property
    def why(self) -> str:
        return self.not_run or "; ".join(self.faults)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Everything that was looked at. `passed` needs every check that ran to have passed."""

    feature: str
    persona: str
    folder: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.outcome != "failed" for check in self.checks)

    def json(self) -> dict[str, Any]:
        checks = [{"name": check.name, "outcome": check.outcome, "why": check.why} for check in self.checks]
        return {"feature": self.feature, "persona": self.persona, "passed": self.passed, "checks": checks}


def verify(repository: Repository, feature: str, persona: str) -> Verification:
    """Judge the handoff. Raises UsageError where there is none."""
    folder = repository.root / ".agency" / "handoff" / feature / persona
    handoffs = repository.root / ".agency" / "handoff"
    if folder.resolve().parent.parent != handoffs.resolve() or not _handed_off(folder):
        there = sorted(path.parent.name for path in handoffs.glob(f"*/{persona}") if _handed_off(path))
        hint = f"there are {', '.join(there)}" if there else "none has been written here"
        raise UsageError(f"no handoff {feature!r} of {persona} in {repository.root}; {hint}")
    evidence, faults = _read(folder)
    whole = Check(name="evidence.json is there and whole", faults=faults)
    checks = (whole,) if evidence is None else (whole, *_checks(repository, folder, evidence))
    return Verification(feature=feature, persona=persona, folder=folder, checks=checks)


def _handed_off(folder: Path) -> bool:
    return (folder / "summary.md").is_file() or (folder / "evidence.json").is_file()


def _read(folder: Path) -> tuple[Evidence | None, tuple[str, ...]]:
    """The evidence as its schema reads it, or why there is none."""
    try:
        text = (folder / "evidence.json").read_text(encoding="utf-8")
        evidence = Evidence.model_validate(json.loads(text))
    except FileNotFoundError:
        return None, ("there is none: nothing backs what summary.md says",)
    except (ValueError, OSError) as error:  # pydantic's errors are ValueErrors
        return None, (f"it cannot be read: {_short(error)}",)
    altered = () if text == evidence_text(evidence) else ("it was not written by this program",)
    return evidence, altered + _sealed(folder, text)


def _sealed(folder: Path, text: str) -> tuple[str, ...]:
    sealed = sha256_of(folder.parent, folder.name).get("evidence.json")
    found = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
    return () if sealed in (None, found) else ("it was altered: execution-state.json holds another digest of it",)


def _short(error: Exception) -> str:
    """An error in one line: for a document that does not fit its schema, the first place where."""
    faults = getattr(error, "errors", None)
    if faults is None:
        return " ".join(str(error).split())
    first: Mapping[str, Any] = faults()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _checks(repository: Repository, folder: Path, evidence: Evidence) -> Iterator[Check]:
    yield Check(name="the handoff itself is verified", faults=tuple(_status(evidence)))
    yield Check(name="stored outputs are unaltered", faults=tuple(_outputs(folder, evidence)))
    yield Check(name="every claim is backed by its calls", faults=tuple(_claims(folder, evidence)))
    yield Check(name="files-changed.json agrees with the evidence", faults=tuple(_lists(folder, evidence)))
    yield Check(name="the tree agrees with the evidence", faults=tuple(_tree(repository, evidence)))
    yield Check(name="summary.md is what the evidence renders to", faults=tuple(_summary(folder, evidence)))
    for check in evidence.not_run:
        yield Check(name=check.check, not_run=check.why)
    for call in sorted(evidence.calls.values(), key=lambda call: (len(call.ref), call.ref)):
        if call.exit_code is not None:
            yield Check(name=f"{call.ref} once more: {call.command}", not_run=AGAIN)


def _status(evidence: Evidence) -> Iterator[str]:
    if evidence.blocked:
        yield f"the run ended early: {evidence.blocked}"
    for claim in evidence.not_verified:
        yield f"not verified: {'a sample of a template' if claim.residue else claim.statement} ({claim.reason})"
    yield from (f"checklist: {item.item}: {item.why}" for item in evidence.checklist if item.outcome == "failed")
    if evidence.status != "verified" and not evidence.not_verified and not evidence.blocked:
        yield f"its own status is {evidence.status}"


def _outputs(folder: Path, evidence: Evidence) -> Iterator[str]:
    for call in evidence.calls.values():
        for name, digest in ((call.output, call.output_sha256), (call.input, call.input_sha256)):
            if name is None:
                continue
            content = _bytes(folder, name)
            if content is None:
                yield f"{name} is gone"
            elif hashlib.sha256(content).hexdigest() != digest:
                yield f"{name} is not what call {call.ref} had"


def _bytes(folder: Path, name: str) -> bytes | None:
    """A stored file's content; None where it is gone or lies elsewhere."""
    path = folder / name
    inside = path.resolve().is_relative_to((folder / "evidence").resolve())
    return path.read_bytes() if inside and path.is_file() else None


def _claims(folder: Path, evidence: Evidence) -> Iterator[str]:
    """Every claim judged again on what is stored of its calls."""
    calls = [_executed(folder, call) for call in sorted(evidence.calls.values(), key=lambda call: (call.started, len(call.ref), call.ref))]  # fmt: skip
    files = _changed(evidence)
    for claim in evidence.claims:
        reason = _judged(claim, calls, files)
        if reason:
            yield f"{claim.statement}: {reason}"


def _changed(evidence: Evidence) -> FilesChanged:
    """The changes that the claims were first judged with."""
    listed = changed_files(evidence)
    return FilesChanged(**{change: tuple(paths) for change, paths in listed.items()})


def changed_files(evidence: Evidence) -> dict[str, list[str]]:
    """The paths of each list, in the evidence's order."""
    kinds = ("created", "modified", "deleted")
    return {kind: [file.path for file in evidence.files if file.change == kind] for kind in kinds}


def _judged(claim: ClaimRecord, calls: Sequence[Executed], files: FilesChanged) -> str:
    asked = Claim(statement=claim.statement, calls=[call.ref for call in claim.calls], about=claim.about)
    report = HandoffReport(work_completed=[WorkItem(area="other", what="-")], claims=[asked])
    return judge(report, calls, files).claims[0].reason


def _executed(folder: Path, call: CallRecord) -> Executed:
    """A call as it can be told from what is stored of it."""
    kept = _bytes(folder, call.input) if call.input else None
    given: Any = {"command": call.command} if call.tool == "Bash" else {"": call.command}
    if kept is not None:
        given = json.loads(kept)
    output = (_bytes(folder, call.output) or b"").decode(errors="replace")
    return Executed(
        ref=call.ref, id=call.id, turn=0, tool=call.tool, input=given, output=output, failed=call.failed,
        exit_code=call.exit_code, denied=False, started=call.started, seconds=call.seconds,
    )  # fmt: skip


def _lists(folder: Path, evidence: Evidence) -> Iterator[str]:
    listed = changed_files(evidence)
    path = folder / "files-changed.json"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"it cannot be read: {_short(error)}"
        return
    if not isinstance(found, dict) or set(found) != set(listed):  # pyright: ignore[reportUnknownArgumentType]
        yield "it holds other lists than created, modified, deleted"
    elif found != listed:
        yield f"its list {next(change for change in listed if found[change] != listed[change])} differs"
    elif path.read_text(encoding="utf-8") != pretty(listed):
        yield "it was not written by this program"


def _tree(repository: Repository, evidence: Evidence) -> Iterator[str]:
    now = {os.fsdecode(path): digest for path, digest in snapshot(repository).items()}
    for file in evidence.files:
        found = now.get(file.path)
        if file.change == "deleted":
            if found is not None:
                yield f"{file.path} was deleted and is there"
        elif found is None:
            yield f"{file.path} is gone"
        elif found != file.digest:
            yield f"{file.path} was changed after the handoff"


def _summary(folder: Path, evidence: Evidence) -> Iterator[str]:
    path = folder / "summary.md"
    if not path.is_file():
        yield "it is gone"
        return
    found = path.read_text(encoding="utf-8", errors="replace").split("\n")
    expected = render_summary(evidence).split("\n")
    if found != expected:
        pairs = zip([*found, ""], [*expected, ""], strict=False)
        number = next((number for number, (one, other) in enumerate(pairs, 1) if one != other), len(expected))
        yield f"it was altered, first in line {number}"


def write_verification(result: Verification) -> Path:
    """Write verification.md beside the handoff; the same verdict is the same byte for byte."""
    rows = [f"| {cell(check.name)} | {check.outcome} | {cell(check.why)} |" for check in result.checks]
    verdict = "passed" if result.passed else "failed"
    head = [
        f"# Verification: {line(result.feature)}",
        "",
        f"Handoff of {line(result.persona)}. Verdict: **{verdict}**.",
    ]
    path = result.folder / "verification.md"
    write_whole(path, "\n".join([*head, "", "| Check | Outcome | Why |", "|---|---|---|", *rows]) + "\n")
    return path
