"""The undo list of a handoff: every change that stands, the last one first, from the tools' own words alone."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.files import write_handoff
from agency_runtime.handoff.undo import UndoStep, undo_steps
from agency_tools.undo import LONGEST, Undo


def call(
    number: int, undo: Undo | None = None, tool: str = "Kubernetes", action: str = "apply", **more: Any
) -> Executed:
    """A call as a session keeps it."""
    lines = [
        "done: apply",
        "deploy: kubectl apply: exit code 0",
        "  undo by hand: rm -rf /",
        *(undo.lines() if undo else []),
    ]
    given: dict[str, Any] = {
        "ref": f"c{number}", "id": f"t{number}", "turn": number, "tool": tool, "input": {"action": action},
        "output": "\n".join(lines), "failed": False, "exit_code": 0, "denied": False,
        "started": "2026-01-01T00:00:00Z", "seconds": 1.0,
    }  # fmt: skip
    return Executed(**{**given, **more})


REPLACE = Undo(
    target="staging",
    what="x",
    commands=("kubectl --context=k replace --filename=former.yaml",),
    former="kind: A\nspec:\n  a: 1\n",
    lacking=("the former values of Secret/s in shop",),
)
DELETE = Undo(target="staging", what="y", commands=("kubectl --context=k delete configmap/c", "kubectl delete b"))


def test_the_undos_are_in_the_reverse_order_of_the_changes_with_their_files() -> None:
    assert undo_steps([call(1, REPLACE), call(2, DELETE)], str) == [
        UndoStep(ref="c2", did="Kubernetes action=apply", commands=DELETE.commands, lacking=(), former=""),
        UndoStep(
            ref="c1",
            did="Kubernetes action=apply",
            commands=("kubectl --context=k replace --filename=evidence/c1.former.yaml",),
            lacking=("the former values of Secret/s in shop",),
            former="kind: A\nspec:\n  a: 1\n",
        ),
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"failed": True, "exit_code": 1},
        {"denied": True},
        {"action": "logs"},
        {"tool": "Bash"},
        {"tool": "Helm"},
        {"undo": None},
    ],
)
def test_what_failed_only_read_or_says_nothing_has_no_undo(more: dict[str, Any]) -> None:
    assert undo_steps([call(1, **{"undo": DELETE, **more})], str) == []


def test_objects_that_are_too_many_are_said_to_be_lacking() -> None:
    many = Undo(target="t", what="x", commands=("a",), former="x\n" * LONGEST)
    [step] = undo_steps([call(1, many)], str)
    assert (step.path, step.lacking) == (None, (f"former.yaml: {2 * LONGEST} characters are too many to keep",))


def test_the_handoff_holds_the_list_and_the_former_objects(tmp_path: Path) -> None:
    write_handoff(
        tmp_path, feature="f", persona="p", report=None, verdict=None, calls=[call(1, REPLACE), call(2, DELETE)],
        files=FilesChanged(created=(), modified=(), deleted=()),
    )  # fmt: skip
    former = (tmp_path / "evidence" / "c1.former.yaml").read_text()
    evidence = json.loads((tmp_path / "evidence.json").read_text())
    assert former == REPLACE.former
    assert [step["call"] for step in evidence["undo"]] == ["c2", "c1"]
    assert evidence["undo"][1]["former_sha256"] == hashlib.sha256(former.encode()).hexdigest()
    summary = (tmp_path / "summary.md").read_text()
    section = summary.partition("### To undo, from the top\n\n")[2].partition("\n\n")[0]
    assert section.splitlines() == [
        "- c2, `Kubernetes action=apply`",
        "    - `kubectl --context=k delete configmap/c`",
        "    - `kubectl delete b`",
        "- c1, `Kubernetes action=apply`",
        "    - `kubectl --context=k replace --filename=evidence/c1.former.yaml`",
        "    - lacking: the former values of Secret/s in shop",
    ]
