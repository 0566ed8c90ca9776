"""Writing the handoff: frozen values in, files out, each whole or not at all."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.claimed import Item, Verdict
from agency_runtime.handoff.report import HandoffReport
from agency_runtime.lines import Lines
from agency_tools.redaction import Redactor

if TYPE_CHECKING:
    from agency_runtime.handoff.record import Evidence


@dataclass(frozen=True, kw_only=True)
class HandoffPaths:
    """Where the handoff lies, and the digest of each of its files."""

    folder: Path
    digests: Mapping[str, str]
    checklist: tuple[Item, ...]


def write_handoff(
    folder: Path,
    *,
    feature: str,
    persona: str,
    report: HandoffReport | None,
    verdict: Verdict | None,
    calls: Sequence[Executed],
    files: FilesChanged,
    contents: Mapping[str, str] | None = None,
    line_counts: Mapping[str, Lines | None] | None = None,
    blocked: str | None = None,
    questions: Sequence[str] = (),
    redact: Callable[[str], str] | None = None,
) -> HandoffPaths:
    """Write summary.md, files-changed.json, evidence.json and the cited outputs into `folder`.

    contents: digest of each changed file as it lies in the tree. blocked: why the run ended before its end. redact:
    masks secrets in whatever is written, by default those of this process. Given the same values the files are the
    same byte for byte.
    """
    from agency_runtime.handoff.checklist import checklist  # a run's start does not pay for its end
    from agency_runtime.handoff.outputs import stored
    from agency_runtime.handoff.record import evidence_of
    from agency_runtime.handoff.summary import render_summary
    from agency_runtime.handoff.undo import undo_steps

    mask = redact or Redactor.of_environment()
    items = verdict.items if verdict else checklist(report, verdict, calls, files)
    outputs = stored(calls, [ref for claim in verdict.verified for ref in claim.calls] if verdict else (), _clean(mask))
    evidence = evidence_of(
        feature=feature, persona=persona, report=report, verdict=verdict, calls=calls, stored=outputs, files=files,
        contents=contents or {}, line_counts=line_counts or {}, items=items, blocked=blocked, questions=questions,
        clean=_clean(mask),
    )  # fmt: skip
    texts = {
        **{name: text for output in outputs.values() for name, text in output.files().items()},
        **{step.path: step.former for step in undo_steps(calls, _clean(mask)) if step.path},
        "evidence.json": evidence_text(evidence),
        "files-changed.json": pretty(files.json()),
        "summary.md": render_summary(evidence),
    }
    _remove_stale(folder, texts)
    for name, text in texts.items():
        write_whole(folder / name, text)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items() if "/" not in name}
    return HandoffPaths(folder=folder, digests=digests, checklist=items)


def evidence_text(evidence: "Evidence") -> str:
    """evidence.json's text."""
    return pretty(evidence.model_dump(mode="python"))


def _clean(mask: Callable[[str], str]) -> Callable[[str], str]:
    """What may be written of a text: without secrets, and as UTF-8."""
    return lambda text: mask(text).encode(errors="replace").decode()


def _remove_stale(folder: Path, texts: Mapping[str, str]) -> None:
    """Remove what an earlier handoff stored and this one does not, and the verdict on the earlier one."""
    for path in sorted((folder / "evidence").glob("c*.*")):
        if f"evidence/{path.name}" not in texts:
            path.unlink()
    (folder / "verification.md").unlink(missing_ok=True)


def pretty(value: object) -> str:
    """JSON for people and diffs; names that are not UTF-8 stay escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    return text + "\n"


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step, so that a crash leaves the old one or the new one; a link is replaced, not followed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
