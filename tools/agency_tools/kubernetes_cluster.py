"""One target's cluster during a run: diffs that were made, and changes, each carried out only as it was approved."""

import asyncio
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from agency_tools.approved import Draft, as_approved, told_diff
from agency_tools.change import Change
from agency_tools.compartment import output_of
from agency_tools.errors import ToolError
from agency_tools.kubernetes_change import apply_change, delete_change, history_argv, revert_change, scale_change
from agency_tools.kubernetes_commands import KubernetesInput
from agency_tools.kubernetes_diff import binding_of, prepare, prospect_of
from agency_tools.kubernetes_objects import Object, differences, identity, listed, templated, version
from agency_tools.kubernetes_place import place
from agency_tools.kubernetes_run import Kubectl, Said
from agency_tools.kubernetes_undo import hand_undo
from agency_tools.prospect import Grave, Prospect, digest_of
from agency_tools.reach import Targets
from agency_tools.target import Target
from agency_tools.tool import Output
from agency_tools.undo import Undo


@dataclass
class Cluster:
    """The cluster of one target. Its changes are made one after the other."""

    target: Target
    targets: Targets
    store: str
    _diffs: dict[str, KubernetesInput] = field(default_factory=dict[str, KubernetesInput])
    _files: int = 0
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def diff(self, given: KubernetesInput, kubectl: Kubectl) -> Output:
        """What the manifests would change; where that is something, its id is one that `apply` takes."""
        name = f"{self.target.name}-diff-{len(self._diffs) + 1}"
        prepared = await prepare(kubectl, given, self._file(name))
        if isinstance(prepared, Said):
            return output_of(prepared.ran)
        if not prepared.touched:
            return Output(content=f"no changes: {prepared.summary}", exit_code=0)
        self._diffs[name] = given
        expires = self.targets.ledger.expiry()
        prospect = prospect_of(prepared, name, target=self.target.name, expires=expires)
        return told_diff(self.targets.ledger.keep(prospect))

    async def prospect(self, given: KubernetesInput, kubectl: Kubectl) -> Prospect:
        """What the action would change as things are now. Raises ToolError where it is not what was prepared."""
        drafted = (await self._draft(given, kubectl)).prospect
        return drafted if given.action == "apply" else self.targets.ledger.keep(drafted)

    async def change(self, given: KubernetesInput, kubectl: Kubectl) -> Output:
        """Carry the action out, watch it, and undo it where it fails. Raises ToolError where nobody approved just this."""
        async with self._one:
            return await as_approved(await self._draft(given, kubectl), self.targets, kubectl.compartment)

    async def _draft(self, given: KubernetesInput, kubectl: Kubectl) -> Draft:
        if given.action == "apply":
            return await self._apply(given, kubectl)
        before = await self._live(given, kubectl)
        match given.action:
            case "scale":
                return self._scale(given, before)
            case "rollout_undo":
                return await self._revert(given, before, kubectl)
            case _:
                return self._delete(given, before)

    async def _apply(self, given: KubernetesInput, kubectl: Kubectl) -> Draft:
        name = given.diff or ""
        kept = self.targets.ledger.find(name, target=self.target.name, noun="diff")
        if name not in self._diffs:
            raise ToolError(
                f"not done: {name} is no diff of Kubernetes's; there are {', '.join(self._diffs) or 'none'}"
            )
        made = self._diffs[name]
        at = Kubectl(compartment=kubectl.compartment, place=place(self.target, made.namespace))
        prepared = await prepare(at, made, self._file(f"{name}-again"))
        if isinstance(prepared, Said):
            raise ToolError(f"not done: the server no longer takes {name}: {prepared.ran.output.strip()}")
        self.targets.ledger.unchanged(kept, binding_of(prepared))
        former = [each.before for each in prepared.touched if each.before is not None]
        added = [each.identity for each in prepared.touched if each.before is None]
        undo = hand_undo(self.target, f"apply of {name}: {kept.summary}", former=former, added=added)
        change = apply_change(prepared, flag=prepared.flag, seconds=given.seconds)
        return Draft(prospect=kept, change=change, undo=undo)

    def _scale(self, given: KubernetesInput, before: Object) -> Draft:
        one, old, new = identity(before), before["spec"].get("replicas"), given.replicas or 0
        if old is None:
            raise ToolError(f"not done: {one} has no replicas to scale")
        line = f"scale {one}: {old} → {new} replicas"
        prospect = self._own(given, before, "destroy" if new == 0 else "change", line, {"replicas": str(new)})
        change = scale_change(before, replicas=new, seconds=given.seconds)
        undo = Undo(target=self.target.name, what=line, commands=(self._typed(change),))
        return Draft(prospect=prospect, change=change, undo=undo)

    async def _revert(self, given: KubernetesInput, before: Object, kubectl: Kubectl) -> Draft:
        one = identity(before)
        change = revert_change(before, self._file("revert"), revision=given.revision, seconds=given.seconds)
        said = await kubectl.inside("apart", *history_argv(before, given.revision))
        past = listed(said.out) if not said.failed else []
        if said.failed or (given.revision is None and len(past) < 2):
            raise ToolError(
                f"not done: {one} has no such revision: {said.err.strip() or 'there is but the present one'}"
            )
        then = past[-1] if given.revision else past[-2]
        lines = [f"  {line}" for line in differences(templated(before), templated(then))]
        to = f"revision {given.revision}" if given.revision else "the revision before"
        what = f"roll {one} back to {to}"
        prospect = self._own(given, before, "change", what, {"becomes": digest_of(lines)}, *lines)
        return Draft(prospect=prospect, change=change, undo=hand_undo(self.target, what, former=[before]))

    def _delete(self, given: KubernetesInput, before: Object) -> Draft:
        what = f"delete {identity(before)}"
        change = delete_change(before, self._file("delete"), seconds=given.seconds)
        prospect = self._own(given, before, "destroy", what, {})
        return Draft(prospect=prospect, change=change, undo=hand_undo(self.target, what, former=[before], gone=True))

    async def _live(self, given: KubernetesInput, kubectl: Kubectl) -> Object:
        """The one object that an action is for. Raises ToolError where it is not there, or not the target's."""
        said = await kubectl.said("get", f"{given.resource}/{given.name}", "--output=json")
        if said.failed:
            raise ToolError(f"not done: {said.ran.output.strip()}")
        [thing] = listed(said.out)
        kubectl.place.admit([identity(thing)], f"{given.action}")
        return thing

    def _own(
        self, given: KubernetesInput, before: Object, kind: Grave, what: str, more: Mapping[str, str], *lines: str
    ) -> Prospect:
        """What an action on one object is judged by; it needs no diff first, as it is one in itself."""
        one = identity(before)
        return Prospect(
            id=f"{given.action} {one}",
            tool="Kubernetes",
            action=given.action,
            target=self.target.name,
            kind=kind,
            noun=given.action,
            summary=what,
            lines=(what, *lines),
            binding={"live object": digest_of(version(before)), **more},
            content=digest_of([given.action, one.kind, one.name, *more.values(), *lines]),
            expires=self.targets.ledger.expiry(),
        )

    def _typed(self, change: Change) -> str:
        context = [f"--context={self.target.kube_context}"] if self.target.kube_context else []
        return " ".join(["kubectl", *context, *change.undo[0].argv[1:]])

    def _file(self, name: str) -> str:
        self._files += 1
        return posixpath.join(self.store, f"{name}-{self._files}.yaml")
