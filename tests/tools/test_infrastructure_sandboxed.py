"""The infrastructure tools in real sandboxes of each kind."""

import os
from pathlib import Path

import pytest

from agency_tools.compartment import ShellCompartment
from agency_tools.errors import ToolError
from agency_tools.helm import Helm
from agency_tools.helm_commands import HelmInput
from agency_tools.kubernetes import Kubernetes
from agency_tools.kubernetes_commands import KubernetesInput
from agency_tools.terraform import Terraform
from agency_tools.terraform_commands import TerraformInput
from agency_tools.tool import Output
from agency_tools.workspace import Workspace

MAIN = 'resource "terraform_data" "a" {\n  input = "%s"\n}\n'


async def or_skip(tool: Terraform | Kubernetes, given: TerraformInput | KubernetesInput) -> Output:
    """The call's outcome; a sandbox without the program skips the test, and fails it in CI."""
    try:
        return await tool.run(given)  # type: ignore[arg-type]
    except ToolError as error:
        if "is not in this sandbox" in str(error) and os.environ.get("CI") != "true":
            pytest.skip(str(error))
        raise


async def test_terraform_goes_from_init_to_a_saved_plan_without_a_network(sandbox: Workspace, repository: Path) -> None:
    terraform = Terraform(ShellCompartment(workspace=sandbox))
    (repository / "infra").mkdir()
    (repository / "infra" / "main.tf").write_text(MAIN % "x")
    assert (await or_skip(terraform, TerraformInput(action="init", directory="infra"))).exit_code == 0
    assert (await terraform.run(TerraformInput(action="validate", directory="infra"))).content == "valid"
    planned = await terraform.run(TerraformInput(action="plan", directory="infra"))
    assert planned.text.splitlines()[:3] == [
        "Saved plan: /tmp/agency/terraform/infra-1.tfplan",
        "1 to add, 0 to change, 0 to replace, 0 to destroy",
        "  add     terraform_data.a",
    ]
    shown = await terraform.run(TerraformInput(action="show", plan="/tmp/agency/terraform/infra-1.tfplan"))
    assert "terraform_data.a will be created" in shown.text


async def test_a_value_is_never_read_as_shell(sandbox: Workspace, repository: Path) -> None:
    terraform = Terraform(ShellCompartment(workspace=sandbox))
    (repository / "main.tf").write_text('variable "a" {}\noutput "a" {\n  value = var.a\n}\n')
    await or_skip(terraform, TerraformInput(action="init"))
    value = "$(touch /workspace/owned); `id` 'x' \"y\""
    planned = await terraform.run(TerraformInput(action="plan", variables={"a": value}))
    assert "$(touch /workspace/owned)" in planned.text
    assert not (repository / "owned").exists()


async def test_an_overlong_plan_of_thousands_of_resources_is_still_counted(
    sandbox: Workspace, repository: Path
) -> None:
    terraform = Terraform(ShellCompartment(workspace=sandbox))
    (repository / "main.tf").write_text('resource "terraform_data" "many" {\n  count = 2000\n  input = "x"\n}\n')
    await or_skip(terraform, TerraformInput(action="init"))
    planned = await terraform.run(TerraformInput(action="plan"))
    assert "2000 to add, 0 to change, 0 to replace, 0 to destroy" in planned.text
    assert planned.truncated


async def test_kustomize_renders_in_the_sandbox(sandbox: Workspace, repository: Path) -> None:
    (repository / "kustomization.yaml").write_text("namePrefix: x-\nresources: [a.yaml]\n")
    (repository / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    kubernetes = Kubernetes(ShellCompartment(workspace=sandbox))
    rendered = await or_skip(kubernetes, KubernetesInput(action="kustomize", path="."))
    assert "name: x-a" in rendered.text


async def test_what_is_absent_from_the_sandbox_is_not_run(sandbox: Workspace) -> None:
    ran = await ShellCompartment(workspace=sandbox).run(["helm", "version"])
    if ran.exit_code == 0:
        pytest.skip("helm is in this sandbox")
    with pytest.raises(ToolError, match="not run: helm is not in this sandbox"):
        await Helm(ShellCompartment(workspace=sandbox)).run(HelmInput(action="lint", chart="."))


async def test_a_command_that_overruns_is_interrupted_before_it_is_killed(sandbox: Workspace) -> None:
    compartment = ShellCompartment(workspace=sandbox)
    caught = "trap 'echo gave back the lock; exit 1' INT; sleep 60 & wait"
    with pytest.raises(ToolError, match="gave back the lock"):
        await compartment.run(["bash", "-c", caught], timeout_s=1, interrupt_first=True)
