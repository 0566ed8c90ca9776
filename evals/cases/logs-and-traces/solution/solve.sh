#!/bin/bash
set -euo pipefail
mkdir -p otel docs
cat >bookings/trace.py <<'PY'
"""W3C trace context, by the standard library alone."""

import contextlib
import contextvars
import re
import secrets

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_context = contextvars.ContextVar("trace", default=None)


def _read(header):
    found = _HEADER.fullmatch((header or "").strip())
    if not found or found[1] == "ff" or (found[1] == "00" and found[5]) or not int(found[2], 16) or not int(found[3], 16):
        return secrets.token_hex(16), "01"
    return found[2], f"{int(found[4], 16) & 1:02x}"


@contextlib.contextmanager
def incoming(header):
    """One request: its trace id is the header's, or a new one."""
    token = _context.set(_read(header))
    try:
        yield _context.get()[0]
    finally:
        _context.reset(token)


def current():
    """The trace id; None outside a request."""
    trace = _context.get()
    return trace[0] if trace else None


def outgoing():
    """The header for a call to another service; None outside a request."""
    trace = _context.get()
    return f"00-{trace[0]}-{secrets.token_hex(8)}-{trace[1]}" if trace else None
PY
cat >bookings/logs.py <<'PY'
"""Logs as one JSON object a line, joined by the trace id, without secrets."""

import datetime
import json
import logging
import sys

from bookings import trace

SECRET = {"password", "token", "authorization", "card_number"}
_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _clean(value):
    if isinstance(value, dict):
        return {str(name): "[redacted]" if str(name).lower() in SECRET else _clean(member) for name, member in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_clean(member) for member in value]
    return value


class _Lines(logging.Formatter):
    def __init__(self, service):
        super().__init__()
        self.service = service

    def format(self, record):
        time = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": trace.current(),
        }
        fields = {name: value for name, value in vars(record).items() if name not in _OWN}
        if fields:
            line["fields"] = _clean(fields)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(service):
    """Make the root logger write JSON lines to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
PY
python3 - <<'PY'
from pathlib import Path

path = Path("bookings/server.py")
text = path.read_text()
text = text.replace("import json\nimport os\n", "import json\nimport logging\nimport os\nimport time\n")
text = text.replace("ThreadingHTTPServer\n\n\nclass", "ThreadingHTTPServer\n\nfrom bookings import logs, trace\n\nlog = logging.getLogger(\"bookings\")\n\n\nclass", 1)
text = text.replace("    def do_GET(self):\n        if", '''    def do_GET(self):
        started = time.monotonic()
        self.status = 500
        with trace.incoming(self.headers.get("traceparent")):
            try:
                self.route()
            finally:
                spent = round((time.monotonic() - started) * 1000, 3)
                fields = {"method": self.command, "path": self.path, "status": self.status, "duration_ms": spent}
                log.info("request", extra=fields)

    def log_message(self, *_):
        """Requests are logged once, by do_GET."""

    def route(self):
        if''')
text = text.replace('            print("looking up booking", number)\n', "")
text = text.replace('    def answer(self, status, document):\n', '    def answer(self, status, document):\n        self.status = status\n')
text = text.replace('        self.end_headers()', '        self.send_header("traceparent", trace.outgoing())\n        self.end_headers()')
text = text.replace("def main():\n", 'def main():\n    logs.configure("bookings")\n')
path.write_text(text)
PY
cat >otel/collector.yaml <<'YAML'
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 0.0.0.0:4317}
      http: {endpoint: 0.0.0.0:4318}
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 20
  filter/health:
    error_mode: ignore
    traces:
      span:
        - attributes["url.path"] == "/healthz"
        - attributes["http.target"] == "/healthz"
  batch: {}
exporters:
  otlp/tempo:
    endpoint: tempo:4317
    tls: {insecure: true}
  otlphttp/loki:
    endpoint: http://loki:3100/otlp
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, filter/health, batch]
      exporters: [otlp/tempo]
    logs:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [otlphttp/loki]
YAML
cat >tests/test_observability.py <<'PY'
import contextlib
import io
import json
import logging
import unittest

from bookings import logs, trace

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Observability(unittest.TestCase):
    def test_a_trace_goes_on(self):
        with trace.incoming(HEADER):
            self.assertEqual(trace.outgoing().split("-")[1], HEADER.split("-")[1])
        self.assertIsNone(trace.current())

    def test_a_secret_is_not_logged(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            logs.configure("test")
            logging.info("x", extra={"user": {"Password": "hunter2"}})
        self.assertEqual(json.loads(out.getvalue())["fields"], {"user": {"Password": "[redacted]"}})
PY
printf '# Observability\n\nEvery line is JSON with `trace_id`; `traceparent` joins services. `otel/collector.yaml` sends traces to Tempo and logs to Loki.\n' >docs/observability.md
