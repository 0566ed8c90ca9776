"""Scoring a finished attempt with every scorer of its case."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.scorer_file import AnySpec, Spent, Terraform, name_of
from agency_evals.scorers import (
    documents_scorer,
    files_scorer,
    first_time_scorer,
    gate_scorer,
    handoff_scorer,
    manifests_scorer,
    rollback_scorer,
    rubric_scorer,
    secrets_scorer,
    terraform_scorer,
    tests_scorer,
    trajectory_scorer,
    usage_scorer,
    validators_scorer,
    workflow_scorer,
)
from agency_evals.scorers.verdict import broken, unscored
from agency_evals.verdicts import Verdicts
from agency_tools.errors import WorkspaceError

Scorer: TypeAlias = Callable[[Any, Finished], Score | Awaitable[Score]]

SCORERS: Mapping[str, Scorer] = {
    "tests": tests_scorer.score,
    "documents": documents_scorer.score,
    "files": files_scorer.score,
    "gate": gate_scorer.score,
    "trajectory": trajectory_scorer.score,
    "usage": usage_scorer.score,
    "handoff": handoff_scorer.score,
    "manifests": manifests_scorer.score,
    "terraform": terraform_scorer.score,
    "workflow": workflow_scorer.score,
    "validators": validators_scorer.score,
    "secrets": secrets_scorer.score,
    "first_time_success": first_time_scorer.score,
    "rollback": rollback_scorer.score,
    "rubric": rubric_scorer.score,
}

EXECUTING = frozenset({"tests", "rollback", "validators"})
"""Kinds that run something in a sandbox; in a pure replay their verdict is the one kept of the same files, if any."""

OF_CONDUCT = frozenset({"trajectory", "usage", "first_time_success", "rubric"})
"""Kinds that judge how a model went about it; there is nothing for them to judge in a script."""


OF_SESSION = frozenset({"gate", "handoff", "first_time_success", "rubric"})
"""Kinds that rest on a session of ours: on verdicts of the gate, exit codes, evidence."""


def score_all(finished: Finished) -> tuple[Score, ...]:
    """A score from every scorer that has something to judge, in the case's order.

    Raises WorkspaceError where a sandbox for scoring could not be started or broke.
    """
    return asyncio.run(_score_all(finished))


async def _score_all(finished: Finished) -> tuple[Score, ...]:
    verdicts = Verdicts.of(finished)
    return tuple([await _score(spec, finished, verdicts) for spec in finished.case.scorers if applies(spec, finished)])


def is_kept(spec: AnySpec) -> bool:
    """Whether a scorer's verdict is kept beside a recording: it executes something, or asks a model."""
    return spec.kind in EXECUTING or spec.kind == "rubric" or (isinstance(spec, Terraform) and spec.source == "plan")


def applies(spec: AnySpec, finished: Finished) -> bool:
    """Whether there is something to judge. An agent that does nothing is judged by everything."""
    if finished.modelled or finished.agent == "nop":
        return True
    if spec.kind == "handoff":
        return finished.agent == "oracle" and (finished.case.folder / "solution" / "handoff.json").is_file()
    return spec.kind not in OF_CONDUCT


async def _score(spec: AnySpec, finished: Finished, verdicts: Verdicts) -> Score:
    if finished.agent == "imported" and (why := _unknowable(spec, finished)):
        return unscored(name_of(spec), why)
    if is_kept(spec) and (spec.kind == "rubric" or not finished.executes) and (kept := verdicts.kept(spec)):
        return kept
    if is_kept(spec) and not finished.executes:
        return unscored(name_of(spec), f"a pure replay runs nothing, and no verdict on these files is kept: {HOW}")
    try:
        found = SCORERS[spec.kind](spec, finished)
        return found if isinstance(found, Score) else await found
    except WorkspaceError:
        raise
    except Exception as error:  # one scorer's fault must not cost the verdicts of the others; it is told in full
        return broken(name_of(spec), f"{error!r}\n{''.join(traceback.format_tb(error.__traceback__)[-3:])}")


def _unknowable(spec: AnySpec, finished: Finished) -> str:
    """Why nothing can be said of a trajectory that another program made; empty where it can."""
    if spec.kind in OF_SESSION:
        return "another program made the trajectory: it holds no verdicts of the gate, no exit codes and no evidence"
    if isinstance(spec, Spent):
        bounds = {"tokens": spec.max_tokens, "cost_usd": spec.max_cost_usd}
        wanted = {spec.measure, *(measure for measure, bound in bounds.items() if bound is not None)}
        lacking = sorted(wanted & set(finished.ended.get("unknown", ())))
        return f"the trajectory says nothing of {', '.join(lacking)}" if lacking else ""
    if spec.kind != "trajectory" and not finished.files_known:
        return "the trajectory came without the files it left; --workspace gives them"
    return ""


HOW = "`agency eval record CASE --verdicts` keeps it"
