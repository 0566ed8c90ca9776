"""After a change the validators' new findings come with the result; at the end they are gates of their own."""

from pathlib import Path

import pytest

from agency_runtime.changes import FilesChanged
from agency_runtime.diagnostics import LATE, TITLE, Diagnostics, without_diagnostics
from agency_runtime.end_checks import EndChecks, outcomes, reconciled
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.replay import comparable
from agency_tools.bash import Bash, BashInput
from agency_tools.seen import Seen
from agency_tools.tool import Output
from agency_tools.validators import Report
from agency_tools.workspace import Layout, Workspace
from agency_tools.write import Write, WriteInput

OLD = "#!/bin/sh\nexit 300\n"
SAID = "error: Can only exit with status 0-255. Other data should be written to stdout/stderr. [shellcheck SC2242]"


async def write(sandbox: Workspace, diagnostics: Diagnostics, path: str, content: str) -> Output:
    seen = Seen()
    tool = Write(sandbox, seen)
    found = await sandbox.call("stat", path=path)
    if found["exists"]:
        await sandbox.call("exec", command=f"rm {path}")
    return await diagnostics.around("local", lambda: tool.run(WriteInput(file_path=path, content=content)))


async def test_a_fault_comes_back_with_the_result_once(sandbox: Workspace) -> None:
    diagnostics = Diagnostics(sandbox)
    first = await write(sandbox, diagnostics, "run.sh", OLD)
    assert first.text == f"Created run.sh: 2 lines, 19 bytes\n\n{TITLE}\nrun.sh:2:6: {SAID}"
    second = await write(sandbox, diagnostics, "run.sh", "#!/bin/sh\n# why\nexit 300\n")
    assert second.text.endswith(f"{TITLE}\n1 told before is still there")
    third = await write(sandbox, diagnostics, "run.sh", "#!/bin/sh\nexit 3\n")
    assert third.text == f"Created run.sh: 2 lines, 17 bytes\n\n{TITLE}\npassed: shellcheck, detect-secrets"


async def test_what_a_command_wrote_is_checked_too(sandbox: Workspace) -> None:
    diagnostics = Diagnostics(sandbox)
    bash = Bash(sandbox, Seen())
    given = BashInput(command="printf '#!/bin/sh\\nexit 300\\n' > made.sh")
    output = await diagnostics.around("local", lambda: bash.run(given))
    assert f"made.sh:2:6: {SAID}" in output.text


async def test_what_was_there_before_the_run_is_not_told(sandbox: Workspace, repository: Path) -> None:
    import subprocess

    (repository / "run.sh").write_text(OLD)
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["add", "."], ["commit", "-qm", "bad"]):
        subprocess.run(["git", *settings, *words], cwd=repository, check=True)
    diagnostics = Diagnostics(sandbox)
    moved = await write(sandbox, diagnostics, "run.sh", "#!/bin/sh\n# moved\n\nexit 300\n")
    assert moved.text.endswith(f"{TITLE}\npassed: shellcheck, detect-secrets")
    added = await write(sandbox, diagnostics, "run.sh", "#!/bin/sh\nif x; then exit 400; fi\nexit 300\n")
    assert f"{TITLE}\nrun.sh:2:17: {SAID}" in added.text


async def test_a_call_that_only_reads_is_left_alone(sandbox: Workspace) -> None:
    bash = Bash(sandbox, Seen())
    output = await Diagnostics(sandbox).around("read", lambda: bash.run(BashInput(command="echo hello")))
    assert output.text.strip() == "hello"
    assert (await sandbox.call("stat", path="/tmp/agency/checks"))["exists"] is False


def test_two_results_that_differ_in_diagnostics_alone_are_the_same() -> None:
    with_part = f"Created a.sh: 1 lines\n\n{TITLE}\na.sh:1:1: error: x [y z]\nnot run: actionlint: absent"
    assert without_diagnostics(with_part) == "Created a.sh: 1 lines"
    assert comparable("Write", with_part) == comparable("Write", "Created a.sh: 1 lines")
    assert comparable("Write", with_part) != comparable("Write", "Replaced a.sh: 1 lines")
    assert comparable("Edit", f"Edited a.sh\n    11\n\n{TITLE}\npassed: shellcheck") == comparable(
        "Edit", "Edited a.sh\n    11\t"
    )
    late = f"\n\n{LATE}\nmain.tf:1:1: error: x [checkov y]"
    assert without_diagnostics(with_part + late) == "Created a.sh: 1 lines"
    assert comparable("Read", f"1\ta{late}") == comparable("Read", "1\ta")


@pytest.mark.bwrap
async def test_the_end_fails_on_errors_of_this_run_and_names_what_was_not_run(repository: Path) -> None:
    (repository / "run.sh").write_text(OLD)
    checks = EndChecks("bwrap", Layout(repository=str(repository)))
    files = FilesChanged(created=("run.sh",))
    failed = {check.name: check for check in await checks.of(files)}
    assert failed["shellcheck"] == EndCheck(
        name="shellcheck",
        outcome="failed",
        files=("run.sh",),
        findings=("run.sh:2:6 SC2242 Can only exit with status 0-255. Other data should be written to stdout/stderr.",),
    )
    assert failed["detect-secrets"].outcome == "passed"
    (repository / "run.sh").write_text("#!/bin/sh\nexit 3\n")
    assert {check.outcome for check in await checks.of(files)} == {"passed"}
    assert await checks.of(FilesChanged()) == ()


async def test_without_a_sandbox_the_end_is_not_run(repository: Path) -> None:
    (repository / "run.sh").write_text(OLD)
    checks = EndChecks("docker", Layout(repository=str(repository), image="no-such-image:none"))
    found = await checks.of(FilesChanged(created=("run.sh",)))
    assert [(check.name, check.outcome) for check in found] == [("validators", "not run")]


def test_a_replay_keeps_what_was_recorded_where_the_findings_are_the_same() -> None:
    recorded = (EndCheck(name="actionlint", outcome="not run", why="absent"), EndCheck(name="json", outcome="passed"))
    now = (EndCheck(name="actionlint", outcome="passed"), EndCheck(name="json", outcome="passed"))
    assert reconciled(now, recorded) == recorded
    worse = (EndCheck(name="json", outcome="failed", findings=("a.json:1:1 syntax x",)),)
    assert reconciled(worse, recorded) == worse
    newer = (*now, EndCheck(name="checkov", outcome="passed"))
    assert reconciled(newer, recorded) == recorded
    newer = (*now, EndCheck(name="checkov", outcome="failed", findings=("main.tf:1:1 CKV_AWS_20 x",)))
    assert reconciled(newer, recorded) == newer
    assert outcomes(Report()) == ()


def test_what_only_the_recorded_run_asked_is_not_run_in_a_replay_that_differs() -> None:
    recorded = (
        EndCheck(name="hadolint", outcome="passed"),
        EndCheck(name="checkov", outcome="passed", files=("Dockerfile",)),
    )
    live = (EndCheck(name="hadolint", outcome="failed", findings=("Dockerfile:1:1 DL3006 x",)),)
    assert reconciled((EndCheck(name="hadolint", outcome="passed"),), recorded) == recorded
    found = reconciled(live, recorded)
    assert [(check.name, check.outcome) for check in found] == [("hadolint", "failed"), ("checkov", "not run")]
    assert found[1].why == "a replay does not run it again" and found[1].files == ("Dockerfile",)
