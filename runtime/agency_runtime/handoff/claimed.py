"""A claim after it was judged, and the verdict on all of them."""

from dataclasses import dataclass
from typing import Literal

from agency_runtime.handoff.end_check import EndCheck

Outcome = Literal["passed", "failed", "not applicable", "not run"]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A claim and its standing: verified where `reason` is empty.

    where: the part of the report it stands in. residue: it repeats a template's sample, which no file may carry on.
    """

    where: str
    statement: str
    about: str = ""
    calls: tuple[str, ...] = ()
    reason: str = ""
    residue: bool = False

    @property
    def verified(self) -> bool:
        return not self.reason

    @property
    def standing(self) -> Literal["verified", "not verified"]:
        return "verified" if self.verified else "not verified"

    def __str__(self) -> str:
        return f"{self.where}: {self.statement!r}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the completion checklist."""

    name: str
    outcome: Outcome
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Everything claimed, judged. `ok` means that nothing stands unproven and no item of the checklist failed.

    false_files: files the report claims to have changed and git does not show. notes: differences that are no lie,
    such as a changed file that the report leaves out. checks: what the validators said at the end. items: the
    completion checklist.
    """

    claims: tuple[Claimed, ...]
    false_files: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checks: tuple[EndCheck, ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def discrepancies(self) -> tuple[str, ...]:
        """Everything in which report and repository differ."""
        return (*self.false_files, *self.gaps, *self.notes)

    @property
    def verified(self) -> tuple[Claimed, ...]:
        return tuple(claim for claim in self.claims if claim.verified)

    @property
    def unverified(self) -> tuple[str, ...]:
        """What is not verified, each with its reason, as lines."""
        failed = (str(check) for check in self.checks if check.outcome == "failed")
        return (*(str(claim) for claim in self.claims if not claim.verified), *self.false_files, *self.gaps, *failed)

    @property
    def failed_items(self) -> tuple[str, ...]:
        """The items of the checklist that failed, each with its reason, as lines."""
        return tuple(str(item) for item in self.items if item.outcome == "failed")

    @property
    def ok(self) -> bool:
        return not self.unverified and not self.failed_items
