"""What models cost, as one dated table that a configuration may override.

US dollars per million tokens, list prices read from the service's public price page on 2026-11-23 for the families
the SDK names. An id is priced by the longest entry that it contains; an unknown one by the dearest entry, so that
a money budget never runs out too late.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agency_runtime.wire import Usage

DEFAULT_MODEL = "claude-sonnet-5-5"
ALIASES = {
    "sonnet": "claude-sonnet-5-5",
    "opus": "claude-opus-5-5",
    "haiku": "claude-haiku-5-5",
    "fable": "claude-fable-5-2",
}


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens; a cache write costs 1.25 times, a cache read a tenth of the input price."""

    input: float
    output: float

    def cost(self, usage: Usage) -> float:
        """What this usage costs, in US dollars."""
        tokens = usage.input + 1.25 * usage.cache_write + 0.1 * usage.cache_read
        return (tokens * self.input + usage.output * self.output) / 1_000_000


PRICES: Mapping[str, Price] = {
    "claude-haiku": Price(input=1.0, output=5.0),
    "claude-sonnet": Price(input=3.0, output=15.0),
    "claude-opus": Price(input=5.0, output=25.0),
    "claude-fable": Price(input=10.0, output=50.0),
    "claude-mythos": Price(input=25.0, output=125.0),
}


def price_of(model: str, table: Mapping[str, Price] = PRICES) -> Price:
    """The price of a model id: the longest entry that it contains, else the dearest."""
    matches = [name for name in table if name in model]
    return table[max(matches, key=len)] if matches else max(table.values(), key=lambda price: price.output)


def model_id(name: str) -> str:
    """The id for a family's short name; any other string as it is."""
    return ALIASES.get(name, name)
