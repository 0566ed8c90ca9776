"""The Skill tool: loads one skill's text, or one of its own files, when its subject comes up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, cast

from pydantic import Field, create_model

from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output, Tool


class SkillFiles(Protocol):
    """What the tool needs of a skill."""

    @property
    def name(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def resources(self) -> tuple[str, ...]: ...
    @property
    def folder(self) -> Path: ...


def skill_tool(skills: Mapping[str, SkillFiles]) -> Tool:
    """The tool for these skills; their names are a closed list in its input."""

    class SkillTool:
        """Answers with the skill's text and the list of its files; with `file`, one of those files."""

        name: ClassVar[str] = "Skill"
        description: ClassVar[str] = (
            "Load a skill: instructions for one subject, listed in the system prompt. Load it before you work on its "
            "subject. With `file`, read one of the files the skill lists, for instance references/pitfalls.md."
        )
        input_type: ClassVar[type[Input]] = _input_type(sorted(skills))
        read_only: ClassVar[bool] = True

        async def run(self, given: Any) -> Output:
            skill = skills[given.skill]
            return Output(content=_content(skill) if given.file is None else _file(skill, given.file))

    return SkillTool()


def _content(skill: SkillFiles) -> str:
    files = "\n".join(f"- {name}" for name in skill.resources) or "(none)"
    return (
        f'<skill_content name="{skill.name}">\n{skill.body.strip()}\n</skill_content>\n\nFiles of this skill:\n{files}'
    )


def _file(skill: SkillFiles, name: str) -> str:
    """One of the skill's files. Raises ToolError for any other."""
    if name not in skill.resources:
        raise ToolError(f"skill {skill.name} has no file {name!r}; it has: {', '.join(skill.resources) or 'none'}")
    try:
        return (skill.folder / name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ToolError(f"skill {skill.name}: {name} cannot be read: {error.strerror or error}") from error


def _input_type(names: list[str]) -> type[Input]:
    """The input with the names as a closed list, so that an unknown one cannot be asked for."""
    one_of: Any = cast(Any, Literal)[tuple(names)]
    return create_model(
        "SkillInput",
        __base__=Input,
        skill=(one_of, Field()),
        file=(str | None, Field(default=None, description="one of the skill's own files")),
    )
