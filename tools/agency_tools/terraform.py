"""Terraform (or OpenTofu): offline in the run's sandbox, on a target in that target's compartment."""

import asyncio
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from agency_tools.compartment import STORE, Compartment, Ran, absolute, output_of, present
from agency_tools.prospect import Prospect
from agency_tools.reach import Reach, Targets
from agency_tools.terraform_answers import NO_TESTS, answered, diagnostics, in_order, outputs, tests
from agency_tools.terraform_commands import Action, TerraformInput, terraform_argv
from agency_tools.terraform_plan import BRIEF, report
from agency_tools.terraform_setup import Setup, find
from agency_tools.terraform_target import CHANGES, AimedTerraform
from agency_tools.terraform_work import slug
from agency_tools.tool import Input, Output

SLOW: dict[Action, float] = {"init": 600, "plan": 600, "test": 600, "providers_lock": 300}
"""Seconds after which an action is interrupted; any other gets 120."""

OFFLINE: frozenset[Action] = frozenset({"fmt", "test", "providers_lock", "version"})
"""What never runs with a target's credentials: `test` would make and destroy real things with them."""


class Terraform:
    """The Terraform tool."""

    name: ClassVar[str] = "Terraform"
    description: ClassVar[str] = (
        "Run terraform (or tofu): fmt, init, validate, plan, show, test, output, state_list, state_show, graph, providers, "
        "providers_lock, version, workspace_list, workspace_show, workspace_select, workspace_new. "
        "plan saves its plan and reports what it would add, change, replace and destroy. "
        "apply takes only such a saved plan, unchanged, and needs a target. Without a target all is offline, without credentials."
    )
    input_type: ClassVar[type[Input]] = TerraformInput
    read_only: ClassVar[bool] = False

    def __init__(
        self,
        compartment: Compartment,
        *,
        targets: Targets | None = None,
        plugin_dirs: Sequence[str] = (),
        store: str = posixpath.join(STORE, "terraform"),
    ) -> None:
        """Run in `compartment`, or on `targets`; `plugin_dirs` are further provider mirrors, `store` is where plans are saved."""
        self._compartment = compartment
        self._targets = targets or Targets()
        self._plugin_dirs = tuple(plugin_dirs)
        self._store = store
        self._setup: Setup | None = None
        self._plans = 0
        self._aimed: dict[str, AimedTerraform] = {}
        self._one = asyncio.Lock()

    async def prospect(self, given: TerraformInput) -> Prospect | None:
        """What an apply would carry out, and what a plan alone would run. Raises ToolError where that is not as it was."""
        if given.action not in ("apply", "workspace_new") and not (given.action == "plan" and self._targets):
            return None
        reach = self._targets.of(f"Terraform {given.action}", given.target)
        async with self._one:
            return await self._at(reach).prospect(given)

    async def run(self, given: TerraformInput) -> Output:
        """Do the action. Raises ToolError where terraform is absent, or the action needs a target."""
        aimed = given.action in ("apply", "workspace_new") or (bool(self._targets) and given.action not in OFFLINE)
        reach = self._targets.of(f"Terraform {given.action}", given.target) if aimed else None
        async with self._one:
            return await self._act(given, await self._ready()) if reach is None else await self._act_on(reach, given)

    async def _act_on(self, reach: Reach, given: TerraformInput) -> Output:
        at = self._at(reach)
        match given.action:
            case "apply":
                return await at.apply(given)
            case "workspace_new":
                return await at.new_workspace(given)
            case "workspace_select":
                return Output(
                    content=f"target {reach.target.name} is pinned to workspace {reach.target.terraform_workspace}"
                )
            case _:
                done = await at.act(given)
                return done if isinstance(done, Output) else told(given, done)

    def _at(self, reach: Reach) -> AimedTerraform:
        name = reach.target.name
        if name not in self._aimed:
            self._aimed[name] = AimedTerraform(reach, self._targets.ledger, self._plugin_dirs)
        return self._aimed[name]

    async def _ready(self) -> Setup:
        if self._setup is None:
            self._setup = await find(self._compartment, store=self._store, mirrors=self._plugin_dirs)
        return self._setup

    async def _act(self, given: TerraformInput, setup: Setup) -> Output:
        if given.action == "plan":
            return await self._plan(given, setup)
        return told(given, await self._command(terraform_argv(given, binary=setup.binary), given, setup))

    async def _plan(self, given: TerraformInput, setup: Setup) -> Output:
        out = self._plan_file(given.directory)
        ran = await self._command(terraform_argv(given, binary=setup.binary, out=out), given, setup)
        if ran.exit_code not in (0, CHANGES):
            return output_of(ran)
        shown = await self._command(["python3", "-c", BRIEF, setup.binary, "show", "-json", out], given, setup)
        summary = report(answered(shown.output)) if shown.exit_code == 0 else shown.output
        text = f"Saved plan: {out}\n{summary}\n\n{in_order(ran.output.strip())}\n\nexit code {ran.exit_code}"
        return output_of(ran, text=text, fine=(0, CHANGES))

    def _plan_file(self, directory: str) -> str:
        self._plans += 1
        return posixpath.join(self._store, f"{slug(directory)}-{self._plans}.tfplan")

    async def _command(self, argv: Sequence[str], given: TerraformInput, setup: Setup) -> Ran:
        ran = await self._compartment.run(
            argv,
            cwd=absolute(given.directory),
            env=setup.env,
            timeout_s=SLOW.get(given.action, 120),
            interrupt_first=True,
        )
        return present(ran, "terraform", "Judge the files by reading them, and report the check as not run.")


def told(given: TerraformInput, ran: Ran) -> Output:
    """What the model is told of any action but plan: terraform's JSON made readable, its text as it is."""
    if given.action == "validate":
        return output_of(ran, text=diagnostics(answered(ran.output)))
    if given.action == "fmt" and not given.check:
        return replace(output_of(ran), changed=_written(given, ran))
    if given.action == "test":
        text = tests(ran.output)
        return replace(output_of(ran, text=text), failed=ran.exit_code != 0 or text == NO_TESTS)
    if given.action == "output" and ran.exit_code == 0:
        return output_of(ran, text=outputs(answered(ran.output)))
    return output_of(ran)


def _written(given: TerraformInput, ran: Ran) -> tuple[str, ...]:
    """The files that fmt names as rewritten, relative to the repository."""
    names = [line for line in ran.output.splitlines() if ran.exit_code == 0 and line.strip()]
    return tuple(posixpath.normpath(posixpath.join(given.directory, name)) for name in names)
