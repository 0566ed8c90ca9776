"""What is stored of a handoff: unaltered, every claim still backed by it, and the tree still what it says."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged, snapshot
from agency_runtime.handoff.check import Check, in_short
from agency_runtime.handoff.evidence import judge
from agency_runtime.handoff.files import pretty
from agency_runtime.handoff.record import CallRecord, ClaimRecord, Evidence
from agency_runtime.handoff.report import Claim, HandoffReport, WorkItem
from agency_runtime.handoff.summary import render_summary
from agency_runtime.repository import Repository


def stored_checks(repository: Repository, folder: Path, evidence: Evidence) -> Iterator[Check]:
    """Every check that needs nothing but what is stored and the tree as it is now."""
    *papers, summary = paper_checks(folder, evidence)
    yield Check(name="the handoff itself is verified", faults=tuple(_status(evidence)))
    yield from papers
    yield Check(name="the tree agrees with the evidence", faults=tuple(_tree(repository, evidence)))
    yield summary


def paper_checks(folder: Path, evidence: Evidence) -> Iterator[Check]:
    """The checks of the handoff's own files: whether they agree with each other, whatever the tree is now."""
    yield Check(name="stored outputs are unaltered", faults=tuple(_outputs(folder, evidence)))
    yield Check(name="every claim is backed by its calls", faults=tuple(_claims(folder, evidence)))
    yield Check(name="files-changed.json agrees with the evidence", faults=tuple(_lists(folder, evidence)))
    yield Check(name="summary.md is what the evidence renders to", faults=tuple(_summary(folder, evidence)))


def _status(evidence: Evidence) -> Iterator[str]:
    if evidence.blocked:
        yield f"the run ended early: {evidence.blocked}"
    for claim in evidence.not_verified:
        yield f"not verified: {'a sample of a template' if claim.residue else claim.statement} ({claim.reason})"
    yield from (f"checklist: {item.item}: {item.why}" for item in evidence.checklist if item.outcome == "failed")
    yield from (f"{check.name}: {'; '.join(check.findings)}" for check in evidence.checks if check.outcome == "failed")
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
    for undo in evidence.undo:
        content = _bytes(folder, undo.former) if undo.former else None
        if undo.former and (content is None or hashlib.sha256(content).hexdigest() != undo.former_sha256):
            yield f"{undo.former} is not what was there before call {undo.call}"


def _bytes(folder: Path, name: str) -> bytes | None:
    """A stored file's content; None where it is gone or lies elsewhere."""
    path = folder / name
    inside = path.resolve().is_relative_to((folder / "evidence").resolve())
    return path.read_bytes() if inside and path.is_file() else None


def _claims(folder: Path, evidence: Evidence) -> Iterator[str]:
    """Every claim judged again on what is stored of its calls."""
    reasons = faults(evidence.claims, executed(folder, evidence), evidence)
    yield from (f"{claim.statement}: {why}" for claim, why in zip(evidence.claims, reasons, strict=True) if why)


def executed(folder: Path, evidence: Evidence) -> list[Executed]:
    """The cited calls in their order, as they can be told from what is stored of them."""
    records = sorted(evidence.calls.values(), key=lambda call: (call.started, len(call.ref), call.ref))
    return [_executed(folder, call) for call in records]


def changes_of(evidence: Evidence) -> FilesChanged:
    """The changes that the claims were first judged with."""
    listed = changed_files(evidence)
    return FilesChanged(**{change: tuple(paths) for change, paths in listed.items()})


def changed_files(evidence: Evidence) -> dict[str, list[str]]:
    """The paths of each list, in the evidence's order."""
    kinds = ("created", "modified", "deleted")
    return {kind: [file.path for file in evidence.files if file.change == kind] for kind in kinds}


def fault(claim: ClaimRecord, calls: Sequence[Executed], evidence: Evidence) -> str:
    """Why the claim does not stand on these calls; empty where it does."""
    return faults([claim], calls, evidence)[0]


def faults(claims: Sequence[ClaimRecord], calls: Sequence[Executed], evidence: Evidence) -> list[str]:
    """The same of each claim, in their order."""
    asked = [
        Claim(statement=claim.statement, calls=[call.ref for call in claim.calls], about=claim.about)
        for claim in claims
    ]
    report = HandoffReport(work_completed=[WorkItem(area="other", what="-")], claims=asked)
    return [judged.reason for judged in judge(report, calls, changes_of(evidence)).claims[: len(asked)]]


def _executed(folder: Path, call: CallRecord) -> Executed:
    """A call as it can be told from what is stored of it."""
    kept = _bytes(folder, call.input) if call.input else None
    given: Any = {"command": call.command} if call.tool == "Bash" else {"": call.command}
    if kept is not None:
        given = json.loads(kept)
    output = (_bytes(folder, call.output) or b"").decode(errors="replace")
    return Executed(
        ref=call.ref, id=call.id, turn=0, tool=call.tool, input=given, output=output, failed=call.failed,
        exit_code=call.exit_code, denied=False, started=call.started, seconds=call.seconds, cwd=call.cwd,
        altered=None if call.altered is None else tuple(call.altered),
    )  # fmt: skip


def _lists(folder: Path, evidence: Evidence) -> Iterator[str]:
    listed = changed_files(evidence)
    path = folder / "files-changed.json"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"it cannot be read: {in_short(error)}"
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
