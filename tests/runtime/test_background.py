"""Slow validators hold up no call; what they find comes with a later one, and they end with the run."""

import time
from pathlib import Path

from agency_runtime.background import Background
from agency_runtime.diagnostics import LATE, TITLE, Diagnostics
from agency_tools.bash import Bash, BashInput
from agency_tools.seen import Seen
from agency_tools.tool import Output
from agency_tools.workspace import Workspace

BUCKET = 'resource "aws_s3_bucket" "site" {\n  bucket = "site"\n  acl    = "public-read"\n}\n'
SAID = "main.tf:1:1: error: aws_s3_bucket.site: S3 Bucket has an ACL defined which allows public READ access. [checkov CKV_AWS_20]"
UNDER_WAY = "pgrep -f '[p]olicies_run' || true"


async def bash(sandbox: Workspace, diagnostics: Diagnostics, command: str, kind: str = "local") -> Output:
    tool = Bash(sandbox, Seen())
    return await diagnostics.around(kind, lambda: tool.run(BashInput(command=command)))


async def test_the_finding_comes_with_a_later_call_once(sandbox: Workspace) -> None:
    diagnostics = Diagnostics(sandbox)
    first = await bash(sandbox, diagnostics, f"cat > main.tf <<'E'\n{BUCKET}E")
    assert "checkov" not in first.text
    await diagnostics.join()
    second = await bash(sandbox, diagnostics, "echo hello", "read")
    assert second.text == f"hello\n\n{LATE}\n{SAID}"
    third = await bash(sandbox, diagnostics, "sed -i '1i # why' main.tf")
    assert LATE not in third.text
    await diagnostics.join()
    assert diagnostics.with_late(Output(content="done")).text == f"done\n\n{LATE}\n1 told before is still there"
    await diagnostics.close()


async def test_changes_that_come_meanwhile_are_one_check(sandbox: Workspace, repository: Path) -> None:
    for name in ("a.tf", "b.tf", "c.tf"):
        (repository / name).write_text(BUCKET.replace("site", name[0]))
    background = Background(sandbox)
    background.begin(["a.tf"])
    await sandbox.call("exec", command="true")
    for name in ("b.tf", "c.tf", "b.tf"):
        background.begin([name])
    await background.join()
    reports = background.take()
    assert [report.paths for report in reports] == [("a.tf",), ("b.tf", "c.tf")]
    assert [len(report.findings) for report in reports] == [1, 2]
    assert background.take() == []
    await background.close()


async def test_what_changed_again_is_told_of_by_the_newer_check(sandbox: Workspace, repository: Path) -> None:
    (repository / "main.tf").write_text(BUCKET)
    background = Background(sandbox)
    background.begin(["main.tf"])
    await sandbox.call("exec", command="true")
    background.begin(["main.tf"])
    await background.join()
    assert [len(report.findings) for report in background.take()] == [0, 1]
    await background.close()


async def test_a_run_that_ends_ends_the_check(sandbox: Workspace, repository: Path) -> None:
    (repository / "main.tf").write_text(BUCKET)
    background = Background(sandbox)
    background.begin(["main.tf"])
    until = time.monotonic() + 20
    while not (await sandbox.call("exec", command=UNDER_WAY))["output"].strip():
        assert time.monotonic() < until, "the check never began"
    await background.close()
    left = UNDER_WAY
    while (await sandbox.call("exec", command=left))["output"].strip():
        assert time.monotonic() < until, "the check goes on"
    assert background.take() == []


async def test_a_file_of_no_such_kind_starts_nothing(sandbox: Workspace) -> None:
    diagnostics = Diagnostics(sandbox)
    output = await bash(sandbox, diagnostics, "printf '#!/bin/sh\\nexit 300\\n' > a.sh")
    assert TITLE in output.text
    await diagnostics.join()
    assert diagnostics.with_late(Output(content="")).text == ""
    await diagnostics.close()
