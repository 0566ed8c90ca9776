"""A target: one environment that a run may touch, as the policy file describes it. Facts only; no credential is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Target:
    """One environment of the policy file.

    kube_context, namespaces, terraform_workspace, aws_profile: what its tools are pinned to.
    aws_account: the number of the account that its credentials must be of, or the ARN of who they must be.
    protected: a person decides every change.
    kubeconfig: the file that holds the context, by default the person's own.
    environment: the person's variables that its tools are given. files: further ones, whose value is a file's place.
    endpoints: hosts its tools may reach, as `--network` names them; the cluster of `kube_context` comes by itself.
    terraform_state: the folder of a local state; a relative one lies in the repository.
    """

    name: str
    kube_context: str | None = None
    namespaces: tuple[str, ...] = ()
    terraform_workspace: str | None = None
    aws_profile: str | None = None
    aws_account: str | None = None
    protected: bool = False
    description: str | None = None
    kubeconfig: str | None = None
    endpoints: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    terraform_state: str | None = None
