"""Preparing a release: the chart copied and rendered, what differs from the live release, its hooks, the server's dry run."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from agency_tools.errors import ToolError
from agency_tools.helm_commands import HelmInput, upgrade_argv
from agency_tools.kubernetes_diff import namespace_flag, shape
from agency_tools.kubernetes_objects import (
    Identity,
    Object,
    dangers,
    differences,
    identity,
    items,
    listed,
    pod_of,
    scaled_to_zero,
)
from agency_tools.kubernetes_place import documents
from agency_tools.kubernetes_run import Kubectl, Said
from agency_tools.prospect import Prospect, digest_of


@dataclass(frozen=True, kw_only=True)
class Live:
    """A release as it is there: the revision that runs, 0 where there is none, and its objects.

    status: what helm says of the newest revision. sha256: of the manifest as it is, whatever is masked of it.
    """

    revision: int
    status: str
    objects: Sequence[Object]
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What a chart comes to: its objects, its hooks as a person reads them, the objects of those, the manifest's digest."""

    objects: Sequence[Object]
    hooks: Sequence[str]
    of_hooks: Sequence[Object]
    sha256: str

    @property
    def everything(self) -> list[Object]:
        """All that would be sent."""
        return [*self.objects, *self.of_hooks]


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release that could be installed or upgraded.

    folder: where the copy of its chart is; sha256: of that copy. fixed: whether it renders the same each time.
    looks: its templates read the cluster, so that no value of theirs is shown. crds: what of its `crds` would be added.
    """

    name: str
    folder: str
    sha256: str
    live: Live
    rendered: Rendered
    said: str
    fixed: bool
    looks: bool
    crds: Sequence[str]

    @property
    def pairs(self) -> list[tuple[Object | None, Object | None]]:
        """Every object as it is in the live release and as it would be; one of them may not be."""
        before = {key_of(thing): thing for thing in self.live.objects}
        after = {key_of(thing): thing for thing in self.rendered.objects}
        return [(before.get(each), after.get(each)) for each in dict.fromkeys([*before, *after])]

    @property
    def touched(self) -> list[tuple[Object | None, Object | None]]:
        """Those that would be different."""
        return [(old, new) for old, new in self.pairs if old is None or new is None or differences(old, new)]

    @property
    def masked(self) -> bool:
        """Whether it differs, and in nothing that can be shown."""
        return not self.touched and self.live.sha256 != self.rendered.sha256

    @property
    def destroys(self) -> bool:
        """Whether something would be gone that is there now."""
        return any(new is None or scaled_to_zero(old, new) for old, new in self.touched)

    @property
    def summary(self) -> str:
        """The counts, in one line."""
        added = sum(old is None for old, _ in self.touched)
        removed = sum(new is None for _, new in self.touched)
        changed = len(self.touched) - added - removed
        now = f"upgrade of revision {self.live.revision}" if self.live.revision else "first install"
        return f"release {self.name} ({now}): {added} to add, {changed} to change, {removed} to delete"

    @property
    def lines(self) -> list[str]:
        """What a person reads of it."""
        found = [line for old, new in self.touched for line in self._lines(old, new)]
        return (
            ["change in nothing that can be shown: comments, order, or a value that is masked"]
            if self.masked
            else found
        )

    def _lines(self, old: Object | None, new: Object | None) -> list[str]:
        if new is None:
            return [f"delete {named(old)}"]
        if old is None:
            return [f"add {named(new)}{images_of(new)}"]
        found = ["(values not shown: the chart reads the cluster)"] if self.looks else differences(old, new)
        return [f"change {named(new)}", *(f"  {line}" for line in found)]

    @property
    def warnings(self) -> list[str]:
        """What a person should know besides."""
        new = [after for _, after in self.touched if after is not None]
        found = [f"hook {hook}" for hook in self.rendered.hooks]
        found += [danger for each in new for danger in dangers(each)]
        found += [f"{named(new)}: its last pod goes" for old, new in self.touched if new and scaled_to_zero(old, new)]
        found += [f"{name} of the chart's crds is added if it is not there, and stays" for name in self.crds]
        found += ["renders other values each time, so that only its shape is bound"] if not self.fixed else []
        found += ["its templates read the cluster (lookup)"] if self.looks else []
        found += [f"the newest revision is {self.live.status}"] if self.live.status not in ("deployed", "") else []
        return [*found, *(line for line in self.said.splitlines() if line.strip())]


def key_of(thing: Object) -> str:
    """What identifies an object within a release."""
    return str(identity(thing))


def named(thing: Object | None) -> str:
    """An object's name, nothing for none."""
    return str(identity(thing)) if thing else ""


def images_of(thing: Object) -> str:
    """The images of its containers, in brackets."""
    images = [str(each.get("image")) for each in items(pod_of(thing), "containers")]
    return f" ({', '.join(images)})" if images else ""


async def prepare_release(kubectl: Kubectl, given: HelmInput, folder: str) -> Release | Said:
    """Copy the chart to `folder` and render it there; what failed, where something did.

    Raises ToolError where it would touch what the target does not allow.
    """
    values = list(given.values_files)
    packed = await kubectl.inside("pack", folder, given.chart or ".", *values)
    if packed.failed:
        return packed
    first = await _render(kubectl, given, folder)
    if isinstance(first, Said):
        return first
    again = await _render(kubectl, given, folder)
    if isinstance(again, Said):
        return again
    what = f"release {given.release}"
    kubectl.place.admit([each for each in map(identity, first.everything) if each.namespace], what)
    tried = await _tried(kubectl, folder, first.everything)
    if tried.failed:
        return tried
    crds = await kubectl.inside("apart", "helm", "show", "crds", f"{folder}/chart")
    found = [identity(thing) for thing in documents(crds.out)] if crds.out.strip() else []
    kubectl.place.admit([*(identity(thing) for thing in listed(tried.out)), *found], what)
    return Release(
        name=given.release or "",
        folder=folder,
        sha256=packed.sha256,
        live=await live_release(kubectl, given.release or ""),
        rendered=first,
        said=tried.err,
        fixed=first == again,
        looks=packed.out == "lookup",
        crds=[str(each) for each in found],
    )


async def _render(kubectl: Kubectl, given: HelmInput, folder: str) -> Rendered | Said:
    argv = upgrade_argv(given.release or "", folder, given, namespace=kubectl.place.namespace, dry_run=True)
    said = await kubectl.inside("release", rendered_file(folder), *argv)
    if said.failed:
        return said
    whole = cast("Mapping[str, Any]", json.loads(said.out))
    hooks = items(whole, "hooks")
    return Rendered(
        objects=_objects(str(whole["manifest"])),
        hooks=[_hook(each) for each in hooks],
        of_hooks=[thing for each in hooks for thing in _objects(str(each.get("manifest") or ""))],
        sha256=said.sha256,
    )


def rendered_file(folder: str) -> str:
    """Where the manifests of the chart in `folder` are kept."""
    return posixpath.join(folder, "rendered.yaml")


def _objects(manifest: str) -> list[Object]:
    return documents(manifest) if any(line.strip("- ") and line[0] != "#" for line in manifest.splitlines()) else []


def _hook(hook: Object) -> str:
    things = _objects(str(hook.get("manifest") or ""))
    images = "".join(images_of(thing) for thing in things)
    return f"{', '.join(map(str, hook.get('events') or ()))}: {hook.get('kind')}/{hook.get('name')}{images}"


async def _tried(kubectl: Kubectl, folder: str, things: Sequence[Object]) -> Said:
    """What the server says of the rendered objects and hooks, without keeping them."""
    words = ("apply", "--server-side", "--dry-run=server", "--field-manager=helm", "--force-conflicts", "--output=json")
    flag = namespace_flag(kubectl, things)
    return await kubectl.inside("apart", "kubectl", *words, f"--filename={rendered_file(folder)}", *flag)


async def live_release(kubectl: Kubectl, release: str) -> Live:
    """The release as it is there. Raises ToolError where helm cannot say."""
    space = kubectl.place.flag
    history = await kubectl.inside("apart", "helm", "history", release, "--output=json", *space)
    if history.failed and "release: not found" in history.err:
        return Live(revision=0, status="", objects=[])
    if history.failed:
        raise ToolError(f"not done: {history.ran.output.strip()}")
    revisions = cast("list[Object]", json.loads(history.out))
    runs = [int(each["revision"]) for each in revisions if each["status"] == "deployed"]
    newest = str(revisions[-1]["status"]) if revisions else ""
    if not runs:
        return Live(revision=0, status=newest, objects=[])
    objects, sha256 = await revision_objects(kubectl, release, runs[-1])
    return Live(revision=runs[-1], status=newest, objects=objects, sha256=sha256)


async def revision_objects(kubectl: Kubectl, release: str, revision: int) -> tuple[list[Object], str]:
    """The objects of one revision, and its manifest's digest. Raises ToolError where there is none such."""
    words = ("helm", "get", "manifest", release, f"--revision={revision}", *kubectl.place.flag)
    said = await kubectl.inside("apart", *words)
    if said.failed:
        raise ToolError(f"not done: {said.ran.output.strip()}")
    return _objects(said.out), said.sha256


def release_prospect(release: Release, name: str, *, target: str, place: str, expires: datetime) -> Prospect:
    """The prepared upgrade as what is judged and approved."""
    return Prospect(
        id=name,
        tool="Helm",
        action="upgrade",
        target=target,
        kind="destroy" if release.destroys else "change",
        noun="diff",
        summary=release.summary,
        lines=tuple(release.lines),
        warnings=tuple(release.warnings),
        binding=release_binding(release, place),
        content=digest_of([release.name, *sorted(_bound(release))]),
        expires=expires,
    )


def release_binding(release: Release, place: str) -> dict[str, str]:
    """Everything that has to be the same when it is carried out."""
    return {
        "chart and values": release.sha256,
        "rendered manifests": digest_of([sorted(_bound(release)), release.rendered.hooks]),
        "live release": digest_of([release.live.revision, release.live.status, release.live.sha256]),
        "namespace": place,
    }


def _bound(release: Release) -> list[str]:
    """A digest of each object; of its shape alone where its values are drawn anew each time."""
    return [digest_of(thing if release.fixed else [named(thing), shape(thing)]) for thing in release.rendered.objects]


def gone(release: Release) -> list[Identity]:
    """What the live release has, and the new one has not."""
    return [identity(old) for old, new in release.touched if old is not None and new is None]
