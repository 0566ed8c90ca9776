"""Kubernetes objects as values: what identifies one, what of it is compared, and what differs, secrets hidden."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from agency_tools.cluster_inside import NOTES
from agency_tools.prospect import digest_of

Object: TypeAlias = dict[str, Any]

SERVERS = ("resourceVersion", "managedFields", "creationTimestamp", "generation", "selfLink", "uid")
"""Metadata that the server writes."""

HIDDEN = "(hidden)"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds that roll out."""


@dataclass(frozen=True, kw_only=True, order=True)
class Identity:
    """What one object is called; `namespace` is empty for those of the whole cluster."""

    kind: str
    group: str
    namespace: str
    name: str

    @property
    def resource(self) -> str:
        """The kind as kubectl takes it."""
        return self.kind.lower() + (f".{self.group}" if self.group else "")

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in {self.namespace}" if self.namespace else "")


def listed(text: str) -> list[Object]:
    """The objects that kubectl printed as JSON: a list's, one after the other, or none."""
    found: list[Object] = []
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        whole, end = decoder.raw_decode(text)
        found += whole["items"] if whole.get("kind") == "List" else [whole]
        text = text[end:]
    return found


def identity(thing: Object) -> Identity:
    """Its name in full."""
    metadata = thing["metadata"]
    return Identity(
        kind=str(thing["kind"]),
        group=str(thing["apiVersion"]).rpartition("/")[0],
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
    )


def part(thing: object, *names: str) -> Object:
    """The mapping at that path; an empty one where there is none."""
    for name in names:
        thing = cast("Object", thing).get(name) if isinstance(thing, dict) else None
    return cast("Object", thing) if isinstance(thing, dict) else {}


def items(thing: object, *names: str) -> list[Object]:
    """The mappings in the list at that path; none where there is no list."""
    found: object = part(thing, *names[:-1]).get(names[-1])
    return (
        [cast("Object", each) for each in cast("list[object]", found) if isinstance(each, dict)]
        if isinstance(found, list)
        else []
    )


def wanted(thing: Object) -> Object:
    """The object without its status and without what the server writes."""
    metadata = {name: value for name, value in thing["metadata"].items() if name not in SERVERS}
    annotations = {name: value for name, value in part(metadata, "annotations").items() if name not in NOTES}
    rest = _without(metadata, "annotations")
    return {**_without(thing, "status"), "metadata": {**rest, "annotations": annotations} if annotations else rest}


def version(thing: Object, digest: str = "") -> list[str]:
    """What changes when somebody changes the object, and not when its status moves; `digest`: of its content."""
    metadata = thing["metadata"]
    own = metadata.get("generation") if "status" in thing else metadata.get("resourceVersion")
    return [str(metadata.get("uid")), str(own), digest or digest_of(wanted(thing))]


def differences(before: Object | None, after: Object) -> list[str]:
    """What would be different in one object, a line each."""
    secret = after.get("kind") == "Secret"
    old = dict(leaves(wanted(before))) if before else {}
    new = dict(leaves(wanted(after)))
    lines = [_line(path, old.get(path), new.get(path), secret=secret) for path in dict.fromkeys([*old, *new])]
    return [line for line in lines if line]


def _line(path: str, old: object, new: object, *, secret: bool) -> str:
    if old == new:
        return ""
    if secret and path.split(".")[0] in ("data", "stringData"):
        old, new = (None if value is None else HIDDEN for value in (old, new))
    if old is None:
        return f"+ {path}: {_shown(new)}"
    if new is None:
        return f"- {path}: {_shown(old)}"
    return f"~ {path}: {_shown(old)} → {_shown(new)}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return (
        " ".join(text.split()) if len(text) <= VALUE else f"{' '.join(text[:VALUE].split())} … ({len(text)} characters)"
    )


VALUE = 200
"""Characters of a value that are shown."""


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value in it that holds no other, by its path."""
    if isinstance(value, dict) and value:
        for name, inner in cast("dict[str, object]", value).items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        items = cast("list[object]", value)
        for place, inner in zip(_places(items), items, strict=True):
            yield from leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def _places(items: Sequence[object]) -> list[str]:
    """How the items are told apart: by name where each has its own, else by number."""
    names = [str(cast("dict[str, object]", item).get("name")) if isinstance(item, dict) else None for item in items]
    if all(names) and len(set(names)) == len(names) and "None" not in names:
        return [str(name) for name in names]
    return [str(number) for number in range(len(items))]


def scaled_to_zero(before: Object | None, after: Object) -> bool:
    """Whether the last of its pods would go."""
    old, new = (_replicas(thing) for thing in (before, after))
    return new == 0 and old not in (None, 0)


def _replicas(thing: Object | None) -> object:
    return part(thing, "spec").get("replicas")


def dangers(thing: Object) -> list[str]:
    """What a person should know of an object before it is there."""
    name = str(identity(thing))
    pod = pod_of(thing)
    containers = [*items(pod, "containers"), *items(pod, "initContainers")]
    reasons = [field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    reasons += ["a privileged container"] * any(_privileged(each) for each in containers)
    reasons += [
        f"the node's {volume['hostPath'].get('path')}" for volume in pod.get("volumes", ()) if "hostPath" in volume
    ]
    reasons += [GRAVE[str(thing["kind"])]] if thing["kind"] in GRAVE else []
    return [f"{name}: {reason}" for reason in reasons]


GRAVE: Mapping[str, str] = {
    "Role": "gives rights",
    "RoleBinding": "gives rights",
    "ClusterRole": "gives rights in the whole cluster",
    "ClusterRoleBinding": "gives rights in the whole cluster",
    "MutatingWebhookConfiguration": "sees and changes what others apply",
    "ValidatingWebhookConfiguration": "sees what others apply",
    "CustomResourceDefinition": "belongs to the whole cluster",
    "Namespace": "belongs to the whole cluster",
}
"""Kinds that reach beyond their own object."""


def _privileged(container: Object) -> bool:
    return bool(part(container, "securityContext").get("privileged"))


def pod_of(thing: Object) -> Object:
    """The pod's specification in a pod, a workload, a job or a cron job; empty in anything else."""
    if thing["kind"] == "Pod":
        return part(thing, "spec")
    job = ("jobTemplate", "spec") if thing["kind"] == "CronJob" else ()
    return part(thing, "spec", *job, "template", "spec")


def templated(thing: Object) -> Object:
    """A workload's pod template alone, as a rollout's history and the workload itself have it."""
    template = part(thing, "spec", "template")
    labels = _without(part(template, "metadata", "labels"), "pod-template-hash")
    return {"metadata": {}, "spec": {"template": {**template, "metadata": {**_dated(template), "labels": labels}}}}


def _dated(template: Object) -> Object:
    return _without(part(template, "metadata"), "creationTimestamp")


def _without(mapping: Mapping[str, Any], name: str) -> Object:
    return {key: value for key, value in mapping.items() if key != name}
