"""What Kubernetes and Helm have in common: telling of a diff, and carrying a change out exactly as it was approved."""

from dataclasses import dataclass

from agency_tools.change import Change, carry_out
from agency_tools.compartment import Compartment, cut
from agency_tools.prospect import Prospect
from agency_tools.reach import Targets
from agency_tools.tool import Output
from agency_tools.undo import Undo

DIFFERS = 1
"""The exit code by which `kubectl diff` says that there are differences."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A change as things are now: what is judged, what is done, and how a person undoes it."""

    prospect: Prospect
    change: Change
    undo: Undo


def told_diff(kept: Prospect) -> Output:
    """What the model is told of a diff that found something, and how it asks for exactly that."""
    lines = [
        f"Diff {kept.id} for target {kept.target}: {kept.summary}",
        *kept.lines,
        *(f"warning: {warning}" for warning in kept.warnings),
    ]
    ask = f'{{"action": "{kept.action}", "diff": "{kept.id}"}}'
    last = f"Do exactly this with {ask} before {kept.expires:%H:%M} UTC."
    return Output(content=f"{cut(chr(10).join(lines))}\n{last}", exit_code=DIFFERS)


async def as_approved(draft: Draft, targets: Targets, compartment: Compartment) -> Output:
    """Carry the draft out, watch it, and undo it where it fails.

    Raises ToolError where nobody approved just this, or it is not what was approved any more.
    """
    ledger, now = targets.ledger, draft.prospect
    approved = ledger.find(now.id, target=now.target, noun=now.noun)
    ledger.unchanged(approved, now.binding)
    by = ledger.take(approved)
    story = await carry_out(draft.change, compartment)
    what = f"{approved.action}, {approved.summary}, approved by {by}"
    if story.fault is not None:
        return story.output(what)
    ledger.prove(approved)
    targets.undos.add(draft.undo)
    return story.output(what, *draft.undo.lines())
