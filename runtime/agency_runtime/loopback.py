"""A loopback stand-in for the Messages API that answers from a list, for tests and benchmarks."""

import json
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

from agency_runtime.wire import Json

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One connection; each request gets the service's next answer."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Nothing is written to standard error."""

    def do_POST(self) -> None:
        """Keep the request, give the answer."""
        service = cast("Service", self.server)
        service.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        next(service.answers)(self)

    def send_json(self, status: int, value: Json, **headers: str) -> None:
        """Answer with a JSON object; `_` in a header's name stands for `-`."""
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, content in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), content)
        self.end_headers()
        self.wfile.write(data)


class Service(ThreadingHTTPServer):
    """Answers each request with the next answer; keeps the requests. Serves from `start` to `stop`."""

    daemon_threads = True

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = iter(answers)
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Begin to answer, in a thread."""
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Answer no more and close the port."""
        self.shutdown()
        self.server_close()


def streams(whole: Json, cut_after: int | None = None) -> Answer:
    """The message as a stream of events, perhaps cut."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        for number, event in enumerate(events(whole)):
            if number == cut_after:
                break
            handler.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        handler.close_connection = True

    return answer


def events(whole: Json) -> Iterator[Json]:
    """The events in which the service streams this message."""
    yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(whole["content"]):
        if block["type"] == "text":
            yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
            yield {
                "type": "content_block_delta",
                "index": index,
                "delta": {"type": "text_delta", "text": block["text"]},
            }
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            part = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_delta", "index": index, "delta": part}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


def fails(
    status: int, kind: str = "api_error", said: str = "no", details: Json | None = None, **headers: str
) -> Answer:
    """An error with this status."""
    error = {"type": kind, "message": said, **({"details": details} if details else {})}
    return lambda handler: handler.send_json(status, {"type": "error", "error": error}, **headers)
