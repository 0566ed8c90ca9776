"""The infrastructure tools together: what a run gets, how a command reaches the sandbox, what a value may be."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agency_tools.compartment import SHOWN, Inside, Ran, ShellCompartment, cut, output_of
from agency_tools.compartment_testing import Scripted, aimed
from agency_tools.errors import ToolError
from agency_tools.infrastructure import infrastructure_tools, web_tools
from agency_tools.reach import Targets
from agency_tools.tool import Tool, definition


@dataclass
class Noting:
    """A workspace that notes its calls and answers as a tool host does."""

    kind: str = "bwrap"
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Note the call."""
        self.calls.append((op, parameters))
        return {"exit_code": 0, "output": "done", "seconds": 0.5}

    async def close(self) -> None:
        """Nothing is open."""


def everything(repository: Path) -> list[Tool]:
    """All tools of a run without a target."""
    tools = infrastructure_tools(Scripted(), repository=repository, feature="x")
    return [*tools, *web_tools(searxng="http://127.0.0.1:1")]


def test_a_run_gets_each_tool_by_the_name_a_persona_gives_it(tmp_path: Path) -> None:
    names = [tool.name for tool in everything(tmp_path)]
    assert names == ["Terraform", "Kubernetes", "Helm", "Docker", "Cloud", "WebFetch", "WebSearch"]


def test_without_an_endpoint_searching_is_left_to_the_service() -> None:
    assert [tool.name for tool in web_tools()] == ["WebFetch"]


def test_what_is_sent_of_a_tool_with_every_run_stays_short(tmp_path: Path) -> None:
    for tool in everything(tmp_path):
        assert len(tool.description) < 450, tool.name
        assert len(str(definition(tool))) < 4000, tool.name


def test_no_tool_takes_a_shell_string(tmp_path: Path) -> None:
    for tool in everything(tmp_path):
        schema = definition(tool)["input_schema"]
        assert schema["additionalProperties"] is False
        assert schema["properties"].get("command", {"type": "array"})["type"] == "array"


async def test_a_command_reaches_the_sandbox_as_the_words_it_was_given() -> None:
    workspace = Noting()
    words = ["terraform", "plan", "-var=a=b c; $(id) 'x'"]
    ran = await ShellCompartment(workspace=workspace).run(words, cwd="/workspace/infra", env={"A": "b"}, timeout_s=9)
    assert ran == Ran(exit_code=0, output="done", seconds=0.5)
    [(op, given)] = workspace.calls
    assert (op, given["cwd"], given["env"], given["timeout_s"]) == ("exec", "/workspace/infra", {"A": "b"}, 9)
    assert shlex.split(given["command"]) == words


@pytest.mark.parametrize(
    "path", ["", "..", "a/../../b", "/etc", "/workspace/../etc", "/workspaces", "-x", "a\x00b", "a\nb"]
)
def test_a_path_outside_the_repository_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Inside).validate_python(path)


@pytest.mark.parametrize(
    ("path", "kept"), [(".", "."), ("/workspace", "."), ("/workspace/a/b", "a/b"), ("a/./b/", "a/b")]
)
def test_a_path_in_the_repository_is_kept_relative_to_it(path: str, kept: str) -> None:
    assert TypeAdapter(Inside).validate_python(path) == kept


def test_a_long_output_loses_its_middle_and_says_so() -> None:
    text = "a" * SHOWN + "b" * SHOWN
    shown = output_of(Ran(exit_code=0, output=text, seconds=0))
    assert shown.truncated
    assert cut(text) == shown.content
    assert f"[… {SHOWN} characters left out …]" in shown.text


def test_no_target_and_another_target_are_told_apart() -> None:
    with pytest.raises(ToolError, match="has no target: start it with --target NAME"):
        Targets().of("Helm list")
    targets = aimed(Scripted())
    assert targets.of("Helm list").target.name == targets.of("Helm list", "staging").target.name == "staging"
    with pytest.raises(ToolError, match="no target 'production'; it has staging"):
        targets.of("Helm list", "production")
