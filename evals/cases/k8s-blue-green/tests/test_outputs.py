"""The manifests by what they say, the scripts by what they do with a cluster that the test plays."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()


def documents():
    return [
        each for path in sorted(HERE.glob("k8s/**/*.y*ml")) for each in yaml.safe_load_all(path.read_text()) if each
    ]


def one(kind, name):
    (found,) = [each for each in documents() if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def test_two_deployments_that_differ_in_the_slot_alone():
    blue, green = one("Deployment", "shop-blue"), one("Deployment", "shop-green")
    assert json.loads(json.dumps(blue).replace("blue", "green")) == green
    for deployment, slot in ((blue, "blue"), (green, "green")):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert labels["slot"] == slot
        assert deployment["spec"]["selector"]["matchLabels"]["slot"] == slot


def test_probes_and_resources_stay():
    (container,) = one("Deployment", "shop-blue")["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["resources"] == {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}


def test_the_old_deployment_is_gone():
    names = [each["metadata"]["name"] for each in documents() if each["kind"] == "Deployment"]
    assert sorted(names) == ["shop-blue", "shop-green"]


def test_the_services_start_apart():
    assert one("Service", "shop")["spec"]["selector"]["slot"] == "blue"
    assert one("Service", "shop-preview")["spec"]["selector"]["slot"] == "green"
    labels = one("Deployment", "shop-blue")["spec"]["template"]["metadata"]["labels"]
    assert one("Service", "shop")["spec"]["selector"].items() <= labels.items()


KUBECTL = r'''#!/usr/bin/env python3
"""Plays kubectl on a cluster kept in a JSON file."""
import json, os, re, sys

path = os.environ["CLUSTER"]
state = json.load(open(path))
words = " ".join(sys.argv[1:])
state["calls"].append(words)
code = 0
slot = next((s for s in ("blue", "green") if f"shop-{s}" in words), None)
if "set image" in words:
    state["image"][slot] = re.search(r"shop=(\S+)", words).group(1)
elif "rollout status" in words:
    code = state["rollout"]
elif re.search(r"\bget\b", words):
    name = "shop-preview" if "shop-preview" in words else "shop"
    if re.search(r"deploy\w*[ /]", words):
        document = {"metadata": {"name": f"shop-{slot}"}, "spec": {"replicas": 2}, "status": {"readyReplicas": state["ready"][slot]} if state["ready"][slot] else {}}
    else:
        document = {"metadata": {"name": name}, "spec": {"selector": {"app": "shop", "slot": state["service"][name]}}}
    found = re.search(r"jsonpath=['\"]?\{(\.[\w.]+)\}", words)
    if found:
        for part in found.group(1).strip(".").split("."):
            document = document.get(part, "") if isinstance(document, dict) else ""
        print(document, end="")
    else:
        print(json.dumps(document, indent=2))
elif "patch" in words or "set selector" in words:
    name = "shop-preview" if "shop-preview" in words else "shop"
    new = re.search(r"slot[\"'\\ ]*[:=][\"'\\ ]*(blue|green)", words) or re.search(r"selector/slot.*?(blue|green)", words)
    state["service"][name] = new.group(1)
else:
    state["other"].append(words)
json.dump(state, open(path, "w"))
sys.exit(code)
'''


def play(script, *args, live="blue", rollout=0, ready=(2, 2), smoke=0):
    place = Path(tempfile.mkdtemp())
    idle = "green" if live == "blue" else "blue"
    state = {"calls": [], "other": [], "image": {}, "rollout": rollout, "service": {"shop": live, "shop-preview": idle},
             "ready": {"blue": ready[0], "green": ready[1]}}  # fmt: skip
    (place / "cluster.json").write_text(json.dumps(state))
    (place / "kubectl").write_text(KUBECTL)
    (place / "curl").write_text(f'#!/bin/bash\necho "$*" >>"{place}/curled"\nexit {smoke}\n')
    for name in ("kubectl", "curl"):
        (place / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "CLUSTER": str(place / "cluster.json")}
    done = subprocess.run(
        [str(HERE / "scripts" / script), *args], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )
    after = json.loads((place / "cluster.json").read_text())
    after["curled"] = (place / "curled").read_text() if (place / "curled").exists() else ""
    return done, after


def test_a_release_goes_to_the_idle_slot_and_then_gets_the_traffic():
    for live, idle in (("blue", "green"), ("green", "blue")):
        done, after = play("release.sh", "2.4.0", live=live)
        assert done.returncode == 0, done.stderr
        assert after["image"] == {idle: "registry.example.com/shop:2.4.0"}
        assert after["service"] == {"shop": idle, "shop-preview": live}
        assert "shop-preview.shop.svc" in after["curled"]


def test_a_release_that_is_not_ready_gets_no_traffic():
    done, after = play("release.sh", "2.4.0", rollout=1)
    assert done.returncode != 0 and after["service"] == {"shop": "blue", "shop-preview": "green"}


def test_a_release_that_fails_its_smoke_test_gets_no_traffic():
    done, after = play("release.sh", "2.4.0", smoke=22)
    assert done.returncode != 0 and after["service"] == {"shop": "blue", "shop-preview": "green"}


def test_a_tag_is_needed():
    done, after = play("release.sh")
    assert done.returncode != 0 and after["image"] == {} and after["service"]["shop"] == "blue"


def test_rollback_switches_back():
    done, after = play("rollback.sh", live="green")
    assert done.returncode == 0, done.stderr
    assert after["service"] == {"shop": "blue", "shop-preview": "green"}


def test_rollback_refuses_a_slot_that_is_not_ready():
    done, after = play("rollback.sh", live="green", ready=(0, 2))
    assert done.returncode != 0 and after["service"]["shop"] == "green"


def test_there_is_a_runbook():
    text = (HERE / "docs/runbooks/blue-green.md").read_text()
    assert "release.sh" in text and "rollback.sh" in text
