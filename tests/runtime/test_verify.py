"""`agency verify` passes a handoff that is as it was written, and names whatever was altered."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_runtime import cli
from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged, changes, digests, snapshot
from agency_runtime.handoff import HandoffReport, judge, write_handoff
from agency_runtime.handoff.state import finish
from agency_runtime.lines import line_counts
from agency_runtime.repository import find_repository

PERSONA = "devops-automator"
FOLDER = Path(".agency") / "handoff" / "image" / PERSONA


def call(number: int, tool: str, output: str, changed: tuple[str, ...] = (), **given: Any) -> Executed:
    return Executed(
        ref=f"c{number}", id=f"toolu_{number}", turn=number, tool=tool, input=given, output=output, failed=False,
        exit_code=0 if tool == "Bash" else None, denied=False, started=f"2026-01-01T00:00:0{number}Z", seconds=0.5,
        changed=changed,
    )  # fmt: skip


CALLS = [
    call(
        1, "Write", "written", ("Dockerfile",), file_path="/workspace/Dockerfile", content="FROM scratch\nUSER 10001\n"
    ),
    call(2, "Bash", "12 passed in 0.4s", command="pytest -q"),
    call(3, "Terraform", "Plan: 3 to add", action="plan"),
]
CLAIMS: list[dict[str, Any]] = [
    {"statement": "it runs as user 10001", "calls": ["c1"], "about": "Dockerfile"},
    {"statement": "12 tests pass", "calls": ["c2"]},
    {"statement": "the plan adds 3 resources", "calls": ["c3"]},
]


@pytest.fixture
def handed(repository: Path) -> Path:
    """A repository with a verified handoff; the path of the handoff."""
    hand_off(repository, CLAIMS)
    return repository / FOLDER


def hand_off(root: Path, claims: list[dict[str, Any]]) -> FilesChanged:
    repository = find_repository(root)
    before = snapshot(repository)
    (root / "Dockerfile").write_text("FROM scratch\nUSER 10001\n")
    (root / "README.md").unlink()
    after = snapshot(repository)
    files = changes(before, after)
    what = [{"area": "infrastructure", "path": "Dockerfile", "what": "An image."}]
    report = HandoffReport.model_validate(
        {"work_completed": what, "claims": claims, "not_run": [{"check": "docker build", "why": "no engine"}]}
    )
    verdict = judge(report, CALLS, files)
    paths = write_handoff(
        root / FOLDER, feature="image", persona=PERSONA, report=report, verdict=verdict, calls=CALLS, files=files,
        contents=digests(files, after), line_counts=line_counts(repository, before, after, files),
    )  # fmt: skip
    finish(paths.folder.parent, feature="image", persona=PERSONA, state="completed", digests=paths.digests)
    return files


def verify(root: Path, *words: str) -> int:
    return cli.main(["verify", "image", "--repo", str(root), "--stored", *words])


def failures(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Each check that failed, with why."""
    assert verify(root, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    return {check["name"]: check["why"] for check in found["checks"] if check["outcome"] == "failed"}


def test_a_handoff_as_it_was_written_passes(handed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(handed.parents[3]) == 0
    assert "passed; 4 not run; written to" in capsys.readouterr().out
    text = (handed / "verification.md").read_text()
    assert "Verdict: **passed; 4 not run**." in text
    assert "| docker build | not run | no engine |" in text
    assert "| c2 once more: pytest -q | not run |" in text


def test_it_passes_again_and_says_the_same(handed: Path) -> None:
    assert verify(handed.parents[3]) == 0
    first = (handed / "verification.md").read_bytes()
    assert verify(handed.parents[3]) == 0
    assert (handed / "verification.md").read_bytes() == first


def test_it_passes_in_a_copy_of_the_repository(handed: Path, tmp_path: Path) -> None:
    shutil.copytree(handed.parents[3], tmp_path / "copy")
    assert verify(tmp_path / "copy") == 0


def alter(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


TREE = "the tree agrees with the evidence"
OUTPUTS = "stored outputs are unaltered"
LISTS = "files-changed.json agrees with the evidence"
SUMMARY = "summary.md is what the evidence renders to"
WHOLE = "evidence.json is there and whole"
BACKED = "every claim is backed by its calls"


@pytest.mark.parametrize(
    ("act", "check", "why"),
    [
        (lambda h: alter(h / "evidence" / "c2.txt", "12", "13"), OUTPUTS, "evidence/c2.txt is not what call c2 had"),
        (lambda h: alter(h / "evidence" / "c1.input.json", "10001", "10002"), OUTPUTS, "evidence/c1.input.json is not what call c1 had"),
        (lambda h: (h / "evidence" / "c3.txt").unlink(), OUTPUTS, "evidence/c3.txt is gone"),
        (lambda h: alter(h.parents[3] / "Dockerfile", "10001", "10002"), TREE, "Dockerfile was changed after the handoff"),
        (lambda h: (h.parents[3] / "Dockerfile").chmod(0o755), TREE, "Dockerfile was changed after the handoff"),
        (lambda h: (h.parents[3] / "Dockerfile").unlink(), TREE, "Dockerfile is gone"),
        (lambda h: (h.parents[3] / "README.md").write_text("back"), TREE, "README.md was deleted and is there"),
        (lambda h: alter(h / "summary.md", "12 tests", "99 tests"), SUMMARY, "it was altered, first in line 30"),
        (lambda h: (h / "summary.md").unlink(), SUMMARY, "it is gone"),
        (lambda h: alter(h / "files-changed.json", "Dockerfile", "Other"), LISTS, "its list created differs"),
        (lambda h: alter(h / "files-changed.json", "}", ', "x": []}'), LISTS, "it holds other lists than created, modified, deleted"),
        (lambda h: (h / "files-changed.json").unlink(), LISTS, "it cannot be read"),
        (lambda h: alter(h / "evidence.json", "12 tests pass", "99 tests pass"), BACKED, "99 tests pass: the number 99 is in no cited output"),
        (lambda h: alter(h / "evidence.json", "12 tests pass", "12 tests pass!"), WHOLE, "it was altered: execution-state.json holds another digest of it"),
        (lambda h: alter(h / "evidence.json", '"exit_code": 0', '"exit_code": 1'), BACKED, "call c2 (pytest -q) failed with exit code 1"),
        (lambda h: alter(h / "evidence.json", '"claims"', '"other"'), WHOLE, "it cannot be read: claims: Field required"),
        (lambda h: (h / "evidence.json").write_text("{"), WHOLE, "it cannot be read"),
        (lambda h: (h / "evidence.json").unlink(), WHOLE, "it is gone: nothing backs what summary.md says"),
        (lambda h: alter(h / "evidence.json", "evidence/c2.txt", "../../../../Dockerfile"), OUTPUTS, "../../../../Dockerfile is gone"),
    ],
)  # fmt: skip
def test_whatever_is_altered_is_named(
    handed: Path, capsys: pytest.CaptureFixture[str], act: Callable[[Path], object], check: str, why: str
) -> None:
    act(handed)
    found = failures(handed.parents[3], capsys)
    assert why in found[check]
    assert f"| {check} | failed |" in (handed / "verification.md").read_text()


def test_a_handoff_that_was_never_verified_fails(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_off(repository, [*CLAIMS, {"statement": "deployed to production", "calls": []}])
    found = failures(repository, capsys)
    assert found["the handoff itself is verified"] == (
        "not verified: deployed to production (it cites no call);"
        " checklist: Deployment tested: not verified: deployed to production"
    )


@pytest.mark.parametrize("feature", ["none", "../../x", "", "."])
def test_a_handoff_that_is_not_there_is_a_usage_error(
    handed: Path, capsys: pytest.CaptureFixture[str], feature: str
) -> None:
    assert cli.main(["verify", feature, "--repo", str(handed.parents[3])]) == 2
    assert f"no handoff {feature!r} of devops-automator" in capsys.readouterr().err
    assert cli.main(["verify", "none", "--repo", str(handed.parents[3])]) == 2
    assert "there are image" in capsys.readouterr().err


def test_outside_of_a_repository_it_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path) == 2
    assert "not a git repository" in capsys.readouterr().err
