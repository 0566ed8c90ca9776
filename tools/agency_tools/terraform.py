"""Terraform (or OpenTofu) in the run's sandbox: everything up to the plan, and no apply without a target."""

import asyncio
import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from agency_tools.compartment import STORE, Compartment, Ran, absolute, output_of, present
from agency_tools.reach import Targets, unprepared
from agency_tools.terraform_answers import NO_TESTS, answered, diagnostics, outputs, tests
from agency_tools.terraform_commands import Action, TerraformInput, terraform_argv
from agency_tools.terraform_plan import BRIEF, report
from agency_tools.terraform_setup import Setup, find
from agency_tools.tool import Input, Output

SLOW: dict[Action, float] = {"init": 600, "plan": 600, "test": 600, "providers_lock": 300}
"""Seconds after which an action is interrupted; any other gets 120."""

CHANGES = 2
"""The exit code by which `plan -detailed-exitcode` says that there are changes."""


class Terraform:
    """The Terraform tool."""

    name: ClassVar[str] = "Terraform"
    description: ClassVar[str] = (
        "Run terraform (or tofu) in the sandbox, without credentials: fmt, init, validate, plan, show, test, output, "
        "state_list, state_show, graph, providers, providers_lock, version, workspace_list, workspace_show. "
        "plan saves its plan and reports what it would add, change, replace and destroy. "
        "apply takes only such a saved plan, and needs a target."
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
        """Run in `compartment`; `plugin_dirs` are further provider mirrors in it, `store` is where plans are saved."""
        self._compartment = compartment
        self._targets = targets or Targets()
        self._plugin_dirs = tuple(plugin_dirs)
        self._store = store
        self._setup: Setup | None = None
        self._plans = 0
        self._one = asyncio.Lock()

    async def run(self, given: TerraformInput) -> Output:
        """Do the action. Raises ToolError where terraform is absent, or the action needs a target."""
        if given.action == "apply":
            raise unprepared("Terraform apply", self._targets.of("Terraform apply").target.name)
        async with self._one:
            return await self._act(given, await self._ready())

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
        text = f"Saved plan: {out}\n{summary}\n\n{ran.output.strip()}\n\nexit code {ran.exit_code}"
        return output_of(ran, text=text, fine=(0, CHANGES))

    def _plan_file(self, directory: str) -> str:
        self._plans += 1
        place = re.sub(r"[^A-Za-z0-9]+", "-", directory).strip("-") or "root"
        return posixpath.join(self._store, f"{place}-{self._plans}.tfplan")

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
