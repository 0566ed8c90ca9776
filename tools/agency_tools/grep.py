"""Grep: files by what is in them."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from agency_tools.plain import visible
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

SHOWN_LINES = 250
SHOWN = 30_000


class GrepInput(Input):
    """A pattern, where to look, and how to tell what is found."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    pattern: str = Field(description="a regular expression as ripgrep takes it", min_length=1)
    path: str | None = Field(default=None, description="file or directory, by default the repository")
    glob: str | None = Field(default=None, description='only files whose path matches, such as "*.{yml,yaml}"')
    type: str | None = Field(default=None, description="only files of this type, such as py, tf, yaml")
    output_mode: Literal["files_with_matches", "content", "count"] = Field(
        default="files_with_matches", description="paths, matching lines, or the number of matching lines of each file"
    )
    ignore_case: bool = Field(default=False, alias="-i", description="upper and lower case are the same")
    numbers: bool = Field(default=True, alias="-n", description="with line numbers (content)")
    only: bool = Field(default=False, alias="-o", description="only what matched of each line (content)")
    after: int = Field(default=0, alias="-A", description="lines after each match (content)", ge=0)
    before: int = Field(default=0, alias="-B", description="lines before each match (content)", ge=0)
    around: int | None = Field(default=None, alias="-C", description="lines before and after (content)", ge=0)
    context: int | None = Field(default=None, description="the same as -C", ge=0)
    head_limit: int = Field(
        default=SHOWN_LINES, description=f"result lines at most; by default {SHOWN_LINES}, 0 is all", ge=0
    )
    offset: int = Field(default=0, description="result lines to skip", ge=0)
    multiline: bool = Field(default=False, description="the pattern may span lines, and . matches line ends")


class Grep:
    """The Grep tool."""

    name: ClassVar[str] = "Grep"
    description: ClassVar[str] = (
        "Search in files with a regular expression: by default which files match, with output_mode content the lines. "
        "Results are sorted by path. Files ignored by .gitignore, binary files and .git are left out. "
        "Escape braces that are meant literally: interface\\{\\}."
    )
    input_type: ClassVar[type[Input]] = GrepInput
    read_only: ClassVar[bool] = True

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def run(self, given: GrepInput) -> Output:
        """Search. Raises ToolError for a pattern, type or path that cannot be used, in the engine's words."""
        found = await self._workspace.call("grep", offset=given.offset, limit=given.head_limit, **_query(given))
        if not found["lines"]:
            return Output(content=_nothing(given, found["matched"]))
        lines, fitting = [visible(line) for line in found["lines"]], 0
        size = 0
        for line in lines:
            size += len(line) + 1
            if size > SHOWN and fitting:
                break
            fitting += 1
        note = _note(given, fitting, found)
        return Output(content="\n".join([*lines[:fitting], *note]), truncated=bool(note))


def _query(given: GrepInput) -> dict[str, Any]:
    around = given.around if given.around is not None else given.context
    return {
        "pattern": given.pattern,
        "path": given.path,
        "glob": given.glob,
        "type": given.type,
        "mode": given.output_mode,
        "ignore_case": given.ignore_case,
        "numbers": given.numbers,
        "only": given.only,
        "before": given.before or around or 0,
        "after": given.after or around or 0,
        "multiline": given.multiline,
    }


def _nothing(given: GrepInput, matched: int) -> str:
    if matched:
        return f"[offset {given.offset} is past the end: there are {matched:,} result lines]"
    narrowed = [
        f"{name} {value}" for name, value in (("path", given.path), ("glob", given.glob), ("type", given.type)) if value
    ]
    return "No matches" + (f" ({', '.join(narrowed)})" if narrowed else "")


def _note(given: GrepInput, shown: int, found: dict[str, Any]) -> list[str]:
    """How to go on, where this is not all."""
    last = given.offset + shown
    if found["total"] is None:
        return [
            f"\n[result lines {given.offset + 1} to {last} of very many; narrow the search by path, glob or pattern]"
        ]
    if last < found["total"]:
        return [f"\n[result lines {given.offset + 1} to {last} of {found['total']:,}; go on with offset {last}]"]
    return []
