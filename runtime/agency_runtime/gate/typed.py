"""Infrastructure tools: their closed lists of actions in the classes that command lines have.

An action that is in no list is judged like the command line it names, where an unknown verb counts as a change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from agency_runtime.gate.decision import Kind, Verdict, gravest
from agency_runtime.gate.effect import Effect
from agency_runtime.gate.programs import clouds, docker, helm, kubectl, terraform
from agency_runtime.gate.rules import Rule
from agency_runtime.gate.targets import Aims, Field
from agency_tools.prospect import Prospect
from agency_tools.target import Target

ACTIONS: dict[str, dict[str, Kind]] = {
    "Terraform": {
        "fmt": "local", "init": "local", "providers_lock": "local",
        "validate": "read", "show": "read", "output": "read", "state_list": "read", "state_show": "read", "graph": "read",
        "providers": "read", "version": "read", "workspace_list": "read", "workspace_show": "read",
        "plan": "plan", "test": "plan", "workspace_select": "local", "workspace_new": "change", "apply": "change",
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
_UNBOUND = ("auto_approve", "targets", "destroy", "refresh_only", "replace")
"""Arguments that would apply something else than the saved plan."""


AIMED = frozenset({"Terraform", "Kubernetes", "Helm", "Cloud"})
"""Tools whose changes are always a target's."""


@dataclass(frozen=True, kw_only=True)
class TypedCall:
    """A call of an infrastructure tool as rules meet it.

    effect: with the graver of its action's class and its prospect's. nowhere: why there is no target to do it on.
    destroys: its prospect destroys what its action alone would only change, so a rule has to name that.
    """

    tool: str
    action: str
    shown: str
    effect: Effect
    target: Target | None
    nowhere: str = ""
    destroys: bool = False

    @property
    def grave(self) -> bool:
        """Whether it changes something that is not the run's own."""
        return self.effect.kind in ("change", "destroy")

    @property
    def texts(self) -> list[str]:
        """Every form in which a rule may meet the call, the one that names class and target included."""
        plain = [self.action, self.shown.removeprefix(self.tool).strip()]
        return [*plain, self._exact] if self.grave else plain

    @property
    def _exact(self) -> str:
        words = ["destroy"] if self.destroys else []
        return " ".join([*words, self.action, *([f"target={self.target.name}"] if self.target else [])])

    @property
    def permit(self) -> str:
        """The narrowest rule that would allow it."""
        if not self.action:
            return self.tool
        return f"{self.tool}({self._exact})" if self.grave else f"{self.tool}({self.action})"

    def covered_by(self, rule: Rule) -> bool:
        """Whether an allow rule that matches means this: what destroys has to be named."""
        return not self.destroys or (rule.spec is not None and "destroy" in rule.spec.split())

    def remedy(self, verdict: Verdict) -> str:
        """What a person can do about a protected target's question; no rule answers it."""
        if verdict != "ask":
            return ""
        return f"`{self.shown}` needs a person's yes, which no rule can give: start the run at a terminal, and answer there."


def typed_call(tool: str, given: Mapping[str, Any], aims: Aims, prospect: Prospect | None) -> TypedCall:
    """The call, with what its tool says it would change."""
    effect = classify_tool(tool, given)
    action = str(given.get("action") or given.get("verb") or given.get("operation") or "").strip()
    rest = (f"{name}={value}" for name, value in given.items() if name != "action")
    kind = gravest([effect.kind, prospect.kind]) if prospect else effect.kind
    why = f"{effect.why}: {prospect.summary}" if prospect else effect.why
    name = prospect.target if prospect else str(given["target"]) if given.get("target") else None
    target = aims.of(name)
    return TypedCall(
        tool=tool,
        action=action,
        shown=" ".join([tool, action, *rest]).strip()[:300],
        effect=replace(effect, kind=kind, why=why),
        target=target,
        nowhere=_nowhere(tool, kind, aims, name) if target is None else "",
        destroys=kind == "destroy" and effect.kind != "destroy",
    )


def _nowhere(tool: str, kind: Kind, aims: Aims, name: str | None) -> str:
    if name is not None and tool in AIMED:
        there = ", ".join(target.name for target in aims.targets) or "none"
        return f"this run has no target {name!r}: it has {there}; a person names them with --target"
    if tool in AIMED and kind in ("change", "destroy"):
        return "a change needs a target, and this run has none: only a person can name one, with --target NAME"
    return ""


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
