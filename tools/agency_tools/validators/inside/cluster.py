"""Kubernetes objects of one file: whether selectors, ports, volumes and names that belong together fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import TEMPLATE, Document, is_placeholder
from .values import ERROR, WARNING, Finding, Said, Source, Unchecked, Validator, is_table, rows, table

if TYPE_CHECKING:
    from .running import Runner

Path = tuple[Any, ...]

POD_PATHS: dict[str, Path] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController"), ("spec", "template")),
}  # fmt: skip
"""Where each kind of object holds its pod, the pod's metadata and spec."""

SELECTED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
LISTS = ("containers", "initContainers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


class Object(NamedTuple):
    """One object: its document, where in it the object stands, and the object."""

    document: Document
    path: Path
    value: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.value.get("kind"))

    @property
    def title(self) -> str:
        """Kind and name."""
        return f"{self.kind} {table(self.value.get('metadata')).get('name')}"

    def at(self, *path: Any) -> Any:
        """The value at a path within it, or None."""
        value: Any = self.value
        for part in path:
            value = table(value).get(part)
        return value

    def pod(self) -> tuple[Path, dict[str, Any]] | None:
        """The pod it makes, with its place; None where it makes none."""
        path = POD_PATHS.get(self.kind)
        return None if path is None else (path, table(self.at(*path)))


class _Here(NamedTuple):
    source: Source
    objects: list[Object]

    def found(self, thing: Object, path: Path, rule: str, message: str, severity: str = ERROR) -> Finding:
        """A finding at a value of an object."""
        place = thing.document.place((*thing.path, *path))
        return Finding(self.source.path, place.line, place.column, "kubernetes-objects", rule, severity, message[:300])


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        if source.documents.fault is not None:
            yield Unchecked(source.path, "a template" if TEMPLATE.search(source.text) else "it cannot be read as YAML")
            continue
        here = _Here(source, [each for document in source.documents.mappings() for each in _objects(document)])
        for thing in here.objects:
            yield from _selector(here, thing)
            yield from _pod(here, thing)
            if thing.kind == "Service":
                yield from _service(here, thing)
            elif thing.kind == "Ingress":
                yield from _ingress(here, thing)


def _objects(document: Document) -> Iterator[Object]:
    if document.value.get("kind") == "List":
        for number, each in enumerate(rows(document.value.get("items"))):
            if is_table(each):
                yield Object(document, ("items", number), each)
    else:
        yield Object(document, (), document.value)


def _selector(here: _Here, thing: Object) -> Iterator[Said]:
    """What a workload selects are its own pods; the cluster refuses anything else."""
    wanted = table(thing.at("spec", "selector", "matchLabels"))
    if thing.kind not in SELECTED or not wanted:
        return
    labels = table(thing.at("spec", "template", "metadata", "labels"))
    for key, value in wanted.items():
        if labels.get(key) != value and not is_placeholder(value) and not is_placeholder(labels.get(key)):
            has = f"have {key}: {labels[key]}" if key in labels else f"have no label {key}"
            yield here.found(thing, ("spec", "selector", "matchLabels", key), "selector", f"{thing.title} selects {key}: {value}, but its pods {has}")  # fmt: skip


def _pod(here: _Here, thing: Object) -> Iterator[Said]:
    found = thing.pod()
    if found is None:
        return
    path, pod = (*found[0], "spec"), table(found[1].get("spec"))
    volumes = {str(table(each).get("name")) for each in rows(pod.get("volumes"))}
    volumes |= {str(table(table(each).get("metadata")).get("name")) for each in rows(thing.at("spec", "volumeClaimTemplates"))}  # fmt: skip
    names: Counter[str] = Counter()
    for part in LISTS:
        for number, container in enumerate(rows(pod.get(part))):
            if is_table(container):
                place = (*path, part, number)
                names[str(container.get("name"))] += 1
                if names[str(container.get("name"))] > 1:
                    yield here.found(thing, (*place, "name"), "name", f"{thing.title} has two containers {container.get('name')!r}")  # fmt: skip
                yield from _mounts(here, thing, place, container, volumes)
                yield from _ports(here, thing, place, container)


def _mounts(here: _Here, thing: Object, path: Path, container: dict[str, Any], volumes: set[str]) -> Iterator[Said]:
    for number, mount in enumerate(rows(container.get("volumeMounts"))):
        name = table(mount).get("name")
        if isinstance(name, str) and name not in volumes and not is_placeholder(name):
            yield here.found(
                thing, (*path, "volumeMounts", number, "name"), "volume", f"{thing.title} has no volume {name!r}"
            )


def _port_names(container: Any) -> set[str]:
    return {str(table(port).get("name")) for port in rows(table(container).get("ports")) if table(port).get("name")}


def _ports(here: _Here, thing: Object, path: Path, container: dict[str, Any]) -> Iterator[Said]:
    """Names that stand once, and probes of those that are there."""
    seen: set[str] = set()
    for number, port in enumerate(rows(container.get("ports"))):
        name = table(port).get("name")
        if isinstance(name, str) and name in seen:
            yield here.found(thing, (*path, "ports", number, "name"), "name", f"the container has two ports {name!r}")
        seen.add(str(name))
    known = _port_names(container)
    for probe in PROBES:
        for act in ("httpGet", "tcpSocket"):
            port = table(table(container.get(probe)).get(act)).get("port")
            if isinstance(port, str) and not port.isdigit() and port not in known and not is_placeholder(port):
                yield here.found(
                    thing, (*path, probe, act, "port"), "port", f"{probe}: the container has no port {port!r}"
                )


def _service(here: _Here, service: Object) -> Iterator[Said]:
    """What a service selects, where the file has workloads, and the ports it names there."""
    selector = table(service.at("spec", "selector"))
    workloads = [each for each in here.objects if each.pod() is not None and _together(each, service)]
    if not selector or not workloads or any(map(is_placeholder, selector.values())):
        return
    chosen = [each for each in workloads if _matches(selector, each)]
    if not chosen:
        if len(workloads) == 1 and _akin(selector, workloads[0]):
            yield here.found(service, ("spec", "selector"), "selector", f"{service.title} selects no pod of this file", WARNING)  # fmt: skip
        return
    known = {name for each in chosen for part in LISTS for container in rows(table(_spec(each)).get(part)) for name in _port_names(container)}  # fmt: skip
    for number, port in enumerate(rows(service.at("spec", "ports"))):
        target = table(port).get("targetPort")
        if isinstance(target, str) and not target.isdigit() and target not in known and not is_placeholder(target):
            yield here.found(service, ("spec", "ports", number, "targetPort"), "port", f"{service.title}: its pods have no port {target!r}")  # fmt: skip


def _spec(thing: Object) -> Any:
    found = thing.pod()
    return found[1].get("spec") if found else None


def _together(one: Object, other: Object) -> bool:
    return bool(one.at("metadata", "namespace") == other.at("metadata", "namespace"))


def _labels(thing: Object) -> dict[Any, Any]:
    found = thing.pod()
    return table(table(found[1].get("metadata")).get("labels")) if found else {}


def _matches(selector: dict[Any, Any], thing: Object) -> bool:
    labels = _labels(thing)
    return all(labels.get(key) == value for key, value in selector.items())


def _akin(selector: dict[Any, Any], thing: Object) -> bool:
    """Whether the selector was meant for these pods: it shares a key or a value with their labels."""
    labels = _labels(thing)
    return bool(selector.keys() & labels.keys() or {*map(str, selector.values())} & {*map(str, labels.values())})


def _ingress(here: _Here, ingress: Object) -> Iterator[Said]:
    """Ports of services that are in this file."""
    services = {each.at("metadata", "name"): each for each in here.objects if each.kind == "Service" and _together(each, ingress)}  # fmt: skip
    for at, rule in enumerate(rows(ingress.at("spec", "rules"))):
        for number, each in enumerate(rows(table(table(rule).get("http")).get("paths"))):
            backend = table(table(table(each).get("backend")).get("service"))
            service, wanted = services.get(backend.get("name")), table(backend.get("port"))
            if service is None:
                continue
            ports = [table(port) for port in rows(service.at("spec", "ports"))]
            path = ("spec", "rules", at, "http", "paths", number, "backend", "service", "port")
            for key, own in (("name", "name"), ("number", "port")):
                if key in wanted and wanted[key] not in [port.get(own) for port in ports]:
                    yield here.found(ingress, path, "port", f"{service.title} has no port {wanted[key]!r}")


VALIDATORS = (Validator("kubernetes-objects", frozenset({"kubernetes"}), _check),)
