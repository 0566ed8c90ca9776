"""Images, PDFs and notebooks as content blocks and text."""

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agency_tools.errors import ToolError
from agency_tools.tool import Block

IMAGES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
LARGEST_IMAGE = 5 << 20
"""Bytes in base64, as the Messages API takes them."""

LARGEST_PDF = 20 << 20
PAGES_UNASKED = 10
PAGES_AT_ONCE = 20
CELL_OUTPUT = 2000


def image_block(data: bytes, path: str) -> Block:
    """The image as the Messages API takes it, by what it is, not by how it is called."""
    kind = _image_kind(data)
    if kind is None:
        raise ToolError(f"{path} is no PNG, JPEG, GIF or WebP image, whatever its name; look at it with `file` in Bash")
    encoded = base64.b64encode(data).decode()
    if len(encoded) > LARGEST_IMAGE:
        raise ToolError(f"{path} is {len(data):,} bytes, too large to be shown; make a smaller copy below /tmp first")
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": encoded}}


def _image_kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in SIGNATURES if data.startswith(signature)), None)


def pdf_blocks(data: bytes, path: str, pages: str | None) -> tuple[Block, ...]:
    """The PDF, or the pages asked for, as a document block, after a line that says which they are."""
    if not data[:1024].lstrip().startswith(b"%PDF"):
        raise ToolError(f"{path} is no PDF, whatever its name; look at it with `file` in Bash")
    total, chosen, document = _pages(data, path, pages)
    if len(document) > LARGEST_PDF:
        raise ToolError(f"pages {pages or 'all'} of {path} are {len(document):,} bytes; ask for fewer pages")
    encoded = base64.b64encode(document).decode()
    which = f"pages {chosen[0]} to {chosen[-1]}" if len(chosen) < total else "all pages"
    return (
        {"type": "text", "text": f"{path}: {which} of {total}"},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": encoded}},
    )


def _pages(data: bytes, path: str, pages: str | None) -> tuple[int, Sequence[int], bytes]:
    from pypdf import PdfReader, PdfWriter  # a tenth of a second, for PDFs only
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        total = len(reader.pages)
        chosen = _chosen(pages, total, path)
        if len(chosen) == total:
            return total, chosen, data
        writer = PdfWriter()
        for number in chosen:
            writer.add_page(reader.pages[number - 1])
        part = io.BytesIO()
        writer.write(part)
    except (PyPdfError, ValueError, KeyError, RecursionError) as problem:
        raise ToolError(f"{path} cannot be read as a PDF: {problem}") from problem
    return total, chosen, part.getvalue()


def _chosen(pages: str | None, total: int, path: str) -> range:
    if pages is None:
        if total > PAGES_UNASKED:
            raise ToolError(f'{path} has {total} pages; say which with pages, such as "1-{PAGES_UNASKED}"')
        return range(1, total + 1)
    match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d*)\s*)?", pages)
    if not match:
        raise ToolError(f'pages is a number or a range, such as "3" or "1-5", not {pages!r}')
    first = int(match[1])
    last = first if match[2] is None else min(int(match[2] or total), total)
    if not 1 <= first <= last <= total:
        raise ToolError(f"{path} has {total} pages; there is no page {pages}")
    if last - first >= PAGES_AT_ONCE:
        raise ToolError(f"pages {pages} are more than {PAGES_AT_ONCE}; ask for fewer at a time")
    return range(first, last + 1)


def notebook_text(data: bytes, path: str) -> list[str]:
    """A notebook's cells with their outputs, as lines."""
    try:
        notebook: Any = json.loads(data)
        cells = cast(list[dict[str, Any]], notebook["cells"])
        return [line for number, cell in enumerate(cells, 1) for line in _cell(number, cell)]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ToolError(f"{path} is no notebook that can be read ({problem}); use `cat` in Bash") from problem


def _cell(number: int, cell: dict[str, Any]) -> list[str]:
    lines = [f"[cell {number}: {cell['cell_type']}]", *_joined(cell.get("source", "")).splitlines()]
    for output in cell.get("outputs", []):
        text = _output(output)
        if text:
            lines += ["[output]", *text.splitlines()]
    return [*lines, ""]


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    text = _joined(output.get("text") or data.get("text/plain") or output.get("traceback") or "")
    others = [kind for kind in data if kind != "text/plain"]
    shown = (
        text
        if len(text) <= CELL_OUTPUT
        else f"{text[:CELL_OUTPUT]} [… {len(text) - CELL_OUTPUT:,} characters left out]"
    )
    return "\n".join([shown, *(f"[{kind} not shown]" for kind in others)]).strip()


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(str(part) for part in text)
