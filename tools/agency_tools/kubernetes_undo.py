"""What a person types to undo a change that was made to a cluster."""

from collections.abc import Iterable, Sequence

import yaml

from agency_tools.kubernetes_objects import Identity, Object, identity, wanted
from agency_tools.redaction import MASK
from agency_tools.target import Target
from agency_tools.undo import FORMER, Undo


def hand_undo(
    target: Target, what: str, *, former: Sequence[Object] = (), added: Iterable[Identity] = (), gone: bool = False
) -> Undo:
    """The undo of a change that replaced the `former` objects, or deleted them where they are `gone`, and `added` others.

    A secret's values are in no file: its former state is left out, and said to be lacking, as is any value that was masked.
    """
    kept = [thing for thing in former if thing["kind"] != "Secret"]
    verb = "create" if gone else "replace"
    back = [" ".join([*kubectl(target), verb, f"--filename={FORMER}"])] if kept else []
    deleted = [" ".join([*kubectl(target, one.namespace), "delete", f"{one.resource}/{one.name}"]) for one in added]
    text = "---\n".join(yaml.safe_dump(wanted(thing), sort_keys=False) for thing in kept)
    masked = (f"what is {MASK} in {FORMER}",) if MASK in text else ()
    return Undo(
        target=target.name,
        what=what,
        commands=(*back, *deleted),
        former=text,
        lacking=(*(f"the former values of {identity(each)}" for each in former if each["kind"] == "Secret"), *masked),
    )


def kubectl(target: Target, namespace: str = "") -> list[str]:
    """How a person's kubectl reaches the target."""
    context = [f"--context={target.kube_context}"] if target.kube_context else []
    return ["kubectl", *context, *([f"--namespace={namespace}"] if namespace else [])]
