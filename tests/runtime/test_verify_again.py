"""`agency verify` runs the cited checks once more: in a clean copy, sealed, and only those that are safe."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agency_runtime import cli
from agency_runtime.calls import Executed
from agency_runtime.changes import changes, digests, snapshot
from agency_runtime.clean_copy import clean_copy
from agency_runtime.handoff import EndCheck, HandoffReport, judge, write_handoff
from agency_runtime.handoff.state import finish
from agency_runtime.lines import line_counts
from agency_runtime.repository import find_repository
from agency_tools.errors import WorkspaceError

pytestmark = pytest.mark.bwrap
PERSONA = "devops-automator"
FOLDER = Path(".agency") / "handoff" / "sums" / PERSONA
TESTS = """import unittest
class Sums(unittest.TestCase):
    def test_one(self): self.assertEqual(1 + 1, 2)
    def test_two(self): self.assertEqual(2 + 2, 4)
"""


def bash(number: int, command: str, output: str, exit_code: int = 0, **more: Any) -> Executed:
    return call(number, "Bash", output, {"command": command}, exit_code=exit_code, failed=exit_code != 0, **more)


def call(number: int, tool: str, output: str, given: dict[str, Any], **more: Any) -> Executed:
    values: dict[str, Any] = {"exit_code": None, "failed": False, **more}
    return Executed(
        ref=f"c{number}", id=f"toolu_{number}", turn=number, tool=tool, input=given, output=output, denied=False,
        started=f"2026-01-01T00:00:{number:02}Z", seconds=0.1, **values,
    )  # fmt: skip


QUIET = "-" * 70 + "\nRan 2 tests in 0.000s\n\nOK"


def hand_off(root: Path, calls: list[Executed], *statements: str, checks: tuple[EndCheck, ...] = ()) -> Path:
    """A handoff that claims one thing of each call."""
    repository = find_repository(root)
    before = snapshot(repository)
    (root / "tests_of_sums.py").write_text(TESTS)
    (root / "Dockerfile").write_text("FROM scratch\nRUN sudo true\n")
    after = snapshot(repository)
    files = changes(before, after)
    claims = [{"statement": each, "calls": [done.ref]} for each, done in zip(statements, calls, strict=True)]
    report = HandoffReport.model_validate({"work_completed": [{"area": "other", "what": "Sums."}], "claims": claims})
    verdict = judge(report, calls, files, checks)
    assert verdict.ok, verdict.unverified
    paths = write_handoff(
        root / FOLDER, feature="sums", persona=PERSONA, report=report, verdict=verdict, calls=calls, files=files,
        contents=digests(files, after), line_counts=line_counts(repository, before, after, files),
    )  # fmt: skip
    finish(paths.folder.parent, feature="sums", persona=PERSONA, state="completed", digests=paths.digests)
    return root / FOLDER


def verify(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and of each call that ran once more the outcome with its reason."""
    code = cli.main(["verify", "sums", "--repo", str(root), "--sandbox", "bwrap", "--json", *words])
    found = json.loads(capsys.readouterr().out)
    again = {check["name"]: check for check in found["checks"] if " once more: " in check["name"]}
    return code, {name.split()[0]: (check["outcome"], check["why"]) for name, check in again.items()}


def one(
    root: Path, capsys: pytest.CaptureFixture[str], done: Executed, statement: str = "it says so"
) -> tuple[int, str, str]:
    """What comes of one call."""
    hand_off(root, [done], statement)
    code, again = verify(root, capsys)
    return code, *again["c1"]


def test_a_check_that_comes_out_as_it_did_passes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = bash(1, "python3 -m unittest -q tests_of_sums", QUIET)
    assert one(repository, capsys, tests, "2 tests pass") == (0, "passed", "")
    assert "Verdict: **passed**." in (repository / FOLDER / "verification.md").read_text()


@pytest.mark.parametrize(
    ("done", "statement", "why"),
    [
        (bash(1, "python3 -m unittest -q tests_of_sums", QUIET.replace("2", "3")), "3 tests pass", "its output differs, line 2: recorded 'Ran 3 tests in ~', now 'Ran 2 tests in ~'"),
        (bash(1, "python3 -m unittest -q tests_of_nothing", QUIET), "2 tests pass", "it ended with exit code 1, then with 0: FAILED (errors=1)"),
        (bash(1, "grep -c def tests_of_sums.py", "7"), "there are 7 tests in the file", "its output differs, line 1: recorded '7', now '2'"),
        (call(1, "Grep", "tests_of_sums.py:7", {"pattern": "def", "output_mode": "count"}), "it has 7 tests", "its output differs"),
    ],
)  # fmt: skip
def test_a_check_that_comes_out_otherwise_fails_and_is_named(
    repository: Path, capsys: pytest.CaptureFixture[str], done: Executed, statement: str, why: str
) -> None:
    code, outcome, found = one(repository, capsys, done, statement)
    assert (code, outcome) == (1, "failed")
    assert why in found


@pytest.mark.parametrize(
    ("done", "why"),
    [
        (bash(1, "no-such-linter tests_of_sums.py", "fine"), "no-such-linter is not in this sandbox"),
        (bash(1, "python3 -m no_such_module", "fine"), "no_such_module is not in this sandbox"),
        (bash(1, "cat /tmp/of-the-session", "fine"), "it needs /tmp/of-the-session, which went with the session"),
        (bash(1, "kubectl apply -f k8s", "configured"), "not known to be safe: class change"),
        (bash(1, "curl -s https://example.com", "fine"), "curl asks something outside of the sandbox"),
        (bash(1, "cp README.md tests_of_sums.py && grep -c hello tests_of_sums.py", "1"), "it writes tests_of_sums.py itself"),
        (call(1, "Kubernetes", "ready", {"action": "get", "resource": "pods"}), "it needs a cluster"),
        (call(1, "Docker", "built", {"action": "images"}), "it works on the engine outside of the sandbox"),
        (call(1, "WebFetch", "fine", {"url": "https://example.com", "prompt": "x"}), "it needs a network"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_again_is_not_run_and_says_why(
    repository: Path, capsys: pytest.CaptureFixture[str], done: Executed, why: str
) -> None:
    code, outcome, found = one(repository, capsys, done)
    assert (code, outcome) == (0, "not run")
    assert why in found
    assert "Verdict: **passed; 1 not run**." in (repository / FOLDER / "verification.md").read_text()


def test_it_runs_where_the_shell_stood_and_leaves_the_tree_as_it_is(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "below").mkdir()
    (repository / "below" / "note").write_text("hello\n")
    subprocess.run(["git", "add", "-A"], cwd=repository, check=True)
    before = sorted(repository.rglob("*"))
    done = bash(1, "date +%s%N > stamp && cat note", "hello", cwd="/workspace/below")
    assert one(repository, capsys, done)[:2] == (0, "passed")
    new = {str(path.relative_to(repository)) for path in set(repository.rglob("*")) - set(before)}
    assert {name for name in new if not name.startswith(".agency")} == {"Dockerfile", "tests_of_sums.py"}


def test_a_copy_is_clean_and_what_git_ignores_is_no_pass(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / ".gitignore").write_text("built/\n")
    (repository / "built").mkdir()
    (repository / "built" / "x").write_text("42\n")
    code, outcome, why = one(repository, capsys, bash(1, "cat built/x", "42"))
    assert (code, outcome) == (0, "not run")
    assert why == "it agrees only with what git ignores (built/), which a clean copy lacks"


def test_output_that_differs_from_run_to_run_leaves_the_claims_to_judge(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "python3 -c 'import random; print(random.random()); print(3 + 4)'"
    code, outcome, why = one(repository, capsys, bash(1, command, "0.5\n7"), "7 is printed")
    assert (code, outcome) == (0, "passed")
    assert "differs from run to run" in why
    code, outcome, why = one(repository, capsys, bash(1, command, "0.5\n8"), "8 is printed")
    assert (code, outcome) == (1, "failed")
    assert "the number 8 is in no cited output" in why


def test_a_sandbox_that_was_asked_for_and_is_absent_is_an_error_and_auto_is_not_run(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def absent(*_: object) -> None:
        raise WorkspaceError("no engine answers")

    monkeypatch.setattr("agency_runtime.handoff.rerun.start", absent)
    hand_off(repository, [bash(1, "python3 -m unittest -q tests_of_sums", QUIET)], "2 tests pass")
    assert cli.main(["verify", "sums", "--repo", str(repository), "--sandbox", "docker"]) == 4
    assert "no engine answers" in capsys.readouterr().err
    code, again = verify(repository, capsys, "--sandbox", "auto")
    assert (code, again) == (0, {"c1": ("not run", "no sandbox: no engine answers")})


def test_a_clean_copy_holds_history_changes_and_links_and_puts_itself_back(repository: Path) -> None:
    (repository / "link").symlink_to("README.md")
    (repository / "README.md").write_text("changed\n")
    with clean_copy(find_repository(repository)) as copy:
        root = copy.repository.root
        status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True)
        assert status.stdout.splitlines() == [" M README.md", "?? link"]
        assert (root / "link").readlink() == Path("README.md")
        (root / "README.md").unlink()
        (root / "more").write_text("x")
        assert copy.restore().json() == {"created": ["more"], "modified": [], "deleted": ["README.md"]}
        assert (root / "README.md").read_text() == "changed\n"
        assert not (root / "more").exists()
    assert not root.exists()
    assert (repository / "README.md").read_text() == "changed\n"


def test_a_tree_in_which_the_check_fails_now_is_failed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_off(repository, [bash(1, "python3 -m unittest -q tests_of_sums", QUIET)], "2 tests pass")
    (repository / "tests_of_sums.py").write_text(TESTS.replace("4)", "5)"))
    code, again = verify(repository, capsys)
    assert (code, again["c1"][0]) == (1, "failed")
    assert "it ended with exit code 1, then with 0" in again["c1"][1]


@pytest.mark.docker
def test_validators_that_passed_run_once_more(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = tuple(EndCheck(name=name, outcome="passed", files=("Dockerfile",)) for name in ("hadolint", "no-such"))
    hand_off(repository, [bash(1, "python3 -m unittest -q tests_of_sums", QUIET)], "2 tests pass", checks=checks)
    (repository / "Dockerfile").write_text("FROM scratch\nBOGUS x\n")
    code = cli.main(["verify", "sums", "--repo", str(repository), "--sandbox", "docker", "--json"])
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert code == 1
    assert found["validator hadolint once more"]["outcome"] == "failed"
    assert "Dockerfile:2:" in found["validator hadolint once more"]["why"]
    assert found["validator no-such once more"]["outcome"] == "not run"
