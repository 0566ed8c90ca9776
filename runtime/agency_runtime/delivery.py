"""Delivering: the last judgement of a run's report, and the handoff's files in the repository."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged, Snapshot, digests, snapshot
from agency_runtime.escalate_tool import Escalation
from agency_runtime.handoff import EndCheck, HandoffReport, judge, write_handoff
from agency_runtime.handoff.files import write_whole
from agency_runtime.handoff.ownership import Outside, outside
from agency_runtime.handoff.state import Event, State, finish, tell
from agency_runtime.lines import Lines, line_counts
from agency_runtime.order import Order
from agency_runtime.plans import HandoffPlan, plan_of

SPECIALIST = re.compile(r"[a-z]+(?:-[a-z]+)+")


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What was handed off, for the terminal and the session."""

    ok: bool
    folder: str
    verified: tuple[str, ...]
    unverified: tuple[str, ...]
    not_run: tuple[str, ...]
    left: tuple[str, ...]
    outside: tuple[str, ...]
    checks: tuple[Mapping[str, Any], ...]
    digests: Mapping[str, str]
    contents: Mapping[str, str]
    lines: Mapping[str, Any]

    def fields(self) -> dict[str, Any]:
        """As the run's outcome carries them."""
        return {
            "handoff": self.folder,
            "verified": self.verified,
            "unverified": self.unverified,
            "not_run": self.not_run,
            "left": self.left,
            "outside": self.outside,
            "checks": self.checks,
            "digests": self.digests,
            "contents": self.contents,
            "lines": self.lines,
        }


def handoff_folder(root: Path, feature: str, persona: str) -> Path:
    """Where a specialist's handoff lies."""
    return root / ".agency" / "handoff" / feature / persona


def hand_off(
    order: Order,
    *,
    report: HandoffReport | None,
    calls: Sequence[Executed],
    files: FilesChanged,
    checks: Sequence[EndCheck] = (),
    blocked: str | None,
    escalations: Sequence[Escalation],
    unapproved: Sequence[str] = (),
    before: Snapshot | None = None,
    recorded: Mapping[str, Any] | None = None,
) -> Handed:
    """Judge the report on the tree as it is now and write the handoff; without a report it says so.

    before: the tree as the run found it. recorded: the end of the recorded run, where nothing is executed.
    """
    verdict = judge(report, calls, files, checks) if report is not None else None
    plan = plan_of(order.repository.root, order.task.feature, order.persona.name)
    foreign = outside(files, plan) if plan else ()
    if verdict is not None:
        verdict = replace(verdict, notes=(*verdict.notes, *map(str, foreign)))
    contents, lines = left_behind(order, files, before or Snapshot({})) if recorded is None else _recorded(recorded)
    paths = write_handoff(
        handoff_folder(order.repository.root, order.task.feature, order.persona.name),
        feature=order.task.feature, persona=order.persona.name, report=report, verdict=verdict, calls=calls, files=files,
        contents=contents, line_counts={path: Lines(*each) if each else None for path, each in lines.items()},
        blocked=blocked, questions=[*(each.question for each in escalations if each.answer is None), *unapproved],
    )  # fmt: skip
    done = verdict is not None and verdict.ok and not blocked and not unapproved
    stuck = blocked or any(each.blocking and each.answer is None for each in escalations)
    state: State = "completed" if done and not stuck else "blocked" if stuck else "incomplete"
    finish(
        paths.folder.parent, feature=order.task.feature, persona=order.persona.name, state=state, digests=paths.digests
    )
    tell(
        paths.folder.parent, order.persona.name, _events(order.persona.name, state, report, plan, foreign, escalations)
    )
    unverified = verdict.unverified if verdict else ("no handoff was given",)
    return Handed(
        ok=done,
        folder=str(paths.folder.relative_to(order.repository.root)),
        verified=tuple(claim.statement for claim in verdict.verified) if verdict else (),
        unverified=unverified,
        not_run=tuple(f"{each.check}: {each.why}" for each in report.not_run) if report else (),
        left=tuple(str(item) for item in paths.checklist if item.outcome in ("failed", "not run")),
        outside=tuple(map(str, foreign)),
        checks=tuple(check.json() for check in checks),
        digests=paths.digests,
        contents=contents,
        lines=lines,
    )


def write_plan(order: Order, text: str) -> str:
    """Write the plan; where it lies, as a person would type it."""
    path = order.plan_file
    assert path is not None
    write_whole(path, text.strip() + "\n")
    root = order.repository.root
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _recorded(end: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return end.get("contents") or {}, end.get("lines") or {}


def left_behind(order: Order, files: FilesChanged, before: Snapshot) -> tuple[dict[str, str], dict[str, Any]]:
    """What the run left in the tree: the digest of each file created or modified, and each file's lines."""
    after = snapshot(order.repository, before)
    counted = line_counts(order.repository, before, after, files)
    return digests(files, after), {
        path: [lines.added, lines.removed] if lines else None for path, lines in counted.items()
    }


def _events(
    persona: str,
    state: State,
    report: HandoffReport | None,
    plan: HandoffPlan | None,
    foreign: Sequence[Outside],
    escalations: Sequence[Escalation],
) -> list[Event]:
    """What the orchestrator and the specialists are told: that it is handed off, what is whose, and what is asked."""
    summary = f"{persona}/summary.md"
    points = [point.to.strip().lower() for point in report.integration_points] if report else []
    waiting = dict.fromkeys((*(plan.owes if plan else ()), *points))
    readers = [name for name in waiting if SPECIALIST.fullmatch(name) and name not in (persona, "orchestrator")]
    return [
        Event(to="orchestrator", kind="handoff", text=f"{state}: {summary}"),
        *(Event(to=name, kind="handoff", text=f"{state}: see Integration Points in {summary}") for name in readers),
        *(Event(to=each.owner or "orchestrator", kind="outside", text=str(each)) for each in foreign),
        *(
            Event(to=each.to or each.level, kind="question", text=each.question, options=each.options)
            for each in escalations
            if each.answer is None
        ),
    ]
