"""The manifests and the figures, computed again from the samples as they were given."""

import csv
import json
import math
import re
from pathlib import Path

import pytest
import yaml

HERE = Path.cwd()
BEFORE = {"api": (6, 1000, 1024), "worker": (3, 2000, 4096), "gateway": (4, 100, 64)}


def up(value, step):
    return math.ceil(round(value, 6) / step) * step


def wanted(name):
    samples = list(csv.DictReader((HERE / f"usage/{name}.csv").open()))
    cpu, memory = ([int(each[column]) for each in samples] for column in ("cpu_millicores", "memory_mib"))
    p95 = lambda values: sorted(values)[math.ceil(0.95 * len(values)) - 1]  # noqa: E731
    return up(p95(cpu) * 1.2, 10), up(p95(memory) * 1.2, 16), up(max(memory) * 1.3, 16)


def deployment(name):
    found = [
        each
        for path in HERE.glob("k8s/**/*.y*ml")
        for each in yaml.safe_load_all(path.read_text())
        if each and each["metadata"]["name"] == name
    ]
    (one,) = [each for each in found if each["kind"] == "Deployment"]
    return one


def resources(name):
    (container,) = deployment(name)["spec"]["template"]["spec"]["containers"]
    return container["resources"]


def mib(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()
    return int(number) * (1024 if unit == "Gi" else 1)


def millicores(text):
    return int(text[:-1]) if str(text).endswith("m") else int(float(text) * 1000)


@pytest.mark.parametrize("name", BEFORE)
def test_requests_and_limits_follow_the_rule(name):
    cpu, memory, limit = wanted(name)
    found = resources(name)
    assert (millicores(found["requests"]["cpu"]), mib(found["requests"]["memory"])) == (cpu, memory)
    assert mib(found["limits"]["memory"]) == limit and "cpu" not in found["limits"]


def test_too_short_a_history_changes_nothing():
    assert resources("reports") == {
        "requests": {"cpu": "1000m", "memory": "2048Mi"},
        "limits": {"cpu": "2000m", "memory": "2048Mi"},
    }


def test_replicas_and_images_stay():
    for name, (replicas, _, _) in {**BEFORE, "reports": (2, 0, 0)}.items():
        assert deployment(name)["spec"]["replicas"] == replicas
        assert (
            deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"]
            == f"registry.example.com/{name}:1.0.{replicas}"
        )


def test_the_savings_are_what_the_prices_say():
    prices = json.loads((HERE / "pricing.json").read_text())
    text = (HERE / "docs/cost.md").read_text()
    figures = {
        float(each.replace(",", "").replace("\u2212", "-")) for each in re.findall(r"[-\u2212]?\d[\d,]*\.\d\d\b", text)
    }
    total = 0.0
    for name, (replicas, cpu, memory) in BEFORE.items():
        new_cpu, new_memory, _ = wanted(name)
        saved = (
            replicas
            * 730
            * (
                (cpu - new_cpu) / 1000 * prices["cpu_core_hour"]
                + (memory - new_memory) / 1024 * prices["memory_gib_hour"]
            )
        )
        total += saved
        assert any(abs(abs(each) - abs(saved)) < 0.011 for each in figures), (
            f"{name}: {saved:.2f} is not in docs/cost.md"
        )
    assert any(abs(each - total) < 0.021 for each in figures), f"total: {total:.2f}"


def test_what_was_not_touched_is_named():
    assert "reports" in (HERE / "docs/cost.md").read_text()
