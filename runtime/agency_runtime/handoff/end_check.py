"""What a validator said of the tree at the end of a run; it stands in the evidence beside the claims."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SHOWN = 5  # findings of one check that a line names


@dataclass(frozen=True, kw_only=True)
class EndCheck:
    """One validator's outcome.

    name: the validator. files: repository-relative paths it looked at. why: for `not run`, the reason. findings: each
    as `path:line:column rule message`. A failed check keeps the run from being done, like a claim that does not stand.
    """

    name: str
    outcome: Literal["passed", "failed", "not run"]
    files: tuple[str, ...] = ()
    why: str = ""
    findings: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return asdict(self)

    def __str__(self) -> str:
        more = len(self.findings) - SHOWN
        shown = [*self.findings[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
        return f"{self.name} {self.outcome}: {'; '.join(shown) or self.why}"


def checks_of(recorded: Iterable[Mapping[str, Any]]) -> tuple[EndCheck, ...]:
    """The checks that a recording keeps."""
    return tuple(
        EndCheck(
            name=each["name"], outcome=each["outcome"], files=tuple(each["files"]), why=each["why"],
            findings=tuple(each["findings"]),
        )
        for each in recorded
    )  # fmt: skip
