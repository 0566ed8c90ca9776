"""The manifests by what they select, the script by what it does with a cluster and rates that the test plays."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

HERE = Path.cwd()
CANARY = "nginx.ingress.kubernetes.io/canary"


def documents():
    return [
        each for path in sorted(HERE.glob("k8s/**/*.y*ml")) for each in yaml.safe_load_all(path.read_text()) if each
    ]


def one(kind, name):
    (found,) = [each for each in documents() if each["kind"] == kind and each["metadata"]["name"] == name]
    assert found["metadata"]["namespace"] == "search"
    return found


def labels(name):
    return one("Deployment", name)["spec"]["template"]["metadata"]["labels"]


def selects(selector, found):
    return selector.items() <= found.items()


def test_the_canary_is_like_the_stable_one():
    stable, canary = one("Deployment", "search"), one("Deployment", "search-canary")
    assert canary["spec"]["replicas"] == 0 and stable["spec"]["replicas"] == 4
    assert stable["spec"]["template"]["spec"] == canary["spec"]["template"]["spec"]
    assert labels("search-canary")["track"] == "canary" and labels("search")["track"] == "stable"


def test_no_service_reaches_over():
    for own, other in (("search", "search-canary"), ("search-canary", "search")):
        selector = one("Service", own)["spec"]["selector"]
        assert selects(selector, labels(own)) and not selects(selector, labels(other))
        assert selects(one("Deployment", own)["spec"]["selector"]["matchLabels"], labels(own))
    # The live deployment's selector is immutable, so it may stay as it was; the new one's has to keep to its own pods.
    assert not selects(one("Deployment", "search-canary")["spec"]["selector"]["matchLabels"], labels("search"))


def test_the_canary_s_ingress_begins_at_nothing():
    ingress = one("Ingress", "search-canary")
    annotations = ingress["metadata"]["annotations"]
    assert str(annotations[CANARY]).lower() == "true" and annotations[f"{CANARY}-weight"] == "0"
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "search.example.com"
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == "search-canary"
    assert CANARY not in one("Ingress", "search")["metadata"].get("annotations", {})


KUBECTL = """#!/usr/bin/env python3
import os, sys
open(os.environ["CALLS"], "a").write(" ".join(sys.argv[1:]) + "\\n")
if "rollout status" in " ".join(sys.argv) and os.environ.get("FAIL", "nothing") in " ".join(sys.argv):
    sys.exit(1)
"""


def prepared(canary, stable="0.10"):
    root = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns(".git"))
    rates = {"canary": canary if isinstance(canary, list) else [canary], "stable": [stable]}
    (root / "rates.json").write_text(json.dumps(rates))
    (root / "scripts/error-rate.sh").write_text(
        "#!/usr/bin/env python3\nimport json, sys\np = %r\nr = json.load(open(p))\nn = r[sys.argv[1]]\n"
        "v = n.pop(0) if len(n) > 1 else n[0]\njson.dump(r, open(p, 'w'))\nv == 'FAIL' and sys.exit(1)\nprint(v)\n"
        % str(root / "rates.json")
    )
    bin_ = root / "bin-of-test"
    bin_.mkdir()
    (bin_ / "kubectl").write_text(KUBECTL)
    for path in (bin_ / "kubectl", root / "scripts/error-rate.sh"):
        path.chmod(0o755)
    (root / "calls").write_text("")
    return root, {
        **os.environ,
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "CALLS": str(root / "calls"),
        "STEP_SECONDS": "0",
    }


def play(canary, stable="0.10", **env):
    root, environment = prepared(canary, stable)
    done = subprocess.run(
        ["scripts/canary.sh", "7.2.0"], cwd=root, env={**environment, **env}, capture_output=True, text=True, timeout=60
    )
    return done, told(root)


def told(root):
    """What the calls did: the weights in order, the canary's replicas, images by deployment."""
    weights, replicas, images = [], [], {}
    for call in (root / "calls").read_text().splitlines():
        if found := re.search(r"canary-weight[\"']?[=:]\s*[\"']?(\d+)", call):
            weights.append(int(found.group(1)))
        if found := re.search(r"--replicas[= ](\d+)|\"replicas\":\s*(\d+)", call):
            replicas.append(int(found.group(1) or found.group(2)))
        if found := re.search(r"deploy\w*[ /](search(?:-canary)?)\b.*search=(\S+)", call):
            images[found.group(1)] = found.group(2)
    return weights, replicas, images


NEW = "registry.example.com/search:7.2.0"


def test_a_good_release_goes_all_the_way():
    done, (weights, replicas, images) = play("0.05")
    assert done.returncode == 0, done.stderr
    assert weights == [5, 25, 50, 0] and replicas == [2, 0]
    assert images == {"search-canary": NEW, "search": NEW}


def test_a_failing_canary_is_taken_back():
    for rate, stable in (("1.01", "0.90"), ("0.30", "0.10"), ("FAIL", "0.10"), ("", "0.10"), ("0.05", "FAIL")):
        done, (weights, replicas, images) = play(rate, stable)
        assert done.returncode == 1, (rate, stable)
        assert weights[-1] == 0 and replicas[-1] == 0 and "search" not in images, (rate, stable)


def test_a_rate_within_bounds_goes_on():
    for rate, stable in (("1.00", "0.60"), ("0.10", "0.00"), ("0.20", "0.10")):
        done, (weights, _, _) = play(rate, stable)
        assert done.returncode == 0 and weights == [5, 25, 50, 0], (rate, stable)


def test_a_late_failure_counts():
    done, (weights, replicas, images) = play(["0.05", "0.05", "3.00"])
    assert done.returncode == 1 and weights == [5, 25, 50, 0] and replicas[-1] == 0 and "search" not in images


def test_a_canary_that_does_not_start_gets_no_traffic():
    done, (weights, replicas, _) = play("0.05", FAIL="search-canary")
    assert done.returncode == 1 and not any(weights) and replicas[-1] == 0


def test_an_interrupted_release_is_taken_back():
    root, environment = prepared("0.05")
    running = subprocess.Popen(["scripts/canary.sh", "7.2.0"], cwd=root, env={**environment, "STEP_SECONDS": "30"}, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    for _ in range(300):
        if told(root)[0]:
            break
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGTERM)
    assert running.wait(timeout=60) != 0
    weights, replicas, images = told(root)
    assert weights == [5, 0] and replicas == [2, 0] and "search" not in images


def test_there_is_a_runbook():
    assert "canary.sh" in (HERE / "docs/runbooks/canary.md").read_text()
