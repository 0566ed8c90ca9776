"""The export service."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

BATCH = int(os.environ["EXPORT_BATCH"])
DATABASE = os.environ["DATABASE_URL"]
runs = {"ok": 0, "failed": 0}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/status":
            self.answer(200, "ok\n")
        elif self.path == "/metrics":
            self.answer(200, "".join(f'export_runs_total{{result="{name}"}} {count}\n' for name, count in runs.items()))
        else:
            self.answer(404, "not found\n")

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


HTTPServer(("", 7070), Handler).serve_forever()
