"""Helm: charts offline in the run's sandbox, releases only through the run's target, changes only as approved."""

import posixpath
from typing import ClassVar, get_args

from agency_tools.compartment import STORE, Compartment, output_of, present
from agency_tools.helm_commands import Changing, HelmInput, Offline, helm_argv
from agency_tools.helm_releases import Releases
from agency_tools.kubernetes_place import place
from agency_tools.kubernetes_run import Kubectl
from agency_tools.prospect import Prospect
from agency_tools.reach import Targets
from agency_tools.tool import Input, Output

ABSENT = "Judge the chart by reading it, and report the check as not run."


class Helm:
    """The Helm tool."""

    name: ClassVar[str] = "Helm"
    description: ClassVar[str] = (
        "Run helm. Offline: template (render a chart), lint. On the target: list, history, status read; diff shows what a "
        "chart would change of the live release, its hooks included, and answers an id; upgrade does exactly that diff, "
        "watches it and rolls back if it does not become healthy; rollback returns to a revision."
    )
    input_type: ClassVar[type[Input]] = HelmInput
    read_only: ClassVar[bool] = False

    def __init__(
        self, compartment: Compartment, *, targets: Targets | None = None, store: str = posixpath.join(STORE, "helm")
    ) -> None:
        """Work offline in `compartment`, and on `targets`, where `store` keeps charts during the run."""
        self._compartment = compartment
        self._targets = targets or Targets()
        self._store = store
        self._releases: dict[str, Releases] = {}

    async def prospect(self, given: HelmInput) -> Prospect | None:
        """What a changing action would change now. Raises ToolError where it cannot be done as asked."""
        if given.action not in get_args(Changing):
            return None
        return await self._on(given).prospect(given, self._kubectl(given))

    async def run(self, given: HelmInput) -> Output:
        """Do the action. Raises ToolError where helm is absent, the action needs a target, or nobody approved it."""
        if given.action in get_args(Offline):
            return output_of(present(await self._compartment.run(helm_argv(given), timeout_s=300), "helm", ABSENT))
        kubectl = self._kubectl(given)
        if given.action == "diff":
            return await self._on(given).diff(given, kubectl)
        if given.action in get_args(Changing):
            return await self._on(given).change(given, kubectl)
        argv = helm_argv(given, namespace=kubectl.place.namespace)
        return output_of(present(await kubectl.compartment.run(argv, timeout_s=120), "helm", ABSENT))

    def _kubectl(self, given: HelmInput) -> Kubectl:
        reach = self._targets.of(f"Helm {given.action}", given.target)
        return Kubectl(compartment=reach.compartment, place=place(reach.target, given.namespace))

    def _on(self, given: HelmInput) -> Releases:
        target = self._targets.of(f"Helm {given.action}", given.target).target
        made = Releases(target=target, targets=self._targets, store=self._store)
        return self._releases.setdefault(target.name, made)
