"""Edit: one exact piece of a file's text replaced by another."""

from typing import Any, ClassVar

from pydantic import Field

from agency_tools.errors import ToolError
from agency_tools.plain import visible
from agency_tools.seen import Seen
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

AROUND = 4
SHOWN_LINES = 40


class EditInput(Input):
    """A file, the text in it, and what to put in its place."""

    file_path: str = Field(description="absolute path, or one relative to the repository", min_length=1)
    old_string: str = Field(description="the text to replace, exactly as in the file, without Read's line numbers")
    new_string: str = Field(description="the text to put in its place; it differs from old_string")
    replace_all: bool = Field(default=False, description="replace every occurrence; otherwise there must be just one")


class Edit:
    """The Edit tool."""

    name: ClassVar[str] = "Edit"
    description: ClassVar[str] = (
        "Replace text in a file that has been read. old_string must be in it exactly once, white space included; "
        "replace_all changes every occurrence. Encoding, mode and line ends stay: old_string may have plain line ends "
        "where the file has Windows ones."
    )
    input_type: ClassVar[type[Input]] = EditInput
    read_only: ClassVar[bool] = False

    def __init__(self, workspace: Workspace, seen: Seen) -> None:
        self._workspace = workspace
        self._seen = seen

    async def run(self, given: EditInput) -> Output:
        """Edit it. Raises ToolError where the text is unread, not there, or there more than once."""
        _refuse(given)
        found = await self._workspace.call("stat", path=given.file_path)
        view = self._seen.view(found["path"])
        done = await self._workspace.call(
            "edit",
            path=given.file_path,
            old=given.old_string,
            new=given.new_string,
            every=given.replace_all,
            seen=view.stamp if view else None,
        )
        self._seen.know(done["path"], done["stamp"], whole=view is not None and view.whole)
        count = "1 replacement" if done["replacements"] == 1 else f"{done['replacements']:,} replacements"
        return Output(
            content=f"Edited {given.file_path}: {count}, now {done['bytes']:,} bytes\n{await self._around(given, done)}",
            changed=(done["relative"],) if done["relative"] else (),
        )

    async def _around(self, given: EditInput, done: dict[str, Any]) -> str:
        """The lines about the first replacement, as they are now."""
        first = max(1, done["line"] - AROUND)
        count = min(given.new_string.count("\n") + 1 + 2 * AROUND, SHOWN_LINES)
        page = await self._workspace.call("read", path=given.file_path, offset=first, limit=count, width=500)
        return "\n".join(f"{number:6}\t{visible(line)}" for number, line in enumerate(page["lines"], first))


def _refuse(given: EditInput) -> None:
    if not given.old_string:
        raise ToolError("old_string is empty; give the text to replace, or use Write for a new file")
    if given.old_string == given.new_string:
        raise ToolError("old_string and new_string are the same, so nothing would change")
