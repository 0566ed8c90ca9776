"""Write: a whole file's new content."""

from typing import ClassVar

from pydantic import Field

from agency_tools.errors import ToolError
from agency_tools.seen import Seen
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace


class WriteInput(Input):
    """A file and its content."""

    file_path: str = Field(description="absolute path, or one relative to the repository", min_length=1)
    content: str = Field(description="the whole new content")


class Write:
    """The Write tool."""

    name: ClassVar[str] = "Write"
    description: ClassVar[str] = (
        "Write a whole file, making the directories it needs. A file that is there is replaced as a whole, and only after "
        "all of it has been read; its mode, encoding and Windows line ends stay. To change a part of a file use Edit."
    )
    input_type: ClassVar[type[Input]] = WriteInput
    read_only: ClassVar[bool] = False

    def __init__(self, workspace: Workspace, seen: Seen) -> None:
        self._workspace = workspace
        self._seen = seen

    async def run(self, given: WriteInput) -> Output:
        """Write it. Raises ToolError where the file is protected, unread, or changed since it was read."""
        found = await self._workspace.call("stat", path=given.file_path)
        view = self._seen.view(found["path"])
        if found["exists"] and view and view.stamp == found.get("stamp") and not view.whole:
            raise ToolError(
                f"{given.file_path} has been read only in part; Read the rest of it before you replace it, or use Edit"
            )
        done = await self._workspace.call(
            "write", path=given.file_path, content=given.content, seen=view.stamp if view else None
        )
        self._seen.know(done["path"], done["stamp"])
        act = "Created" if done["created"] else "Replaced"
        kept = "; its Windows line ends were kept" if done["crlf"] else ""
        return Output(
            content=f"{act} {given.file_path}: {done['lines']:,} lines, {done['bytes']:,} bytes{kept}",
            changed=(done["relative"],) if done["relative"] else (),
        )
