"""The validators of one sandbox: a process in it that is started when it is first asked, and kept warm."""

import asyncio
import contextlib
import json
import posixpath
import secrets
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from agency_tools.compartment import STORE
from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.validators.finding import Finding, Report, Severity, report_of
from agency_tools.workspace import ROOT, Workspace

PLACE = posixpath.join(STORE, "checks")
"""Where the checks' own code and socket lie inside, in a new folder for each start."""

PACKAGE = "agency_checks"
LARGEST_ANSWER = 12 << 20
PATIENCE = 600.0
"""Seconds that one request may take; a whole repository with the slow validators is one request."""

LIFE = 7 * 86_400.0
"""Seconds that the process may live; it ends with its sandbox."""

START = 20
"""Seconds in which the process must begin to listen."""


def sources() -> Mapping[str, str]:
    """The Python that runs inside, by file name."""
    folder = Path(__file__).parent / "inside"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}


class Checker:
    """Checks files in a sandbox. Close it, or close the sandbox."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._serving: asyncio.Task[str] | None = None
        self._place = PLACE
        self._one = asyncio.Lock()

    async def check(
        self,
        paths: Sequence[str] | None = None,
        *,
        slow: bool = False,
        least: Severity = "warning",
        base: str | None = None,
        known: Iterable[Finding] = (),
    ) -> Report:
        """Check these files and folders, repository-relative, or all there are.

        Findings that are `known`, or that were there at the commit `base`, do not count.
        Raises WorkspaceError when the sandbox breaks or the process in it cannot be started.
        """
        pace = "all" if slow else "fast"
        answer = await self._ask({"paths": list(paths) if paths is not None else None, "pace": pace, "base": base})
        return report_of(answer, least=least, known=known)

    async def check_slowly(
        self, paths: Sequence[str], *, least: Severity = "warning", base: str | None = None
    ) -> Report:
        """Check these files by the slow validators alone."""
        return report_of(await self._ask({"paths": list(paths), "pace": "slow", "base": base}), least=least)

    async def changed(self, *, least: Severity = "warning", base: str | None = None) -> Report:
        """Check what has changed since the last request."""
        return report_of(await self._ask({"since": True, "base": base}), least=least)

    async def mark(self) -> None:
        """Take the tree as it is for known, so that `changed` tells of what comes after."""
        await self._ask({"mark": True})

    async def close(self) -> None:
        """End the process."""
        if self._serving is not None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
            self._serving = None

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        async with self._one:
            why = ""
            for _ in range(2):  # whoever works in the sandbox may have ended the process; once it is started anew
                serving = await self._started()
                done = await self._asked(serving, json.dumps(request))
                if done is not None and done["exit_code"] == 0 and str(done["output"]).strip():
                    return _answer(str(done["output"]))
                why = await serving if serving.done() else str(done["output"] if done else "")
                await self.close()
        raise WorkspaceError(f"the checks do not answer: {why.strip()[-300:] or 'they ended without a word'}")

    async def _asked(self, serving: "asyncio.Task[str]", request: str) -> dict[str, Any] | None:
        """The asker's end; None where the process that should answer ended before."""
        asking = asyncio.create_task(self._run(self._asking(request), timeout_s=PATIENCE))
        try:
            await asyncio.wait({asking, serving}, return_when=asyncio.FIRST_COMPLETED)
            return await asking if asking.done() else None
        finally:
            asking.cancel()

    def _asking(self, request: str) -> str:
        asker = posixpath.join(self._place, PACKAGE, "ask.py")
        return f"exec {PYTHON} -I -S {asker} {self._socket} {shlex.quote(request)} {START}"

    @property
    def _socket(self) -> str:
        return posixpath.join(self._place, "socket")

    async def _started(self) -> "asyncio.Task[str]":
        if self._serving is not None and not self._serving.done():
            return self._serving
        self._place = posixpath.join(PLACE, secrets.token_hex(8))
        for name, text in sources().items():
            await self._workspace.call("write", path=posixpath.join(self._place, PACKAGE, name), content=text)
        code = f"import sys; sys.path.insert(0, {self._place!r}); from {PACKAGE}.serve import serve; serve({self._socket!r})"
        self._serving = asyncio.create_task(self._served(f"exec {PYTHON} -I -B -c {shlex.quote(code)}"))
        return self._serving

    async def _served(self, command: str) -> str:
        """The process from its start to its end, and what it said; the sandbox's end is no surprise."""
        try:
            return str((await self._run(command, timeout_s=LIFE))["output"])
        except (ToolError, WorkspaceError) as problem:
            return str(problem)

    async def _run(self, command: str, *, timeout_s: float) -> dict[str, Any]:
        """One command of ours in the sandbox's root, its whole answer."""
        return await self._workspace.call(
            "exec", command=command, cwd=ROOT, timeout_s=timeout_s, shown=LARGEST_ANSWER, shown_failed=4000
        )


PYTHON = '"$(command -v agency-python || echo python3)"'
"""The Python that has the validators; in an image without them, whatever Python it has says that they are not there."""


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = cast("dict[str, Any]", json.loads(text.strip().splitlines()[-1]))
    except ValueError as problem:
        raise WorkspaceError(f"the checks answered what is no JSON: {text.strip()[:200]}") from problem
    if "problem" in answer:
        raise WorkspaceError(f"the checks failed: {answer['problem']}")
    return answer
