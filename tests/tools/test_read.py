"""Read as the model uses it: text, what is no text, and what is refused."""

import asyncio
import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from agency_tools.errors import ToolError
from agency_tools.read import Read
from agency_tools.seen import Seen
from agency_tools.tool import Output, Tool
from agency_tools.workspace import Workspace

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def use(tool: Tool, **given: Any) -> Output:
    return await tool.run(tool.input_type.model_validate(given))


@pytest.fixture
def read(workspace: Workspace) -> Read:
    return Read(workspace, Seen())


async def test_lines_are_numbered_as_by_cat(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\n\n\tthree\n")
    assert await use(read, file_path=str(tmp_path / "a")) == Output(content="     1\tone\n     2\t\n     3\t\tthree")
    assert (await use(read, file_path="a")).text.startswith("     1\tone")


async def test_a_part_says_where_to_go_on(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{number}\n" for number in range(1, 11)))
    assert await use(read, file_path="a", offset=3, limit=2) == Output(
        content="     3\t3\n     4\t4\n\n[lines 3 to 4 of 10; go on with offset 5]", truncated=True
    )
    assert await use(read, file_path="a", offset=10) == Output(content="    10\t10")


async def test_a_long_file_is_shown_in_part(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n" * 2001)
    done = await use(read, file_path="a")
    assert done.text.endswith("  2000\tx\n\n[PARTIAL view: lines 1 to 2,000 of 2,001; go on with offset 2001]")
    assert done.truncated


async def test_a_long_page_is_shown_in_part_and_refused_where_it_was_asked_for(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f"{'x' * 1000}\n" * 200)
    assert "[PARTIAL view: lines 1 to 79 of 200; go on with offset 80]" in (await use(read, file_path="a")).text
    with pytest.raises(ToolError, match="ask for limit 79, or find the place with Grep"):
        await use(read, file_path="a", offset=1, limit=200)


async def test_long_lines_are_cut_and_told_of(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 2500 + "\nend\n")
    done = await use(read, file_path="a")
    assert done.text.startswith("     1\t" + "x" * 2000 + "\n     2\tend")
    assert "[1 long lines are cut at 2000 characters" in done.text


async def test_a_large_file_is_read_where_it_is_asked_for(read: Read, tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        for _ in range(40):
            file.write(b"x" * (1 << 20) + b"\n")
        file.write("last é".encode())
    done = await use(read, file_path="a", offset=41)
    assert done.text.startswith("    41\tlast é")
    assert "lines 40 to 40 of more" in (await use(read, file_path="a", offset=40, limit=1)).text
    assert (await use(read, file_path="a", offset=50)).text == "[line 50 is past the end: a has 41 lines]"


async def test_empty_and_past_the_end_are_said(read: Read, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "two").write_text("1\n2\n")
    assert (await use(read, file_path="empty")).content == "[empty is there and empty]"
    assert (await use(read, file_path="two", offset=9)).content == "[line 9 is past the end: two has 2 lines]"


async def test_encodings_are_read(read: Read, tmp_path: Path) -> None:
    contents = {
        "bom": b"\xef\xbb\xbf\xc3\xa9",
        "utf16": "é".encode("utf-16"),
        "latin": b"\xe9",
        "crlf": "é\r\n".encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert (await use(read, file_path=name)).content == "     1\té"


async def test_what_hides_is_shown_and_told_of(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a\u202eb\x1b[2J\U000e0041\n")
    assert (await use(read, file_path="a")).text == (
        "     1\ta\\u202eb\\x1b[2J\\U000e0041\n\n"
        "[3 invisible or control characters are written as escapes such as \\x1b or \\u202e]"
    )


async def test_binary_files_and_what_is_no_file_are_refused(read: Read, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\0")
    (tmp_path / "folder").mkdir()
    refused = {
        "binary": "is binary",
        "folder": "is a directory",
        "nope": "no such file",
        "folder/x/y": "no directory x",
    }
    for name, why in refused.items():
        with pytest.raises(ToolError, match=why):
            await use(read, file_path=name)


async def test_a_near_name_is_offered(read: Read, tmp_path: Path) -> None:
    (tmp_path / "Main.tf").touch()
    with pytest.raises(ToolError, match=r"no such file; did you mean Main\.tf\?"):
        await use(read, file_path="main.TF.json")


async def test_pipes_and_devices_never_block(read: Read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ToolError, match="is a named pipe"):
        await asyncio.wait_for(use(read, file_path="pipe"), 2)
    (tmp_path / "device").symlink_to("/dev/zero")
    with pytest.raises(ToolError, match="outside"):
        await asyncio.wait_for(use(read, file_path="device"), 2)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "out", "out/passwd", "through/../../etc/passwd", "loop"]
)
async def test_paths_outside_are_refused_however_they_are_written(read: Read, tmp_path: Path, path: str) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "a").mkdir()
    (tmp_path / "through").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ToolError):
        await use(read, file_path=path)


async def test_links_inside_are_followed(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x\n")
    (tmp_path / "relative").symlink_to("a/../a/file")
    (tmp_path / "absolute").symlink_to(tmp_path / "a")
    assert (await use(read, file_path="relative")).content == "     1\tx"
    assert (await use(read, file_path="absolute/file")).content == "     1\tx"


async def test_scratch_is_readable(read: Read, workspace: Any) -> None:
    (workspace.scratch / "out.txt").write_text("kept\n")
    assert (await use(read, file_path=f"{workspace.scratch}/out.txt")).content == "     1\tkept"


async def test_an_image_is_an_image(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    data = base64.b64encode(PNG).decode()
    assert (await use(read, file_path="a.png")).content == (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
    )
    (tmp_path / "b.png").write_text("text")
    with pytest.raises(ToolError, match="is no PNG, JPEG, GIF or WebP"):
        await use(read, file_path="b.png")


def pdf(pages: int) -> bytes:
    from pypdf import PdfWriter

    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=72, height=72)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


async def test_a_pdf_is_a_document(read: Read, tmp_path: Path) -> None:
    from pypdf import PdfReader

    (tmp_path / "a.pdf").write_bytes(pdf(12))
    with pytest.raises(ToolError, match=r'has 12 pages; say which with pages, such as "1-10"'):
        await use(read, file_path="a.pdf")
    done = await use(read, file_path="a.pdf", pages="2-4")
    assert isinstance(done.content, tuple)
    assert done.text == "a.pdf: pages 2 to 4 of 12"
    assert len(PdfReader(io.BytesIO(base64.b64decode(done.content[1]["source"]["data"]))).pages) == 3


@pytest.mark.parametrize("pages", ["0", "13", "x", "5-2", "1-"])
async def test_pages_that_are_not_there_are_refused(read: Read, tmp_path: Path, pages: str) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(3))
    if pages == "1-":
        assert (await use(read, file_path="a.pdf", pages=pages)).text == "a.pdf: all pages of 3"
        return
    with pytest.raises(ToolError):
        await use(read, file_path="a.pdf", pages=pages)


async def test_a_broken_pdf_is_refused(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\nnothing")
    with pytest.raises(ToolError, match="cannot be read as a PDF"):
        await use(read, file_path="a.pdf")


async def test_a_notebook_is_its_cells_and_outputs(read: Read, tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# T\n", "text"]},
        {"cell_type": "code", "source": "1+1", "outputs": [{"data": {"text/plain": ["2"], "image/png": "x"}}]},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    lines = [
        "[cell 1: markdown]",
        "# T",
        "text",
        "",
        "[cell 2: code]",
        "1+1",
        "[output]",
        "2",
        "[image/png not shown]",
        "",
    ]
    assert (await use(read, file_path="a.ipynb")).content == "\n".join(
        f"{number:6}\t{line}" for number, line in enumerate(lines, 1)
    )
    (tmp_path / "b.ipynb").write_text("{}")
    with pytest.raises(ToolError, match="is no notebook"):
        await use(read, file_path="b.ipynb")


async def test_a_large_notebook_is_shown_up_to_100_mb(read: Read, tmp_path: Path) -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "x" * (40 << 20)}}
    cell = {"cell_type": "code", "source": "plot()", "outputs": [picture]}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert "plot()" in (await use(read, file_path="a.ipynb")).text
    with (tmp_path / "b.ipynb").open("wb") as file:
        file.truncate((100 << 20) + 1)
    with pytest.raises(ToolError, match="at most 104,857,600 can be shown"):
        await use(read, file_path="b.ipynb")


async def test_pages_are_for_pdfs(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(ToolError, match="pages is for PDF files"):
        await use(read, file_path="a", pages="1")
