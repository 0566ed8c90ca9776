"""A whole run against the real API server: deploy, break, automatic undo, and the evidence of all three in the handoff."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.loopback import Service, streams
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: "nginx:{tag}"}}]}}
"""
POLICY = """\
allow: ["Kubernetes(apply target=staging)"]
targets:
  staging: {{kube_context: deployer, namespaces: [{namespace}], kubeconfig: {kubeconfig}}}
"""
REPORT = {
    "work_completed": [{"area": "infrastructure", "path": "k8s/web.yaml", "what": "Deploys the web server."}],
    "implementation_details": [{"topic": "Deployment", "text": "One deployment, applied through a diff."}],
    "claims": [
        {"statement": 'deployment "web" successfully rolled out', "calls": ["c3"], "about": "k8s/web.yaml"},
        {"statement": "the rollout of nginx:broken failed with exit code 1 and was undone", "calls": ["c6"], "about": "trial/web.yaml"},
    ],
    "resources": [{"name": "Deployment web", "state": "provisioned", "calls": ["c3"]}],
    "next_steps": ["Choose an image that can be pulled."],
}  # fmt: skip


def kubernetes(number: int, **given: Any) -> Json:
    """A call of the Kubernetes tool."""
    return use("Kubernetes", id=f"t{number}", **given)


def script(*calls: Json) -> list[Json]:
    """A message a call, and an end."""
    return [*(message(call) for call in calls), message(text("Done."))]


def manifest(number: int, tag: str, folder: str) -> Json:
    """Writing a manifest."""
    content = MANIFEST.format(tag=tag)
    return use("Write", id=f"t{number}", file_path=f"/workspace/{folder}/web.yaml", content=content)


DEPLOY_BREAK_UNDO = script(
    manifest(1, "1.27", "k8s"),
    kubernetes(2, action="diff", path="k8s"),
    kubernetes(3, action="apply", diff="staging-diff-1", seconds=60),
    manifest(4, "broken", "trial"),
    kubernetes(5, action="diff", path="trial"),
    kubernetes(6, action="apply", diff="staging-diff-2", seconds=3),
    use("Handoff", id="t7", **REPORT),
)


def allowed(cluster: Any, namespace: str) -> None:
    """Let the deployer do in the namespace what a deployment needs, and nothing elsewhere."""
    role = ["create", "rolebinding", "deployer", "--clusterrole=edit", "--group=deployers", f"--namespace={namespace}"]
    cluster.kubectl(*role)


def run(
    answers: Sequence[Json], repository: Path, cluster: Any, namespace: str, home: Path, kind: str
) -> tuple[dict[str, Any], list[dict[str, Any]], Service]:
    """`agency work --target staging` with these replies: its last object, its session's events, what the service heard."""
    (repository / ".agency").mkdir()
    policy = POLICY.format(namespace=namespace, kubeconfig=cluster.deployer)
    (repository / ".agency" / "policy.yaml").write_text(policy)
    service = Service([*map(streams, answers), *(streams(message(text("Done."))) for _ in range(4))])
    service.start()
    words = ["work", "Deploy the web server", "--target", "staging", "--trust", "--sandbox", kind, "--output", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "agency_runtime.cli", *words],
        cwd=repository, capture_output=True, text=True, timeout=400, check=False,
        env={
            **os.environ, "ANTHROPIC_BASE_URL": service.url, "ANTHROPIC_API_KEY": "sk-ant-not-a-key",
            "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"),
        },
    )  # fmt: skip
    service.stop()
    assert done.stdout, done.stderr
    log = next((home / "state" / "agency" / "sessions").glob("*/events.jsonl"))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return json.loads(done.stdout.splitlines()[-1]), events, service


def finished(events: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """How each call ended, by its id."""
    return {event["id"]: event for event in events if event["type"] == "call.finished"}


def test_deploy_break_and_undo_are_in_the_handoff(
    cluster: Any, namespace: str, repository: Path, tmp_path: Path, kind: str
) -> None:
    allowed(cluster, namespace)
    home = tmp_path / "home"
    outcome, events, _ = run(DEPLOY_BREAK_UNDO, repository, cluster, namespace, home, kind)
    calls = finished(events)
    assert calls["t3"]["text"].startswith("done: apply, 1 to add"), calls["t3"]["text"]
    assert calls["t6"]["text"].startswith("failed and was undone: apply, 0 to add, 1 to change"), calls["t6"]["text"]
    image = "--output=jsonpath={.spec.template.spec.containers[0].image} {.status.readyReplicas}"
    assert cluster.kubectl("-n", namespace, "get", "deployment", "web", image) == "nginx:1.27 2"

    evidence = json.loads((repository / outcome["handoff"] / "evidence.json").read_text())
    cited = {claim["statement"]: claim["calls"] for claim in evidence["claims"]}
    assert [call["exit_code"] for call in cited['deployment "web" successfully rolled out']] == [0], evidence
    [undone] = cited["the rollout of nginx:broken failed with exit code 1 and was undone"]
    kept = (repository / outcome["handoff"] / undone["output"]).read_text()
    steps = [line.partition(":")[0] for line in kept.splitlines() if ": exit code " in line]
    assert steps == ["capture", "deploy", "health", "look", "undo", "health"]
    assert undone["exit_code"] == 1
    [undo] = evidence["undo"]
    delete = f"kubectl --context=deployer --namespace={namespace} delete deployment.apps/web"
    assert (undo["call"], undo["commands"]) == ("c3", [delete])
    assert delete in (repository / outcome["handoff"] / "summary.md").read_text()

    [_, granted] = [
        event for event in events if event["type"] == "call.judged" and event["input"].get("action") == "apply"
    ]
    assert granted["rule"] == "Kubernetes(apply target=staging)"
    token = json.loads(Path(cluster.deployer).read_text())["users"][0]["user"]["token"]
    whole = "".join(
        path.read_text() for path in [*home.rglob("*.jsonl"), *repository.rglob("*.json"), *repository.rglob("*.txt")]
    )
    assert token not in whole
