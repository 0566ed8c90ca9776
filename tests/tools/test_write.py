"""Write as the model uses it: whole files, only over what was read, and truthfully told."""

import asyncio
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agency_tools import host
from agency_tools.edit import Edit
from agency_tools.errors import ToolError
from agency_tools.read import Read
from agency_tools.seen import Seen
from agency_tools.tool import Output, Tool
from agency_tools.workspace import Workspace
from agency_tools.write import Write


async def use(tool: Tool, **given: Any) -> Output:
    return await tool.run(tool.input_type.model_validate(given))


class Tools(NamedTuple):
    read: Read
    write: Write


@pytest.fixture
def tools(workspace: Workspace) -> Tools:
    seen = Seen()
    return Tools(Read(workspace, seen), Write(workspace, seen))


async def test_a_new_file_and_its_directories_are_made(tools: Tools, tmp_path: Path) -> None:
    assert await use(tools.write, file_path="a/b/c", content="é\n") == Output(
        content="Created a/b/c: 1 lines, 3 bytes", changed=("a/b/c",)
    )
    assert (tmp_path / "a/b/c").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o644


async def test_a_file_that_was_read_or_written_is_replaced(tools: Tools, tmp_path: Path) -> None:
    await use(tools.write, file_path="a", content="1")
    await use(tools.write, file_path="a", content="2")
    assert (tmp_path / "a").read_text() == "2"
    (tmp_path / "b").write_text("x\n")
    (tmp_path / "b").chmod(0o755)
    await use(tools.read, file_path="b")
    assert (await use(tools.write, file_path="b", content="")).content == "Replaced b: 0 lines, 0 bytes"
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o755


async def test_what_was_not_read_or_changed_since_is_refused(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ToolError, match="has not been read yet; Read it, then write it"):
        await use(tools.write, file_path="a", content="y")
    await use(tools.read, file_path="a")
    (tmp_path / "a").write_text("z")
    with pytest.raises(ToolError, match="has changed since it was read"):
        await use(tools.write, file_path="a", content="y")
    assert (tmp_path / "a").read_text() == "z"


async def test_what_was_read_in_part_is_refused_until_it_was_read_whole(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n" * 10)
    await use(tools.read, file_path="a", limit=4)
    with pytest.raises(ToolError, match="has been read only in part"):
        await use(tools.write, file_path="a", content="y")
    await use(tools.read, file_path="a", offset=5)
    await use(tools.write, file_path="a", content="y")


async def test_encoding_and_windows_line_ends_stay(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx\r\ny\r\n")
    await use(tools.read, file_path="a")
    done = await use(tools.write, file_path="a", content="1\n2\n")
    assert done.content == "Replaced a: 2 lines, 9 bytes; its Windows line ends were kept"
    assert (tmp_path / "a").read_bytes() == b"\xef\xbb\xbf1\r\n2\r\n"


async def test_line_ends_given_are_written(tools: Tools, tmp_path: Path) -> None:
    await use(tools.write, file_path="a", content="1\r\n2\n")
    assert (tmp_path / "a").read_bytes() == b"1\r\n2\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/x", "lies outside"),
        ("../x", "leads outside"),
        ("out/x", "lies outside"),
        ("folder", "is a directory"),
        ("file/x", "file is not a directory"),
        ("/skills/x", "lies outside"),
        (".git/hooks/pre-commit", "is protected"),
        ("new/.git/config", "is protected"),
        ("pipe", "is a named pipe"),
        ("dangling", "lies outside"),
        ("a\0b", "no path can hold"),
        ("x" * 300, "name too long"),
    ],
)
async def test_what_may_not_be_written_is_refused(tools: Tools, tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "dangling").symlink_to("/etc/agency-nope")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ToolError, match=why):
        await asyncio.wait_for(use(tools.write, file_path=path, content="x"), 5)


async def test_a_dangling_link_inside_is_written_through(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    assert (await use(tools.write, file_path="link", content="x")).changed == ("target",)
    assert (tmp_path / "target").read_text() == "x"
    assert (tmp_path / "link").is_symlink()


async def test_scratch_is_writable_and_no_change_of_the_repository(tools: Tools, workspace: Any) -> None:
    assert (await use(tools.write, file_path=f"{workspace.scratch}/x", content="x")).changed == ()


async def test_whoever_reads_meanwhile_sees_the_old_or_the_new(tools: Tools, tmp_path: Path) -> None:
    size = 3_000_000
    await use(tools.write, file_path="a", content="a" * size)
    writing = asyncio.create_task(use(tools.write, file_path="a", content="b" * size))
    states: set[str] = set()
    while not writing.done():
        states.add((tmp_path / "a").read_text())
        await asyncio.sleep(0)
    assert states <= {"a" * size, "b" * size}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


async def test_a_link_swapped_in_meanwhile_leads_nowhere(tools: Tools, tmp_path: Path, workspace: Any) -> None:
    """A command races to turn a directory into a link that leads out; nothing is ever written outside."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    swap = f"while :; do rm -rf d; mkdir d; rm -rf d; ln -s {outside} d; done"
    racing = asyncio.create_task(workspace.call("exec", command=swap, timeout_s=2, partial=True))
    written = 0
    while not racing.done():
        try:
            await use(tools.write, file_path=f"d/{written}", content="x")
            written += 1
        except ToolError:
            await asyncio.sleep(0)
    await racing
    assert list(outside.iterdir()) == []


async def test_a_file_without_leave_to_write_is_refused_with_how_to_get_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    seen = Seen()
    read, write, edit = Read(workspace, seen), Write(workspace, seen), Edit(workspace, seen)
    path = tmp_path / "a"
    path.write_text("x")
    path.chmod(0o444)
    await use(read, file_path=str(path))
    with pytest.raises(ToolError, match=r"read-only \(mode 0444\).*chmod u\+w"):
        await use(write, file_path=str(path), content="y")
    with pytest.raises(ToolError, match=r"read-only \(mode 0444\).*chmod u\+w"):
        await use(edit, file_path=str(path), old_string="x", new_string="y")
    assert path.read_text() == "x"
    path.chmod(0o644)
    await use(write, file_path=str(path), content="y")
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_file_created_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    settings = host.Settings()
    settings.root = str(tmp_path)
    files = host.Files(settings)
    if not hard_links:
        monkeypatch.setattr(os, "link", refuse)
    assert files.write("new", "mine", None)["created"]
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("new", "mine")]

    def nothing_there_yet(_: host.Place) -> None:
        (tmp_path / "a").write_text("theirs")

    monkeypatch.setattr(host.Place, "status", nothing_there_yet)
    with pytest.raises(host.Refused, match="has been created meanwhile; Read it"):
        files.write("a", "mine", None)
    assert (tmp_path / "a").read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "new"]


def refuse(*_: Any, **__: Any) -> None:
    raise PermissionError(1, "Operation not permitted")
