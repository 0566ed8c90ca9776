"""Terraform on a target: plans that are bound to what they were made from, and the apply of exactly such a plan."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agency_tools.compartment import STATE, STORE, Ran, output_of, present
from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger
from agency_tools.prospect import Prospect, digest_of
from agency_tools.reach import Reach
from agency_tools.terraform_answers import answered, in_order
from agency_tools.terraform_commands import TerraformInput, terraform_argv
from agency_tools.terraform_plan import BRIEF, destroys, lines, report, warnings
from agency_tools.terraform_setup import Setup, find
from agency_tools.terraform_work import MIRROR, SURVEY, Place, Survey, place_of, said, slug, survey_of
from agency_tools.tool import Output
from agency_tools.workspace import ROOT

CHANGES = 2
"""The exit code by which `plan -detailed-exitcode` says that there are changes."""

SECONDS = {"init": 600.0, "plan": 900.0, "apply": 3600.0}
"""Seconds after which an action is interrupted; any other gets 120."""

_LOCK = re.compile(r"^\W*ID:\s+([0-9a-fA-F-]{36})\b", re.MULTILINE)
_LOCKED = 'python3 -c \'import glob,json\nfor f in glob.glob("%s/**/.*.lock.info", recursive=True): print(json.load(open(f))["ID"])\''


@dataclass
class AimedTerraform:
    """Terraform for one target of the run."""

    reach: Reach
    ledger: Ledger
    mirrors: Sequence[str] = ()
    state: str = STATE
    root: str = ROOT
    store: str = posixpath.join(STORE, "terraform")
    _setup: Setup | None = None
    _plans: int = 0
    _inputs: dict[str, TerraformInput] = field(default_factory=dict[str, TerraformInput])

    async def act(self, given: TerraformInput) -> Ran | Output:
        """Do an action that changes nothing of the target, after an init where one is due."""
        if given.action == "plan":
            return await self._plan(given)
        place = await self._place(given.directory)
        if given.action == "init":
            return await self._init(place)
        await self._initialised(place)
        setup = await self._ready()
        return await self._command(terraform_argv(given, binary=setup.binary), given.action, place)

    # ---- plan

    async def _plan(self, given: TerraformInput) -> Output:
        place, setup = await self._place(given.directory), await self._ready()
        await self._initialised(place)
        self._plans += 1
        out = f"{self.store}/{self.reach.target.name}-{slug(given.directory)}-{self._plans}.tfplan"
        before = await self._survey(given, place, out)
        if before.runs:
            code = self.ledger.find(f"code in {given.directory}", target=self.reach.target.name, noun="configuration")
            self.ledger.unchanged(code, before.files)
            self.ledger.take(code)
        ran = await self._command(terraform_argv(given, binary=setup.binary, out=out), "plan", place)
        if ran.exit_code not in (0, CHANGES):
            return output_of(ran)
        shown = await self._command(["python3", "-c", BRIEF, setup.binary, "show", "-json", out], "show", place)
        if shown.exit_code != 0:
            return output_of(shown)
        plan = answered(shown.output)
        after = await self._survey(given, place, out)
        kept = self._keep(given, out, plan, before, after) if ran.exit_code == CHANGES else None
        return output_of(ran, text=self._told(out, plan, ran, kept), fine=(0, CHANGES))

    def _keep(self, given: TerraformInput, out: str, plan: dict[str, Any], before: Survey, after: Survey) -> Prospect:
        """Bound to the files as they were before the plan, so that a change under way is none that was planned."""
        self._inputs[out] = given
        deeds = [[change["address"], change["change"]["actions"]] for change in plan["resource_changes"]]
        return self.ledger.keep(
            Prospect(
                id=out,
                tool="Terraform",
                action="apply",
                target=self.reach.target.name,
                kind="destroy" if destroys(plan) else "change",
                summary=report(plan).splitlines()[0],
                lines=lines(plan),
                warnings=warnings(plan),
                binding={**after.binding, **before.files, "the state": before.state},
                content=digest_of([before.configuration, sorted(deeds)]),
                expires=self.ledger.expiry(),
            )
        )

    def _told(self, out: str, plan: dict[str, Any], ran: Ran, kept: Prospect | None) -> str:
        lines = [f"Saved plan: {out} (target {self.reach.target.name})", report(plan)]
        lines += [f"  ! {warning}" for warning in warnings(plan)]
        if kept is not None:
            proven = ", ".join(kept.proven_on)
            lines += [f"  applies until {kept.expires:%H:%M} UTC while nothing it was made from changes"]
            lines += [f"  the same change was applied to {proven} in this run"] if proven else []
        return "\n".join([*lines, "", in_order(ran.output.strip()), "", f"exit code {ran.exit_code}"])

    # ---- apply

    async def prospect(self, given: TerraformInput) -> Prospect | None:
        """What was saved, with everything it is bound to as it was. Raises ToolError that names what is not."""
        if given.action == "workspace_new":
            return self.ledger.keep(self._workspace(given))
        if given.action == "plan":
            return await self._code(given)
        return await self._unchanged(given)

    async def _unchanged(self, given: TerraformInput) -> Prospect:
        kept = self.ledger.find(str(given.plan), target=self.reach.target.name)
        planned = self._inputs[kept.id]
        now = await self._survey(planned, await self._place(planned.directory), kept.id)
        if now.problem and all(kept.binding.get(name) == digest for name, digest in now.files.items()):
            raise ToolError(f"not done: the state cannot be read:\n{now.problem}")
        self.ledger.unchanged(kept, now.binding)
        return kept

    async def _code(self, given: TerraformInput) -> Prospect | None:
        """What would run with the credentials before any plan was seen; None where that is the providers alone."""
        place = await self._place(given.directory)
        await self._initialised(place)
        survey = await self._survey(given, place, "")
        return self.ledger.keep(self._running(given, survey)) if survey.runs else None

    def _running(self, given: TerraformInput, survey: Survey) -> Prospect:
        return Prospect(
            id=f"code in {given.directory}",
            tool="Terraform",
            action="plan",
            target=self.reach.target.name,
            kind="change",
            noun="configuration",
            summary="planning alone would run code with the target's credentials",
            warnings=survey.runs,
            binding=survey.files,
            content=digest_of(survey.files),
            expires=self.ledger.expiry(),
        )

    def _workspace(self, given: TerraformInput) -> Prospect:
        """A new workspace, which holds nothing yet."""
        return Prospect(
            id=f"workspace {given.directory} {given.workspace}",
            tool="Terraform",
            action="workspace_new",
            target=self.reach.target.name,
            kind="change",
            noun="workspace",
            summary=f"1 new workspace, {given.workspace}",
            content=digest_of([given.directory, "workspace"]),
            expires=self.ledger.expiry(),
        )

    async def apply(self, given: TerraformInput) -> Output:
        """Apply a plan that was approved. Raises ToolError where it was not, or something has changed."""
        kept = await self._unchanged(given)
        by = self.ledger.take(kept)
        setup, place = await self._ready(), await self._place(self._inputs[kept.id].directory)
        argv = terraform_argv(given, binary=setup.binary)
        try:
            ran = await self._command(argv, "apply", place)
        except ToolError as error:
            raise ToolError(f"{error}\n{await self._locks(str(error))}") from None
        head = f"apply of {kept.id} to target {kept.target}, approved by {by}, hash {kept.digest[:16]}"
        if ran.exit_code != 0:
            tail = await self._locks(ran.output)
            return output_of(
                ran, text=f"{head}: failed; part of it may be done, so plan again\n\n{ran.output.strip()}\n{tail}"
            )
        self.ledger.prove(kept)
        return output_of(ran, text=f"{head}: done\n\n{ran.output.strip()}")

    async def _locks(self, text: str) -> str:
        """The locks on the state that are left, by their ids."""
        found = _LOCK.findall(text)
        if self.reach.target.terraform_state is not None:
            found += (await self.reach.compartment.run(["sh", "-c", _LOCKED % self.state])).output.split()
        ids = ", ".join(dict.fromkeys(found))
        return (
            f"The state is locked, lock id {ids}; whoever holds it may still be at work, so only a person unlocks it: terraform force-unlock ID"
            if ids
            else "No lock was left on the state."
        )

    # ---- workspaces

    async def new_workspace(self, given: TerraformInput) -> Output:
        """Make the target's workspace. Raises ToolError where nobody allowed it."""
        name = f"workspace {given.directory} {given.workspace}"
        self.ledger.take(self.ledger.find(name, target=self.reach.target.name, noun="workspace"))
        setup, place = await self._ready(), await self._place(given.directory)
        unpinned = {"TF_WORKSPACE": ""}  # naming it would make a local one at once
        await self._initialised(place, unpinned)
        argv = terraform_argv(given, binary=setup.binary)
        return output_of(await self._command(argv, "workspace_new", place, unpinned))

    # ---- commands

    async def _ready(self) -> Setup:
        if self._setup is None:
            self._setup = await find(self.reach.compartment, store=self.store, mirrors=self.mirrors, closed=True)
        return self._setup

    async def _place(self, directory: str) -> Place:
        await self._ready()
        work, data = f"{self.store}/work/{slug(directory)}", f"{self.store}/data/{slug(directory)}"
        state = self.state if self.reach.target.terraform_state is not None else ""
        argv = ["python3", "-c", MIRROR, self.root, work, directory, state]
        made = said((await self.reach.compartment.run(argv)).output)
        return place_of(made, data=data, target=self.reach.target.name, state=bool(state))

    async def _initialised(self, place: Place, env: Mapping[str, str] | None = None) -> None:
        """Init, which costs little where all is there. Raises ToolError with what went wrong."""
        ran = await self._init(place, env)
        if ran.exit_code != 0:
            raise ToolError(f"not run: init failed on target {self.reach.target.name!r}:\n{ran.output.strip()[-4000:]}")

    async def _init(self, place: Place, env: Mapping[str, str] | None = None) -> Ran:
        setup = await self._ready()
        return await self._command([setup.binary, "init", "-no-color", "-input=false"], "init", place, env)

    async def _survey(self, given: TerraformInput, place: Place, plan: str) -> Survey:
        setup = await self._ready()
        argv = ["python3", "-c", SURVEY, self.root, given.directory, place.data, plan, setup.binary, *given.var_files]
        return survey_of(said((await self._command(argv, "survey", place)).output))

    async def _command(
        self, argv: Sequence[str], action: str, place: Place, env: Mapping[str, str] | None = None
    ) -> Ran:
        setup, workspace = await self._ready(), self.reach.target.terraform_workspace
        ran = await self.reach.compartment.run(
            argv,
            cwd=place.where,
            env={
                **setup.env,
                "TF_DATA_DIR": place.data,
                **({"TF_WORKSPACE": workspace} if workspace else {}),
                **(env or {}),
            },
            timeout_s=SECONDS.get(action, 120),
            interrupt_first=True,
        )
        return present(ran, "terraform", "Report it as not run.")
