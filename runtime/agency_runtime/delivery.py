"""Delivering: the last judgement of a run's report, and the handoff's files in the repository."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged, snapshot
from agency_runtime.escalate_tool import Escalation
from agency_runtime.handoff import HandoffReport, judge, write_handoff
from agency_runtime.handoff.files import pretty, write_whole
from agency_runtime.order import Order


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What was handed off, for the terminal and the session."""

    ok: bool
    folder: str
    verified: tuple[str, ...]
    unverified: tuple[str, ...]
    not_run: tuple[str, ...]
    digests: Mapping[str, str]
    contents: Mapping[str, str]


def handoff_folder(root: Path, feature: str, persona: str) -> Path:
    """Where a specialist's handoff lies."""
    return root / ".agency" / "handoff" / feature / persona


def hand_off(
    order: Order,
    *,
    report: HandoffReport | None,
    calls: Sequence[Executed],
    files: FilesChanged,
    blocked: str | None,
    escalations: Sequence[Escalation],
    recorded_contents: Mapping[str, str] | None = None,
) -> Handed:
    """Judge the report on the tree as it is now and write the handoff; without a report it says so."""
    verdict = judge(report, calls, files) if report is not None else None
    contents = recorded_contents if recorded_contents is not None else digests_of(order, files)
    paths = write_handoff(
        handoff_folder(order.repository.root, order.task.feature, order.persona.name),
        feature=order.task.feature, persona=order.persona.name, report=report, verdict=verdict, calls=calls, files=files,
        contents=contents, blocked=blocked, questions=[each.question for each in escalations if each.answer is None],
    )  # fmt: skip
    done = verdict is not None and verdict.ok and not blocked
    _tell(paths.folder.parent, order, done, escalations)
    unverified = verdict.unverified if verdict else ("no handoff was given",)
    return Handed(
        ok=done,
        folder=str(paths.folder.relative_to(order.repository.root)),
        verified=tuple(claim.statement for claim in verdict.verified) if verdict else (),
        unverified=unverified,
        not_run=tuple(f"{each.check}: {each.why}" for each in report.not_run) if report else (),
        digests=paths.digests,
        contents=contents,
    )


def digests_of(order: Order, files: FilesChanged) -> dict[str, str]:
    """The digest of each file that was created or modified, as it lies in the tree."""
    now = {path.decode(errors="surrogateescape"): digest for path, digest in snapshot(order.repository).items()}
    return {path: now[path] for path in (*files.created, *files.modified) if path in now}


def _tell(feature: Path, order: Order, done: bool, escalations: Sequence[Escalation]) -> None:
    """Note in the shared files of the feature what this specialist finished and asks; others' entries stay."""
    state = feature / "execution-state.json"
    known = _read(state)
    specialists = known.setdefault("specialists", {})
    specialists[order.persona.name] = {
        "status": "completed" if done else "incomplete",
        "summary": f"{order.persona.name}/summary.md",
        "files": f"{order.persona.name}/files-changed.json",
    }
    known.setdefault("feature", order.task.feature)
    write_whole(state, pretty(known))
    events: list[dict[str, Any]] = [
        {
            "to": "orchestrator",
            "from": order.persona.name,
            "type": "handoff",
            "status": "completed" if done else "incomplete",
        }
    ]
    questions: list[dict[str, Any]] = [
        {
            "to": each.to or each.level,
            "from": order.persona.name,
            "type": "question",
            "text": each.question,
            "options": list(each.options),
        }
        for each in escalations
        if each.answer is None
    ]
    events += questions
    with (feature / "events.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)


def _read(path: Path) -> dict[str, Any]:
    """What is already noted; a file that is not ours to understand is kept beside under another name."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("specialists", {}), dict):
        path.replace(path.with_name(path.name + ".unreadable"))
        return {}
    return value
