"""Glob: files by the pattern of their path, newest first."""

from typing import ClassVar

from pydantic import Field

from agency_tools.plain import visible
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

SHOWN = 100


class GlobInput(Input):
    """A pattern, and where to look."""

    pattern: str = Field(
        description='such as "**/*.tf" or "src/**/*.{ts,tsx}"; without a slash, at any depth', min_length=1
    )
    path: str | None = Field(default=None, description="the directory to look in, by default the repository")


class Glob:
    """The Glob tool."""

    name: ClassVar[str] = "Glob"
    description: ClassVar[str] = (
        f"Find files by the pattern of their path, newest first, at most {SHOWN}. Ignored files are found too, .git is not. "
        "To search in files use Grep."
    )
    input_type: ClassVar[type[Input]] = GlobInput
    read_only: ClassVar[bool] = True

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def run(self, given: GlobInput) -> Output:
        """Find them. Raises ToolError for a bad pattern or a directory that is not there."""
        found = await self._workspace.call("glob", pattern=given.pattern, path=given.path, limit=SHOWN)
        if not found["paths"]:
            return Output(content=f"No files match {given.pattern}" + (f" in {given.path}" if given.path else ""))
        lines = [visible(path) for path in found["paths"]]
        truncated = found["total"] > len(lines)
        if truncated:
            lines.append(
                f"\n[{len(lines)} of {found['total']:,} files, the newest; narrow the pattern or give path for others]"
            )
        return Output(content="\n".join(lines), truncated=truncated)
