"""What a run's tools may reach: its targets, each with the compartment that holds its credentials."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agency_tools.compartment import Compartment
from agency_tools.errors import ToolError
from agency_tools.ledger import Ledger
from agency_tools.target import Target
from agency_tools.undo import Undos


@dataclass(frozen=True, kw_only=True)
class Reach:
    """One target, and where its commands run."""

    target: Target
    compartment: Compartment


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of a run, the first of which is meant where a call names none; what was prepared for them, and how it is undone."""

    reaches: Sequence[Reach] = ()
    ledger: Ledger = field(default_factory=Ledger)
    undos: Undos = field(default_factory=Undos)

    def __bool__(self) -> bool:
        return bool(self.reaches)

    def of(self, action: str, name: str | None = None) -> Reach:
        """The target that `action` is for. Raises ToolError where this run has none, or none of that name."""
        if not self.reaches:
            raise ToolError(
                f"not run: {action} needs a target, and this run has no target: "
                "start it with --target NAME from .agency/policy.yaml. "
                "Nothing was contacted; go on with the actions that work offline, and say what was not checked."
            )
        if name is None:
            return self.reaches[0]
        for reach in self.reaches:
            if reach.target.name == name:
                return reach
        there = ", ".join(reach.target.name for reach in self.reaches)
        raise ToolError(f"not run: this run has no target {name!r}; it has {there}")


def unprepared(action: str, target: str) -> ToolError:
    """What the model reads of a change that nothing was prepared for."""
    return ToolError(
        f"not run: {action} would change target {target!r}, and a change is made only from a plan or diff that was "
        "approved for it; none is. Hand over what you planned, with the exact command."
    )
