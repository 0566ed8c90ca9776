"""Infrastructure tools, judged like the command lines they stand for."""

from collections.abc import Mapping, Sequence
from typing import Any

from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.programs import clouds, docker, helm, kubectl, terraform

_PROGRAMS = {"Terraform": "terraform", "Kubernetes": "kubectl", "Helm": "helm", "Docker": "docker"}
_OPTIONS: dict[str, str] = {"namespace": "-n", "context": "--context", "kube_context": "--kube-context", "kubeconfig": "--kubeconfig",
                            "dry_run": "--dry-run", "replicas": "--replicas", "prune": "--prune", "force": "--force"}  # fmt: skip
TERRAFORM: dict[str, Kind] = {"apply": "change", "destroy": "destroy", "test": "plan", "import": "change", "state_list": "read",
                              "state_show": "read", "providers_lock": "local", "workspace_list": "read", "workspace_show": "read",
                              "workspace_select": "change", "workspace_new": "change"}  # fmt: skip


def classify_tool(tool: str, given: Mapping[str, Any]) -> Effect:
    """The effect of a call of Terraform, Kubernetes, Helm, Docker or Cloud; an unknown action counts as a change."""
    action = given.get("action", given.get("verb", given.get("operation")))
    if tool == "Cloud":
        return _cloud(given)
    if not isinstance(action, str) or not action.strip():
        return Effect("change", f"{tool} without an action counts as a change")
    if tool == "Terraform":
        return _terraform(action, given)
    argv = _argv(_PROGRAMS[tool], action, given)
    classifier = {"Kubernetes": kubectl.classify, "Helm": helm.classify, "Docker": docker.classify}[tool]
    return classifier(argv)


def _argv(program: str, action: str, given: Mapping[str, Any]) -> list[str]:
    argv = [program, *action.replace("_", " ").split()]
    for name, value in given.items():
        if name in ("action", "verb", "operation") or value in (None, False, ""):
            continue
        option = _OPTIONS.get(name)
        if option and not (program == "docker" and name in ("namespace", "force")):
            argv.append(option if value is True else f"{option}={value}")
        elif name in ("args", "arguments", "options", "flags") and isinstance(value, Sequence):
            argv += value.split() if isinstance(value, str) else [str(item) for item in value]
        elif program == "docker":
            argv += _docker(name, value)
    return argv


def _docker(name: str, value: object) -> list[str]:
    option = "--" + name.replace("_", "-").removesuffix("s") if name in ("volumes", "mounts", "devices") else "--" + name.replace("_", "-")
    values = value if isinstance(value, list | tuple) else [value]
    return [option if item is True else f"{option}={item}" for item in values]


def _terraform(action: str, given: Mapping[str, Any]) -> Effect:
    verb = action.replace("_", " ")
    if action == "apply" or verb == "apply":
        if given.get("auto_approve") or given.get("targets") or given.get("target") or given.get("destroy"):
            return Effect("change", "Terraform apply takes a saved plan alone: no auto-approve, no targets", refused=True)
        return Effect("change", "Terraform apply of a saved plan")
    effect = terraform.classify([_PROGRAMS["Terraform"], *verb.split()])
    known = TERRAFORM.get(action)
    workspace = given.get("workspace") or given.get("name")
    pins = (("terraform_workspace", str(workspace)),) if isinstance(workspace, str) and workspace else ()
    if effect.refused:
        return Effect(effect.kind, effect.why, refused=True, pins=pins)  # type: ignore[arg-type]
    return Effect(known or effect.kind, f"Terraform {verb}", pins=pins)  # type: ignore[arg-type]


def _cloud(given: Mapping[str, Any]) -> Effect:
    provider = str(given.get("provider", given.get("cloud", given.get("program", "aws"))))
    words = [str(given.get(name, "")) for name in ("service", "group", "action", "command", "verb", "operation") if given.get(name)]
    extra = given.get("args", given.get("arguments", ()))
    argv = [provider, *" ".join(words).split(), *(extra.split() if isinstance(extra, str) else map(str, extra if isinstance(extra, list | tuple) else ()))]
    argv += [f"--profile={given['profile']}"] if given.get("profile") else []
    classifier = {"aws": clouds.classify_aws, "gcloud": clouds.classify_gcloud, "az": clouds.classify_az}.get(provider)
    return classifier(argv) if classifier and words else Effect("change", f"Cloud {provider}: an unknown action counts as a change")
