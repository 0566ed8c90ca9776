"""The Kubernetes tool's input, and the argument list that each action comes to."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, model_validator

from agency_tools.compartment import Inside, Name, Value, Word
from agency_tools.tool import Input

Offline: TypeAlias = Literal["kustomize", "version", "create_dry_run", "set_image_local"]
Reading: TypeAlias = Literal[
    "get", "describe", "logs", "events", "top", "explain", "diff", "rollout_status", "rollout_history", "wait", "can_i"
]
Changing: TypeAlias = Literal["apply", "rollout_undo", "scale", "delete"]
Action: TypeAlias = Literal[Offline, Reading, Changing]
Kind: TypeAlias = Literal[
    "clusterrolebinding",
    "configmap",
    "cronjob",
    "deployment",
    "ingress",
    "job",
    "namespace",
    "poddisruptionbudget",
    "quota",
    "rolebinding",
    "service clusterip",
    "service externalname",
    "service loadbalancer",
    "service nodeport",
    "serviceaccount",
]

CREATE_OPTIONS: Mapping[Kind, Sequence[str]] = {
    "clusterrolebinding": ("clusterrole", "serviceaccount", "user", "group"),
    "configmap": ("from-literal",),
    "cronjob": ("image", "schedule", "restart"),
    "deployment": ("image", "replicas", "port"),
    "ingress": ("rule", "class", "annotation", "default-backend"),
    "job": ("image",),
    "namespace": (),
    "poddisruptionbudget": ("selector", "min-available", "max-unavailable"),
    "quota": ("hard", "scopes"),
    "rolebinding": ("clusterrole", "role", "serviceaccount", "user", "group"),
    "service clusterip": ("tcp", "clusterip"),
    "service externalname": ("tcp", "external-name"),
    "service loadbalancer": ("tcp",),
    "service nodeport": ("tcp", "node-port"),
    "serviceaccount": (),
}
"""What `create_dry_run` may be given of each kind; kinds and options that read files or ask a server are not among them."""

NEEDED: Mapping[Action, Sequence[str]] = {
    "kustomize": ("path",),
    "create_dry_run": ("kind", "name"),
    "set_image_local": ("path", "container", "image"),
    "get": ("resource",),
    "describe": ("resource",),
    "logs": ("name",),
    "top": ("resource",),
    "explain": ("resource",),
    "diff": ("path",),
    "apply": ("diff",),
    "rollout_status": ("resource", "name"),
    "rollout_history": ("resource", "name"),
    "rollout_undo": ("resource", "name"),
    "scale": ("resource", "name", "replicas"),
    "delete": ("resource", "name"),
    "wait": ("resource", "condition"),
    "can_i": ("verb", "resource"),
}
"""Arguments an action cannot do without."""


def _resource(text: str) -> str:
    if not all(part and part.replace(".", "").replace("-", "").isalnum() for part in text.split(",")) or text[0] == "-":
        raise ValueError("is a kind such as pods or deployments.apps; a name goes into 'name'")
    return text.lower()


class KubernetesInput(Input):
    """One kubectl action."""

    action: Action
    resource: Annotated[str, AfterValidator(_resource)] | None = Field(
        default=None, description="the kind, such as pods or deployments.apps; explain: a field path"
    )
    name: Word | None = None
    selector: Value | None = Field(default=None, description="label selector")
    output: Literal["wide", "yaml", "json", "name"] | None = Field(default=None, description="get")
    path: Inside | None = Field(
        default=None, description="kustomize: the folder; diff, set_image_local: a manifest or a folder of them"
    )
    kustomization: bool = Field(default=False, description="diff: path is a kustomization")
    force_conflicts: bool = Field(default=False, description="diff: take over fields that others own")
    diff: Word | None = Field(default=None, description="apply: the id that a diff answered")
    kind: Kind | None = Field(default=None, description="create_dry_run")
    options: dict[Name, tuple[Value, ...]] = Field(
        default_factory=dict, description='create_dry_run: such as {"image": ["nginx:1.27"], "replicas": ["3"]}'
    )
    container: Name | None = Field(default=None, description="logs, set_image_local")
    image: Word | None = Field(default=None, description="set_image_local")
    replicas: int | None = Field(default=None, ge=0, description="scale")
    previous: bool = Field(default=False, description="logs: of the container's last run")
    tail: int = Field(default=200, ge=1, le=5000, description="logs: lines")
    revision: int | None = Field(default=None, ge=0, description="rollout_history, rollout_undo")
    condition: Word | None = Field(default=None, description="wait: such as condition=Available or delete")
    verb: Name | None = Field(default=None, description="can_i")
    seconds: int = Field(default=120, ge=1, le=600, description="how long to wait, or for a change to become healthy")
    target: Name | None = Field(default=None, description="one of the run's targets; default the first")
    namespace: Name | None = Field(default=None, description="one that the target allows; default its first")

    @model_validator(mode="after")
    def _complete(self) -> "KubernetesInput":
        missing = [field for field in NEEDED.get(self.action, ()) if getattr(self, field) is None]
        if missing:
            raise ValueError(f"{self.action} needs {', '.join(missing)}")
        unknown = set(self.options) - set(CREATE_OPTIONS[self.kind]) if self.kind else set(self.options)
        if unknown:
            raise ValueError(f"{self.kind or self.action} takes no {', '.join(sorted(unknown))}")
        if self.selector and self.action in get_args(Changing):
            raise ValueError(f"{self.action} changes one object, by its name; it takes no selector")
        if self.output in ("yaml", "json") and self.shows_secrets:
            raise ValueError("secrets are listed by name only; their values are not read")
        return self

    @property
    def shows_secrets(self) -> bool:
        """Whether the resource asked for may be a secret."""
        kinds = (self.resource or "").split(",")
        return any(kind.split(".")[0] in ("secret", "secrets", "all") for kind in kinds)


def kubectl_argv(given: KubernetesInput, *, namespace: str | None = None) -> list[str]:
    """The command of an offline or reading action, other than diff; `namespace` is one that the target allows."""
    offline = given.action in get_args(Offline)
    return ["kubectl", *_verb(given), *([] if offline or namespace is None else [f"--namespace={namespace}"])]


def _verb(given: KubernetesInput) -> list[str]:
    match given.action:
        case "version":
            return ["version", "--client", "--output=json"]
        case "kustomize":
            return ["kustomize", _local(given)]
        case "create_dry_run":
            return [*_create(given), "--dry-run=client", "--output=yaml"]
        case "set_image_local":
            image = f"{given.container}={given.image}"
            return ["set", "image", f"--filename={_local(given)}", image, "--local", "--output=yaml"]
        case "logs":
            return _logs(given)
        case "can_i":
            return ["auth", "can-i", given.verb or "", given.resource or ""]
        case "events":
            return ["events", *(["--for", given.name] if given.name else [])]
        case _:
            return _on_resource(given)


def _on_resource(given: KubernetesInput) -> list[str]:
    which = [given.resource or "", *([given.name] if given.name else [])]
    choice = [*which, *([f"--selector={given.selector}"] if given.selector else [])]
    match given.action:
        case "get":
            return ["get", *choice, *([f"--output={given.output}"] if given.output else [])]
        case "rollout_status":
            return ["rollout", "status", *choice, f"--timeout={given.seconds}s"]
        case "rollout_history":
            return ["rollout", "history", *choice, *_revision(given, "--revision")]
        case "wait":
            return ["wait", *choice, f"--for={given.condition}", f"--timeout={given.seconds}s"]
        case _:
            return [given.action, *choice]


def _create(given: KubernetesInput) -> list[str]:
    options = [f"--{option}={value}" for option, values in given.options.items() for value in values]
    return ["create", *(given.kind or "").split(), given.name or "", *options]


def _logs(given: KubernetesInput) -> list[str]:
    container = [f"--container={given.container}"] if given.container else []
    return ["logs", given.name or "", *container, f"--tail={given.tail}", *(["--previous"] if given.previous else [])]


def _revision(given: KubernetesInput, option: str) -> list[str]:
    return [] if given.revision is None else [f"{option}={given.revision}"]


def _local(given: KubernetesInput) -> str:
    return given.path or "."
