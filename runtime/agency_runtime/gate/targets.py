"""The pinned targets: the environments that a run may touch, and every way of naming another."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agency_tools.target import Target

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
    "AWS_WEB_IDENTITY_TOKEN_FILE": "credentials",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "credentials",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "credentials",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "credentials",
    "TF_DATA_DIR": "credentials",
    "ARM_SUBSCRIPTION_ID": "credentials",
    "ARM_TENANT_ID": "credentials",
    "ARM_CLIENT_ID": "credentials",
    "ARM_CLIENT_SECRET": "credentials",
    "GOOGLE_CREDENTIALS": "credentials",
    "GOOGLE_PROJECT": "credentials",
    "GOOGLE_CLOUD_PROJECT": "credentials",
    "KUBE_CONFIG_PATH": "credentials",
    "KUBE_CTX": "kube_context",
    "VAULT_ADDR": "credentials",
    "VAULT_TOKEN": "credentials",
    "AWS_ROLE_ARN": "credentials",
    "GOOGLE_APPLICATION_CREDENTIALS": "credentials",
    "CLOUDSDK_CONFIG": "credentials",
    "CLOUDSDK_ACTIVE_CONFIG_NAME": "credentials",
    "CLOUDSDK_CORE_PROJECT": "credentials",
    "CLOUDSDK_CORE_ACCOUNT": "credentials",
    "AZURE_CONFIG_DIR": "credentials",
    "DOCKER_HOST": "credentials",
    "DOCKER_CONTEXT": "credentials",
}
"""Environment variables that aim a program elsewhere."""


def differs(target: Target, field: Field, value: str) -> str | None:
    """Why `value` leaves this target, or None when it is the target's own."""
    mine = _allowed(target, field)
    if value in mine:
        return None
    own = ", ".join(mine) or "the run's own"
    return f"target {target.name!r} is pinned: {field.replace('_', ' ')} is {own}, not {value!r}"


def _allowed(target: Target, field: Field) -> tuple[str, ...]:
    if field == "namespace":
        return target.namespaces
    if field == "credentials":
        return ()
    value = {
        "kube_context": target.kube_context,
        "terraform_workspace": target.terraform_workspace,
        "aws_profile": target.aws_profile,
    }[field]
    return (value,) if value else ()


def aimed_by(name: str) -> Field | None:
    """What an environment variable says of the target, if anything."""
    return "credentials" if name.startswith("AWS_ENDPOINT_URL") else VARIABLES.get(name)


HIJACKING = frozenset({
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "BASH_ENV", "ENV", "PROMPT_COMMAND", "SHELLOPTS", "BASHOPTS", "PS4", "IFS",
    "PYTHONSTARTUP", "PYTHONPATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF",
    "GIT_PAGER", "PAGER", "MANPAGER", "EDITOR", "VISUAL", "BROWSER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_ASKPASS", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_EXEC_PATH", "KUBECTL_EXTERNAL_DIFF", "HELM_PLUGINS", "TF_CLI_ARGS", "TF_CLI_ARGS_apply",
    "TF_CLI_ARGS_plan", "LESSOPEN", "LESSCLOSE",
    "MAKEFLAGS", "MAKEFILES", "GNUMAKEFLAGS", "npm_config_script_shell", "PYTHONHOME", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "MAVEN_OPTS",
    "GRADLE_OPTS", "GCONV_PATH", "GIT_CONFIG_PARAMETERS", "GIT_TEMPLATE_DIR", "TF_PLUGIN_CACHE_DIR", "TF_CLI_ARGS_init",
})  # fmt: skip
"""Variables that make a harmless program run another."""
HARMLESS = ("cat", "", "true", " ")
"""Values by which they run nothing."""


@dataclass(frozen=True, kw_only=True)
class Aims:
    """The targets of a run; the first is meant where a call names none."""

    targets: tuple[Target, ...] = ()

    def of(self, name: str | None) -> Target | None:
        """The target of that name; the first without a name, None where there is none such."""
        if name is None:
            return self.targets[0] if self.targets else None
        return next((target for target in self.targets if target.name == name), None)

    def astray(self, pins: Iterable[tuple[Field, str]], only: Target | None = None) -> str | None:
        """Why these pins, taken together, fit none of the targets, or not the `only` one; None where they fit."""
        found = tuple(pins)
        targets = (only,) if only else self.targets
        whys = [
            next((why for field, value in found if (why := differs(target, field, value))), None) for target in targets
        ]
        return None if None in whys else next(iter(whys), None)

    def proven(self, names: Iterable[str]) -> bool:
        """Whether one of these targets is unprotected."""
        return any(target is not None and not target.protected for target in map(self.of, names))
