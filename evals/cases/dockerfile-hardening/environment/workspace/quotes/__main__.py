"""The service: `python -m quotes`."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUOTES = ("Make it work, make it right, make it fast.", "What is not monitored is not running.")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answers = {"/healthz": "ok", "/quote": QUOTES[hash(self.client_address) % len(QUOTES)]}
        body = answers.get(self.path)
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write((body or "no such page").encode() + b"\n")


def main() -> int:
    if not os.environ.get("QUOTES_TOKEN"):
        print("QUOTES_TOKEN is not set", file=sys.stderr)
        return 1
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
