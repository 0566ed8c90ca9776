"""The validators at the end of a run, over what it changed: in a sandbox of their own that no call of the run touched."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agency_runtime.changes import FilesChanged
from agency_runtime.handoff.end_check import EndCheck
from agency_tools.errors import WorkspaceError
from agency_tools.validators import Checker, Finding, Report
from agency_tools.workspace import Layout

BASE = "HEAD"
"""Only what was not there counts."""

NOT_AGAIN = "a replay does not run it again"

OWN = ".agency/"
"""The run's own papers, which are no work of the model's."""


@dataclass
class EndChecks:
    """Checks what a run changed, and again only what has changed since. `sandbox` is the run's kind.

    slow: whether the slow validators are asked, too.
    """

    sandbox: str
    layout: Layout
    slow: bool = True
    _last: tuple[object, tuple[EndCheck, ...]] | None = field(default=None)

    async def of(self, files: FilesChanged) -> tuple[EndCheck, ...]:
        """Each validator's outcome; `not run` where no sandbox starts or a validator is absent."""
        paths = sorted(path for path in (*files.created, *files.modified) if not path.startswith(OWN))
        if not paths:
            return ()
        state = await asyncio.to_thread(_state, Path(self.layout.repository), paths)
        if self._last is None or self._last[0] != state:
            self._last = (state, await self._checked(paths))
        return self._last[1]

    async def _checked(self, paths: Sequence[str]) -> tuple[EndCheck, ...]:
        from agency_tools.sandbox import start

        layout = replace(self.layout, writable=False, network=(), read_only=None)
        try:
            workspace = await start(self.sandbox, layout)
        except WorkspaceError as problem:
            return (EndCheck(name="validators", outcome="not run", files=tuple(paths), why=str(problem)),)
        try:
            report = await Checker(workspace).check(paths, slow=self.slow, least="error", base=BASE)
        except WorkspaceError as problem:
            return (EndCheck(name="validators", outcome="not run", files=tuple(paths), why=str(problem)),)
        finally:
            await workspace.close()
        return outcomes(report)


def _state(root: Path, paths: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """By what one sees that the files have not been touched."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        try:
            status = (root / path).lstat()
            found.append((path, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append((path, 0, -1))
    return tuple(found)


def outcomes(report: Report) -> tuple[EndCheck, ...]:
    """The report as the handoff's evidence keeps it."""
    by_validator: Mapping[str, list[Finding]] = {each.name: [] for each in report.validators}
    for finding in report.findings:
        by_validator[finding.validator].append(finding)
    return tuple(
        EndCheck(
            name=each.name,
            outcome="not run" if each.outcome == "not_run" else each.outcome,
            files=each.paths,
            why=each.why or "",
            findings=tuple(
                f"{finding.path}:{finding.line}:{finding.column} {finding.rule} {finding.message}"
                for finding in by_validator[each.name]
            ),
        )
        for each in report.validators
    )


def reconciled(live: Sequence[EndCheck], recorded: Sequence[EndCheck]) -> tuple[EndCheck, ...]:
    """In a replay: what was recorded, where the validators that ran in both found the same; else what was found now.

    Which validators a machine has is no difference between two runs. One that only the recorded run asked was not run now.
    """
    then = {check.name: check for check in recorded}
    both = [check for check in live if check.outcome != "not run" and then.get(check.name, check).outcome != "not run"]
    same = all(check.findings == (then[check.name].findings if check.name in then else ()) for check in both)
    if recorded and same:
        return tuple(recorded)
    now = {check.name for check in live}
    missing = [check for check in recorded if check.name not in now and check.outcome != "not run"]
    return (*live, *(replace(check, outcome="not run", why=NOT_AGAIN, findings=()) for check in missing))
