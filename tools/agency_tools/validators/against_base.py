"""Checking what differs from a commit, and counting only what was not there."""

import shlex
from collections.abc import Sequence

from agency_tools.errors import UsageError
from agency_tools.validators.checker import Checker
from agency_tools.validators.finding import Report, Severity
from agency_tools.workspace import ROOT, Workspace

CHANGED = (
    "git rev-parse --verify --quiet --end-of-options {ref}'^{{commit}}' >/dev/null || exit 3; "
    "git -c core.quotePath=false diff --name-only --no-renames --diff-filter=d -z --end-of-options {ref} -- {paths} "
    "| tr '\\0' '\\n'; "
    "git ls-files --others --exclude-standard -z -- {paths} | tr '\\0' '\\n'"
)


async def against_base(
    workspace: Workspace, checker: Checker, ref: str, paths: Sequence[str] | None, *, slow: bool, least: Severity
) -> Report:
    """The report on the files that differ from `ref`. Raises UsageError where that is no commit of this repository."""
    if ref.startswith("-"):
        raise UsageError(f"--base {ref}: not a commit")
    changed = await _changed(workspace, ref, paths)
    if not changed:
        return Report()
    return await checker.check(changed, slow=slow, least=least, base=ref)


async def _changed(workspace: Workspace, ref: str, paths: Sequence[str] | None) -> list[str]:
    given = " ".join(shlex.quote(path) for path in paths or ["."])
    command = CHANGED.format(ref=shlex.quote(ref), paths=given)
    done = await workspace.call("exec", command=command, cwd=ROOT, timeout_s=120)
    if done["exit_code"] != 0:
        raise UsageError(f"--base {ref}: no such commit in this repository; give a branch, tag or commit")
    return sorted(set(filter(None, str(done["output"]).split("\n"))))
