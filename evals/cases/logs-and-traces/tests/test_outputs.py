"""Logs, traces and server as they behave; the collector by its pipelines."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

HERE = Path.cwd()
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER = f"00-{TRACE}-00f067aa0ba902b7-01"


def python(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def logged(code):
    out = python(
        f"import logging\nfrom bookings import logs, trace\nlogs.configure('svc')\nlog = logging.getLogger('a.b')\n{code}"
    )
    return [json.loads(line) for line in out.splitlines()]


def test_a_line_has_its_fields():
    (line,) = logged("log.warning('hello %s', 'you')")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)", line["time"])
    assert (line["level"], line["service"], line["logger"], line["message"], line["trace_id"]) == (
        "warning",
        "svc",
        "a.b",
        "hello you",
        None,
    )
    assert "exception" not in line


def test_exceptions_and_line_breaks_stay_on_one_line():
    lines = logged("try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('two\\nlines')")
    assert len(lines) == 1 and "ZeroDivisionError" in lines[0]["exception"] and lines[0]["message"] == "two\nlines"


def test_secrets_are_redacted_at_any_depth():
    (line,) = logged(
        "log.info('x', extra={'user': {'Password': 'p1', 'list': [{'card_number': 'c1'}]}, 'TOKEN': 't1', 'Authorization': 'a1', 'fine': 1})"
    )
    text = json.dumps(line)
    assert not any(secret in text for secret in ('"p1"', '"c1"', '"t1"', '"a1"')) and line["fields"]["fine"] == 1
    assert line["fields"]["user"]["list"][0]["card_number"] == "[redacted]"


def test_what_is_no_json_is_text():
    (line,) = logged("log.info('x', extra={'path': __import__('pathlib').Path('/a'), 'things': {'s': {1}}})")
    assert line["fields"]["path"] == "/a"


def test_a_trace_is_taken_over_and_passed_on():
    out = python(
        f"from bookings import trace\nwith trace.incoming({HEADER!r}):\n    print(trace.current())\n    print(trace.outgoing())\n    print(trace.outgoing())\nprint(trace.current(), trace.outgoing())"
    ).split("\n")
    assert out[0] == TRACE and out[3] == "None None"
    first, second = (
        re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", line).groups() for line in out[1:3]
    )
    assert first[0] == second[0] == TRACE and first[1] != "00f067aa0ba902b7" and first[2] == "01"


def test_an_unsampled_trace_stays_so():
    out = python(
        f"from bookings import trace\nwith trace.incoming({HEADER[:-2] + '00'!r}):\n    print(trace.outgoing())"
    )
    assert out.strip().endswith("-00")


def test_anything_else_begins_a_new_trace():
    wrong = [
        None,
        "",
        "nonsense",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        HEADER.upper(),
        HEADER + "-more",
        f"00-{TRACE}-01",
    ]
    out = python(
        f"from bookings import trace\nfor header in {wrong!r}:\n    with trace.incoming(header):\n        print(trace.current())"
    ).split()
    assert len(set(out)) == len(wrong) and all(re.fullmatch(r"[0-9a-f]{32}", each) for each in out) and TRACE not in out


def test_threads_and_tasks_do_not_mix():
    code = """
import asyncio, threading
from bookings import trace
async def one(n):
    with trace.incoming(f"00-{n:032x}-00f067aa0ba902b7-01"):
        await asyncio.sleep(0.01)
        return trace.current() == f"{n:032x}"
async def many():
    return await asyncio.gather(*(one(n) for n in range(1, 50)))
good = asyncio.run(many())
def thread(n):
    with trace.incoming(f"00-{n:032x}-00f067aa0ba902b7-01"):
        barrier.wait()
        good.append(trace.current() == f"{n:032x}")
barrier = threading.Barrier(8)
threads = [threading.Thread(target=thread, args=(n,)) for n in range(1, 9)]
[each.start() for each in threads], [each.join() for each in threads]
print(all(good) and len(good) == 57)
"""
    assert python(code).strip() == "True"


def test_the_server_traces_and_logs_each_request_once():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "bookings.server"],
        cwd=HERE,
        env={**os.environ, "PORT": str(port), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        request = urllib.request.Request(f"http://127.0.0.1:{port}/bookings/17", headers={"traceparent": HEADER})
        with urllib.request.urlopen(request, timeout=10) as answer:
            header = answer.headers["traceparent"]
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/bookings/x", timeout=10)
        except urllib.error.HTTPError as error:
            assert error.code == 400
        time.sleep(0.2)
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=10)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line["trace_id"] == TRACE and "status" in line.get("fields", {})]
    assert header.split("-")[1] == TRACE and len(mine) == 1, out
    fields = mine[0]["fields"]
    assert fields["method"] == "GET" and fields["path"] == "/bookings/17" and fields["status"] == 200
    assert any("ms" in name or "duration" in name for name in fields)
    assert [line for line in lines if line.get("fields", {}).get("status") == 400]


def collector():
    return yaml.safe_load((HERE / "otel/collector.yaml").read_text())


def test_the_collector_s_pipelines():
    config = collector()
    assert set(config["receivers"]["otlp"]["protocols"]) == {"grpc", "http"}
    pipelines = config["service"]["pipelines"]
    for name, pipeline in pipelines.items():
        kinds = [each.split("/")[0] for each in pipeline["processors"]]
        assert kinds[0] == "memory_limiter" and kinds[-1] == "batch", name
        assert all(each in config["processors"] for each in pipeline["processors"])
        assert all(each in config["exporters"] for each in pipeline["exporters"]) and all(
            each in config["receivers"] for each in pipeline["receivers"]
        )
    traces = next(pipeline for name, pipeline in pipelines.items() if name.split("/")[0] == "traces")
    logs = next(pipeline for name, pipeline in pipelines.items() if name.split("/")[0] == "logs")
    assert any("tempo:4317" in str(config["exporters"][each]) for each in traces["exporters"])
    assert any(
        str((config["exporters"][each] or {}).get("endpoint", "")).rstrip("/") == "http://loki:3100/otlp"
        for each in logs["exporters"]
    )
    assert any("/healthz" in json.dumps(config["processors"][each]) for each in traces["processors"])
    limiter = config["processors"][traces["processors"][0]]
    assert limiter["check_interval"] and (limiter.get("limit_mib") or limiter.get("limit_percentage"))


def test_its_own_tests_pass():
    done = subprocess.run([sys.executable, "-m", "unittest"], cwd=HERE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not re.search(r"Ran 0 tests", done.stderr), done.stderr
