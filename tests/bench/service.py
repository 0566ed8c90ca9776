"""A loopback Messages API in a process of its own: asks for `Bash true` some hundred times and measures the gaps.

`service.py TURNS` prints its URL, serves until TURNS replies are sent, then prints the milliseconds between the end of
each reply and the next request as one JSON list.
"""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


def events(turn: int, last: bool) -> Iterator[dict[str, Any]]:
    """The events of one reply: a call, or at the end a word."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"id": f"msg_{turn}", "type": "message", "role": "assistant", "model": "bench", "stop_sequence": None}
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}}
    if last:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "done"}}
    else:
        block: dict[str, Any] = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Bash", "input": {}}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        part = {"type": "input_json_delta", "partial_json": '{"command": "true"}'}
        yield {"type": "content_block_delta", "index": 0, "delta": part}
    yield {"type": "content_block_stop", "index": 0}
    reason = "end_turn" if last else "tool_use"
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 5},
    }
    yield {"type": "message_stop"}


def whole_request(connection: socket.socket, buffer: bytes) -> bytes:
    """Read one request; what follows it is answered."""
    while b"\r\n\r\n" not in buffer:
        data = connection.recv(1 << 16)
        if not data:
            raise ConnectionError
        buffer += data
    head, _, rest = buffer.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(rest) < length:
        data = connection.recv(1 << 16)
        if not data:
            raise ConnectionError
        rest += data
    return rest[length:]


def reply(turn: int, last: bool) -> bytes:
    """One reply as it travels."""
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events(turn, last)).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


@dataclass
class Service:
    """What has been answered so far, and the milliseconds between each reply's end and the next request."""

    turns: int
    turn: int = 0
    sent: float = 0.0
    gaps: list[float] = field(default_factory=list[float])

    def serve(self) -> None:
        """Print the URL, then answer until all turns are done."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
            while self.turn < self.turns:
                connection, _ = server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection, suppress(ConnectionError):
                    self.answer(connection)
                    time.sleep(0.2)  # the last reply is read before the connection goes

    def answer(self, connection: socket.socket) -> None:
        """One connection's requests, until all turns are done or it is closed."""
        buffer = b""
        while self.turn < self.turns:
            buffer = whole_request(connection, buffer)
            if self.sent:
                self.gaps.append((time.perf_counter() - self.sent) * 1000)
            self.turn += 1
            connection.sendall(reply(self.turn, self.turn == self.turns))
            self.sent = time.perf_counter()


if __name__ == "__main__":
    service = Service(int(sys.argv[1]))
    service.serve()
    print(json.dumps(service.gaps), flush=True)
