"""Where an infrastructure tool's command runs: the seam, and the sandbox behind it."""

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import AfterValidator

from agency_tools.errors import ToolError
from agency_tools.tool import Output
from agency_tools.workspace import ROOT, SCRATCH, Workspace

STORE = posixpath.join(SCRATCH, "agency")
"""What the infrastructure tools keep during a run: saved plans, a command line configuration."""

STATE = "/state"
"""Where a target's folder for local state is, writable, in its compartment."""

SHOWN = 30_000
"""Characters of a command's output that the model is shown; the middle goes first."""

ABSENT = 127
"""The exit code by which a shell says that there is no such command."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one command came to; `output` is what it wrote to both streams, in order."""

    exit_code: int
    output: str
    seconds: float


class Compartment(Protocol):
    """A place to run commands in: the sandbox, or later the one that holds a target's credentials."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
    ) -> Ran:
        """Run `argv` to its end and answer its exit code and output; a command that is absent ends with 127.

        `interrupt_first` ends an overdue command with SIGINT and a grace before it is killed, so that it can
        give back its locks. Raises ToolError when the time is up, WorkspaceError when the compartment broke.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ShellCompartment:
    """The run's own sandbox: no network, no credentials."""

    workspace: Workspace

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
    ) -> Ran:
        """Run `argv` in the sandbox by its tool host."""
        done = await self.workspace.call(
            "exec",
            command=shlex.join(argv),
            cwd=cwd,
            env=dict(env or {}),
            timeout_s=timeout_s,
            interrupt_first=interrupt_first,
        )
        return Ran(exit_code=int(done["exit_code"]), output=str(done["output"]), seconds=float(done["seconds"]))


def cut(text: str, shown: int = SHOWN) -> str:
    """`text`, its middle replaced by a note of how much went, when it is longer than `shown`."""
    if len(text) <= shown:
        return text
    half = shown // 2
    return f"{text[:half]}\n\n[… {len(text) - 2 * half} characters left out …]\n\n{text[-half:]}"


def output_of(ran: Ran, *, text: str | None = None, fine: Sequence[int] = (0,)) -> Output:
    """What the model is told of a command: its text, and the exit code of one that failed, which is any not `fine`."""
    told = ran.output.rstrip() if text is None else text.rstrip()
    if ran.exit_code not in fine:
        told = f"{told}\n\nexit code {ran.exit_code}".lstrip()
    return Output(
        content=cut(told or "(no output)"),
        failed=ran.exit_code not in fine,
        exit_code=ran.exit_code,
        truncated=len(told) > SHOWN,
    )


def present(ran: Ran, command: str, instead: str) -> Ran:
    """`ran`, unless its command is absent. Raises ToolError that says so, and what to do `instead`."""
    if ran.exit_code == ABSENT:
        raise ToolError(f"not run: {command} is not in this sandbox. {instead}")
    return ran


_BREAKS = re.compile(r"[\x00-\x1f\x7f]")


def _value(text: str) -> str:
    if _BREAKS.search(text):
        raise ValueError("may not hold line breaks or control characters")
    return text


def _word(text: str) -> str:
    if not text or text.startswith("-"):
        raise ValueError("may not be empty or start with '-': it is a value, not an option")
    return _value(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text):
        raise ValueError("is a name: letters, digits, '_', '.' and '-'")
    return text


def _inside(text: str) -> str:
    path = posixpath.normpath(posixpath.join(ROOT, _word(text)))
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        raise ValueError(f"lies outside {ROOT}")
    return posixpath.relpath(path, ROOT)


Value = Annotated[str, AfterValidator(_value)]
"""One line of text that follows an option's `=`."""

Word = Annotated[str, AfterValidator(_word)]
"""One line of text that stands alone in an argument list, so it may not look like an option."""

Name = Annotated[str, AfterValidator(_name)]
"""A plain name, such as a variable's."""

Inside = Annotated[str, AfterValidator(_inside)]
"""A path in the repository, kept relative to it; `/workspace/x` and `x` are the same."""


def absolute(path: str) -> str:
    """Where the repository-relative `path` lies in a compartment."""
    return posixpath.normpath(posixpath.join(ROOT, path))
