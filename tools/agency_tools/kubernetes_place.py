"""Where in a cluster a run may act: the target's namespaces, and what lies outside of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import yaml

from agency_tools.errors import ToolError
from agency_tools.kubernetes_objects import Identity, Object, part
from agency_tools.target import Target


@dataclass(frozen=True, kw_only=True)
class Place:
    """The namespace of one call, None for the context's own, and those that the target allows."""

    target: str
    namespace: str | None
    allowed: tuple[str, ...]

    @property
    def flag(self) -> list[str]:
        """The namespace as kubectl and helm take it."""
        return [f"--namespace={self.namespace}"] if self.namespace else []

    def admit(self, things: Iterable[Identity], noun: str) -> None:
        """Raises ToolError that names every object outside the target's namespaces."""
        strange = [str(thing) if thing.namespace else f"{thing}, which belongs to the whole cluster" for thing in things
                   if self.allowed and thing.namespace not in self.allowed]  # fmt: skip
        if strange:
            raise ToolError(
                f"not done: {noun} would touch {'; '.join(strange)}. Target {self.target!r} allows the namespaces "
                f"{', '.join(self.allowed)} alone. Leave these objects out, and hand them over to a person."
            )


def place(target: Target, namespace: str | None) -> Place:
    """Where a call acts. Raises ToolError for a namespace that the target does not allow."""
    if namespace is not None and namespace not in target.namespaces:
        there = ", ".join(target.namespaces) or "the context's own"
        raise ToolError(f"not run: target {target.name!r} is pinned to namespace {there}, not {namespace!r}")
    return Place(
        target=target.name,
        namespace=namespace or next(iter(target.namespaces), None),
        allowed=tuple(target.namespaces),
    )


def documents(text: str) -> list[Object]:
    """The objects of rendered manifests. Raises ToolError where they are no YAML or an object lacks its kind or name."""
    try:
        found: list[object] = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError as problem:
        raise ToolError(f"the manifests are no YAML: {' '.join(str(problem).split())}") from None
    things = [_checked(each) for document in found for each in _listed(document)]
    if not things:
        raise ToolError("there is no object in these manifests")
    return things


def _listed(document: object) -> Sequence[object]:
    whole = part(document)
    return cast("list[object]", whole.get("items") or []) if whole.get("kind") == "List" else [document]


def _checked(document: object) -> Object:
    thing = part(document)
    if not thing.get("kind") or not thing.get("apiVersion"):
        raise ToolError(f"a manifest lacks kind or apiVersion: {str(document)[:200]}")
    if not part(thing, "metadata").get("name"):
        raise ToolError(f"a manifest of kind {thing['kind']} has no metadata.name; generated names cannot be compared")
    return thing


def explicit_namespaces(things: Iterable[Object]) -> list[str]:
    """The namespaces that manifests name themselves."""
    named = (str(thing["metadata"].get("namespace") or "") for thing in things)
    return [name for name in dict.fromkeys(named) if name]
