"""`manifests`: named checks over every Kubernetes workload, and assertions over the documents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.scorer_file import Manifests, name_of
from agency_evals.scorers.documents_scorer import given_of, judged, read
from agency_evals.scorers.verdict import asserted
from agency_runtime.wire import Json, json_object

PODS: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where each kind keeps the template of its pods."""

SERVING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Rollout"})
SECRET_NAMES = ("password", "passwd", "secret", "token", "apikey", "api_key", "private_key", "access_key")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One document that looks like a manifest, and the file it stands in."""

    path: str
    document: Json

    @property
    def kind(self) -> str:
        return str(self.document.get("kind"))

    @property
    def name(self) -> str:
        """As a reader would name it."""
        return f"{self.path}: {self.kind} {at(self.document, 'metadata').get('name')}"

    @property
    def labels(self) -> Json:
        """Of its pods."""
        return at(self.document, *PODS[self.kind], "metadata", "labels")

    @property
    def pod(self) -> Json:
        """The specification of its pods."""
        return at(self.document, *PODS[self.kind], "spec")

    def containers(self, *, initial: bool = False) -> list[Json]:
        """Its containers, with those that run first where asked for."""
        names = ("containers", "initContainers") if initial else ("containers",)
        return [json_object(each) for name in names for each in self.pod.get(name) or ()]


Check: TypeAlias = Callable[[Manifest, Sequence[Manifest]], Iterator[str]]


def score(spec: Manifests, finished: Finished) -> Score:
    """Passed where every check holds for every workload, and at least one workload was there to be checked."""
    name = name_of(spec)
    files, problems = read(finished, spec.files, "auto")
    there = [each for path, documents in files.items() for document in documents for each in _manifests(path, document)]
    workloads = [each for each in there if each.kind in PODS]
    kinds = {each.kind for each in there}
    problems += [f"no {kind} is there" for kind in spec.kinds if kind not in kinds]
    if (spec.checks or spec.replicas is not None) and not workloads:
        problems.append(f"no workload is in {', '.join(spec.files)}")
    for check in spec.checks:
        problems += [f"{each.name}: {fault}" for each in workloads for fault in CHECKS[check](each, there)]
    problems += list(_too_few(spec.replicas, workloads, there))
    if problems:
        return asserted(name, problems)
    given = given_of(files, finished) | {"docs": [each.document for each in there]}
    return judged(name, finished, given, spec.that, spec.policies)


def at(value: Any, *names: str) -> Json:
    """What lies at a path of keys, where that is an object; else an empty one."""
    for name in names:
        value = json_object(value).get(name)
    return json_object(value)


def _manifests(path: str, document: Any) -> Iterator[Manifest]:
    """The manifests of a document; a List's items each."""
    found = json_object(document)
    if found.get("kind") == "List":
        for item in found.get("items") or ():
            yield from _manifests(path, item)
    elif "kind" in found and "apiVersion" in found:
        yield Manifest(path=path, document=found)


def _too_few(least: int | None, workloads: Sequence[Manifest], there: Sequence[Manifest]) -> Iterator[str]:
    scaled = {at(each.document, "spec", "scaleTargetRef").get("name") for each in there if "Autoscaler" in each.kind}
    scaled |= {at(each.document, "spec", "scaleTargetRef").get("name") for each in there if each.kind == "ScaledObject"}
    for each in workloads:
        if least is None or each.kind not in ("Deployment", "StatefulSet", "Rollout"):
            continue
        if at(each.document, "metadata").get("name") in scaled:
            continue
        count = at(each.document, "spec").get("replicas", 1)
        if not isinstance(count, int) or count < least:
            yield f"{each.name}: {count} replicas, fewer than {least}"


def _probes(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    if each.kind not in SERVING:
        return
    for container in each.containers():
        for probe in ("livenessProbe", "readinessProbe"):
            if not container.get(probe):
                yield f"{container.get('name')} has no {probe}"


def _resources(part: str) -> Check:
    def check(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
        for container in each.containers():
            found = at(container, "resources", part)
            wanted = (
                ("memory",) if part == "limits" else ("cpu", "memory")
            )  # a limit on cpu is often left out on purpose
            yield from (f"{container.get('name')} has no {part}.{name}" for name in wanted if not found.get(name))

    return check


def _no_latest(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    for container in each.containers(initial=True):
        image = str(container.get("image") or "")
        tag = image.rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in image and tag in ("", "latest"):
            yield f"the image {image or '(none)'} floats"


def _secured(name: str, wanted: object, said: str) -> Check:
    """A setting of the container's security context, or of its pod's."""

    def check(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
        pod = at(each.pod, "securityContext")
        for container in each.containers(initial=True):
            own = at(container, "securityContext")
            if own.get(name, pod.get(name)) != wanted:
                yield f"{container.get('name')} {said}"

    return check


def _no_privilege(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    for container in each.containers(initial=True):
        own = at(container, "securityContext")
        if own.get("privileged") is True:
            yield f"{container.get('name')} is privileged"
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{container.get('name')} may gain privileges (allowPrivilegeEscalation)"


def _no_host(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    yield from (f"uses {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if each.pod.get(name) is True)
    if any("hostPath" in json_object(volume) for volume in each.pod.get("volumes") or ()):
        yield "mounts a path of the host"


def _rolling_update(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    if each.kind != "Deployment":
        return
    strategy = at(each.document, "spec", "strategy")
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        yield f"its strategy is {strategy.get('type')}"
    if str(at(strategy, "rollingUpdate").get("maxUnavailable", "25%")) == "100%":
        yield "all its pods may be away at once"


def _revision_history(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    if (
        each.kind in ("Deployment", "StatefulSet", "DaemonSet")
        and at(each.document, "spec").get("revisionHistoryLimit") == 0
    ):
        yield "keeps no revision to roll back to"


def _selected_by(kind: str, *path: str) -> Check:
    """Whether an object of that kind selects the workload's pods; an empty selector selects all."""

    def check(each: Manifest, there: Sequence[Manifest]) -> Iterator[str]:
        if each.kind not in SERVING:
            return
        for other in there:
            wanted = at(other.document, *path, "matchLabels") or at(other.document, *path)
            wanted = {key: value for key, value in wanted.items() if isinstance(value, str)}
            if other.kind == kind and all(each.labels.get(key) == value for key, value in wanted.items()):
                return
        yield f"no {kind} selects its pods"

    return check


def _namespace(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    if at(each.document, "metadata").get("namespace") in (None, "", "default"):
        yield "names no namespace of its own"


def _no_plain_secrets(each: Manifest, _: Sequence[Manifest]) -> Iterator[str]:
    for container in each.containers(initial=True):
        for given in container.get("env") or ():
            variable = json_object(given)
            name = str(variable.get("name") or "")
            secret = any(part in name.lower() for part in SECRET_NAMES)
            if secret and str(variable.get("value") or "") and not name.lower().endswith(("_file", "_path", "_url")):
                yield f"{name} stands in clear"


CHECKS: Mapping[str, Check] = {
    "probes": _probes,
    "limits": _resources("limits"),
    "requests": _resources("requests"),
    "no-latest": _no_latest,
    "non-root": _secured("runAsNonRoot", True, "may run as root (runAsNonRoot)"),
    "no-privilege": _no_privilege,
    "read-only-root": _secured("readOnlyRootFilesystem", True, "may write to its own image (readOnlyRootFilesystem)"),
    "no-host": _no_host,
    "rolling-update": _rolling_update,
    "revision-history": _revision_history,
    "disruption-budget": _selected_by("PodDisruptionBudget", "spec", "selector"),
    "network-policy": _selected_by("NetworkPolicy", "spec", "podSelector"),
    "namespace": _namespace,
    "no-plain-secrets": _no_plain_secrets,
}
