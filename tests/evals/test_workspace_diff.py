"""What an attempt changed, as a diff against the case's own workspace."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agency_evals.kept_tree import Kept
from agency_evals.results import CaseResult
from agency_evals.tree import Entry, Left
from agency_evals.workspace_diff import diff_of

BEFORE = {
    "README.md": Entry(kind="file", content=b"one\ntwo\nthree\n"),
    "gone.txt": Entry(kind="file", content=b"bye\n"),
    "run.sh": Entry(kind="file", content=b"#!/bin/sh\n"),
}
LEFT = Left(
    changed={
        "README.md": Entry(kind="file", content=b"one\n2\nthree\n"),
        "new.txt": Entry(kind="file", content=b"hello\n"),
        "run.sh": Entry(kind="file", content=b"#!/bin/sh\n", executable=True),
        "image.png": Entry(kind="file", content=b"\x89PNG\0\0"),
        "link": Entry(kind="link", content=b"README.md"),
        ".agency/handoff/f/devops-automator/summary.md": Entry(kind="file", content=b"ours\n"),
    },
    deleted=("gone.txt",),
)


@pytest.fixture
def kept(tmp_path: Path, result: Callable[..., CaseResult]) -> CaseResult:
    """A result whose workspace the folder keeps."""
    (tmp_path / "workspaces").mkdir()
    text = json.dumps(Kept(left=LEFT, fixture="f1").json())
    (tmp_path / "workspaces" / "a.1.json").write_text(text, encoding="utf-8")
    return result("a", workspace="workspaces/a.1.json")


def test_created_changed_and_deleted_files_are_told(kept: CaseResult, tmp_path: Path) -> None:
    assert diff_of(kept, tmp_path, lambda _: ("f1", BEFORE)).splitlines() == [
        "--- a/README.md",
        "+++ b/README.md",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        "+2",
        " three",
        "--- /dev/null",
        "+++ b/image.png",
        "@@ -0,0 +1 @@",
        "+(6 bytes that are not shown)",
        "--- /dev/null",
        "+++ b/link",
        "@@ -0,0 +1 @@",
        "+(a link to README.md)",
        "--- /dev/null",
        "+++ b/new.txt",
        "@@ -0,0 +1 @@",
        "+hello",
        "--- a/run.sh",
        "+++ b/run.sh",
        "@@ now executable @@",
        "--- a/gone.txt",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-bye",
    ]


def test_against_another_workspace_only_what_was_written_is_told(kept: CaseResult, tmp_path: Path) -> None:
    text = diff_of(kept, tmp_path, lambda _: ("f2", BEFORE))
    assert "--- /dev/null\n+++ b/README.md\n@@ -0,0 +1,3 @@\n+one\n+2\n+three" in text
    assert "-two" not in text
    assert text.endswith("--- a/gone.txt\n+++ /dev/null")


def test_where_nothing_is_kept_nothing_is_told(tmp_path: Path, result: Callable[..., CaseResult]) -> None:
    assert diff_of(result("a"), tmp_path) == ""
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert diff_of(result("a", workspace="broken.json"), tmp_path) == ""
