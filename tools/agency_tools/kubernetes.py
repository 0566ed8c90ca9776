"""kubectl: manifests offline in the run's sandbox, a cluster only through the run's target."""

from typing import ClassVar, get_args

from agency_tools.compartment import Compartment, Ran, output_of, present
from agency_tools.kubernetes_commands import Changing, KubernetesInput, Offline, kubectl_argv
from agency_tools.reach import Targets, unprepared
from agency_tools.tool import Input, Output

NOWHERE = {"KUBECONFIG": "/dev/null"}
"""What keeps an offline action from finding a cluster."""

DIFFERS = 1
"""The exit code by which `kubectl diff` says that there are differences."""


class Kubernetes:
    """The Kubernetes tool."""

    name: ClassVar[str] = "Kubernetes"
    description: ClassVar[str] = (
        "Run kubectl. Offline, in the sandbox: kustomize (render a folder), version, create_dry_run (print a manifest), "
        "set_image_local (print a manifest with another image). Every other action needs a target: get, describe, logs, "
        "events, top, explain, diff, rollout_status, rollout_history, wait, can_i read it; apply, rollout_undo, scale, "
        "delete change it. Context and namespace are the target's."
    )
    input_type: ClassVar[type[Input]] = KubernetesInput
    read_only: ClassVar[bool] = False

    def __init__(self, compartment: Compartment, *, targets: Targets | None = None) -> None:
        """Work offline in `compartment`, and on `targets` in the namespace of each."""
        self._compartment = compartment
        self._targets = targets or Targets()

    async def run(self, given: KubernetesInput) -> Output:
        """Do the action. Raises ToolError where kubectl is absent, or the action needs a target."""
        where, env, namespace = self._where(given)
        argv = kubectl_argv(given, namespace=namespace)
        ran = await where.run(argv, env=env, timeout_s=given.seconds + 30)
        return told(
            given, present(ran, "kubectl", "Judge the manifests by reading them, and report the check as not run.")
        )

    def _where(self, given: KubernetesInput) -> tuple[Compartment, dict[str, str], str | None]:
        if given.action in get_args(Offline):
            return self._compartment, NOWHERE, None
        reach = self._targets.of(f"Kubernetes {given.action}")
        if given.action in get_args(Changing):
            raise unprepared(f"Kubernetes {given.action}", reach.target.name)
        return reach.compartment, {}, next(iter(reach.target.namespaces), None)


def told(given: KubernetesInput, ran: Ran) -> Output:
    """What the model is told; a diff that finds differences has not failed."""
    return output_of(ran, fine=(0, DIFFERS) if given.action == "diff" else (0,))
