"""The ledger of prepared changes: what was prepared in this run, who allowed it, and what was carried out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from agency_tools.errors import ToolError
from agency_tools.prospect import Prospect

LASTS = timedelta(hours=1)
"""How long a prepared change may be carried out."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass
class Ledger:
    """Prepared changes by id. Each is carried out at most once, by whoever was granted exactly this one."""

    clock: Callable[[], datetime] = utc_now
    lasts: timedelta = LASTS
    _kept: dict[str, Prospect] = field(default_factory=dict[str, Prospect])
    _granted: dict[str, str] = field(default_factory=dict[str, str])
    _spent: set[str] = field(default_factory=set[str])
    _proven: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def expiry(self) -> datetime:
        """When what is prepared now expires."""
        return self.clock() + self.lasts

    def keep(self, prospect: Prospect) -> Prospect:
        """Take a prepared change in; one of the same id is replaced, and its grant with it."""
        self._kept[prospect.id] = prospect
        self._granted.pop(prospect.id, None)
        self._spent.discard(prospect.id)
        return self._with_proof(prospect)

    def find(self, name: str, *, target: str, noun: str = "plan") -> Prospect:
        """The prepared change of that id. Raises ToolError: unknown, carried out, of another target, expired."""
        kept = self._kept.get(name)
        if kept is None:
            raise ToolError(
                f"not done: no {noun} {name!r} was made for a target in this run; make one first{self._there()}"
            )
        if name in self._spent:
            raise ToolError(f"not done: {kept.noun} {name!r} was carried out already; make a new one")
        if kept.target != target:
            raise ToolError(f"not done: {kept.noun} {name!r} was made for target {kept.target!r}, not {target!r}")
        if self.clock() >= kept.expires:
            raise ToolError(f"not done: {kept.noun} {name!r} expired at {kept.expires:%H:%M:%S} UTC; make a new one")
        return self._with_proof(kept)

    def unchanged(self, prospect: Prospect, now: Mapping[str, str]) -> None:
        """Raises ToolError that names everything bound to the change which is different `now`."""
        names = [*prospect.binding, *(name for name in now if name not in prospect.binding)]
        changed = [name for name in names if prospect.binding.get(name) != now.get(name)]
        if changed:
            raise ToolError(
                f"not done: changed since the {prospect.noun}: {', '.join(changed)}. "
                f"Make a new {prospect.noun}; what was approved is not what would be done."
            )

    def grant(self, prospect: Prospect, by: str) -> None:
        """Note that `by`, a person or a rule, allowed exactly this change."""
        self._granted[prospect.id] = f"{prospect.digest} {by}"

    def take(self, prospect: Prospect) -> str:
        """Who allowed the change, which cannot be taken again. Raises ToolError where nobody allowed exactly this one."""
        digest, _, by = self._granted.get(prospect.id, "").partition(" ")
        if not digest or digest != prospect.digest:
            raise ToolError(f"not done: nobody approved this {prospect.noun} as it is")
        if prospect.id in self._spent:
            raise ToolError(f"not done: {prospect.noun} {prospect.id!r} was carried out already; make a new one")
        self._spent.add(prospect.id)
        return by

    def prove(self, prospect: Prospect) -> None:
        """Note that the change was carried out with success on its target."""
        proven = self._proven.setdefault(prospect.content, [])
        if prospect.target not in proven:
            proven.append(prospect.target)

    def _with_proof(self, prospect: Prospect) -> Prospect:
        return replace(prospect, proven_on=tuple(self._proven.get(prospect.content, ())))

    def _there(self) -> str:
        there = [name for name in self._kept if name not in self._spent]
        return f" (there are {', '.join(there)})" if there else ""
