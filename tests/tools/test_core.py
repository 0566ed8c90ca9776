"""The core tools together, in every kind of sandbox."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest

from agency_tools.core import core_tools
from agency_tools.errors import ToolError
from agency_tools.sandbox import start
from agency_tools.tool import Output, Tool, definition
from agency_tools.workspace import Layout, Limits


class Used:
    """The tools by name, called as the loop calls them."""

    def __init__(self, tools: list[Tool]) -> None:
        self.tools = {tool.name: tool for tool in tools}

    async def __call__(self, name: str, **given: Any) -> Output:
        tool = self.tools[name]
        return await tool.run(tool.input_type.model_validate(given))


@pytest.fixture
async def use(kind: Literal["docker", "bwrap"], repository: Path, tmp_path: Path) -> AsyncIterator[Used]:
    """The core tools over a sandbox with one skill."""
    skill = tmp_path / "skill"
    skill.mkdir()
    (skill / "SKILL.md").write_text("# How\n", encoding="utf-8")
    (repository / "infra").mkdir()
    (repository / "infra" / "main.tf").write_text('name = "a"\n', encoding="utf-8")
    layout = Layout(repository=str(repository), read_only={str(skill): "/skills/how"})
    workspace = await start(kind, dataclasses.replace(layout, protected=(".git", "infra/main.tf")))
    yield Used(core_tools(workspace))
    await workspace.close()


async def test_a_change_is_made_found_and_checked(use: Used, repository: Path) -> None:
    assert (await use("Write", file_path="/workspace/a/b.py", content="x = 1\n")).changed == ("a/b.py",)
    assert (await use("Edit", file_path="a/b.py", old_string="1", new_string="2")).changed == ("a/b.py",)
    assert (await use("Read", file_path="a/b.py")).content == "     1\tx = 2"
    assert (await use("Grep", pattern="x = ", output_mode="content")).content == "a/b.py:1:x = 2"
    assert (await use("Glob", pattern="**/*.py")).content == "a/b.py"
    assert await use("Bash", command="cd a && cat b.py; pwd") == Output(content="x = 2\n/workspace/a", exit_code=0)
    assert (await use("Bash", command="cd /tmp")).content == "Shell cwd was reset to /workspace"
    assert (repository / "a" / "b.py").read_text(encoding="utf-8") == "x = 2\n"


async def test_skills_and_scratch_can_be_read_and_searched(use: Used) -> None:
    assert (await use("Read", file_path="/skills/how/SKILL.md")).content == "     1\t# How"
    assert (await use("Grep", pattern="How", path="/skills")).content == "/skills/how/SKILL.md"
    assert (await use("Glob", pattern="*.md", path="/skills")).content == "/skills/how/SKILL.md"
    long = await use("Bash", command="seq 20000")
    assert long.output_path is not None
    assert (await use("Read", file_path=long.output_path, offset=20000)).content == " 20000\t20000"
    with pytest.raises(ToolError, match="lies outside"):
        await use("Write", file_path="/skills/how/SKILL.md", content="x")


async def test_what_is_protected_is_refused_by_name(use: Used) -> None:
    await use("Read", file_path="infra/main.tf")
    with pytest.raises(ToolError, match=r"infra/main\.tf is protected"):
        await use("Edit", file_path="infra/main.tf", old_string="a", new_string="b")
    with pytest.raises(ToolError, match=r"\.git/config is protected"):
        await use("Write", file_path=".git/config", content="x")


async def test_a_full_disk_is_told_and_leaves_the_old_content(
    kind: Literal["docker", "bwrap"], repository: Path
) -> None:
    workspace = await start(kind, Layout(repository=str(repository), limits=Limits(scratch=8 << 20)))
    use = Used(core_tools(workspace))
    try:
        await use("Write", file_path="/tmp/a", content="old\n")
        with pytest.raises(ToolError, match="no space left on device"):
            await use("Write", file_path="/tmp/a", content="x" * (9 << 20))
        assert (await use("Read", file_path="/tmp/a")).content == "     1\told"
        assert "No space left" in (await use("Bash", command="head -c 20000000 /dev/zero >/tmp/big; rm /tmp/big")).text
        long = await use("Bash", command="head -c 20000000 /dev/zero | tr '\\0' x; echo end")
        assert (long.exit_code, long.failed) == (0, False)
        assert "could not be kept: No space left on device" in long.text
        assert (await use("Bash", command="echo on")).content == "on"
    finally:
        await workspace.close()


async def test_a_list_of_steps_is_kept(use: Used) -> None:
    todos = [
        {"content": "Plan", "status": "completed", "activeForm": "Planning"},
        {"content": "Build", "status": "in_progress", "activeForm": "Building"},
        {"content": "Test", "status": "pending", "activeForm": "Testing"},
    ]
    assert (await use("TodoWrite", todos=todos)).content == "[x] Plan\n[>] Building\n[ ] Test"


async def test_what_the_model_is_shown_of_them_is_small(use: Used) -> None:
    import json

    sizes = {name: len(json.dumps(definition(tool))) for name, tool in use.tools.items()}
    assert max(sizes.values()) < 3000
    assert sum(sizes.values()) < 11_000
