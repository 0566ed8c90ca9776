"""Keeping trajectories of another program as a run of ours, and scoring them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from agency_evals.attempt import kept_of
from agency_evals.case import Case
from agency_evals.finished import Box, Finished
from agency_evals.fixture import laid_out
from agency_evals.foreign_run import STATUS, Foreign
from agency_evals.results import CaseResult, Cause, Fault, Score, outcome_of
from agency_evals.run_folder import RunFolder
from agency_evals.scorers import score_all
from agency_evals.suite import Tell
from agency_evals.tree import read_tree
from agency_runtime.session import now
from agency_tools.errors import WorkspaceError


def import_run(
    folder: RunFolder,
    case: Case,
    found: Sequence[Foreign],
    paths: Sequence[Path],
    *,
    left: Path | None,
    box: Box,
    tell: Tell,
) -> None:
    """Make the run: a result for each trajectory, its epoch by the order. left: the files that it left, where they are known."""
    digests = {f"{case.id}.{epoch}": _digest(path) for epoch, path in enumerate(paths, 1)}
    folder.begin(
        {
            "format": "agency-evals/1", "created": now(), "choices": {"agent": STATUS}, "imported": digests, "tools": {},
            "cases": {case.id: {"digest": case.digest, "version": case.agency.version}},
            "agency": {"version": version("agency-runtime")},
        }
    )  # fmt: skip
    for epoch, foreign in enumerate(found, 1):
        result = _imported(folder, case, foreign, epoch, left, box)
        folder.append(result)
        tell(result)


def _imported(folder: RunFolder, case: Case, foreign: Foreign, epoch: int, left: Path | None, box: Box) -> CaseResult:
    stem = f"{case.id}.{epoch}"
    with laid_out(case) as fixture:
        before = read_tree(fixture.root)
        own = replace(box, aliases=tuple(fixture.aliases), start=fixture.start, variables=fixture.variables)
    after = before if left is None else {p: e for p, e in read_tree(left).items() if p.split("/")[0] != ".git"}
    finished = Finished(
        case=case, agent="imported", before=before, after=after, events=foreign.events, ended=foreign.ended, box=own,
        own_git=fixture.own_git, files_known=left is not None,
    )  # fmt: skip
    _keep(
        folder.path / "sessions" / stem / "events.jsonl",
        *(json.dumps(event, ensure_ascii=False) for event in foreign.events),
    )
    workspace = None if left is None else f"workspaces/{stem}.json"
    if workspace:
        _keep(folder.path / workspace, json.dumps(kept_of(finished).json(), ensure_ascii=False))
    fault: Fault | None = None
    scores: tuple[Score, ...] = ()
    try:
        scores = score_all(finished)
    except (WorkspaceError, ValueError) as error:
        fault = Fault(cause=Cause.VERIFIER, message=str(error))
    ended = foreign.ended
    return CaseResult(
        id=case.id, epoch=epoch, digest=case.digest, outcome="error" if fault else outcome_of(scores), agent=STATUS, scores=scores,
        status=STATUS, turns=int(ended["turns"]), usage=ended["usage"], cost_usd=float(ended["cost_usd"]), fault=fault, started=now(),
        tags=case.tags, difficulty=case.task.metadata.difficulty, version=case.agency.version, files=finished.changed,
        session=f"sessions/{stem}/events.jsonl", workspace=workspace,
    )  # fmt: skip


def _keep(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
