"""Kubernetes manifests by the schemas that kubernetes-validate carries, and what no schema sees between them."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import TEMPLATE, Document, Parsed
from .schemas import violations
from .values import ERROR, Finding, NotRun, Said, Source, Unchecked, Validator, is_rows, is_table, library

if TYPE_CHECKING:
    from .running import Runner

VERSION = "1.34"
"""The release whose schemas judge; what was removed before it counts as not checked, unless REMOVED names it."""

REMOVED = {
    "extensions/v1beta1": ("Deployment", "DaemonSet", "ReplicaSet", "Ingress", "NetworkPolicy", "PodSecurityPolicy"),
    "apps/v1beta1": ("Deployment", "StatefulSet"),
    "apps/v1beta2": ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"),
    "networking.k8s.io/v1beta1": ("Ingress", "IngressClass"),
    "rbac.authorization.k8s.io/v1beta1": ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
    "apiextensions.k8s.io/v1beta1": ("CustomResourceDefinition",),
    "admissionregistration.k8s.io/v1beta1": ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    "policy/v1beta1": ("PodDisruptionBudget", "PodSecurityPolicy"),
    "batch/v1beta1": ("CronJob",),
    "autoscaling/v2beta1": ("HorizontalPodAutoscaler",),
    "autoscaling/v2beta2": ("HorizontalPodAutoscaler",),
}
"""Kinds that no supported release serves under that version any more."""

BUILT_IN = re.compile(r"^(?:v\d+|(?:apps|batch|autoscaling|policy|extensions)/.*|(?:[a-z.]+\.)?k8s\.io/.*)$")


class Schemas:
    """The strict schemas of one release, each read once."""

    def __init__(self, version: str) -> None:
        package = library("kubernetes_validate", "kubernetes-validate")
        base = os.path.join(os.path.dirname(package.__file__), "kubernetes-json-schema")
        self._folder = os.path.join(base, f"v{version}.0-local-strict")
        if not os.path.isdir(self._folder):
            raise NotRun(f"kubernetes-validate carries no schemas of {version}")
        self.names = frozenset(os.listdir(self._folder))
        self.apis = frozenset(name.split("-", 1)[1].removesuffix(".json") for name in self.names if "-" in name)

    @functools.cached_property
    def _registry(self) -> Any:
        referencing = library("referencing", "referencing")
        with open(os.path.join(self._folder, "_definitions.json"), encoding="utf-8") as file:
            definitions = referencing.Resource.from_contents(json.load(file))
        return definitions @ referencing.Registry()

    @functools.lru_cache(maxsize=512)  # noqa: B019 - one instance lives as long as the process
    def validator(self, name: str) -> Any:
        """The validator in the schema file of that name."""
        with open(os.path.join(self._folder, name), encoding="utf-8") as file:
            schema = json.load(file)
        validators = library("jsonschema.validators", "jsonschema")
        return validators.Draft202012Validator(schema, registry=self._registry)


@functools.lru_cache(maxsize=4)
def schemas(version: str) -> Schemas:
    """The schemas of a release. Raises NotRun where they are not installed."""
    return Schemas(version)


def file_of(api_version: str, kind: str) -> str:
    """The name of a kind's schema file."""
    group, _, version = api_version.rpartition("/")
    prefix = f"{group.split('.')[0]}-" if group else ""
    return f"{kind.lower()}-{prefix}{version}.json"


def objects_said(source: Source, parsed: Parsed) -> Iterator[Said]:
    """What the schemas say of all objects in these documents."""
    found = schemas(VERSION)
    for document in parsed.mappings():
        for value, prefix in _objects(document):
            yield from _object(source, document, value, prefix, found)


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        if source.documents.fault is not None:
            why = "a template" if TEMPLATE.search(source.text) else "it cannot be read as YAML"
            yield Unchecked(source.path, why)
            continue
        yield from objects_said(source, source.documents)


def _objects(document: Document) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
    """The objects of a document: itself, or the members of a List."""
    value = document.value
    if value.get("kind") == "List" and is_rows(value.get("items")):
        for number, item in enumerate(value["items"]):
            if is_table(item):
                yield item, ("items", number)
    else:
        yield value, ()


def _object(
    source: Source, document: Document, value: dict[str, Any], prefix: tuple[Any, ...], found: Schemas
) -> Iterator[Said]:
    api, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        if not prefix and ("spec" in value or "metadata" in value):
            missing = "apiVersion" if not isinstance(api, str) else "kind"
            place = document.place(prefix)
            yield Finding(source.path, place.line, place.column, "kubernetes-validate", "missing", ERROR, f"{missing} is missing or no string")  # fmt: skip
        return
    if kind in REMOVED.get(api, ()):
        place = document.place((*prefix, "apiVersion"))
        yield Finding(source.path, place.line, place.column, "kubernetes-validate", "removed", ERROR, f"{api} of {kind} is served by no supported release")  # fmt: skip
        return
    name = file_of(api, kind)
    if name not in found.names:
        yield from _unknown(source, document, api, kind, prefix, found)
        return
    at = Document(value, _below(document, prefix), document.line)
    yield from violations(source.path, at, found.validator(name).iter_errors(value), "kubernetes-validate", kind)


def _below(document: Document, prefix: tuple[Any, ...]) -> dict[tuple[Any, ...], Any]:
    if not prefix:
        return document.places
    size = len(prefix)
    return {path[size:]: place for path, place in document.places.items() if path[:size] == prefix}


CORE = frozenset({"v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v1", "autoscaling/v2", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1"})  # fmt: skip
"""Versions whose kinds are all in the schemas, so that a kind that is not there is a mistake."""


def _unknown(
    source: Source, document: Document, api: str, kind: str, prefix: tuple[Any, ...], found: Schemas
) -> Iterator[Said]:
    homes = sorted(name.split("-", 1)[1].removesuffix(".json") for name in found.names if name.startswith(f"{kind.lower()}-"))  # fmt: skip
    place = document.place((*prefix, "apiVersion"))
    if api in CORE and kind not in ("List", "Config", "Status"):
        instead = f"; it belongs to {', '.join(homes)}" if homes else ""
        yield Finding(source.path, place.line, place.column, "kubernetes-validate", "unknown-kind", ERROR, f"{api} has no kind {kind}{instead}")  # fmt: skip
    elif _no_such_version(api, kind, found):
        yield Finding(source.path, place.line, place.column, "kubernetes-validate", "unknown-version", ERROR, f"{api} of {kind} does not exist")  # fmt: skip
    else:
        yield Unchecked(source.path, f"no schema of {api} {kind}")


def _no_such_version(api: str, kind: str, found: Schemas) -> bool:
    """Whether the kind is Kubernetes' own, and the version a stable one that its group never had."""
    group, _, version = api.rpartition("/")
    own = any(name.startswith(f"{kind.lower()}-") for name in found.names)
    known_group = not group or any(each.startswith(f"{group.split('.')[0]}-") for each in found.apis)
    return own and known_group and BUILT_IN.match(api) is not None and re.fullmatch(r"v\d+", version) is not None


VALIDATORS = (Validator("kubernetes-validate", frozenset({"kubernetes"}), _check),)
