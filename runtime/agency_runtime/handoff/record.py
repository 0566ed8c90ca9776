"""evidence.json as a typed document; evidence.schema.json is its published JSON Schema."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.claimed import Claimed, Item, Verdict
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.json_text import each_text
from agency_runtime.handoff.outputs import Stored, digest
from agency_runtime.handoff.report import HandoffReport
from agency_runtime.handoff.undo import UndoStep, undo_steps
from agency_runtime.lines import Lines

SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("a path is a string")


PathText = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string"})]
"""A path; one that is not UTF-8 holds its odd bytes as lone surrogates, which a plain string may not."""


class Record(BaseModel):
    """A part of the document; unknown fields are an alteration."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CallRecord(Record):
    """A cited call. `output` and `input` are files beside evidence.json; the digest is of the output as it is stored.

    cwd: where its shell stood, empty for the repository's top. altered: the paths that were different when it had ended;
    absent where nobody looked.
    """

    ref: str
    id: str
    tool: str
    command: str
    cwd: str
    exit_code: int | None
    failed: bool
    output_sha256: str
    output: str
    input: str | None
    input_sha256: str | None
    started: str
    seconds: float
    altered: list[PathText] | None = Field(default=None, exclude_if=lambda paths: paths is None)


class ClaimRecord(Record):
    """A claim that stands, with the calls that show it."""

    where: str
    statement: str
    about: str
    standing: Literal["verified"] = "verified"
    calls: list[CallRecord]


class UnbackedRecord(Record):
    """A claim, or a sentence of prose that reads like one, that nothing backs."""

    where: str
    statement: str
    about: str
    standing: Literal["not verified"] = "not verified"
    calls: list[str]
    reason: str
    residue: bool


class FileRecord(Record):
    """A changed file. digest: mode and git blob name as it was handed off; null where it was deleted."""

    path: PathText
    change: Literal["created", "modified", "deleted"]
    digest: str | None
    added: int | None
    removed: int | None


class ItemRecord(Record):
    """One item of the completion checklist."""

    item: str
    outcome: Literal["passed", "failed", "not applicable", "not run"]
    why: str


class NotRunRecord(Record):
    """A check that could not be run, and why."""

    check: str
    why: str


class CheckRecord(Record):
    """What a validator said of the tree at the end of the run; findings are `path:line:column rule message`."""

    name: str
    outcome: Literal["passed", "failed", "not run"]
    files: list[PathText]
    why: str
    findings: list[str]


class UndoRecord(Record):
    """How one change of the run is undone by hand. former: the objects as they were, a file beside evidence.json."""

    call: str
    did: str
    commands: list[str]
    former: str | None
    former_sha256: str | None
    lacking: list[str]


class Evidence(Record):
    """What a handoff rests on. summary.md and files-changed.json say nothing that is not here."""

    format: Literal["agency-evidence/1"]
    feature: str
    persona: str
    status: Literal["verified", "unverified", "incomplete"]
    blocked: str | None
    claims: list[ClaimRecord]
    not_verified: list[UnbackedRecord]
    discrepancies: list[PathText]
    not_run: list[NotRunRecord]
    checks: list[CheckRecord]
    checklist: list[ItemRecord]
    files: list[FileRecord]
    questions: list[str]
    undo: list[UndoRecord] = []
    executed: int
    report: dict[str, Any] | None

    @property
    def calls(self) -> dict[str, CallRecord]:
        """Every cited call by its reference."""
        return {call.ref: call for claim in self.claims for call in claim.calls}


def schema() -> dict[str, Any]:
    """The document's JSON Schema."""
    return {"$schema": SCHEMA, **Evidence.model_json_schema(mode="serialization")}


def evidence_of(
    *,
    feature: str,
    persona: str,
    report: HandoffReport | None,
    verdict: Verdict | None,
    calls: Sequence[Executed],
    stored: Mapping[str, Stored],
    files: FilesChanged,
    contents: Mapping[str, str],
    line_counts: Mapping[str, Lines | None],
    items: Sequence[Item],
    blocked: str | None,
    questions: Sequence[str],
    clean: Callable[[str], str],
) -> Evidence:
    """The document of one run; `clean` is applied to every text that came from the model or from a tool."""
    claims = verdict.claims if verdict else ()
    by_ref = {call.ref: call for call in calls}
    told = report.model_dump(mode="json", exclude={"claims", "cost", "not_run", "files"}) if report else None
    return Evidence(
        format="agency-evidence/1", feature=feature, persona=persona,
        status="incomplete" if blocked or verdict is None else "verified" if verdict.ok else "unverified",
        blocked=clean(blocked) if blocked else None,
        claims=[_backed(claim, by_ref, stored, clean) for claim in claims if claim.verified],
        not_verified=[_unbacked(claim, clean) for claim in claims if not claim.verified],
        discrepancies=list(verdict.discrepancies) if verdict else [],
        not_run=[NotRunRecord(check=clean(each.check), why=clean(each.why)) for each in report.not_run] if report else [],
        checks=[_check(check, clean) for check in verdict.checks] if verdict else [],
        checklist=[ItemRecord(item=item.name, outcome=item.outcome, why=clean(item.why)) for item in items],
        files=_files(files, contents, line_counts),
        questions=[clean(question) for question in questions], undo=[_undo(step) for step in undo_steps(calls, clean)], executed=len(calls), report=each_text(told, lambda _, text: clean(text)),
    )  # fmt: skip


def _undo(step: UndoStep) -> UndoRecord:
    return UndoRecord(
        call=step.ref, did=step.did, commands=list(step.commands), former=step.path,
        former_sha256=digest(step.former) if step.former else None, lacking=list(step.lacking),
    )  # fmt: skip


def _files(
    files: FilesChanged, contents: Mapping[str, str], line_counts: Mapping[str, Lines | None]
) -> list[FileRecord]:
    found: list[FileRecord] = []
    changes: tuple[Literal["created", "modified", "deleted"], ...] = ("created", "modified", "deleted")
    for change in changes:
        for path in getattr(files, change):
            lines = line_counts.get(path)
            added, removed = (lines.added, lines.removed) if lines else (None, None)
            found.append(FileRecord(path=path, change=change, digest=contents.get(path), added=added, removed=removed))
    return found


def _backed(
    claim: Claimed, by_ref: Mapping[str, Executed], stored: Mapping[str, Stored], clean: Callable[[str], str]
) -> ClaimRecord:
    calls = [_call(by_ref[ref], stored[ref], clean) for ref in claim.calls]
    return ClaimRecord(where=claim.where, statement=clean(claim.statement), about=clean(claim.about), calls=calls)


def _unbacked(claim: Claimed, clean: Callable[[str], str]) -> UnbackedRecord:
    return UnbackedRecord(
        where=claim.where, statement=clean(claim.statement), about=clean(claim.about), calls=list(claim.calls),
        reason=clean(claim.reason), residue=claim.residue,
    )  # fmt: skip


def _check(check: EndCheck, clean: Callable[[str], str]) -> CheckRecord:
    findings = [clean(finding) for finding in check.findings]
    return CheckRecord(
        name=check.name, outcome=check.outcome, files=list(check.files), why=clean(check.why), findings=findings
    )


def _call(call: Executed, stored: Stored, clean: Callable[[str], str]) -> CallRecord:
    return CallRecord(
        ref=call.ref, id=call.id, tool=call.tool, command=clean(call.command), cwd=call.cwd, exit_code=call.exit_code, failed=call.failed,
        output=stored.output_path, output_sha256=stored.output_sha256, input=stored.input_path,
        input_sha256=stored.input_sha256, started=call.started, seconds=call.seconds,
        altered=None if call.altered is None else list(call.altered),
    )  # fmt: skip
