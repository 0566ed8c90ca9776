"""What a tool of an MCP server says of itself, and whether anybody vouches for the server."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Hints:
    """A tool's annotations; None where it says nothing. trusted: a person vouches for the server.

    They are the server's own words: without `trusted` they can make a verdict stricter and never looser.
    """

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None
    trusted: bool = False

    @property
    def only_reads(self) -> bool:
        """It reads, on the word of a server that is vouched for, and nothing it says contradicts that."""
        return self.trusted and self.read_only is True and self.destructive is not True

    @property
    def destroys(self) -> bool:
        """It says so itself, whoever it is."""
        return self.destructive is True

    @property
    def only_adds(self) -> bool:
        """It changes without destroying, on the word of a server that is vouched for."""
        return self.trusted and self.destructive is False

    @property
    def repeatable(self) -> bool:
        """Doing it twice does no more than doing it once, on the word of a server that is vouched for."""
        return self.trusted and (self.idempotent is True or self.only_reads)

    @property
    def told(self) -> str:
        """What it says, in words for a person."""
        said = [word for name, word in _WORDS.items() if getattr(self, name) is True]
        whose = "a trusted server's" if self.trusted else "an untrusted server's"
        return f"{whose} tool that says {' and '.join(said) if said else 'nothing'} of itself"

    def json(self) -> dict[str, Any]:
        """What is said, by the protocol's names."""
        return {name: said for each, name in NAMES.items() if (said := getattr(self, each)) is not None}

    @classmethod
    def of(cls, given: Mapping[str, Any], *, trusted: bool) -> "Hints":
        """The hints of a mapping by the protocol's names; whatever is no boolean says nothing."""
        said = {each: given.get(name) for each, name in NAMES.items()}
        return cls(**{each: value for each, value in said.items() if isinstance(value, bool)}, trusted=trusted)


NAMES: Mapping[str, str] = {
    "read_only": "readOnlyHint",
    "destructive": "destructiveHint",
    "idempotent": "idempotentHint",
    "open_world": "openWorldHint",
}
_WORDS = {
    "read_only": "read-only",
    "destructive": "destructive",
    "idempotent": "idempotent",
    "open_world": "open-world",
}
assert set(NAMES) | {"trusted"} == {each.name for each in fields(Hints)}
