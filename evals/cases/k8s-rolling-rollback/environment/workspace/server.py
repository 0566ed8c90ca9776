"""The web service. Port 8080; /livez and /readyz are its health endpoints."""

import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WARM_UP = 5  # seconds before it may get traffic
DRAIN = 20  # seconds that requests under way have to finish after SIGTERM
started = time.monotonic()
stopping = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/livez":
            self.answer(200, b"alive\n")
        elif self.path == "/readyz":
            ready = time.monotonic() - started > WARM_UP and not stopping.is_set()
            self.answer(200 if ready else 503, b"ready\n" if ready else b"not ready\n")
        else:
            self.answer(200, b"hello\n")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    server = ThreadingHTTPServer(("", 8080), Handler)

    def stop(*_):
        stopping.set()
        threading.Timer(DRAIN, server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()


if __name__ == "__main__":
    main()
