"""Changes to a cluster as commands: what is kept first, what is done, what is watched, and what would undo it."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from agency_tools.change import Change, Command
from agency_tools.kubernetes_diff import Prepared
from agency_tools.kubernetes_objects import WORKLOADS, Identity, Object, identity, part
from agency_tools.kubernetes_run import inside_argv

GRACE = 30
"""Seconds that a command may take beyond those it was given to wait."""


def apply_change(prepared: Prepared, *, flag: Sequence[str], seconds: int) -> Change:
    """Applying what was prepared: what it changes is put back, and what it adds is deleted, where it does not go well."""
    changed = [each for each in prepared.touched if each.before is not None]
    added = [each.identity for each in prepared.touched if each.before is None]
    kept = list(_captures([each.identity for each in changed], prepared.file))
    force = ["--force-conflicts"] if prepared.forced else []
    act = ("kubectl", "apply", "--server-side", *force, f"--filename={prepared.file}", *flag)
    return Change(
        capture=tuple(capture for capture, _ in kept),
        act=Command(argv=act),
        watch=watches([each.after for each in prepared.touched], seconds),
        look=looks([each.after for each in prepared.touched]),
        undo=(*(restore for _, restore in kept), *_deletions(added, seconds)),
        settled=watches([each.before for each in changed if each.before is not None], seconds),
    )


def scale_change(before: Object, *, replicas: int, seconds: int) -> Change:
    """Other replicas, and the former ones again where they do not become ready."""
    one, old = identity(before), int(before["spec"].get("replicas", 1))
    return Change(
        act=_scaled(one, old, replicas),
        watch=watches([before], seconds),
        look=looks([before]),
        undo=(_scaled(one, replicas, old),),
        settled=watches([before], seconds),
    )


def _scaled(one: Identity, old: int, new: int) -> Command:
    return Command(argv=("kubectl", "scale", *_named(one), f"--current-replicas={old}", f"--replicas={new}"))


def revert_change(before: Object, file: str, *, revision: int | None, seconds: int) -> Change:
    """An earlier revision of a workload, and what is there now again where it does not become healthy."""
    one = identity(before)
    [(capture, restore)] = _captures([one], file)
    to = [] if revision is None else [f"--to-revision={revision}"]
    return Change(
        capture=(capture,),
        act=Command(argv=("kubectl", "rollout", "undo", *_named(one), *to)),
        watch=watches([before], seconds),
        look=looks([before]),
        undo=(restore,),
        settled=watches([before], seconds),
    )


def history_argv(before: Object, revision: int | None) -> list[str]:
    """What prints the revisions of a workload, the oldest first, or one of them."""
    one = [] if revision is None else [f"--revision={revision}"]
    return ["kubectl", "rollout", "history", *_named(identity(before)), "--output=json", *one]


def delete_change(before: Object, file: str, *, seconds: int) -> Change:
    """Deleting one object, after it has been kept."""
    one = identity(before)
    return Change(
        capture=(_capture([one], file),),
        act=Command(
            argv=("kubectl", "delete", *_named(one), "--wait=true", f"--timeout={seconds}s"), seconds=seconds + GRACE
        ),
    )


def watches(things: Iterable[Object], seconds: int, namespace: str | None = None) -> tuple[Command, ...]:
    """What ends well when these objects are healthy; kinds that have no health of their own are not among them.

    namespace: of those that name none.
    """
    return tuple(
        Command(argv=("kubectl", *words, f"--timeout={seconds}s"), seconds=seconds + GRACE)
        for thing in things
        if (words := _watch(settled_in(thing, namespace)))
    )


def _watch(thing: Object) -> list[str]:
    one, kind = identity(thing), thing["kind"]
    if kind in WORKLOADS and part(thing, "spec", "updateStrategy").get("type") != "OnDelete":
        return ["rollout", "status", *_named(one)]
    if kind == "Job" and not part(thing, "spec").get("suspend"):
        return ["wait", "--for=condition=Complete", *_named(one)]
    return ["wait", "--for=condition=Ready", *_named(one)] if kind == "Pod" else []


def settled_in(thing: Object, namespace: str | None) -> Object:
    """The object with the namespace that it will have."""
    if namespace is None or thing["metadata"].get("namespace"):
        return thing
    return {**thing, "metadata": {**thing["metadata"], "namespace": namespace}}


def looks(things: Iterable[Object], namespace: str | None = None) -> tuple[Command, ...]:
    """What shows why pods of these workloads are not ready."""
    found = (settled_in(thing, namespace) for thing in things if thing["kind"] in (*WORKLOADS, "Job"))
    return tuple(Command(argv=("kubectl", "get", "pods", *_space(identity(each)), *_selected(each))) for each in found)


def _selected(thing: Object) -> list[str]:
    labels = part(thing, "spec", "selector", "matchLabels")
    return [f"--selector={','.join(f'{name}={value}' for name, value in sorted(labels.items()))}"] if labels else []


def _captures(things: Sequence[Identity], file: str) -> Iterable[tuple[Command, Command]]:
    """For each namespace, what keeps its objects and what puts them back."""
    for number, (_, group) in enumerate(groupby(sorted(things, key=_namespace), key=_namespace), 1):
        kept = f"{file}.before-{number}"
        told = f"kubectl replace --filename={kept} (and the owners of its fields)"
        yield (
            _capture(list(group), kept),
            Command(argv=inside_argv("restore", kept, "kubectl"), shown=told),
        )


def _capture(things: Sequence[Identity], file: str) -> Command:
    names = [f"{each.resource}/{each.name}" for each in things]
    get = ("kubectl", "get", *names, *_space(things[0]), "--output=json", "--show-managed-fields")
    return Command(argv=inside_argv("capture", file, *get), shown=f"{' '.join(get)} > {file}")


def _deletions(things: Sequence[Identity], seconds: int) -> Iterable[Command]:
    for _, group in groupby(sorted(things, key=_namespace), key=_namespace):
        same = list(group)
        names = [f"{each.resource}/{each.name}" for each in same]
        words = ("kubectl", "delete", *names, *_space(same[0]), "--ignore-not-found", f"--timeout={seconds}s")
        yield Command(argv=words, seconds=seconds + GRACE)


def _namespace(one: Identity) -> str:
    return one.namespace


def _named(one: Identity) -> list[str]:
    return [f"{one.resource}/{one.name}", *_space(one)]


def _space(one: Identity) -> list[str]:
    return [f"--namespace={one.namespace}"] if one.namespace else []
