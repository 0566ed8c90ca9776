"""What the validators say right after a change: it comes back with the tool's result, as in an editor. What slow ones
say comes back with the result of a later call."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from agency_runtime.background import BASE, Background
from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.tool import Output
from agency_tools.validators import Checker, Finding, Report
from agency_tools.validators.baseline import unknown
from agency_tools.workspace import Workspace

HARMLESS = frozenset({"read", "plan"})
"""Kinds of call after which nothing has changed."""

SHOWN = 12
"""Findings told after one call."""

TITLE = "Validators, on what this call changed:"
LATE = "Slow validators, on what earlier calls changed:"
PART = re.compile(rf"\n\n(?:{re.escape(TITLE)}|{re.escape(LATE)})\n.*\Z", re.DOTALL)


def without_diagnostics(text: str) -> str:
    """A result's text as the tool gave it, without the white space at its end, which a part after it takes away. Which
    validators a machine has is no difference between two runs."""
    return PART.sub("", text).rstrip()


@dataclass
class Diagnostics:
    """The checks of one run, after each call that may change something. A finding is told once.

    slow: whether the slow validators run beside it, too.
    """

    workspace: Workspace
    slow: bool = True
    _checker: Checker = field(init=False)
    _background: Background = field(init=False)
    _told: dict[str, tuple[Finding, ...]] = field(default_factory=dict[str, tuple[Finding, ...]])
    _told_late: dict[str, tuple[Finding, ...]] = field(default_factory=dict[str, tuple[Finding, ...]])
    _missing: set[str] = field(default_factory=set[str])
    _marked: bool = False
    _broken: bool = False

    def __post_init__(self) -> None:
        self._checker = Checker(self.workspace)
        self._background = Background(self.workspace)

    async def around(self, kind: str, act: Callable[[], Awaitable[Output]]) -> Output:
        """Do the act; where it may have changed files, its output with what the validators say of them."""
        if kind in HARMLESS or self._broken:
            return self.with_late(await act())
        await self._mark()
        output = await act()
        return output if self._broken else self.with_late(await self._completed(output))

    def with_late(self, output: Output) -> Output:
        """The output with what slow validators have come to since the last call."""
        lines = [line for report in self._background.take() for line in self._lines(report, self._told_late)]
        return appended(output, lines, LATE)

    async def join(self) -> None:
        """Wait for the slow validators, so that what they say can be told."""
        await self._background.join()

    async def close(self) -> None:
        """End the slow validators; the sandbox's end ends the others."""
        await self._background.close()

    async def _mark(self) -> None:
        """Before the first change: what is there now has not been changed by it."""
        if self._marked:
            return
        self._marked = True
        try:
            await self._checker.mark()
        except (WorkspaceError, ToolError):
            self._broken = True

    async def _completed(self, output: Output) -> Output:
        try:
            report = await self._checker.changed(base=BASE)
        except (WorkspaceError, ToolError) as problem:
            self._broken = True
            return appended(output, [f"not run: {problem}"])
        if self.slow:
            self._background.begin(report.later)
        return appended(output, [*_passed(report), *self._lines(report, self._told)])

    def _lines(self, report: Report, told: dict[str, tuple[Finding, ...]]) -> list[str]:
        """What is new in the report, and what is still there."""
        lines: list[str] = []
        remaining = 0
        for path in report.paths:
            now = tuple(finding for finding in report.findings if finding.path == path)
            new = unknown(now, told.get(path, ()))
            remaining += len(now) - len(new)
            told[path] = now
            lines += [str(finding) for finding in new]
        if len(lines) > SHOWN:
            lines = [*lines[:SHOWN], f"… and {len(lines) - SHOWN} more in these files"]
        if remaining:
            lines.append(f"{remaining} told before {'is' if remaining == 1 else 'are'} still there")
        return [*lines, *self._not_run(report)]

    def _not_run(self, report: Report) -> list[str]:
        """Each validator that could not be run, once a run."""
        missing = {
            each.name: each.why
            for each in report.validators
            if each.outcome == "not_run" and not each.unchecked and each.name not in self._missing
        }
        self._missing |= set(missing)
        return [f"not run: {name}: {why}" for name, why in missing.items()]


def _passed(report: Report) -> list[str]:
    """The validators that ran on what was changed and found nothing; nothing where one found something."""
    names = [each.name for each in report.validators if each.outcome == "passed" and each.files]
    return [f"passed: {', '.join(names)}"] if names and not report.findings else []


def appended(output: Output, lines: list[str], title: str = TITLE) -> Output:
    """The output with the lines below its text."""
    if not lines:
        return output
    part = "\n\n" + "\n".join([title, *lines])
    if isinstance(output.content, str):
        return replace(output, content=output.content.rstrip() + part)
    return replace(output, content=(*output.content, {"type": "text", "text": part}))
