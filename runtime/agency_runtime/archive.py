"""What a compaction rests on: the calls as the run is recorded, what git shows, and a place for what leaves the conversation."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from agency_runtime.answer import Answer
from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.wire import Json
from agency_tools.errors import ToolError
from agency_tools.workspace import SCRATCH, Workspace

STORE = f"{SCRATCH}/agency-calls"
"""Where the sandbox keeps the whole text of results that were condensed, a file a call; gone with the sandbox."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Looks things up for one run and its helpers. workspace: None in a replay that executes nothing."""

    answer: Answer
    changed: Callable[[], Awaitable[FilesChanged]]
    workspace: Workspace | None = None

    def calls(self, ids: Iterable[str]) -> list[Executed]:
        """The calls with these ids that have an outcome, in the order of their references."""
        asked = set(ids)
        return [self.answer.as_recorded(done) for done in self.answer.executed if done.id in asked]

    async def files(self) -> Json | None:
        """What the run has changed so far; in a replay, what was recorded."""
        replay = self.answer.replay
        return replay.turns[replay.step - 1].files if replay else (await self.changed()).json()

    async def store(self, done: Executed) -> str | None:
        """Keep a result's text in the sandbox; its path there, None where it could not be kept."""
        if self.workspace is None or not done.output.strip():
            return None
        path = f"{STORE}/{done.ref}.txt"
        try:
            await self.workspace.call("write", path=path, content=done.output)
        except ToolError:
            return None
        return path
