"""Writing the handoff: frozen values in, four files out, each whole or not at all."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.checklist import checklist
from agency_runtime.handoff.evidence import Claimed, Item, Verdict
from agency_runtime.handoff.report import HandoffReport

FORMAT = "agency-evidence/1"
TEMPLATES = Path(__file__).parent / "templates"
AREAS = {
    "pipelines": "CI/CD Pipelines",
    "infrastructure": "Infrastructure",
    "monitoring": "Monitoring and Alerting",
    "security": "Security",
    "documentation": "Documentation and Runbooks",
    "other": "Other",
}


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
    blocked: str | None = None,
    questions: Sequence[str] = (),
) -> HandoffPaths:
    """Write summary.md, files-changed.json, evidence.json and the cited outputs into `folder`.

    contents: digest of each changed file as it lies in the tree. blocked: why the run ended before its end.
    Given the same values the files are the same byte for byte.
    """
    items = checklist(report, verdict, calls, files)
    evidence = evidence_json(
        feature=feature, persona=persona, report=report, verdict=verdict, calls=calls, files=files,
        contents=contents or {}, items=items, blocked=blocked, questions=questions,
    )  # fmt: skip
    cited = {call["ref"] for call in evidence["calls"]}
    texts = {
        "summary.md": render_summary(evidence),
        "files-changed.json": pretty(files.json()),
        "evidence.json": pretty(evidence),
        **{f"evidence/{call.ref}.txt": call.output for call in calls if call.ref in cited},
    }
    for stale in sorted((folder / "evidence").glob("*.txt")):
        stale.unlink()
    for name, text in texts.items():
        write_whole(folder / name, text)
    digests = {
        name: hashlib.sha256(text.encode(errors="replace")).hexdigest()
        for name, text in texts.items()
        if "/" not in name
    }
    return HandoffPaths(folder=folder, digests=digests, checklist=items)


def pretty(value: object) -> str:
    """JSON for people and diffs; names that are not UTF-8 stay escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    return text + "\n"


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def evidence_json(
    *,
    feature: str,
    persona: str,
    report: HandoffReport | None,
    verdict: Verdict | None,
    calls: Sequence[Executed],
    files: FilesChanged,
    contents: Mapping[str, str],
    items: Sequence[Item],
    blocked: str | None,
    questions: Sequence[str],
) -> dict[str, Any]:
    """Everything the summary says, with what backs it."""
    claims = verdict.claims if verdict else ()
    cited = {ref for claim in claims for ref in claim.calls}
    return {
        "format": FORMAT,
        "feature": feature,
        "persona": persona,
        "status": "incomplete" if blocked or report is None else "verified" if verdict and verdict.ok else "unverified",
        "blocked": blocked,
        "claims": [_claim(claim) for claim in claims],
        "calls": [_call(call) for call in calls if call.ref in cited],
        "executed": len(calls),
        "discrepancies": list(verdict.discrepancies) if verdict else [],
        "checklist": [{"item": item.name, "outcome": item.outcome, "why": item.why} for item in items],
        "files": [{"path": path, "change": change, "digest": contents.get(path)} for change, path in _changed(files)],
        "questions": list(questions),
        "report": report.model_dump(mode="json", exclude={"claims", "cost"}) if report else None,
    }


def _changed(files: FilesChanged) -> Iterable[tuple[str, str]]:
    for change in ("created", "modified", "deleted"):
        for path in getattr(files, change):
            yield change, path


def _claim(claim: Claimed) -> dict[str, Any]:
    return {
        "where": claim.where,
        "statement": claim.statement,
        "about": claim.about,
        "calls": list(claim.calls),
        "standing": claim.standing,
        "reason": claim.reason,
    }


def _call(call: Executed) -> dict[str, Any]:
    return {
        "ref": call.ref,
        "id": call.id,
        "tool": call.tool,
        "command": call.command,
        "exit_code": call.exit_code,
        "failed": call.failed,
        "output_sha256": call.sha256,
        "output": f"evidence/{call.ref}.txt",
        "started": call.started,
        "seconds": call.seconds,
    }


def render_summary(evidence: Mapping[str, Any]) -> str:
    """summary.md from the evidence alone, so that `agency verify` can render it again and compare."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=False,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    jinja.filters.update(cell=cell, prose=prose)
    report = evidence["report"] or {}
    calls = {call["ref"]: call for call in evidence["calls"]}
    areas = [
        (title, [item for item in report.get("work_completed", []) if item["area"] == area])
        for area, title in AREAS.items()
    ]
    return jinja.get_template("summary.md.j2").render(
        evidence=evidence,
        report=report,
        calls=calls,
        areas=[(title, items) for title, items in areas if items],
        proven=[claim for claim in evidence["claims"] if claim["standing"] == "verified" and claim["where"] != "cost"],
        costs=[claim for claim in evidence["claims"] if claim["standing"] == "verified" and claim["where"] == "cost"],
        unproven=[claim for claim in evidence["claims"] if claim["standing"] != "verified"],
        provisioned=[resource for resource in report.get("resources", []) if resource["state"] == "provisioned"],
        defined=[resource for resource in report.get("resources", []) if resource["state"] == "defined"],
    )


def prose(text: str) -> str:
    """Text of the model as one paragraph that cannot open a heading, a fence or HTML of its own."""
    line = " ".join(str(text).split()).replace("<", "&lt;").replace("```", "'''")
    return "\\" + line if line.startswith(("#", "- ", "* ", "+ ", "|", ">", "=")) else line


def cell(text: str) -> str:
    """Text for a table's cell."""
    return prose(text).replace("|", "\\|")
