"""kubectl: manifests offline in the run's sandbox, a cluster only through the run's target, changes only as approved."""

import posixpath
from typing import ClassVar, get_args

from agency_tools.compartment import STORE, Compartment, Ran, output_of, present
from agency_tools.kubernetes_cluster import Cluster
from agency_tools.kubernetes_commands import Changing, KubernetesInput, Offline, kubectl_argv
from agency_tools.kubernetes_place import place
from agency_tools.kubernetes_run import Kubectl
from agency_tools.prospect import Prospect
from agency_tools.reach import Targets
from agency_tools.tool import Input, Output

NOWHERE = {"KUBECONFIG": "/dev/null"}
"""What keeps an offline action from finding a cluster."""

ABSENT = "Judge the manifests by reading them, and report the check as not run."


class Kubernetes:
    """The Kubernetes tool."""

    name: ClassVar[str] = "Kubernetes"
    description: ClassVar[str] = (
        "Run kubectl. Offline: kustomize (render), version, create_dry_run (print a manifest), set_image_local. On the "
        "target: get, describe, logs, events, top, explain, rollout_status, rollout_history, wait, can_i read; diff shows "
        "what manifests would change and answers an id; apply does exactly that diff, watches it and undoes it if it does "
        "not become healthy; rollout_undo, scale, delete change one object."
    )
    input_type: ClassVar[type[Input]] = KubernetesInput
    read_only: ClassVar[bool] = False

    def __init__(
        self,
        compartment: Compartment,
        *,
        targets: Targets | None = None,
        store: str = posixpath.join(STORE, "kubernetes"),
    ) -> None:
        """Work offline in `compartment`, and on `targets`, where `store` keeps manifests during the run."""
        self._compartment = compartment
        self._targets = targets or Targets()
        self._store = store
        self._clusters: dict[str, Cluster] = {}

    async def prospect(self, given: KubernetesInput) -> Prospect | None:
        """What a changing action would change now. Raises ToolError where it cannot be done as asked."""
        if given.action not in get_args(Changing):
            return None
        return await self._cluster(given).prospect(given, self._kubectl(given))

    async def run(self, given: KubernetesInput) -> Output:
        """Do the action. Raises ToolError where kubectl is absent, the action needs a target, or nobody approved it."""
        if given.action in get_args(Offline):
            ran = await self._compartment.run(kubectl_argv(given), env=NOWHERE, timeout_s=120)
            return output_of(present(ran, "kubectl", ABSENT))
        kubectl = self._kubectl(given)
        if given.action == "diff":
            return await self._cluster(given).diff(given, kubectl)
        if given.action in get_args(Changing):
            return await self._cluster(given).change(given, kubectl)
        return await _read(given, kubectl)

    def _kubectl(self, given: KubernetesInput) -> Kubectl:
        reach = self._targets.of(f"Kubernetes {given.action}", given.target)
        return Kubectl(compartment=reach.compartment, place=place(reach.target, given.namespace))

    def _cluster(self, given: KubernetesInput) -> Cluster:
        target = self._targets.of(f"Kubernetes {given.action}", given.target).target
        made = Cluster(target=target, targets=self._targets, store=self._store)
        return self._clusters.setdefault(target.name, made)


async def _read(given: KubernetesInput, kubectl: Kubectl) -> Output:
    argv = kubectl_argv(given, namespace=kubectl.place.namespace)
    ran: Ran = await kubectl.compartment.run(argv, timeout_s=given.seconds + 30)
    return output_of(present(ran, "kubectl", ABSENT))
