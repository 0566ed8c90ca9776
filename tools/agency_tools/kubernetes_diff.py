"""Preparing an apply: manifests rendered and kept, the server's dry run of them, and what differs from what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agency_tools.errors import ToolError
from agency_tools.kubernetes_commands import KubernetesInput
from agency_tools.kubernetes_objects import (
    Identity,
    Object,
    dangers,
    differences,
    identity,
    leaves,
    listed,
    pod_of,
    scaled_to_zero,
    version,
    wanted,
)
from agency_tools.kubernetes_place import documents, explicit_namespaces
from agency_tools.kubernetes_run import Kubectl, Said
from agency_tools.prospect import Prospect, digest_of


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One object as it is there, None where it is not, and as the server would have it, with a digest of each."""

    identity: Identity
    before: Object | None
    after: Object
    digests: tuple[str, str]

    @property
    def word(self) -> str:
        """What would become of it."""
        if self.before is None:
            return "add"
        return "keep" if self.digests[0] == self.digests[1] else "change"

    @property
    def lines(self) -> list[str]:
        """What a person reads of it."""
        if self.before is None:
            images = [str(each.get("image")) for each in pod_of(self.after).get("containers", ())]
            return [f"add {self.identity}" + (f" ({', '.join(images)})" if images else "")]
        found = differences(self.before, self.after) or ["(in a value that is masked here)"]
        return [f"change {self.identity}", *(f"  {line}" for line in found)]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Manifests that could be applied: where they are kept, what they are, and what they would do.

    said: the server's warnings. flag, namespace: where objects go that name no namespace.
    """

    file: str
    sha256: str
    rendered: Sequence[Object]
    compared: Sequence[Compared]
    said: str
    forced: bool
    flag: Sequence[str]
    namespace: str

    @property
    def touched(self) -> list[Compared]:
        """The objects that would be different."""
        return [each for each in self.compared if each.word != "keep"]

    @property
    def summary(self) -> str:
        """The counts, in one line."""
        words = [each.word for each in self.compared]
        counts = (words.count("add"), words.count("change"), words.count("keep"))
        return "{} to add, {} to change, {} unchanged".format(*counts)

    @property
    def warnings(self) -> list[str]:
        """What a person should know besides."""
        found = [line for each in self.touched for line in dangers(each.after)]
        found += [
            f"{each.identity}: its last pod goes" for each in self.touched if scaled_to_zero(each.before, each.after)
        ]
        found += ["takes over fields that others own (force_conflicts)"] if self.forced else []
        return [*found, *(line for line in self.said.splitlines() if line.strip())]

    @property
    def destroys(self) -> bool:
        """Whether something would be gone that is there now."""
        return any(scaled_to_zero(each.before, each.after) for each in self.touched)


async def prepare(kubectl: Kubectl, given: KubernetesInput, file: str) -> Prepared | Said:
    """Render the manifests into `file` and have the server try them; what failed, where something did.

    Raises ToolError where they are malformed, or touch what the target does not allow.
    """
    how = "kustomize" if given.kustomization else "files"
    rendered = await kubectl.inside("render", file, how, given.path or ".")
    if rendered.failed:
        return rendered
    things = documents(rendered.out)
    strange = [thing for thing in map(identity, things) if thing.namespace]
    kubectl.place.admit(strange, "this")
    flag = namespace_flag(kubectl, things)
    force = ["--force-conflicts"] if given.force_conflicts else []
    tried = await kubectl.inside(
        "apart",
        "kubectl",
        "apply",
        "--server-side",
        "--dry-run=server",
        "--output=json",
        *force,
        f"--filename={file}",
        *flag,
    )
    if tried.failed:
        return tried
    live = await kubectl.inside(
        "apart", "kubectl", "get", "--output=json", "--ignore-not-found", f"--filename={file}", *flag
    )
    if live.failed:
        return live
    before, after = _by_identity(live), _by_identity(tried)
    kubectl.place.admit(after, "this")
    return Prepared(
        file=file,
        sha256=rendered.sha256,
        rendered=things,
        compared=[_compared(each, before.get(each), thing) for each, thing in after.items()],
        said=tried.err,
        forced=given.force_conflicts,
        flag=flag,
        namespace=kubectl.place.namespace or "the context's own",
    )


def _by_identity(said: Said) -> dict[Identity, tuple[Object, str]]:
    return {identity(thing): (thing, digest) for thing, digest in zip(listed(said.out), said.digests, strict=True)}


def _compared(one: Identity, before: tuple[Object, str] | None, after: tuple[Object, str]) -> Compared:
    old, digest = before or (None, "")
    return Compared(identity=one, before=old, after=after[0], digests=(digest, after[1]))


def namespace_flag(kubectl: Kubectl, things: Sequence[Object]) -> list[str]:
    """The namespace for objects that name none. Raises ToolError where some do, and the call wants another for the rest."""
    named = explicit_namespaces(things)
    if not named:
        return kubectl.place.flag
    if set(named) == {kubectl.place.namespace} or kubectl.place.namespace in (None, *kubectl.place.allowed[:1]):
        return []
    raise ToolError(
        f"not run: these manifests name their own namespace ({', '.join(named)}); leave out namespace="
        f"{kubectl.place.namespace}, or give all of them that one"
    )


def prospect_of(prepared: Prepared, name: str, *, target: str, expires: datetime) -> Prospect:
    """The prepared apply as what is judged and approved."""
    return Prospect(
        id=name,
        tool="Kubernetes",
        action="apply",
        target=target,
        kind="destroy" if prepared.destroys else "change",
        noun="diff",
        summary=prepared.summary,
        lines=tuple(line for each in prepared.touched for line in each.lines),
        warnings=tuple(prepared.warnings),
        binding=binding_of(prepared),
        content=content_of(prepared.rendered),
        expires=expires,
    )


def binding_of(prepared: Prepared) -> dict[str, str]:
    """Everything that has to be the same when it is carried out."""
    live = [
        [str(each.identity), version(each.before, each.digests[0]) if each.before else None]
        for each in prepared.compared
    ]
    tried = [[str(each.identity), each.digests[1] if each.before else shape(each.after)] for each in prepared.compared]
    return {
        "manifests": prepared.sha256,
        "live objects": digest_of(sorted(live)),
        "server dry run": digest_of(sorted(tried, key=str)),
        "namespace": prepared.namespace,
    }


def shape(thing: Object) -> list[str]:
    """What the fields of a new object are called; its values hold an address or a uid that every dry run draws anew."""
    return sorted(path for path, _ in leaves(wanted(thing)))


def content_of(things: Sequence[Object]) -> str:
    """Digest of the manifests alone, the same in every namespace and on every target."""
    placeless = [
        {**thing, "metadata": {name: value for name, value in thing["metadata"].items() if name != "namespace"}}
        for thing in things
    ]
    return digest_of(sorted(placeless, key=str))
