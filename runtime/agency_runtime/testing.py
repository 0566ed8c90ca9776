"""Doubles for the seams: a model that follows a script."""

from collections.abc import Sequence
from typing import Any

from agency_runtime.wire import Json, Listener, ModelError, Reply, Request


def message(*blocks: Json, stop_reason: str | None = None, id: str = "msg_1") -> Json:  # noqa: A002 - the API's word
    """A Message of the API with these blocks; the stop reason follows from them unless given."""
    called = any(block["type"] == "tool_use" for block in blocks)
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": list(blocks),
        "stop_reason": stop_reason or ("tool_use" if called else "end_turn"),
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def text(words: str) -> Json:
    """A text block."""
    return {"type": "text", "text": words}


def use(name: str, id: str = "toolu_1", **given: Any) -> Json:  # noqa: A002 - the API's word
    """A tool_use block."""
    return {"type": "tool_use", "id": id, "name": name, "input": given}


class Scripted:
    """Answers with the given messages in order; keeps the requests it was sent."""

    source = "authored"

    def __init__(self, messages: Sequence[Json]) -> None:
        self.messages = list(messages)
        self.requests: list[Request] = []

    async def reply(self, request: Request, on_text: Listener) -> Reply:
        """The script's next message. Raises ModelError at its end."""
        self.requests.append(request)
        if not self.messages:
            raise ModelError("the script is over")
        reply = Reply(message=self.messages.pop(0))
        on_text(reply.text)
        return reply

    def fork(self) -> "Scripted":
        """A helper run goes on in the same script."""
        return self

    async def close(self) -> None:
        """Nothing is held open."""
