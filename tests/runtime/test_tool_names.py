"""Tool names resolve to ours or say why they do not; lists of them are read in every way people write them."""

import pytest

from agency_runtime.name_list import name_list
from agency_runtime.plain_yaml import Value
from agency_runtime.tool_names import KNOWN, NEAREST, SAME, ToolRef, resolve, resolved


@pytest.mark.parametrize("name", KNOWN)
def test_our_own_names_resolve_to_themselves(name: str) -> None:
    assert resolve(name) == ToolRef(name=name, resolves_to=name)


def test_every_alias_leads_to_a_tool_of_ours() -> None:
    assert {*SAME.values(), *NEAREST.values()} <= set(KNOWN)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("Agent", "Task"), ("BashOutput", "TaskOutput"), ("KillShell", "TaskStop"), ("kubectl", "Kubernetes"), ("helm", "Helm"),
        ("docker", "Docker"), ("tofu", "Terraform"), ("terraform", "Terraform"), ("aws", "Cloud"), ("gcloud", "Cloud"), ("az", "Cloud"),
    ],
)  # fmt: skip
def test_another_name_of_the_same_tool_is_taken_without_a_word(name: str, tool: str) -> None:
    assert resolve(name) == ToolRef(name=name, resolves_to=tool)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("MultiEdit", "Edit"), ("NotebookEdit", "Edit"), ("NotebookRead", "Read"), ("LS", "Glob"), ("codebase", "Grep"),
        ("search", "Grep"), ("editFiles", "Edit"), ("runCommands", "Bash"), ("edit/editFiles", "Edit"), ("run_in_terminal", "Bash"),
        ("read", "Read"), ("bash", "Bash"), ("todowrite", "TodoWrite"), ("AskUserQuestion", "Escalate"),
    ],
)  # fmt: skip
def test_the_nearest_tool_is_taken_with_a_note(name: str, tool: str) -> None:
    assert resolve(name).resolves_to == tool
    assert resolve(name).note.startswith(f"taken as {tool}")


def test_an_unknown_name_is_nothing_and_a_near_one_is_suggested() -> None:
    assert resolve("Grepp").note == "no such tool here; did you mean Grep?"
    assert resolve("Teleport") == ToolRef(name="Teleport", resolves_to=None, note="no such tool here")


def test_a_server_s_tool_is_kept_with_the_reason() -> None:
    ref = resolve("mcp__github__*")
    assert (ref.resolves_to, ref.note) == (None, "no MCP server 'github' is configured")
    assert ref.among({"github"}).resolves_to == "mcp__github__*"
    assert ref.among({"gitlab"}) == ref


def test_a_scope_is_kept_beside_the_tool() -> None:
    assert resolve("Bash(git diff:*)") == ToolRef(name="Bash(git diff:*)", resolves_to="Bash", scope="git diff:*")
    assert resolved([resolve("Bash(ls)"), resolve("Bash"), resolve("Nope")]) == ("Bash",)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("", ()),
        ("Read", ("Read",)),
        ("Read,Write, Edit ,", ("Read", "Write", "Edit")),
        ("Read Write\tEdit", ("Read", "Write", "Edit")),
        ("Read\nWrite", ("Read", "Write")),
        ("Agent(a, b), Bash(git diff:*), Read", ("Agent(a, b)", "Bash(git diff:*)", "Read")),
        ("Bash(git log:*) Read", ("Bash(git log:*)", "Read")),
        ("Bash(unclosed, Read", ("Bash(unclosed, Read",)),
        ('["Read", "Bash"]', ("Read", "Bash")),
        ("[Read, Bash]", ("Read", "Bash")),
        ("[]", ()),
        ("'Read', \"Bash\"", ("Read", "Bash")),
        ("Read, Read", ("Read",)),
        ("Code Review, Testing", ("Code Review", "Testing")),
        (["Read", "Write, Edit", ["nested"]], ("Read", "Write", "Edit")),
        ({"read": "true", "write": "false"}, ("read",)),
    ],
)
def test_a_list_of_names_is_read_however_it_is_written(value: Value | None, names: tuple[str, ...]) -> None:
    assert name_list(value) == names
