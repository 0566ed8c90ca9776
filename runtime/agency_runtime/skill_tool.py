"""The Skill tool: loads a skill's instructions, or one of its files, when its subject comes up."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, cast

from pydantic import Field, create_model

from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output


class SkillFiles(Protocol):
    """What the tool needs of a skill."""

    @property
    def name(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def resources(self) -> "tuple[str, ...]": ...
    @property
    def folder(self) -> Any: ...


class SkillTool:
    """Answers with the skill's text and the list of its files; with `file`, one of those files."""

    name: ClassVar[str] = "Skill"
    description: ClassVar[str] = (
        "Load a skill: instructions for one subject, listed in the system prompt. Load it before you work on its subject. "
        "With `file`, read one of the files the skill lists, for instance references/pitfalls.md."
    )
    read_only: ClassVar[bool] = True

    def __init__(self, skills: Mapping[str, SkillFiles]) -> None:
        self._skills = skills
        self.input_type = _input_type(sorted(skills))

    async def run(self, given: Any) -> Output:
        skill = self._skills[given.skill]
        if given.file is None:
            files = "\n".join(f"- {name}" for name in skill.resources) or "(none)"
            text = f'<skill_content name="{skill.name}">\n{skill.body.strip()}\n</skill_content>\n\nFiles of this skill:\n{files}'
            return Output(content=text)
        if given.file not in skill.resources:
            raise ToolError(
                f"skill {skill.name} has no file {given.file!r}; it has: {', '.join(skill.resources) or 'none'}"
            )
        return Output(content=(skill.folder / given.file).read_text(encoding="utf-8", errors="replace"))


def _input_type(names: list[str]) -> type[Input]:
    """The input with the names as a closed list, so that an unknown one cannot be asked for."""
    return create_model(
        "SkillInput",
        __base__=Input,
        skill=(cast(Any, Literal)[tuple(names)], Field()),
        file=(str | None, Field(default=None, description="one of the skill's own files")),
    )
