"""The compartments of a run: for each of its targets one, with that target's credentials and no other's."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agency_runtime.order import Order
from agency_runtime.staging import layout_of
from agency_tools.compartment_sandbox import TargetCompartment, layout_for
from agency_tools.credentials import Credentials, credentials_of
from agency_tools.errors import UsageError
from agency_tools.reach import Reach, Targets
from agency_tools.target import Target


@dataclass(frozen=True, kw_only=True)
class Environs:
    """One target with what its compartment is given."""

    target: Target
    credentials: Credentials
    state: Path | None


def environs_of(order: Order, targets: Sequence[Target]) -> tuple[Environs, ...]:
    """What the run's targets need, read before anything starts. Raises UsageError for what a person has to mend.

    A replay that executes nothing needs none.
    """
    if order.pure:
        return ()
    return tuple(
        Environs(target=target, credentials=credentials_of(target), state=state_folder(target, order.repository.root))
        for target in targets
    )


def state_folder(target: Target, repository: Path) -> Path | None:
    """The folder of the target's local state. Raises UsageError where it names none that is there."""
    if target.terraform_state is None:
        return None
    folder = Path(repository, Path(target.terraform_state).expanduser())
    if not folder.is_dir():
        raise UsageError(
            f"target {target.name!r}: terraform_state {target.terraform_state}: no such folder; make it first"
        )
    return folder.resolve()


def secrets_of(environs: Sequence[Environs]) -> tuple[str, ...]:
    """Every credential that the run was given."""
    return tuple(secret for each in environs for secret in each.credentials.secrets)


@dataclass
class Compartments:
    """The targets of one run; each compartment starts at its first use."""

    order: Order
    environs: Sequence[Environs]
    hear: Callable[[str], None]
    targets: Targets = field(init=False)
    _open: Mapping[str, TargetCompartment] = field(init=False)

    def __post_init__(self) -> None:
        layout = layout_of(self.order) if self.environs else None
        self._open = {
            each.target.name: TargetCompartment(
                self.order.settings.sandbox,
                layout_for(layout, each.credentials, each.state),
                each.credentials,
                self.hear,
            )
            for each in self.environs
            if layout is not None
        }
        reaches = [Reach(target=each.target, compartment=self._open[each.target.name]) for each in self.environs]
        self.targets = Targets(reaches=reaches)

    async def close(self) -> None:
        """End them all; safe to call twice."""
        await asyncio.gather(*(compartment.close() for compartment in self._open.values()))
