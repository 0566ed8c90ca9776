"""The HTTP service."""

import json
import logging
import os
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from parcels.tariffs import QuoteError, Tariff, load

TARIFFS = Path(__file__).parent / "tariffs.json"


class Service(ThreadingHTTPServer):
    """Serves quotes; requests that have begun are finished before it stops."""

    daemon_threads = False

    def __init__(self, port: int, tariffs: Path | None = None) -> None:
        super().__init__(("0.0.0.0", port), Handler)
        self.port = self.server_address[1]
        self.tariffs = self._load(tariffs or Path(os.environ.get("PARCELS_TARIFFS", TARIFFS)))
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds = 0.0
        self.lock = threading.Lock()

    def _load(self, path: Path) -> dict[str, Tariff]:
        try:
            return load(path)
        except (OSError, ValueError, TypeError) as error:
            logging.error("no tariffs: %s", error)
            return {}

    def count(self, path: str, status: int, seconds: float) -> None:
        with self.lock:
            self.requests[path, status] += 1
            self.seconds += seconds

    def metrics(self) -> str:
        with self.lock:
            lines = ["# TYPE parcels_requests_total counter"]
            lines += [
                f'parcels_requests_total{{path="{path}",status="{status}"}} {number}'
                for (path, status), number in sorted(self.requests.items())
            ]
            lines += ["# TYPE parcels_request_seconds summary", f"parcels_request_seconds_sum {self.seconds:.6f}"]
            lines.append(f"parcels_request_seconds_count {sum(self.requests.values())}")
        return "\n".join(lines) + "\n"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        began = time.perf_counter()
        url = urlsplit(self.path)
        status, kind, body = self.answer(url.path, parse_qs(url.query))
        self.server.count(url.path if status != 404 else "other", status, time.perf_counter() - began)
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, str, str]:
        if path == "/healthz":
            return 200, "text/plain", "ok\n"
        if path == "/readyz":
            return (200, "text/plain", "ready\n") if self.server.tariffs else (503, "text/plain", "no tariffs\n")
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4", self.server.metrics()
        if path == "/quote":
            return self.quote(query)
        return 404, "application/json", '{"error": "not found"}\n'

    def quote(self, query: dict[str, list[str]]) -> tuple[int, str, str]:
        zone = query.get("zone", ["DE"])[0]
        tariff = self.server.tariffs.get(zone)
        try:
            if tariff is None:
                raise QuoteError(f"no tariff for zone {zone}")
            cents = tariff.quote(int(query.get("grams", [""])[0]))
        except ValueError as error:
            return 400, "application/json", json.dumps({"error": str(error)}) + "\n"
        return 200, "application/json", json.dumps({"cents": cents, "zone": zone}) + "\n"

    def log_message(self, format: str, *args: object) -> None:
        logging.info("%s %s", self.address_string(), format % args)
