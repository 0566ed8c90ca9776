"""Message threads: the service holds the conversation, so a request carries only what is new.

The SDK's own thread object compares every tool definition anew on each turn, which costs more than the rest of the
request; a run's tools never change, so here is only where the thread stands. Fields, error codes and the beta's name
are those of the SDK's `lib/threads` (anthropic 2.12).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from agency_runtime.wire import Json, Request, json_object

BETA = "message-threads-2026-08-12"
LOST = {"thread_not_found", "thread_already_continued", "thread_continue_in_flight"}
UNSUPPORTED = "thread_unsupported_request"
HELD = ("system", "tools")
"""What the service keeps from the request that created the thread."""


@dataclass
class MessageThread:
    """Where one conversation's thread stands."""

    usable: bool = True
    last: str | None = None  # the reply that the next turn continues from
    sent: int = 0  # how many messages of the history the service holds
    lost: bool = False  # the thread before this one was not found
    edition: int = 0  # of the history that the service holds

    def arguments(self, request: Request, fields: dict[str, Any]) -> dict[str, Any]:
        """The request's keyword arguments: all of it, or, on a thread that goes on, what is new."""
        messages: Sequence[Json] = request.messages
        if request.edition != self.edition:
            self.restart()
            self.edition = request.edition
        if not self.usable:
            return {**fields, "messages": list(messages)}
        if self.last is None or self.sent > len(messages):
            return {**fields, "messages": list(messages), "thread": {"type": "create"}, "betas": [BETA]}
        kept = {name: value for name, value in fields.items() if name not in HELD}
        thread = {"type": "continue", "previous_message_id": self.last}
        return {**kept, "messages": list(messages[self.sent :]), "thread": thread, "betas": [BETA]}

    def replied(self, request: Request, message: Json) -> None:
        """The service stored the turn; a refused one, or one that a fallback model wrote, it did not."""
        iterations = cast("Sequence[Json]", json_object(message.get("usage")).get("iterations") or ())
        fell_back = any(each.get("type") == "fallback_message" for each in iterations)
        if fell_back or message.get("stop_reason") == "refusal":
            self.restart()
            return
        self.last, self.sent, self.lost = str(message["id"]), len(request.messages) + 1, False

    def restart(self) -> None:
        """What the service holds is unsure: the next request carries the whole history."""
        self.last, self.sent = None, 0

    def recovers(self, code: str | None) -> bool:
        """Whether the same turn can be sent again after this rejection, without the thread it named."""
        if code == UNSUPPORTED and self.usable:
            self.usable = False
            return True
        if code not in LOST or self.last is None:
            return False
        self.usable = not self.lost  # lost twice in a row: the service cannot keep it
        self.lost = True
        self.restart()
        return True
