"""Read: a file's lines with their numbers, or an image, a PDF or a notebook as content."""

import posixpath
from typing import Any, ClassVar

from pydantic import Field

from agency_tools.errors import ToolError
from agency_tools.media import IMAGES, image_block, notebook_text, pdf_blocks
from agency_tools.plain import hides, visible
from agency_tools.seen import Seen
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

LINES = 2000
WIDTH = 2000
SHOWN = 80_000
"""Characters of one answer, about 25,000 tokens."""

LARGEST_WHOLE = 32 << 20
"""Bytes of an image or PDF; they have to be read as a whole."""

LARGEST_NOTEBOOK = 100 << 20
"""Bytes of a notebook; most of a large one are pictures, which are not shown."""

PIECE = 8 << 20


class ReadInput(Input):
    """A file, and which part of it."""

    file_path: str = Field(description="absolute path, or one relative to the repository", min_length=1)
    offset: int | None = Field(default=None, description="the line to begin with; the first is 1", ge=0)
    limit: int | None = Field(default=None, description=f"how many lines, by default {LINES}", gt=0)
    pages: str | None = Field(default=None, description='of a PDF only: pages such as "3" or "1-5", at most 20')


class Read:
    """The Read tool."""

    name: ClassVar[str] = "Read"
    description: ClassVar[str] = (
        f"Read a file: its lines, numbered as by cat -n, from `offset` on, {LINES} by default; "
        f"longer lines than {WIDTH} characters are cut. Images, PDFs (`pages` for long ones) and notebooks are shown as what "
        "they are. A file has to be read before Edit or Write may change it. For directories use Glob or ls."
    )
    input_type: ClassVar[type[Input]] = ReadInput
    read_only: ClassVar[bool] = True

    def __init__(self, workspace: Workspace, seen: Seen) -> None:
        self._workspace = workspace
        self._seen = seen

    async def run(self, given: ReadInput) -> Output:
        """Read it. Raises ToolError for what is no regular file, is binary, or is too much at once."""
        kind = posixpath.splitext(given.file_path)[1].lower()
        if given.pages is not None and kind != ".pdf":
            raise ToolError(f"pages is for PDF files; for {given.file_path} use offset and limit")
        if kind in IMAGES:
            return Output(content=(image_block(await self._whole(given.file_path), given.file_path),))
        if kind == ".pdf":
            return Output(content=pdf_blocks(await self._whole(given.file_path), given.file_path, given.pages))
        if kind == ".ipynb":
            return self._paged(
                given, notebook_text(await self._whole(given.file_path, LARGEST_NOTEBOOK), given.file_path)
            )
        return await self._text(given)

    async def _text(self, given: ReadInput) -> Output:
        first = max(given.offset or 1, 1)
        page = await self._workspace.call(
            "read", path=given.file_path, offset=first, limit=given.limit or LINES, width=WIDTH
        )
        told, shown = _page(given, first, page)
        if shown or page["size"] == 0:  # what lies past the end shows nothing of the file
            last = first + shown - 1 if shown else 0
            self._seen.show(page["path"], page["stamp"], first=first, last=last, total=page["total"])
        return told

    def _paged(self, given: ReadInput, lines: list[str]) -> Output:
        first = max(given.offset or 1, 1)
        chosen = lines[first - 1 : first - 1 + (given.limit or LINES)]
        return _page(given, first, {"lines": chosen, "total": len(lines), "size": 1, "cut": 0})[0]

    async def _whole(self, path: str, largest: int = LARGEST_WHOLE) -> bytes:
        """All of a file that cannot be shown in part."""
        found = bytearray()
        while True:
            part = await self._workspace.call("bytes", path=path, start=len(found), count=PIECE)
            if part["size"] > largest:
                raise ToolError(f"{path} is {part['size']:,} bytes; at most {largest:,} can be shown. Use Bash")
            piece = _decoded(part["data"])
            found += piece
            if not found:
                raise ToolError(f"{path} is empty")
            if len(piece) < PIECE:
                self._seen.know(part["path"], part["stamp"] or None) if part["stamp"] else None
                return bytes(found)


def _decoded(data: str) -> bytes:
    import base64

    return base64.b64decode(data)


def _page(given: ReadInput, first: int, page: dict[str, Any]) -> tuple[Output, int]:
    """What the model reads, and how many lines that is."""
    total = page["total"]
    if page["size"] == 0:
        return Output(content=f"[{given.file_path} is there and empty]"), 0
    if not page["lines"]:
        return Output(content=f"[line {first} is past the end: {given.file_path} has {total:,} lines]"), 0
    lines = page["lines"]
    fitting = _fitting(lines)
    if fitting < len(lines) and (given.offset is not None or given.limit is not None):
        raise ToolError(
            f"{len(lines):,} lines from line {first:,} of {given.file_path} are more than {SHOWN:,} characters; "
            f"ask for limit {fitting}, or find the place with Grep"
        )
    text = "\n".join(f"{number:6}\t{visible(line)}" for number, line in enumerate(lines[:fitting], first))
    notes = _notes(given, first, fitting, page)
    more = total is None or first + fitting - 1 < total
    return Output(content="\n\n".join([text, *notes]), truncated=more or bool(page["cut"])), fitting


def _fitting(lines: list[str]) -> int:
    """How many lines fit; at least one."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line) + 8
        if size > SHOWN:
            return max(count, 1)
    return len(lines)


def _notes(given: ReadInput, first: int, shown: int, page: dict[str, Any]) -> list[str]:
    notes: list[str] = []
    last, total = first + shown - 1, page["total"]
    if total is None or last < total:
        of = "more" if total is None else f"{total:,}"
        view = "PARTIAL view: " if given.offset is None and given.limit is None else ""
        notes.append(f"[{view}lines {first:,} to {last:,} of {of}; go on with offset {last + 1}]")
    if page["cut"]:
        notes.append(f"[{page['cut']:,} long lines are cut at {WIDTH} characters; `cut -c` in Bash shows the rest]")
    hidden = sum(hides(line) for line in page["lines"][:shown])
    if hidden:
        notes.append(f"[{hidden:,} invisible or control characters are written as escapes such as \\x1b or \\u202e]")
    return notes
