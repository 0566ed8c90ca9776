"""The pinned target: the one environment that a run may touch, and every way of naming another."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Field: TypeAlias = Literal["kube_context", "namespace", "terraform_workspace", "aws_profile", "credentials"]

VARIABLES: dict[str, Field] = {
    "KUBECONFIG": "credentials",
    "HELM_KUBECONTEXT": "kube_context",
    "HELM_NAMESPACE": "namespace",
    "HELM_KUBEAPISERVER": "credentials",
    "HELM_KUBETOKEN": "credentials",
    "TF_WORKSPACE": "terraform_workspace",
    "TF_CLI_CONFIG_FILE": "credentials",
    "AWS_PROFILE": "aws_profile",
    "AWS_DEFAULT_PROFILE": "aws_profile",
    "AWS_CONFIG_FILE": "credentials",
    "AWS_SHARED_CREDENTIALS_FILE": "credentials",
    "AWS_ACCESS_KEY_ID": "credentials",
    "AWS_SECRET_ACCESS_KEY": "credentials",
    "AWS_SESSION_TOKEN": "credentials",
    "AWS_ENDPOINT_URL": "credentials",
    "AWS_ROLE_ARN": "credentials",
    "GOOGLE_APPLICATION_CREDENTIALS": "credentials",
    "CLOUDSDK_CONFIG": "credentials",
    "CLOUDSDK_ACTIVE_CONFIG_NAME": "credentials",
    "CLOUDSDK_CORE_PROJECT": "credentials",
    "AZURE_CONFIG_DIR": "credentials",
    "DOCKER_HOST": "credentials",
    "DOCKER_CONTEXT": "credentials",
}
"""Environment variables that aim a program elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One environment of the policy file.

    protected: a person decides every change. kubeconfig, environment: where its credentials come from, a file and the
    names of variables. endpoints: the hosts its tools may reach.
    """

    name: str
    kube_context: str | None = None
    namespaces: tuple[str, ...] = ()
    terraform_workspace: str | None = None
    aws_profile: str | None = None
    protected: bool = False
    description: str | None = None
    kubeconfig: str | None = None
    endpoints: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def differs(self, field: Field, value: str) -> str | None:
        """Why `value` leaves this target, or None when it is the target's own."""
        mine = self._allowed(field)
        if value in mine:
            return None
        own = ", ".join(mine) or "the run's own"
        return f"target {self.name!r} is pinned: {field.replace('_', ' ')} is {own}, not {value!r}"

    def _allowed(self, field: Field) -> tuple[str, ...]:
        if field == "namespace":
            return self.namespaces
        if field == "credentials":
            return ()
        value = {
            "kube_context": self.kube_context,
            "terraform_workspace": self.terraform_workspace,
            "aws_profile": self.aws_profile,
        }[field]
        return (value,) if value else ()
