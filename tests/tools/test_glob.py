"""Glob as the model uses it, with ripgrep and without: the two answer alike."""

import os
from pathlib import Path
from typing import Any

import pytest

from agency_tools.errors import ToolError
from agency_tools.glob import Glob
from agency_tools.tool import Output, Tool
from agency_tools.workspace import Workspace

FILES = (
    "a.py",
    "b.pyi",
    "src/c.py",
    "src/deep/d.py",
    "src/e.ts",
    ".github/f.yml",
    "[x].md",
    "!y.md",
    ".git/g.py",
    "skip/h.py",
)


async def use(tool: Tool, **given: Any) -> Output:
    return await tool.run(tool.input_type.model_validate(given))


@pytest.fixture
def glob(searched: Workspace, tmp_path: Path) -> Glob:
    """Over files of which each is older than the one before it."""
    (tmp_path / ".gitignore").write_text("skip/\n")
    os.utime(tmp_path / ".gitignore", (1, 1))
    for age, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (10_000 - age, 10_000 - age))
    (tmp_path / "link.py").symlink_to("a.py")
    return Glob(searched)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["a.py", "src/c.py", "src/deep/d.py", "skip/h.py"]),
        ("**/*.py", ["a.py", "src/c.py", "src/deep/d.py", "skip/h.py"]),
        ("./**/*.py", ["a.py", "src/c.py", "src/deep/d.py", "skip/h.py"]),
        ("src/*.py", ["src/c.py"]),
        ("src/**", ["src/c.py", "src/deep/d.py", "src/e.ts"]),
        ("src/**/*.{py,ts}", ["src/c.py", "src/deep/d.py", "src/e.ts"]),
        ("?.py*", ["a.py", "b.pyi", "src/c.py", "src/deep/d.py", "skip/h.py"]),
        ("[ab].*", ["a.py", "b.pyi"]),
        ("[!a].py", ["src/c.py", "src/deep/d.py", "skip/h.py"]),
        (".github/*", [".github/f.yml"]),
        ("\\[x\\].md", ["[x].md"]),
        ("!y.md", ["!y.md"]),
        ("**/deep/**", ["src/deep/d.py"]),
    ],
)
async def test_patterns_find_what_they_say_newest_first(glob: Glob, pattern: str, found: list[str]) -> None:
    assert (await use(glob, pattern=pattern)).content == "\n".join(found)


async def test_a_directory_or_an_absolute_pattern_may_be_given(glob: Glob, tmp_path: Path) -> None:
    assert (await use(glob, pattern="*.py", path="src")).content == "src/c.py\nsrc/deep/d.py"
    assert (await use(glob, pattern=f"{tmp_path}/src/*.py")).content == "src/c.py"


async def test_nothing_found_is_said(glob: Glob) -> None:
    assert await use(glob, pattern="*.nope", path="src") == Output(content="No files match *.nope in src")


async def test_more_than_a_hundred_are_cut_and_counted(glob: Glob, tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"{number}.many").touch()
        os.utime(tmp_path / f"{number}.many", (20_000 + number, 20_000 + number))
    done = await use(glob, pattern="*.many")
    assert done.truncated
    lines = done.text.splitlines()
    assert lines[:100] == [f"{number}.many" for number in range(149, 49, -1)]
    assert lines[101] == "[100 of 150 files, the newest; narrow the pattern or give path for others]"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"pattern": "[a"}, "error parsing glob"),
        ({"pattern": "{a"}, "error parsing glob"),
        ({"pattern": "/etc/*"}, "lies outside"),
        ({"pattern": "../*"}, r"holds '\.\.'"),
        ({"pattern": "*", "path": "nope"}, "no such file or directory"),
        ({"pattern": "*", "path": "a.py"}, "not a directory"),
    ],
)
async def test_what_cannot_be_found_is_refused(glob: Glob, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ToolError, match=why):
        await use(glob, **given)
