"""A fresh sandbox for scoring: a copy of what was left, the case's tests beside it, and nothing of the agent's alive."""

import contextlib
import os
import shlex
import shutil
import stat
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agency_evals.case import Case
from agency_evals.finished import Finished
from agency_evals.fixture import commit_all
from agency_evals.lint import INSTALLS
from agency_evals.results import EXCERPT
from agency_evals.stand_ins import for_tests
from agency_evals.tree import empty, write_tree
from agency_tools.sandbox import start
from agency_tools.terraform_setup import mirrors_here
from agency_tools.workspace import ROOT, Layout, Limits, Workspace

LOGS = "/logs"
SHOWN = 200_000  # characters of output that are looked at


@dataclass(frozen=True, kw_only=True)
class Done:
    """One command in the sandbox; exit code 124 where it was overdue."""

    command: str
    exit_code: int
    output: str
    overdue: bool

    @property
    def excerpt(self) -> str:
        """The end of the output, where the verdict stands."""
        return self.output if len(self.output) <= EXCERPT else "…" + self.output[-EXCERPT:]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The running sandbox. root: the workspace's copy on the host. logs: the host's folder behind /logs. start: where one works."""

    workspace: Workspace
    root: Path
    logs: Path
    start: str = ROOT

    async def run(self, command: str, *, seconds: float, env: Mapping[str, str] | None = None) -> Done:
        """Run a shell command at the workspace's top, to its end; what it leaves running is killed.

        Raises WorkspaceError where the sandbox is gone.
        """
        done: dict[str, Any] = await self.workspace.call(
            "exec", command=command, timeout_s=seconds, partial=True, sweep=True, env=dict(env or {}),
            shown=SHOWN, shown_failed=SHOWN, kept_above=SHOWN,
        )  # fmt: skip
        return Done(
            command=command, exit_code=done["exit_code"], output=done["output"], overdue=bool(done["timed_out"])
        )

    def log(self, name: str) -> str | None:
        """A small regular file below /logs; None where there is none. No link is followed."""
        path = self.logs / name
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if stat.S_ISREG(os.fstat(file).st_mode):
                    return os.read(file, 1 << 20).decode(errors="replace")
            finally:
                os.close(file)
        return None

    def logs_of(self, prefix: str) -> list[str]:
        """The small regular files below /logs whose names begin so, in their order."""
        found = (self.log(name) for name in sorted(os.listdir(self.logs)) if name.startswith(prefix))  # noqa: PTH208 - names
        return [text for text in found if text is not None]


@contextlib.asynccontextmanager
async def bench(finished: Finished, *, tests: bool = False, base: bool = False) -> AsyncGenerator[Bench]:
    """Start it; gone, with every file of it, afterwards.

    tests: the case's tests are there. base: the copy is a repository whose one commit is what the agent found.

    Raises WorkspaceError where no sandbox can be started, ValueError where a file was too large to be kept.
    """
    with tempfile.TemporaryDirectory(prefix="agency-score-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        root, logs = folder / "workspace", folder / "logs"
        root.mkdir()
        (logs / "verifier").mkdir(parents=True)
        if base:
            write_tree(root, finished.before)
            commit_all(root)
            empty(root)
        write_tree(root, finished.after)
        read_write = {str(logs): LOGS}
        for number, (inside, tree) in enumerate(finished.box.beside.items()):
            beside = folder / f"beside-{number}"
            beside.mkdir()
            write_tree(beside, tree)
            read_write[str(beside)] = inside
        case = finished.case
        if tests and case.tests and stood_in(case):  # public tests write beside themselves; theirs is a copy
            shutil.copytree(case.tests, folder / "tests", symlinks=True)
            read_write[str(folder / "tests")] = "/tests"
        stand_ins = (str(folder / "bin"),) if tests and stood_in(case) else ()
        for_tests(folder / "bin")
        layout = Layout(
            repository=str(root),
            read_only=_read_only(case, tests=tests),
            read_write=read_write,
            aliases=finished.box.aliases,
            variables=finished.box.variables,
            tool_paths=stand_ins,
            image=finished.box.image,
            limits=Limits(memory=case.task.environment.memory_bytes or 2 << 30),
        )
        workspace = await start(finished.box.kind, layout)
        try:
            yield Bench(workspace=workspace, root=root, logs=logs, start=finished.box.start)
        finally:
            await workspace.close()


def stood_in(case: Case) -> bool:
    """Whether the tests were written for an image that can fetch what it lacks."""
    text = case.test_script.read_text(encoding="utf-8", errors="replace") if case.test_script else ""
    return case.task.public or bool(INSTALLS.search(text)) or "uvx" in text


def _read_only(case: Case, *, tests: bool) -> dict[str, str]:
    mirrors = {mirror: mirror for mirror in mirrors_here()}
    return mirrors | ({str(case.tests): "/tests"} if tests and case.tests and not stood_in(case) else {})


def quoted(*words: str) -> str:
    """The words as one shell command."""
    return shlex.join(words)
