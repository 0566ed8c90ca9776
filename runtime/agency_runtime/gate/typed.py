"""Infrastructure tools: their closed lists of actions in the classes that command lines have.

An action that is in no list is judged like the command line it names, where an unknown verb counts as a change.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agency_runtime.gate.decision import Kind
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.programs import clouds, docker, helm, kubectl, terraform
from agency_runtime.gate.targets import Field

ACTIONS: dict[str, dict[str, Kind]] = {
    "Terraform": {
        "fmt": "local", "init": "local", "providers_lock": "local",
        "validate": "read", "show": "read", "output": "read", "state_list": "read", "state_show": "read", "graph": "read",
        "providers": "read", "version": "read", "workspace_list": "read", "workspace_show": "read",
        "plan": "plan", "test": "plan", "apply": "change",
    },
    "Kubernetes": {
        "kustomize": "read", "version": "read", "create_dry_run": "read", "set_image_local": "read", "get": "read",
        "describe": "read", "logs": "read", "events": "read", "top": "read", "explain": "read", "rollout_status": "read",
        "rollout_history": "read", "wait": "read", "can_i": "read", "diff": "plan",
        "apply": "change", "rollout_undo": "change", "scale": "change", "delete": "destroy",
    },
    "Helm": {
        "lint": "read", "list": "read", "history": "read", "status": "read", "template": "plan", "diff": "plan",
        "upgrade": "change", "rollback": "change", "uninstall": "destroy",
    },
    "Docker": {
        "images": "read", "inspect": "read", "logs": "read", "compose_config": "read",
        "build": "local", "run": "local", "stop": "local", "rmi": "local",
    },
}  # fmt: skip
"""What each tool offers. Docker's `rmi` and `stop` reach only what the tool itself made."""
_PROGRAMS = {"Terraform": "terraform", "Kubernetes": "kubectl", "Helm": "helm", "Docker": "docker"}
_CLASSIFIERS = {
    "Terraform": terraform.classify,
    "Kubernetes": kubectl.classify,
    "Helm": helm.classify,
    "Docker": docker.classify,
}
_CLOUDS = {"aws": clouds.classify_aws, "gcloud": clouds.classify_gcloud, "az": clouds.classify_az}
_PINS: dict[str, Field] = {"context": "kube_context", "kube_context": "kube_context", "namespace": "namespace",
                           "kubeconfig": "credentials", "workspace": "terraform_workspace", "profile": "aws_profile"}  # fmt: skip
_UNBOUND = ("auto_approve", "targets", "target", "destroy", "refresh_only", "replace")
"""Arguments that would apply something else than the saved plan."""


def classify_tool(tool: str, given: Mapping[str, Any]) -> Effect:
    """The effect of a call of Terraform, Kubernetes, Helm, Docker or Cloud."""
    if tool == "Cloud":
        return _cloud(given)
    action = str(given.get("action") or given.get("verb") or "").strip()
    if not action:
        return Effect("change", f"{tool} without an action counts as a change")
    pins = _pins(tool, given)
    if tool == "Terraform" and action == "apply" and any(given.get(name) for name in _UNBOUND):
        return Effect("change", "Terraform apply takes a saved plan alone, whole and reviewed", refused=True, pins=pins)
    kind = ACTIONS[tool].get(action)
    if kind is None:
        return _as_command(tool, action, given, pins)
    if tool == "Kubernetes" and action == "scale" and given.get("replicas") == 0:
        kind = "destroy"
    return Effect(kind, f"{tool} {action}", pins=pins)


def _pins(tool: str, given: Mapping[str, Any]) -> tuple[tuple[Field, str], ...]:
    own = ("context",) if tool == "Docker" else ()  # of docker's build, the context is a folder
    return tuple((field, str(given[name])) for name, field in _PINS.items() if given.get(name) and name not in own)


def _as_command(tool: str, action: str, given: Mapping[str, Any], pins: tuple[tuple[Field, str], ...]) -> Effect:
    effect = _CLASSIFIERS[tool]([_PROGRAMS[tool], *action.replace("_", " ").split(), *_arguments(given)])
    return Effect(effect.kind, effect.why, effect.refused, effect.critical, (*effect.pins, *pins))


def _arguments(given: Mapping[str, Any]) -> list[str]:
    value = given.get("args") or given.get("arguments") or ()
    return value.split() if isinstance(value, str) else [str(item) for item in cast("Sequence[object]", value)]


def _cloud(given: Mapping[str, Any]) -> Effect:
    provider = str(given.get("provider") or "aws")
    words = " ".join(str(given.get(name) or "") for name in ("service", "operation", "action")).split()
    classifier = _CLOUDS.get(provider)
    if classifier is None or not words:
        return Effect("change", f"Cloud {provider}: an unknown operation counts as a change")
    effect = classifier([provider, *words, *_arguments(given)])
    return Effect(effect.kind, effect.why, effect.refused, pins=(*effect.pins, *_pins("Cloud", given)))
