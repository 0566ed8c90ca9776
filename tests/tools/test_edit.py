"""Edit as the model uses it: exact, only on what was read, and with everything else kept."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agency_tools.bash import Bash
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
    edit: Edit
    write: Write
    bash: Bash


@pytest.fixture
def tools(workspace: Workspace) -> Tools:
    seen = Seen()
    return Tools(Read(workspace, seen), Edit(workspace, seen), Write(workspace, seen), Bash(workspace, seen))


async def edited(tools: Tools, path: Path, old: str, new: str, **more: Any) -> Output:
    await use(tools.read, file_path=str(path))
    return await use(tools.edit, file_path=str(path), old_string=old, new_string=new, **more)


async def test_one_occurrence_is_replaced(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\ntwo\nthree\n")
    assert await edited(tools, tmp_path / "a", "two", "2\n2") == Output(
        content=f"Edited {tmp_path}/a: 1 replacement, now 14 bytes\n     1\tone\n     2\t2\n     3\t2\n     4\tthree",
        changed=("a",),
    )
    assert (tmp_path / "a").read_text() == "one\n2\n2\nthree\n"


async def test_edits_follow_each_other_without_reading_again(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 2")
    await edited(tools, tmp_path / "a", "1", "3")
    await use(tools.edit, file_path="a", old_string="2", new_string="4")
    assert (tmp_path / "a").read_text() == "3 4"


async def test_what_was_not_read_is_refused(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ToolError, match="has not been read yet; Read it, then edit it"):
        await use(tools.edit, file_path="a", old_string="nope", new_string="y")


async def test_what_changed_since_is_refused_and_the_order_of_errors_holds(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    await use(tools.read, file_path="a")
    (tmp_path / "a").write_text("y y")
    with pytest.raises(ToolError, match="has changed since it was read"):
        await use(tools.edit, file_path="a", old_string="nope", new_string="z")
    await use(tools.read, file_path="a")
    with pytest.raises(ToolError, match="old_string is not in"):
        await use(tools.edit, file_path="a", old_string="nope", new_string="z")
    with pytest.raises(ToolError, match=r"old_string is 2 times in .* \(lines 1, 1\)"):
        await use(tools.edit, file_path="a", old_string="y", new_string="z")


async def test_a_touch_is_no_change(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    await use(tools.read, file_path="a")
    (tmp_path / "a").touch()
    await use(tools.edit, file_path="a", old_string="x", new_string="y")
    assert (tmp_path / "a").read_text() == "y"


@pytest.mark.parametrize(
    "command", ["cat a", "head -n 3 a", "tail -5 a", "sed -n 1,5p a", "grep -n x a", 'grep -E "x|y" a', "cat ./a"]
)
async def test_a_file_shown_by_a_plain_command_has_been_read(tools: Tools, tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_text("x\n")
    await use(tools.bash, command=command)
    await use(tools.edit, file_path="a", old_string="x", new_string="y")
    assert (tmp_path / "a").read_text() == "y\n"


@pytest.mark.parametrize(
    "command", ["cat a b", "cat a | wc", "grep -c x a", "sed -i s/x/x/ a", "ls a", "cat a >/dev/null"]
)
async def test_other_commands_do_not_show_it(tools: Tools, tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "b").write_text("x\n")
    await use(tools.bash, command=command)
    with pytest.raises(ToolError, match="has not been read"):
        await use(tools.edit, file_path="a", old_string="x", new_string="y")


async def test_every_occurrence_is_replaced_where_asked(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x x\nx\n")
    done = await edited(tools, tmp_path / "a", "x", "yy", replace_all=True)
    assert "3 replacements, now 9 bytes" in done.text
    assert (tmp_path / "a").read_text() == "yy yy\nyy\n"


async def test_nothing_to_do_is_refused(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ToolError, match="are the same"):
        await edited(tools, tmp_path / "a", "x", "x")
    for every in (False, True):
        with pytest.raises(ToolError, match="old_string is empty"):
            await edited(tools, tmp_path / "a", "", "y", replace_all=every)
    assert (tmp_path / "a").read_text() == "x"


async def test_plain_line_ends_match_windows_ones_which_stay(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    await edited(tools, tmp_path / "a", "one\ntwo", "1\n2\n2")
    assert (tmp_path / "a").read_bytes() == b"1\r\n2\r\n2\r\nthree\r\n"
    await use(tools.edit, file_path="a", old_string="2\r\n2", new_string="2")
    assert (tmp_path / "a").read_bytes() == b"1\r\n2\r\nthree\r\n"


async def test_mixed_line_ends_stay_as_they_are(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\r\nb\nc\r\nd\n")
    await edited(tools, tmp_path / "a", "c\nd", "c\nD")
    assert (tmp_path / "a").read_bytes() == b"a\r\nb\nc\r\nD\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfx\n", b"\xef\xbb\xbf\xc3\xa9\n"),
        ("x\n".encode("utf-16"), "é\n".encode("utf-16")),
        (b"\xfcx\n", b"\xfc\xe9\n"),
        (b"\xff\xc3\xbcx\n", b"\xff\xc3\xbc\xc3\xa9\n"),
        (b"x", b"\xc3\xa9"),
    ],
)
async def test_mark_and_encoding_stay(tools: Tools, tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / "a").write_bytes(before)
    await edited(tools, tmp_path / "a", "x", "é")
    assert (tmp_path / "a").read_bytes() == after


async def test_a_character_the_encoding_lacks_is_refused(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xfcx")
    with pytest.raises(ToolError, match="latin-1, which has no '€'"):
        await edited(tools, tmp_path / "a", "x", "€")
    assert (tmp_path / "a").read_bytes() == b"\xfcx"


@pytest.mark.parametrize("mode", [0o755, 0o600, 0o640])
async def test_the_mode_stays(tools: Tools, tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(mode)
    await edited(tools, tmp_path / "a", "x", "y")
    assert (tmp_path / "a").stat().st_mode & 0o7777 == mode


async def test_a_link_stays_and_what_it_names_changes(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    assert (await edited(tools, tmp_path / "link", "x", "y")).changed == ("a",)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == "y"


async def test_backslashes_and_groups_are_literal(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x(.*)\r\n")
    await edited(tools, tmp_path / "a", "x(.*)", r"\1\g<0>\n")
    assert (tmp_path / "a").read_bytes() == b"\\1\\g<0>\\n\r\n"


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("     1\tdef f():", "leave out the line numbers"),
        ("def  f():\n  return 1", "line 1 differs from it in white space only"),
        ("def f():\n    return 2", "its first line is on line 1, but what follows differs"),
        ("nothing like it", "Read the file again"),
    ],
)
async def test_a_near_miss_says_why(tools: Tools, tmp_path: Path, old: str, why: str) -> None:
    (tmp_path / "a").write_text("def f():\n    return 1\n")
    with pytest.raises(ToolError, match=why):
        await edited(tools, tmp_path / "a", old, "x")


@pytest.mark.parametrize("path", [".git/config", "sub/.git/hooks/x", "link/config"])
async def test_protected_paths_are_refused(tools: Tools, tmp_path: Path, path: str) -> None:
    for folder in (".git", "sub/.git/hooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(".git")
    (tmp_path / ".git/config").write_text("x")
    (tmp_path / "sub/.git/hooks/x").write_text("x")
    with pytest.raises(ToolError, match="is protected"):
        await edited(tools, tmp_path / path, "x", "y")
    assert (tmp_path / path).read_text() == "x"


async def test_a_file_that_is_not_there_or_no_file_is_refused(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, why in {"nope": "no such file", "folder": "is a directory", "no/pe": "no such file"}.items():
        with pytest.raises(ToolError, match=why):
            await use(tools.edit, file_path=path, old_string="x", new_string="y")


async def test_a_page_past_the_end_shows_nothing_of_the_file(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    await use(tools.read, file_path="a", offset=50)
    with pytest.raises(ToolError, match="has not been read yet"):
        await use(tools.edit, file_path="a", old_string="x", new_string="y")
    (tmp_path / "empty").write_text("")
    await use(tools.read, file_path="empty")
    (tmp_path / "empty").write_text("filled")
    with pytest.raises(ToolError, match="has changed since it was read"):
        await use(tools.edit, file_path="empty", old_string="filled", new_string="y")
