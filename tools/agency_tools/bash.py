"""Bash: one shell command in the sandbox, to its end or in the background."""

import posixpath
import shlex
from typing import Any, ClassVar

from pydantic import Field

from agency_tools.bash_bounds import Bounds
from agency_tools.errors import ToolError
from agency_tools.interactive import refusal
from agency_tools.plain import terminal_text
from agency_tools.seen import Seen, file_shown_by
from agency_tools.shell_words import plain_commands
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

USUAL = Bounds()
NO_MATCH = frozenset({"grep", "egrep", "fgrep", "rg", "find", "diff", "test", "["})
"""Programs whose exit code 1 is an answer, not a failure."""


class BashInput(Input):
    """A command and how to run it."""

    command: str = Field(description="the shell command; it may be several lines", min_length=1)
    timeout: int | None = Field(
        default=None, description=f"milliseconds, by default {USUAL.default_ms}, at most {USUAL.longest_ms}", gt=0
    )
    description: str | None = Field(default=None, description="what it does, in a few words")
    run_in_background: bool = Field(default=False, description="start it and answer a task_id at once")
    dangerouslyDisableSandbox: bool = Field(default=False, description="refused: nothing runs outside the sandbox")


class Bash:
    """The Bash tool. The working directory goes over to the next command, environment variables do not."""

    name: ClassVar[str] = "Bash"
    description: ClassVar[str] = (
        "Run a bash command in the sandbox; stdout and stderr come back together, with the exit code where it is not 0. "
        "The working directory is kept between calls while it stays in the repository; variables are not. "
        "stdin is empty: editors, pagers and prompts are refused. Long output is kept in a file and shown in part. "
        "What is still running in the background at the end is killed; for servers and long jobs use run_in_background, "
        "then TaskOutput and TaskStop. To read, change and search files use Read, Edit, Write, Grep and Glob."
    )
    input_type: ClassVar[type[Input]] = BashInput
    read_only: ClassVar[bool] = False

    def __init__(self, workspace: Workspace, seen: Seen, bounds: Bounds = USUAL, cwd: str | None = None) -> None:
        self._workspace = workspace
        self._seen = seen
        self._bounds = bounds
        self._cwd = cwd

    @property
    def cwd(self) -> str | None:
        """Where the next command begins; None for the repository's top."""
        return self._cwd

    async def run(self, given: BashInput) -> Output:
        """Run it. Raises ToolError for what would wait for a person or leave the sandbox."""
        self._refuse(given)
        if given.run_in_background:
            return await self._start(given.command)
        bounds = self._bounds
        timeout_ms = bounds.timeout_ms(given.timeout)
        done = await self._workspace.call(
            "exec",
            command=given.command,
            cwd=self._cwd,
            timeout_s=timeout_ms / 1000,
            partial=True,
            sweep=True,
            track=True,
            shown=bounds.shown,
            shown_failed=bounds.shown_failed,
            kept_above=bounds.shown_failed,
        )
        self._cwd = done["cwd"]
        failed = _failed(given.command, done)
        if done["exit_code"] == 0:
            await self._note_reading(given.command, done)
        return Output(
            content=_told(done, timeout_ms, bounds),
            failed=failed,
            exit_code=done["exit_code"],
            truncated=done["truncated"],
            output_path=done["output_path"] if done["truncated"] else None,
        )

    def _refuse(self, given: BashInput) -> None:
        if given.dangerouslyDisableSandbox:
            raise ToolError("not run: nothing runs outside the sandbox; call Bash without dangerouslyDisableSandbox")
        if "\0" in given.command:
            raise ToolError("not run: the command holds a NUL character, which no shell can take")
        why = refusal(given.command)
        if why:
            raise ToolError(f"not run: {why}")

    async def _start(self, command: str) -> Output:
        started = await self._workspace.call("task_start", command=command, cwd=self._cwd)
        return Output(
            content=f"Started in the background as task_id {started['task_id']}; its output goes to "
            f"{started['output_path']}. TaskOutput reads it and waits for its end, TaskStop ends it.",
            output_path=started["output_path"],
        )

    async def _note_reading(self, command: str, done: dict[str, Any]) -> None:
        """A file shown by a plain command has been read, as by Read."""
        path = file_shown_by(command)
        if path is None:
            return
        try:
            found = await self._workspace.call("stat", path=posixpath.join(done["cwd"], path))
        except ToolError:
            return
        if found.get("stamp"):
            whole = shlex.split(command)[0] == "cat" and not done["truncated"]
            self._seen.know(found["path"], found["stamp"], whole=whole)


def _failed(command: str, done: dict[str, Any]) -> bool:
    if done["timed_out"] or done["stopped"]:
        return True
    return done["exit_code"] != 0 and not (done["exit_code"] == 1 and _answers_by_1(command))


def _answers_by_1(command: str) -> bool:
    """The exit code 1 came from a program that says "no" by it."""
    plain = [each.words for each in plain_commands(command) if each.words]
    return bool(plain) and (plain[-1][0] in NO_MATCH or plain[-1][:2] in (["git", "diff"], ["git", "grep"]))


def _told(done: dict[str, Any], timeout_ms: int, bounds: Bounds) -> str:
    """What the model reads: the output, then what it should know about it."""
    text = terminal_text(done["output"]).rstrip()
    if len(text) > 2 * bounds.shown:  # escapes are longer than what they stand for
        text = f"{text[: bounds.shown]}\n\n[… {len(text) - bounds.shown:,} characters left out]"
    notes = [*_ending(done, timeout_ms, bounds.longest_ms), *_remarks(done)]
    return "\n\n".join(part for part in [text or "(no output)" * (not notes), "\n".join(notes)] if part)


def _ending(done: dict[str, Any], timeout_ms: int, longest_ms: int) -> list[str]:
    if done["timed_out"]:
        how = "interrupted and ended by itself" if done["ended_by"] == "SIGINT" else "killed with all it started"
        return [
            f"Timed out after {timeout_ms} ms and was {how}. Give a longer timeout (at most {longest_ms}), "
            "or use run_in_background."
        ]
    return [f"Exit code {done['exit_code']}"] if done["exit_code"] else []


def _remarks(done: dict[str, Any]) -> list[str]:
    notes: list[str] = []
    if done["left"]:
        notes.append(
            f"Still running at its end, and killed: {', '.join(done['left'])}. Use run_in_background to keep it."
        )
    if done["survivors"]:
        notes.append(f"Could not be killed: {', '.join(done['survivors'])}.")
    if done["locks"]:
        notes.append(
            f"A state lock was left: {', '.join(done['locks'])}. Make sure that nothing else holds it, then hand over "
            "`terraform force-unlock ID`; do not delete the file."
        )
    if done["truncated"] and done["output_path"]:
        part = "" if done["saved"] == done["size"] else f" (its first {done['saved']:,} of {done['size']:,} bytes)"
        notes.append(f"The whole output is in {done['output_path']}{part}; Read it in parts, or Grep it.")
    if done["problem"]:
        notes.append(done["problem"])
    if done["cwd_reset"]:
        notes.append(f"Shell cwd was reset to {done['cwd']}")
    return notes
