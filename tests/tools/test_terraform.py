"""Terraform: its commands as lists, its answers as lines, and the real binary where there is one."""

import os
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted, Unsealed, aimed
from agency_tools.errors import ToolError
from agency_tools.terraform import Terraform
from agency_tools.terraform_answers import NO_TESTS, in_order
from agency_tools.terraform_commands import TerraformInput, terraform_argv
from agency_tools.terraform_plan import Change, changes, report
from agency_tools.terraform_setup import configuration, mirrors_here

MAIN = """\
variable "size" {
  type    = number
  default = 1
}

resource "terraform_data" "disk" {
  input            = var.size
  triggers_replace = var.size
}

output "secret" {
  value     = "hunter2"
  sensitive = true
}
"""

TEST = """\
run "is_two" {
  command = plan
  variables {
    size = 2
  }
  assert {
    condition     = var.size == %s
    error_message = "size is ${var.size}"
  }
}
"""


def terraform_or_skip() -> str:
    """The real binary's folder; its absence skips the test, and fails it in CI."""
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip("neither terraform nor tofu is installed")
    assert found, "CI must have terraform"
    return str(Path(found).parent)


@pytest.fixture
def real(tmp_path: Path) -> tuple[Terraform, Path]:
    """The tool over the real binary, and the folder it takes for the repository."""
    path = f"{terraform_or_skip()}:{os.environ['PATH']}"
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "main.tf").write_text(MAIN)
    compartment = Unsealed(folder, {"PATH": path, "HOME": str(tmp_path)})
    return Terraform(compartment, store=str(tmp_path / "store")), folder


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        (TerraformInput(action="fmt"), ["terraform", "fmt", "-no-color", "-recursive"]),
        (TerraformInput(action="fmt", check=True), ["terraform", "fmt", "-no-color", "-recursive", "-check", "-diff"]),
        (
            TerraformInput(action="init", backend=False),
            ["terraform", "init", "-no-color", "-input=false", "-backend=false"],
        ),
        (TerraformInput(action="validate"), ["terraform", "validate", "-json"]),
        (TerraformInput(action="show", plan="/tmp/p"), ["terraform", "show", "-no-color", "/tmp/p"]),
        (TerraformInput(action="state_show", address="a.b[0]"), ["terraform", "state", "show", "-no-color", "a.b[0]"]),
        (TerraformInput(action="apply", plan="/tmp/p"), ["terraform", "apply", "-no-color", "-input=false", "/tmp/p"]),
    ],
)
def test_each_action_is_one_command(given: TerraformInput, argv: list[str]) -> None:
    assert terraform_argv(given) == argv


def test_plan_saves_its_plan_and_passes_variables_as_one_word_each() -> None:
    given = TerraformInput(action="plan", var_files=("env/dev.tfvars",), variables={"name": "a b; rm -rf /"})
    assert terraform_argv(given, out="/tmp/x.tfplan", binary="/bin/tofu") == [
        "/bin/tofu",
        "plan",
        "-no-color",
        "-input=false",
        "-detailed-exitcode",
        "-out=/tmp/x.tfplan",
        "-var-file=env/dev.tfvars",
        "-var=name=a b; rm -rf /",
    ]


def test_no_action_approves_by_itself() -> None:
    assert "auto-approve" not in TerraformInput.model_json_schema().__repr__()


@pytest.mark.parametrize(
    "given",
    [
        {"action": "destroy"},
        {"action": "apply"},
        {"action": "state_show"},
        {"action": "state_show", "address": "-state=/etc/passwd"},
        {"action": "show", "plan": "-json"},
        {"action": "plan", "directory": "../elsewhere"},
        {"action": "plan", "directory": "-chdir=/"},
        {"action": "plan", "variables": {"a": "b\nc"}},
        {"action": "plan", "variables": {"a=b -auto-approve": "c"}},
        {"action": "plan", "var_files": ["/etc/passwd"]},
        {"action": "plan", "auto_approve": True},
    ],
)
def test_input_that_would_smuggle_an_option_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TerraformInput.model_validate(given)


async def test_apply_without_a_target_says_how_to_give_one() -> None:
    compartment = Scripted()
    with pytest.raises(ToolError, match="this run has no target: start it with --target NAME"):
        await Terraform(compartment).run(TerraformInput(action="apply", plan="/tmp/p"))
    assert compartment.ran == []


async def test_apply_to_a_target_takes_no_plan_but_one_made_for_it() -> None:
    with pytest.raises(ToolError, match="no plan '/tmp/p' was made for a target in this run"):
        await Terraform(Scripted(), targets=aimed(Scripted())).run(TerraformInput(action="apply", plan="/tmp/p"))


async def test_an_absent_binary_is_not_run_rather_than_failed() -> None:
    absent = Scripted([Ran(exit_code=127, output="", seconds=0)])
    with pytest.raises(ToolError, match="not run: terraform is not in this sandbox"):
        await Terraform(absent).run(TerraformInput(action="validate"))


def test_changes_of_a_plan_are_sorted_by_what_they_do() -> None:
    plan = {
        "resource_changes": [
            {"address": "a.add", "change": {"actions": ["create"]}},
            {"address": "a.same", "change": {"actions": ["no-op"]}},
            {
                "address": "a.swap",
                "action_reason": "replace_because_cannot_update",
                "change": {"actions": ["delete", "create"], "replace_paths": [["zone"], ["disk", 0]]},
            },
            {
                "address": "a.gone",
                "action_reason": "delete_because_no_resource_config",
                "change": {"actions": ["delete"]},
            },
        ]
    }
    assert changes(plan) == [
        Change(address="a.add", deed="add"),
        Change(address="a.swap", deed="replace", why="zone, disk.0 cannot be changed in place"),
        Change(address="a.gone", deed="destroy", why="delete because no resource config"),
    ]
    assert report(plan).splitlines()[0] == "1 to add, 0 to change, 1 to replace, 1 to destroy"


def test_an_unknown_action_in_a_plan_is_never_taken_for_harmless() -> None:
    with pytest.raises(ToolError, match="unknown action explode"):
        changes({"resource_changes": [{"address": "a.b", "change": {"actions": ["explode"]}}]})


def test_mirrored_providers_come_from_disk_and_the_others_as_usual() -> None:
    assert configuration([]) == "disable_checkpoint = true\n"
    closed = "disable_checkpoint = true\nprovider_installation {\n  direct {}\n}\n"
    assert configuration([], closed=True) == closed
    assert configuration(["/opt/m/registry.terraform.io/hashicorp/aws/"]).splitlines()[1:] == [
        "provider_installation {",
        "  filesystem_mirror {",
        '    path = "/opt/m"',
        '    include = ["registry.terraform.io/hashicorp/aws"]',
        "  }",
        "  direct {",
        '    exclude = ["registry.terraform.io/hashicorp/aws"]',
        "  }",
        "}",
    ]


def test_mirrors_are_found_by_their_layout(tmp_path: Path) -> None:
    (tmp_path / "opt/mirror/registry.terraform.io/hashicorp/aws").mkdir(parents=True)
    (tmp_path / "opt/other").mkdir()
    assert mirrors_here(tmp_path) == [str(tmp_path / "opt/mirror")]


async def test_real_provider_from_a_mirror_names_the_misspelt_argument(real: tuple[Terraform, Path]) -> None:
    terraform, folder = real
    if not [at for mirror in mirrors_here() for at in Path(mirror).glob("registry.terraform.io/hashicorp/aws/5.*")]:
        pytest.skip("no mirror of the aws provider on this machine")
    (folder / "main.tf").write_text(AWS)
    assert (await terraform.run(TerraformInput(action="init"))).exit_code == 0
    found = await terraform.run(TerraformInput(action="validate"))
    assert found.text.startswith("main.tf:12:3: error: Unsupported argument: ")
    assert 'Did you mean "instance_type"?' in found.text


async def test_real_plan_reports_each_resource_and_keeps_the_plan(real: tuple[Terraform, Path]) -> None:
    terraform, _ = real
    assert (await terraform.run(TerraformInput(action="init"))).exit_code == 0
    planned = await terraform.run(TerraformInput(action="plan", variables={"size": "3"}))
    assert (planned.failed, planned.exit_code) == (False, 2)
    saved, counts, first, *_ = planned.text.splitlines()
    assert counts == "1 to add, 0 to change, 0 to replace, 0 to destroy"
    assert first.split() == ["add", "terraform_data.disk"]
    shown = await terraform.run(TerraformInput(action="show", plan=saved.removeprefix("Saved plan: ")))
    assert "will be created" in shown.text


async def test_real_plan_after_an_apply_names_the_replacement(real: tuple[Terraform, Path]) -> None:
    terraform, folder = real
    (folder / "terraform.tfstate").write_text(STATE)
    await terraform.run(TerraformInput(action="init"))
    planned = await terraform.run(TerraformInput(action="plan", variables={"size": "3"}))
    assert "0 to add, 0 to change, 1 to replace, 0 to destroy" in planned.text
    assert "triggers_replace cannot be changed in place" in planned.text
    same = await terraform.run(TerraformInput(action="plan"))
    assert (same.exit_code, same.failed) == (0, False)


async def test_real_validation_errors_carry_file_line_and_column(real: tuple[Terraform, Path]) -> None:
    terraform, folder = real
    (folder / "main.tf").write_text('resource "terraform_data" "a" {\n  inptu = 1\n}\n')
    await terraform.run(TerraformInput(action="init"))
    found = await terraform.run(TerraformInput(action="validate"))
    assert found.failed
    assert found.text.startswith("main.tf:2:3: error: Unsupported argument: ")


async def test_real_fmt_check_fails_and_writes_nothing(real: tuple[Terraform, Path]) -> None:
    terraform, folder = real
    ugly = 'variable   "a" {}\n'
    (folder / "main.tf").write_text(ugly)
    checked = await terraform.run(TerraformInput(action="fmt", check=True))
    assert (checked.failed, checked.exit_code) == (True, 3)
    assert (folder / "main.tf").read_text() == ugly
    written = await terraform.run(TerraformInput(action="fmt"))
    assert written.changed == ("main.tf",)
    assert (folder / "main.tf").read_text() == 'variable "a" {}\n'


async def test_real_outputs_never_show_a_sensitive_value(real: tuple[Terraform, Path]) -> None:
    terraform, folder = real
    (folder / "terraform.tfstate").write_text(STATE)
    shown = await terraform.run(TerraformInput(action="output"))
    assert shown.text == '{\n  "secret": "(sensitive)"\n}'


@pytest.mark.parametrize(
    ("wanted", "failed", "last"), [(2, False, "1 passed, 0 failed"), (3, True, "0 passed, 1 failed")]
)
async def test_real_tests_are_counted(real: tuple[Terraform, Path], wanted: int, failed: bool, last: str) -> None:
    terraform, folder = real
    (folder / "size.tftest.hcl").write_text(TEST % wanted)
    await terraform.run(TerraformInput(action="init"))
    tested = await terraform.run(TerraformInput(action="test"))
    assert tested.failed is failed
    assert last in tested.text


async def test_real_tests_that_are_not_there_have_not_passed(real: tuple[Terraform, Path]) -> None:
    terraform, _ = real
    await terraform.run(TerraformInput(action="init"))
    tested = await terraform.run(TerraformInput(action="test"))
    assert (tested.failed, tested.text) == (True, NO_TESTS)


@pytest.mark.parametrize("action", ["version", "graph", "providers", "workspace_list", "workspace_show"])
async def test_real_read_actions_answer(real: tuple[Terraform, Path], action: str) -> None:
    terraform, _ = real
    await terraform.run(TerraformInput(action="init"))
    assert (await terraform.run(TerraformInput.model_validate({"action": action}))).exit_code == 0


AWS = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

resource "aws_instance" "web" {
  ami = "ami-1"
  instance_typ = "t3.micro"
}
"""

STATE = """\
{
  "version": 4,
  "terraform_version": "1.5.0",
  "serial": 3,
  "lineage": "5c3e0e1e-0000-4000-8000-000000000001",
  "outputs": {"secret": {"value": "hunter2", "type": "string", "sensitive": true}},
  "resources": [
    {
      "mode": "managed",
      "type": "terraform_data",
      "name": "disk",
      "provider": "provider[\\"terraform.io/builtin/terraform\\"]",
      "instances": [
        {
          "schema_version": 0,
          "attributes": {
            "id": "1b2a",
            "input": {"value": 1, "type": "number"},
            "output": {"value": 1, "type": "number"},
            "triggers_replace": {"value": 1, "type": "number"}
          },
          "sensitive_attributes": []
        }
      ]
    }
  ]
}
"""


def test_the_same_plan_reads_the_same_whatever_was_read_first() -> None:
    first = "b: Refreshing state... [id=2]\na: Refreshing state... [id=1]\n\nPlan: b before a"
    assert in_order(first) == "a: Refreshing state... [id=1]\nb: Refreshing state... [id=2]\n\nPlan: b before a"
    assert in_order(first) == in_order("\n".join([*reversed(first.split("\n")[:2]), *first.split("\n")[2:]]))
