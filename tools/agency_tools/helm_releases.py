"""One target's releases during a run: diffs that were made, and changes, each carried out only as it was approved."""

import asyncio
import posixpath
from dataclasses import dataclass, field

from agency_tools.approved import Draft, as_approved, told_diff
from agency_tools.change import Change, Command
from agency_tools.compartment import output_of
from agency_tools.errors import ToolError
from agency_tools.helm_commands import HelmInput, upgrade_argv
from agency_tools.helm_diff import (
    Live,
    Release,
    live_release,
    prepare_release,
    release_binding,
    release_prospect,
    revision_objects,
)
from agency_tools.kubernetes_change import GRACE, looks, watches
from agency_tools.kubernetes_objects import Object, differences, identity, scaled_to_zero
from agency_tools.kubernetes_place import Place, place
from agency_tools.kubernetes_run import Kubectl, Said
from agency_tools.prospect import Prospect, digest_of
from agency_tools.reach import Targets
from agency_tools.target import Target
from agency_tools.tool import Output
from agency_tools.undo import Undo


@dataclass
class Releases:
    """The releases of one target. Its changes are made one after the other."""

    target: Target
    targets: Targets
    store: str
    _diffs: dict[str, HelmInput] = field(default_factory=dict[str, HelmInput])
    _folders: int = 0
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def diff(self, given: HelmInput, kubectl: Kubectl) -> Output:
        """What the chart would change of the live release; where that is something, its id is one that `upgrade` takes."""
        name = f"{self.target.name}-helm-diff-{len(self._diffs) + 1}"
        release = await prepare_release(kubectl, given, self._folder(name))
        if isinstance(release, Said):
            return output_of(release.ran)
        if not release.touched and not release.masked:
            return Output(content=f"no changes: {release.summary}", exit_code=0)
        self._diffs[name] = given
        ledger, where = self.targets.ledger, _where(kubectl.place)
        prospect = release_prospect(release, name, target=self.target.name, place=where, expires=ledger.expiry())
        return told_diff(ledger.keep(prospect))

    async def prospect(self, given: HelmInput, kubectl: Kubectl) -> Prospect:
        """What the action would change as things are now. Raises ToolError where it is not what was prepared."""
        drafted = (await self._draft(given, kubectl)).prospect
        return drafted if given.action == "upgrade" else self.targets.ledger.keep(drafted)

    async def change(self, given: HelmInput, kubectl: Kubectl) -> Output:
        """Carry the action out, watch it, and undo it where it fails. Raises ToolError where nobody approved just this."""
        async with self._one:
            return await as_approved(await self._draft(given, kubectl), self.targets, kubectl.compartment)

    async def _draft(self, given: HelmInput, kubectl: Kubectl) -> Draft:
        return await (self._upgrade if given.action == "upgrade" else self._rollback)(given, kubectl)

    async def _upgrade(self, given: HelmInput, kubectl: Kubectl) -> Draft:
        name = given.diff or ""
        kept = self.targets.ledger.find(name, target=self.target.name, noun="diff")
        if name not in self._diffs:
            raise ToolError(f"not done: {name} is no diff of Helm's; there are {', '.join(self._diffs) or 'none'}")
        made = self._diffs[name]
        at = Kubectl(compartment=kubectl.compartment, place=place(self.target, made.namespace))
        release = await prepare_release(at, made, self._folder(f"{name}-again"))
        if isinstance(release, Said):
            raise ToolError(f"not done: {name} no longer renders: {release.ran.output.strip()}")
        self.targets.ledger.unchanged(kept, release_binding(release, _where(at.place)))
        change = upgrade_change(release, made, at.place, seconds=given.seconds)
        undo = self._back(release.name, release.live.revision, at.place, f"upgrade: {release.summary}")
        return Draft(prospect=kept, change=change, undo=undo)

    async def _rollback(self, given: HelmInput, kubectl: Kubectl) -> Draft:
        name, revision = given.release or "", given.revision or 0
        live = await live_release(kubectl, name)
        if not live.revision:
            raise ToolError(f"not done: there is no release {name!r} to roll back")
        then, sha256 = await revision_objects(kubectl, name, revision)
        kubectl.place.admit([each for each in map(identity, then) if each.namespace], f"revision {revision}")
        before, after = ({str(identity(thing)): thing for thing in found} for found in (live.objects, then))
        gone = [f"delete {each}" for each in before if each not in after]
        lines = [line for each, thing in after.items() for line in _turned(each, before.get(each), thing)]
        zero = any(scaled_to_zero(before.get(each), thing) for each, thing in after.items())
        what = f"roll release {name} back from revision {live.revision} to {revision}"
        prospect = Prospect(
            id=f"rollback {name} {revision}",
            tool="Helm",
            action="rollback",
            target=self.target.name,
            kind="destroy" if gone or zero else "change",
            noun="rollback",
            summary=what,
            lines=(what, *gone, *lines),
            binding={"live release": digest_of([live.revision, live.status]), "becomes": sha256},
            content=digest_of([name, then]),
            expires=self.targets.ledger.expiry(),
        )
        change = rollback_change(name, live, then, revision, kubectl.place, seconds=given.seconds)
        undo = self._back(name, live.revision, kubectl.place, what)
        return Draft(prospect=prospect, change=change, undo=undo)

    def _back(self, name: str, revision: int, where: Place, what: str) -> Undo:
        context = [f"--kube-context={self.target.kube_context}"] if self.target.kube_context else []
        words = ["rollback", name, str(revision)] if revision else ["uninstall", name]
        return Undo(target=self.target.name, what=what, commands=(" ".join(["helm", *words, *context, *where.flag]),))

    def _folder(self, name: str) -> str:
        self._folders += 1
        return posixpath.join(self.store, f"{name}-{self._folders}")


def upgrade_change(release: Release, given: HelmInput, where: Place, *, seconds: int) -> Change:
    """Installing or upgrading; the revision that ran before comes back, or none, where it does not go well."""
    argv = upgrade_argv(release.name, release.folder, given, namespace=where.namespace, dry_run=False, seconds=seconds)
    new = release.rendered.objects if release.masked else [after for _, after in release.touched if after is not None]
    return Change(
        act=Command(argv=argv, seconds=seconds + GRACE),
        watch=watches(new, seconds, where.namespace),
        look=looks(new, where.namespace),
        undo=(_returned(release.name, release.live.revision, where, seconds),),
        settled=watches([before for before, _ in release.touched if before is not None], seconds, where.namespace),
    )


def rollback_change(name: str, live: Live, then: list[Object], revision: int, where: Place, *, seconds: int) -> Change:
    """An earlier revision; the one that ran before comes back where it does not go well."""
    return Change(
        act=_returned(name, revision, where, seconds),
        watch=watches(then, seconds, where.namespace),
        look=looks(then, where.namespace),
        undo=(_returned(name, live.revision, where, seconds),),
        settled=watches(live.objects, seconds, where.namespace),
    )


def _returned(name: str, revision: int, where: Place, seconds: int) -> Command:
    words = ("rollback", name, str(revision)) if revision else ("uninstall", name, "--wait")
    return Command(argv=("helm", *words, f"--timeout={seconds}s", *where.flag), seconds=seconds + GRACE)


def _turned(name: str, before: Object | None, after: Object) -> list[str]:
    if before is None:
        return [f"add {name}"]
    found = differences(before, after)
    return [f"change {name}", *(f"  {line}" for line in found)] if found else []


def _where(where: Place) -> str:
    return where.namespace or "the context's own"
