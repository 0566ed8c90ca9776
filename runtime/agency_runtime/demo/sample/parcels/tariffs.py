"""Tariffs: from a weight and a zone to a price."""

import json
from dataclasses import dataclass
from pathlib import Path


class QuoteError(ValueError):
    """A parcel that cannot be quoted, said in words for the caller."""


@dataclass(frozen=True)
class Tariff:
    """Prices in cents, weights in grams."""

    base_cents: int
    cents_per_100_grams: int
    max_grams: int

    def quote(self, grams: int) -> int:
        """The price in cents; every 100 grams begun count in full."""
        if grams <= 0:
            raise QuoteError("grams must be above 0")
        if grams > self.max_grams:
            raise QuoteError(f"at most {self.max_grams} grams")
        return self.base_cents + self.cents_per_100_grams * -(-grams // 100)


def load(path: Path) -> dict[str, Tariff]:
    """The tariffs of a JSON file, by zone."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return {zone: Tariff(**entry) for zone, entry in table.items()}
