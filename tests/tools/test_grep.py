"""Grep as the model uses it, with ripgrep and without: the two answer alike."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agency_tools.errors import ToolError
from agency_tools.grep import Grep
from agency_tools.tool import Output, Tool, definition
from agency_tools.workspace import Workspace


async def use(tool: Tool, **given: Any) -> Output:
    return await tool.run(tool.input_type.model_validate(given))


@pytest.fixture
def grep(searched: Workspace, tmp_path: Path) -> Grep:
    """Over a small tree."""
    files = {
        ".gitignore": "*.log\n/build/\n!keep.log\n",
        ".github/ci.yml": "needle: ci\n",
        ".git/config": "needle\n",
        "a.py": "import os\nNeedle = 1\nneedle = 2\n# end\n",
        "b/c.tf": 'resource "needle" "x" {\n  a = 1\n}\n',
        "b/.gitignore": "secret.*\n",
        "b/secret.txt": "needle\n",
        "build/out.txt": "needle\n",
        "deep/build/in.txt": "no\nneedle\n",
        "keep.log": "needle\n",
        "drop.log": "needle\n",
        "crlf.txt": "needle\r\nnext\r\n",
        "binary.bin": "needle\0needle\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return Grep(searched)


async def test_by_default_the_files_that_match_sorted_by_path(grep: Grep) -> None:
    assert await use(grep, pattern="needle") == Output(
        content=".github/ci.yml\na.py\nb/c.tf\ncrlf.txt\ndeep/build/in.txt\nkeep.log"
    )


async def test_content_has_paths_and_line_numbers(grep: Grep) -> None:
    done = await use(grep, pattern="needle", output_mode="content", glob="*.{py,txt}")
    assert done.content == "a.py:3:needle = 2\ncrlf.txt:1:needle\ndeep/build/in.txt:2:needle"
    done = await use(grep, pattern="needle", output_mode="content", path="a.py", **{"-n": False, "-i": True})
    assert done.content == "a.py:Needle = 1\na.py:needle = 2"


async def test_count_has_the_number_of_lines(grep: Grep) -> None:
    done = await use(grep, pattern="needle", output_mode="count", type="py", **{"-i": True})
    assert done.content == "a.py:2"


async def test_only_what_matched(grep: Grep) -> None:
    done = await use(grep, pattern="needl.", output_mode="content", path="b", **{"-o": True})
    assert done.content == "b/c.tf:1:needle"


async def test_lines_around_a_match_are_told_apart(grep: Grep, tmp_path: Path) -> None:
    (tmp_path / "n").write_text("".join(f"{number}\n" for number in range(1, 21)))
    done = await use(grep, pattern="^(5|7|15)$", path="n", output_mode="content", **{"-C": 1})
    assert done.content == "n-4-4\nn:5:5\nn-6-6\nn:7:7\nn-8-8\n--\nn-14-14\nn:15:15\nn-16-16"
    done = await use(grep, pattern="^5$", path="n", output_mode="content", **{"-A": 1})
    assert done.content == "n:5:5\nn-6-6"
    done = await use(grep, pattern="^5$", path="n", output_mode="content", **{"-B": 1, "context": 0})
    assert done.content == "n-4-4\nn:5:5"


async def test_line_ends_do_not_hide_a_match(grep: Grep) -> None:
    assert (await use(grep, pattern="^needle$", glob="crlf.txt")).content == "crlf.txt"


async def test_a_match_may_span_lines_where_asked(grep: Grep) -> None:
    assert (await use(grep, pattern=r"\{.*\}", type="tf")).content == "No matches (type tf)"
    assert (await use(grep, pattern=r"\{.*\}", type="tf", multiline=True)).content == "b/c.tf"
    done = await use(grep, pattern=r"\{\n.*?\n\}", path="b/c.tf", multiline=True, output_mode="content")
    assert done.content == 'b/c.tf:1:resource "needle" "x" {\nb/c.tf:2:  a = 1\nb/c.tf:3:}'


async def test_a_directory_below_keeps_the_rules_above_it(grep: Grep) -> None:
    assert (await use(grep, pattern="needle", path="b")).content == "b/c.tf"
    assert (await use(grep, pattern="needle", path="b/secret.txt")).content == "b/secret.txt"


async def test_a_page_says_where_to_go_on(grep: Grep) -> None:
    done = await use(grep, pattern="needle", head_limit=2, offset=1)
    assert done == Output(content="a.py\nb/c.tf\n\n[result lines 2 to 3 of 6; go on with offset 3]", truncated=True)
    assert (await use(grep, pattern="needle", offset=5)).content == "keep.log"
    assert "offset 6 is past the end: there are 6" in (await use(grep, pattern="needle", offset=6)).text


async def test_very_long_results_and_lines_are_cut_and_told_of(grep: Grep, tmp_path: Path) -> None:
    (tmp_path / "long").write_text(f"{'x' * 5000}\n" * 50)
    done = await use(grep, pattern="x", path="long", output_mode="content")
    assert done.truncated
    assert done.text.startswith("long:1:" + "x" * 1000 + " [... omitted end of long line]\n")
    assert "[result lines 1 to 28 of 50; go on with offset 28]" in done.text


async def test_too_many_results_are_still_sorted(grep: Grep, tmp_path: Path) -> None:
    for name in "zyx":
        (tmp_path / name).write_text("line of text to find\n" * 400_000)
    done = await use(grep, pattern="line of text", glob="[xyz]", output_mode="content", head_limit=2)
    assert done.text.startswith("x:1:line of text to find\nx:2:line of text to find\n\n[result lines 1 to 2 of ")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"pattern": "a("}, r"regex parse error|unclosed|missing \)"),
        ({"pattern": "x", "type": "nope"}, "unrecognized file type: nope"),
        ({"pattern": "x", "glob": "{a"}, "error parsing glob|unclosed"),
        ({"pattern": "x", "path": "nope"}, "no such file or directory"),
        ({"pattern": "x", "path": "/etc"}, "lies outside"),
    ],
)
async def test_what_cannot_be_searched_is_told_in_the_engines_words(
    grep: Grep, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(ToolError, match=why):
        await use(grep, **given)


async def test_a_catastrophic_pattern_harms_nobody_and_can_be_cancelled(
    grep: Grep, searched: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("a" * 40 + "!\n")
    running = asyncio.create_task(use(grep, pattern=r"^(a|a)*$", path="a"))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    await searched.call("ping")
    assert time.monotonic() - begun < 1
    running.cancel()
    await asyncio.wait([running])


async def test_a_pattern_is_never_an_option(grep: Grep, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("--files\n")
    assert (await use(grep, pattern="--files", path="a.py", output_mode="content")).content == "a.py:1:--files"


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.py", "a.py"),
        ("*.{py,tf}", "a.py\nb/c.tf"),
        ("*.py *.tf", "a.py\nb/c.tf"),
        ("*.py,*.tf", "a.py\nb/c.tf"),
        ("b/**", "b/c.tf"),
        ("deep/**/*.txt", "deep/build/in.txt"),
        ("b/*", "b/c.tf"),
        ("!*.{py,txt,log}", ".github/ci.yml\nb/c.tf"),
        ("{b/c,a}.*", "a.py\nb/c.tf"),
        ("a:b", "No matches (glob a:b)"),
    ],
)
async def test_globs_narrow_and_bring_nothing_ignored_back(grep: Grep, glob: str, found: str) -> None:
    assert (await use(grep, pattern="needle", glob=glob)).content == found


async def test_names_that_hide_are_shown(grep: Grep, tmp_path: Path) -> None:
    (tmp_path / "x\n\u202ey.md").write_text("needle")
    (tmp_path / "z-1-2:3.md").write_text("needle")
    done = await use(grep, pattern="needle", glob="*.md", output_mode="content")
    assert done.content == "x\\x0a\\u202ey.md:1:needle\nz-1-2:3.md:1:needle"


async def test_the_schema_shows_the_options_by_their_names(grep: Grep) -> None:
    schema = definition(grep)["input_schema"]
    assert {"-i", "-n", "-o", "-A", "-B", "-C", "context", "head_limit"} <= set(schema["properties"])
