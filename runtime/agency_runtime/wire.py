"""Our own form of the Messages API's values, so that only the adapter ever imports its SDK.

Content blocks stay as the API's JSON: what the model said is echoed back unchanged, signatures included.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

Json: TypeAlias = Mapping[str, Any]


def json_object(value: object) -> Json:
    """The value where it is a JSON object; an empty one where it is anything else."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool call the model asked for."""

    id: str
    name: str
    input: Json


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one or more replies."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )

    @property
    def total(self) -> int:
        """Tokens of both directions, cached ones included."""
        return self.input + self.output + self.cache_read + self.cache_write

    def json(self) -> dict[str, int]:
        """By the API's names."""
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation_input_tokens": self.cache_write,
        }


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One finished reply: the API's Message JSON and views of it."""

    message: Json

    @property
    def content(self) -> Sequence[Json]:
        """The content blocks."""
        return cast("Sequence[Json]", self.message["content"])

    @property
    def stop_reason(self) -> str | None:
        """Why the reply ended, in the API's words."""
        return self.message.get("stop_reason")

    @property
    def calls(self) -> tuple[Call, ...]:
        """The tool calls, in the order given; an input that is no object counts as an empty one."""
        return tuple(
            Call(id=block["id"], name=block["name"], input=json_object(block["input"]))
            for block in self.content
            if block.get("type") == "tool_use"
        )

    @property
    def text(self) -> str:
        """The text blocks, a line each."""
        return "\n".join(block["text"] for block in self.content if block.get("type") == "text")

    @property
    def empty(self) -> bool:
        """Whether it says and asks nothing; the service does not take such a reply back."""
        return all(block.get("type") == "text" and not block["text"].strip() for block in self.content)

    @property
    def usage(self) -> Usage:
        """What it cost in tokens; a count that is missing is 0."""
        counts = json_object(self.message.get("usage"))
        return Usage(
            input=counts.get("input_tokens") or 0,
            output=counts.get("output_tokens") or 0,
            cache_read=counts.get("cache_read_input_tokens") or 0,
            cache_write=counts.get("cache_creation_input_tokens") or 0,
        )


@dataclass(frozen=True, kw_only=True)
class Request:
    """One turn's request. `messages` is the whole history; `fresh` says from where on it is new.

    edition: how often what lies before `fresh` has been rewritten, so that nobody goes on from an older one.
    """

    model: str
    system: Sequence[Json]
    tools: Sequence[Json]
    messages: Sequence[Json]
    fresh: int = 0
    max_tokens: int = 32_000
    edition: int = 0


Listener: TypeAlias = Callable[[str], None]


class Model(Protocol):
    """Whatever answers a request: the hosted service, a recording, a script."""

    source: str  # "api", "relay", "authored" or "replay"

    async def reply(self, request: Request, on_text: Listener) -> Reply:
        """Answer; `on_text` hears the text as it arrives. Raises ModelError or ReplayError."""
        ...

    def fork(self) -> "Model":
        """One for another conversation, with the same service behind it."""
        ...

    async def close(self) -> None:
        """Let go of connections; the model is not used again."""
        ...


class ModelError(Exception):
    """The model's service failed for good; exit 3."""


@dataclass(eq=False)
class ReplayError(Exception):
    """A replay met a request that its recording does not hold; exit 7."""

    difference: str
    step: int = 0

    def __str__(self) -> str:
        return f"at turn {self.step}: {self.difference}" if self.step else self.difference
