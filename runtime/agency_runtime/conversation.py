"""The conversation of one run or helper: the messages so far, and what the next request is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agency_runtime.bounds import BOUNDLESS, REPLY, Bounds
from agency_runtime.prices import Price
from agency_runtime.recording import digest, fixed_digests, spoken
from agency_runtime.wire import Json, Reply, Request, Usage


@dataclass
class Conversation:
    """The messages so far. They only grow, but where a compaction rewrites them; `edition` counts how often.

    fresh: where the part that no reply has answered begins. held: tokens of the last request and its reply. asked: the ids
    of the calls, in order. pinned: what must be told again where the messages that told it are condensed. mask: takes out
    of a value what a recording does not keep, so that digests say the same in a replay.
    """

    system: Sequence[Json]
    tools: Sequence[Json]
    model: str
    price: Price
    max_tokens: int = REPLY
    bounds: Bounds = BOUNDLESS
    messages: list[Json] = field(default_factory=list[Json])
    fresh: int = 0
    edition: int = 0
    usage: Usage = field(default_factory=Usage)
    held: int = 0
    turn: int = 0
    replies: int = 0
    depth: int = 0
    reason: str = ""
    asked: list[str] = field(default_factory=list[str])
    pinned: list[str] = field(default_factory=list[str])
    mask: Callable[[object], object] = lambda value: value
    _fixed: dict[str, str] = field(default_factory=dict[str, str])

    def request(self) -> Request:
        """The next turn's request."""
        return Request(
            model=self.model,
            system=self.system,
            tools=self.tools,
            messages=self.messages,
            fresh=self.fresh,
            max_tokens=self.max_tokens,
            edition=self.edition,
        )

    def heard(self, reply: Reply) -> None:
        """Take the reply in; one that is empty is asked for again, since the service does not take it back."""
        self.replies += 1
        self.held = reply.usage.total
        self.asked += [call.id for call in reply.calls]
        if reply.empty:
            self.edition += 1
            return
        self.messages.append({"role": "assistant", "content": reply.content})
        self.fresh = len(self.messages)

    def digests(self, fresh: Sequence[Json] | None = None) -> dict[str, str]:
        """The digests of the next request's parts; those of system and tools, which never change, are kept.

        fresh: its new messages, where they are not the conversation's own.
        """
        if not self._fixed:
            self._fixed = fixed_digests(self.system, self.tools)
        new = self.messages[self.fresh :] if fresh is None else fresh
        return {"messages": digest(self.mask(spoken(new))), **self._fixed}

    def say(self, text: str) -> None:
        """Add to the user's side, beside results that already stand there."""
        self.messages = with_words(self.messages, text)

    def rewrite(self, messages: Sequence[Json], *, whole: bool) -> None:
        """Go on with these messages instead; whole: none of them is known to whoever answers."""
        self.messages, self.edition = list(messages), self.edition + 1
        if whole:
            self.fresh = 0


def with_words(messages: Sequence[Json], text: str) -> list[Json]:
    """The messages with these words added to the user's side."""
    block = {"type": "text", "text": text}
    if messages and messages[-1]["role"] == "user":
        *before, last = messages
        return [*before, {"role": "user", "content": [*last["content"], block]}]
    return [*messages, {"role": "user", "content": [block]}]
