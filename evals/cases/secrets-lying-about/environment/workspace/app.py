"""The billing service."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def setting(name):
    """A setting from the file that NAME_FILE names, else from the environment."""
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text().strip() if file else os.environ[name]


DATABASE = setting("DATABASE_URL")
STRIPE = setting("STRIPE_API_KEY")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("", 5000), Handler).serve_forever()
