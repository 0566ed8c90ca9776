"""The manifests by what they say, the script by what it does with a kubectl that the test plays."""

import os
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()


def documents(kind):
    found = []
    for path in sorted(HERE.glob("k8s/**/*.y*ml")):
        found += [each for each in yaml.safe_load_all(path.read_text()) if each and each.get("kind") == kind]
    return found


def deployment():
    (one,) = documents("Deployment")
    return one


def container():
    (one,) = deployment()["spec"]["template"]["spec"]["containers"]
    return one


def seconds(value):
    return int(str(value))


def test_the_update_rolls_and_never_goes_below_the_replicas():
    spec = deployment()["spec"]
    assert spec["replicas"] == 3
    strategy = spec["strategy"]
    assert strategy["type"] == "RollingUpdate"
    assert str(strategy["rollingUpdate"]["maxUnavailable"]) in ("0", "0%")
    assert str(strategy["rollingUpdate"].get("maxSurge", "25%")) not in ("0", "0%")
    assert spec["progressDeadlineSeconds"] == 120


def port_of(probe):
    port = probe["httpGet"]["port"]
    names = {each.get("name"): each["containerPort"] for each in container()["ports"]}
    return names.get(port, port)


def test_the_probes_ask_what_the_service_offers():
    assert container()["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container()["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert port_of(container()["readinessProbe"]) == port_of(container()["livenessProbe"]) == 8080


def test_a_pod_has_time_to_finish():
    grace = deployment()["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", 30)
    assert grace > 20, "the service drains for 20 seconds"


def test_resources_are_bounded():
    resources = container()["resources"]
    assert resources["requests"]["cpu"] and resources["requests"]["memory"] and resources["limits"]["memory"]


def test_it_runs_without_root_on_a_read_only_root():
    pod = deployment()["spec"]["template"]["spec"].get("securityContext", {})
    own = container()["securityContext"]
    assert own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True
    assert own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False


def test_at_most_one_pod_is_away_in_maintenance():
    (budget,) = documents("PodDisruptionBudget")
    spec = budget["spec"]
    assert spec.get("maxUnavailable") == 1 or spec.get("minAvailable") == 2
    labels = deployment()["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert budget["metadata"]["namespace"] == "web"


def test_service_and_selector_still_meet():
    (service,) = documents("Service")
    labels = deployment()["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment()["spec"]["selector"]["matchLabels"].items() <= labels.items()


KUBECTL = """#!/bin/bash
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
*"rollout undo"*) echo undone >"$STATE.undone"; exit "${UNDO:-0}" ;;
*"rollout status"*) if [ -e "$STATE.undone" ]; then exit "${AGAIN:-0}"; else exit "${STATUS:-0}"; fi ;;
esac
"""


def deploy(*args, **env):
    place = Path(tempfile.mkdtemp())
    (place / "kubectl").write_text(KUBECTL)
    (place / "kubectl").chmod(0o755)
    (place / "calls").write_text("")
    environment = {
        **os.environ,
        "PATH": f"{place}:{os.environ['PATH']}",
        "CALLS": str(place / "calls"),
        "STATE": str(place / "state"),
        **env,
    }
    done = subprocess.run(
        [str(HERE / "scripts/deploy.sh"), *args], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )
    return done, (place / "calls").read_text().splitlines()


def test_a_good_release_is_set_and_waited_for():
    done, calls = deploy("registry.example.com/web:1.5.0")
    assert done.returncode == 0, done.stderr
    assert any("set image" in call and "web=registry.example.com/web:1.5.0" in call for call in calls)
    assert any("rollout status" in call for call in calls) and not any("undo" in call for call in calls)


def test_the_namespace_is_heeded_in_every_call():
    done, calls = deploy("registry.example.com/web:1.5.0", NAMESPACE="other")
    assert done.returncode == 0 and calls
    assert all("other" in call.replace("=", " ").split() for call in calls), calls


def test_a_bad_release_is_undone():
    done, calls = deploy("registry.example.com/web:1.5.0", STATUS="1")
    assert done.returncode not in (0, 3)
    undone = next(number for number, call in enumerate(calls) if "rollout undo" in call)
    assert any("rollout status" in call for call in calls[undone + 1 :])


def test_an_undo_that_fails_is_told_apart():
    done, _ = deploy("registry.example.com/web:1.5.0", STATUS="1", UNDO="1")
    assert done.returncode == 3
    done, _ = deploy("registry.example.com/web:1.5.0", STATUS="1", AGAIN="1")
    assert done.returncode == 3


def test_an_image_without_a_fixed_tag_touches_nothing():
    for image in ("registry.example.com/web", "registry.example.com/web:latest", "localhost:5000/web", "web"):
        done, calls = deploy(image)
        assert done.returncode != 0 and calls == [], image
    done, _ = deploy("localhost:5000/web@sha256:" + "a" * 64)
    assert done.returncode == 0


def test_there_is_a_runbook():
    assert "deploy.sh" in (HERE / "docs/runbooks/deployment.md").read_text()
