"""A change proven on staging and then made on a protected production, by one person, with the real terraform."""

import io
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.answer import Answer
from agency_runtime.approval import AtTerminal
from agency_runtime.gate import Gate, Rules
from agency_runtime.session import Event, Session
from agency_runtime.terminal import Terminal
from agency_runtime.wire import Call
from agency_tools.compartment_sandbox import TargetCompartment, layout_for
from agency_tools.compartment_testing import Scripted
from agency_tools.credentials import Credentials
from agency_tools.reach import Reach, Targets
from agency_tools.target import Target
from agency_tools.terraform import Terraform
from agency_tools.workspace import Layout

pytestmark = [
    pytest.mark.bwrap,
    pytest.mark.skipif(
        shutil.which("terraform") is None and os.environ.get("CI") != "true", reason="terraform is not installed"
    ),
]


@pytest.fixture
async def targets(repository: Path, tmp_path: Path) -> AsyncIterator[Targets]:
    """Staging and a protected production, each with its compartment and its state."""
    (repository / "main.tf").write_text('resource "terraform_data" "a" {\n  input = "x"\n}\n')
    reaches: list[Reach] = []
    for name in ("staging", "production"):
        state = tmp_path / name
        state.mkdir()
        layout = layout_for(Layout(repository=str(repository)), Credentials(), state)
        target = Target(name=name, protected=name == "production", terraform_state=str(state))
        reaches.append(Reach(target=target, compartment=TargetCompartment("bwrap", layout, Credentials())))
    yield Targets(reaches=reaches)
    for reach in reaches:
        assert isinstance(reach.compartment, TargetCompartment)
        await reach.compartment.close()


class Sitting:
    """A run at whose terminal a person sits and types these lines."""

    def __init__(self, targets: Targets, *typed: str) -> None:
        self.out, lines = io.StringIO(), iter(typed)
        self.prompts: list[str] = []
        self.events: list[Event] = []

        def ask(prompt: str) -> str:
            self.prompts.append(prompt)
            return next(lines)

        staging, production = (reach.target for reach in targets.reaches)
        rules = Rules.parse(allow=["Terraform(*)"])
        self.answer = Answer(
            session=Session(id="s", listeners=[self.events.append]),
            tools={"Terraform": Terraform(Scripted(), targets=targets)},
            gate=Gate(mode="acceptEdits", rules=rules, target=staging, further=(production,)),
            approve=AtTerminal(Terminal(out=self.out, width=100), target="staging", ask=ask),
            ledger=targets.ledger,
        )

    async def call(self, action: str, target: str, **more: str) -> str:
        given: dict[str, Any] = {"action": action, "target": target, **more}
        return str((await self.answer(Call(id="t", name="Terraform", input=given), 1))["content"])

    async def planned(self, target: str) -> str:
        return (await self.call("plan", target)).splitlines()[0].split()[2]

    def approvals(self) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.type == "approval"]


async def test_a_change_proven_on_staging_needs_but_a_yes_for_production(targets: Targets) -> None:
    sitting = Sitting(targets, "y")
    staging, production = await sitting.planned("staging"), await sitting.planned("production")
    assert ": done" in await sitting.call("apply", "staging", plan=staging)
    assert ": done" in await sitting.call("apply", "production", plan=production)
    assert sitting.prompts == ["  [y] once  [n] no: "]
    assert "the same change was carried out on staging in this run" in sitting.out.getvalue()
    [approval] = sitting.approvals()
    assert (approval["target"], approval["granted"], "override" in approval) == ("production", True, False)


async def test_a_change_to_production_that_was_not_proven_needs_a_reason_that_is_written_down(
    targets: Targets, tmp_path: Path
) -> None:
    sitting = Sitting(targets, "", "staging is gone, by the on-call's order")
    production = await sitting.planned("production")
    assert (await sitting.call("apply", "production", plan=production)).startswith("Not executed: refused by the user")
    assert not list((tmp_path / "production").iterdir())
    assert ": done" in await sitting.call("apply", "production", plan=production)
    refused, granted = sitting.approvals()
    assert (refused["granted"], granted["override"]) == (False, "staging is gone, by the on-call's order")


async def test_another_change_than_the_proven_one_is_not_proven(targets: Targets, repository: Path) -> None:
    sitting = Sitting(targets, "")
    assert ": done" in await sitting.call("apply", "staging", plan=await sitting.planned("staging"))
    (repository / "main.tf").write_text('resource "terraform_data" "b" {\n  input = "x"\n}\n')
    production = await sitting.planned("production")
    assert (await sitting.call("apply", "production", plan=production)).startswith("Not executed: refused by the user")
    assert "not proven on an unprotected target in this run" in sitting.out.getvalue()
