"""What a tool is: a name, a typed input, and an act whose outcome is a frozen value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict

Block: TypeAlias = Mapping[str, Any]
"""One content block of a tool result, as the Messages API takes it: text, image or document."""


class Input(BaseModel):
    """A tool's input; a field that is not declared is refused, so that a mistyped option is never dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class Output:
    """What one call came to.

    content: text for the model, or content blocks where the tool returns an image or a document.
    failed: the call did not do what was asked (the API's `is_error`).
    exit_code: of the command, where there was one.
    truncated: something was cut from `content`; output_path: where the whole lies, inside the workspace's sandbox.
    changed: repository-relative paths this call is known to have written (Write and Edit know; Bash does not).
    altered: repository-relative paths that were different when it had ended; None where nobody looked.
    """

    content: str | tuple[Block, ...]
    failed: bool = False
    exit_code: int | None = None
    truncated: bool = False
    output_path: str | None = None
    changed: tuple[str, ...] = ()
    altered: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """The content's text, without images and documents."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(block["text"]) for block in self.content if block.get("type") == "text")


class Tool(Protocol):
    """One tool. `description` and the schema of `input_type` are what the model is shown.

    `read_only` tools change nothing, so that independent calls of them may run side by side.
    `run` receives an instance of `input_type`.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    input_type: ClassVar[type[Input]]
    read_only: ClassVar[bool]

    async def run(self, given: Any) -> Output:
        """Do it. Raises ToolError when the call cannot be done as asked, WorkspaceError when the sandbox broke."""
        ...


@runtime_checkable
class Closing(Protocol):
    """A tool that holds something beyond its calls."""

    async def close(self) -> Sequence[str]:
        """Give back what it holds, and name what stays behind."""
        ...


@runtime_checkable
class Schemed(Protocol):
    """A tool whose input's schema is given, not made from its input's type."""

    schema: ClassVar[Mapping[str, Any]]


def definition(tool: Tool) -> dict[str, Any]:
    """The tool as the Messages API's `tools` entry."""
    schema = dict(tool.schema) if isinstance(tool, Schemed) else json.loads(_schema(tool.input_type))
    return {"name": tool.name, "description": tool.description, "input_schema": schema}


@lru_cache(maxsize=128)
def _schema(input_type: type[Input]) -> str:
    """An input's schema as JSON; making it anew for every run was a quarter of what a replay costs."""
    schema = input_type.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
    return json.dumps(schema)
