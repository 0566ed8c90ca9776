"""What a conversation is when parts of it are condensed: pure functions from messages to messages.

Every tool_use keeps its tool_result and the sides keep alternating, since a result is replaced in its place and a tail
begins with a reply that follows words of the user's side.
"""

from collections.abc import Iterator, Mapping, Sequence

from agency_runtime.wire import Json

CONDENSED = "[Condensed: "


def results(messages: Sequence[Json]) -> Iterator[Json]:
    """The tool_result blocks, the oldest first."""
    for message in messages:
        if message["role"] == "user":
            yield from (block for block in message["content"] if block.get("type") == "tool_result")


def is_condensed(result: Json) -> bool:
    """Whether a line stands in place of the result."""
    return str(result.get("content", "")).startswith(CONDENSED)


def with_contents(messages: Sequence[Json], contents: Mapping[str, str]) -> list[Json]:
    """The messages with other contents of the results with these ids."""

    def block(given: Json) -> Json:
        new = contents.get(given.get("tool_use_id", "")) if given.get("type") == "tool_result" else None
        return given if new is None else {**given, "content": new}

    return [
        {**message, "content": [block(each) for each in message["content"]]} if message["role"] == "user" else message
        for message in messages
    ]


def tail_start(messages: Sequence[Json], replies: int) -> int | None:
    """Where the last `replies` replies begin, fewer where there are no more; None where nothing lies before the last one."""
    starts = [
        at
        for at in range(1, len(messages))
        if messages[at]["role"] == "assistant" and messages[at - 1]["role"] == "user"
    ]
    return starts[-min(replies, len(starts) - 1)] if len(starts) > 1 else None


def opening(messages: Sequence[Json]) -> Json:
    """The block that opened the conversation, which nothing ever condenses: the task, word for word."""
    block: Json = messages[0]["content"][0]
    return block
