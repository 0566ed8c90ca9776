"""Kubernetes: its commands as lists, its refusals, and the real kubectl offline where there is one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted, Unsealed, aimed
from agency_tools.errors import ToolError
from agency_tools.helm import Helm
from agency_tools.helm_commands import HelmInput
from agency_tools.kubernetes import NOWHERE, Kubernetes
from agency_tools.kubernetes_commands import CREATE_OPTIONS, Changing, Kind, KubernetesInput, Reading, kubectl_argv
from agency_tools.prospect import Prospect
from agency_tools.target import Target

SHOP = Target(name="staging", namespaces=("shop",))

WHOLE: dict[str, Any] = {
    "resource": "deployments",
    "name": "web",
    "path": "k8s",
    "diff": "staging-diff-1",
    "replicas": 3,
    "condition": "condition=Available",
    "verb": "get",
}
"""Enough for every action that needs a target."""


@pytest.fixture
def real(tmp_path: Path) -> tuple[Kubernetes, Path]:
    """The tool over the real kubectl; its absence skips the test, and fails it in CI."""
    if shutil.which("kubectl") is None and os.environ.get("CI") != "true":
        pytest.skip("kubectl is not installed")
    return Kubernetes(Unsealed(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})), tmp_path


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        ({"action": "version"}, "kubectl version --client --output=json"),
        ({"action": "kustomize", "path": "/workspace/k8s/base"}, "kubectl kustomize k8s/base"),
        (
            {
                "action": "create_dry_run",
                "kind": "service clusterip",
                "name": "web",
                "options": {"tcp": ["80:8080", "81"]},
            },
            "kubectl create service clusterip web --tcp=80:8080 --tcp=81 --dry-run=client --output=yaml",
        ),
        (
            {"action": "set_image_local", "path": "d.yaml", "container": "web", "image": "nginx:1.27"},
            "kubectl set image --filename=d.yaml web=nginx:1.27 --local --output=yaml",
        ),
        (
            {"action": "get", "resource": "Pods", "selector": "app=web", "output": "yaml"},
            "kubectl get pods --selector=app=web --output=yaml --namespace=shop",
        ),
        (
            {"action": "logs", "name": "web-1", "container": "web", "previous": True},
            "kubectl logs web-1 --container=web --tail=200 --previous --namespace=shop",
        ),
        (
            {"action": "rollout_history", "resource": "deployment", "name": "web", "revision": 2},
            "kubectl rollout history deployment web --revision=2 --namespace=shop",
        ),
        (
            {"action": "can_i", "verb": "delete", "resource": "pods"},
            "kubectl auth can-i delete pods --namespace=shop",
        ),
    ],
)
def test_each_action_is_one_command_in_the_targets_namespace(given: dict[str, Any], argv: str) -> None:
    assert kubectl_argv(KubernetesInput.model_validate(given), namespace="shop") == argv.split(" ")


@pytest.mark.parametrize(
    "given",
    [
        {"action": "get"},
        {"action": "exec", "name": "web"},
        {"action": "port_forward", "name": "web"},
        {"action": "get", "resource": "pods --context=prod"},
        {"action": "get", "resource": "--raw=/"},
        {"action": "get", "resource": "pods", "name": "--kubeconfig=/tmp/k"},
        {"action": "get", "resource": "pods", "context": "prod"},
        {"action": "get", "resource": "pods", "namespace": "--all-namespaces"},
        {"action": "get", "resource": "pods,secrets", "output": "yaml"},
        {"action": "get", "resource": "secrets.v1", "output": "json"},
        {"action": "apply", "path": "k8s.yaml"},
        {"action": "diff", "path": "../outside.yaml"},
        {"action": "diff", "path": "https://example.com/x.yaml\n"},
        {"action": "delete", "resource": "pods", "name": "web", "selector": "app=web"},
        {"action": "create_dry_run", "kind": "configmap", "name": "c", "options": {"from-file": ["/etc/passwd"]}},
        {"action": "create_dry_run", "kind": "secret generic", "name": "c"},
        {"action": "create_dry_run", "kind": "namespace", "name": "c", "options": {"dry-run": ["none"]}},
        {"action": "version", "options": {"server": ["x"]}},
    ],
)
def test_input_that_would_reach_further_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KubernetesInput.model_validate(given)


@pytest.mark.parametrize("action", [*get_args(Reading), *get_args(Changing)])
async def test_every_action_on_a_cluster_needs_a_target(action: str) -> None:
    compartment = Scripted()
    with pytest.raises(ToolError, match="this run has no target: start it with --target NAME"):
        await Kubernetes(compartment).run(KubernetesInput.model_validate({"action": action, **WHOLE}))
    assert compartment.ran == []


LIVE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 1},
    "spec": {"replicas": 2, "template": {}},
    "status": {},
}


def said(thing: object) -> Ran:
    """What the program beside kubectl prints of an object."""
    return Ran(exit_code=0, output=json.dumps({"exit_code": 0, "out": json.dumps(thing), "err": ""}), seconds=0)


@pytest.mark.parametrize("action", ["scale", "delete", "rollout_undo", "apply"])
async def test_no_action_changes_a_target_unapproved(action: str) -> None:
    reach = Scripted([said(LIVE)])
    tool = Kubernetes(Scripted(), targets=aimed(reach, SHOP))
    given = KubernetesInput.model_validate({"action": action, **WHOLE, "revision": 1})
    with pytest.raises(ToolError, match=r"not done: no [a-z_]+ '.*' was made for a target in this run"):
        await tool.run(given)
    read = [words[words.index("apart") + 1 :][:2] for words in reach.ran]
    assert all(verb in (["kubectl", "get"], ["kubectl", "rollout"]) for verb in read)


async def test_a_changed_object_is_foreseen_with_its_class() -> None:
    tool = Kubernetes(Scripted(), targets=aimed(Scripted([said(LIVE)]), SHOP))
    foreseen = [
        await tool.prospect(KubernetesInput.model_validate({"action": action, **WHOLE, "replicas": replicas}))
        for action, replicas in (("get", 1), ("scale", 3), ("scale", 0), ("delete", 1))
    ]
    assert [each and (each.kind, each.summary) for each in foreseen] == [
        None,
        ("change", "scale Deployment/web in shop: 2 → 3 replicas"),
        ("destroy", "scale Deployment/web in shop: 2 → 0 replicas"),
        ("destroy", "delete Deployment/web in shop"),
    ]


async def test_an_object_of_another_namespace_is_not_touched() -> None:
    strange = {**LIVE, "metadata": {**LIVE["metadata"], "namespace": "kube-system"}}
    tool = Kubernetes(Scripted(), targets=aimed(Scripted([said(strange)]), SHOP))
    with pytest.raises(ToolError, match="scale would touch Deployment/web in kube-system"):
        await tool.prospect(KubernetesInput.model_validate({"action": "scale", **WHOLE}))


async def test_reading_happens_where_the_targets_credentials_are() -> None:
    sandbox, reach = Scripted(), Scripted([Ran(exit_code=0, output="web 3/3\n", seconds=1)])
    tool = Kubernetes(sandbox, targets=aimed(reach, SHOP))
    assert (await tool.run(KubernetesInput(action="get", resource="deployments"))).content == "web 3/3"
    assert (sandbox.ran, reach.ran) == ([], [["kubectl", "get", "deployments", "--namespace=shop"]])


@pytest.mark.parametrize("namespace", ["kube-system", "shopping"])
async def test_another_namespace_than_the_targets_is_refused_before_anything_is_sent(namespace: str) -> None:
    reach = Scripted()
    tool = Kubernetes(Scripted(), targets=aimed(reach, SHOP))
    for action in ("get", "diff", "delete"):
        with pytest.raises(ToolError, match=f"target 'staging' is pinned to namespace shop, not '{namespace}'"):
            await tool.run(KubernetesInput.model_validate({"action": action, **WHOLE, "namespace": namespace}))
    assert reach.ran == []


async def test_what_another_tool_prepared_is_not_applied() -> None:
    targets = aimed(Scripted(), SHOP)
    plan = Prospect(
        id="plan-1", tool="Terraform", action="apply", target="staging", kind="change", summary="x", content="c",
        expires=targets.ledger.expiry(),
    )  # fmt: skip
    targets.ledger.keep(plan)
    for tool, given in (
        (Kubernetes(Scripted(), targets=targets), KubernetesInput(action="apply", diff="plan-1")),
        (Helm(Scripted(), targets=targets), HelmInput(action="upgrade", diff="plan-1")),
    ):
        with pytest.raises(ToolError, match=r"plan-1 is no diff of (Kubernetes|Helm)'s; there are none"):
            await tool.run(given)  # type: ignore[arg-type]


async def test_a_target_that_this_run_does_not_have_is_refused() -> None:
    tool = Kubernetes(Scripted(), targets=aimed(Scripted(), SHOP))
    with pytest.raises(ToolError, match="this run has no target 'production'; it has staging"):
        await tool.run(KubernetesInput(action="get", resource="pods", target="production"))


async def test_offline_actions_find_no_cluster() -> None:
    compartment = Scripted([Ran(exit_code=0, output="", seconds=0)])
    await Kubernetes(compartment).run(KubernetesInput(action="kustomize", path="."))
    assert compartment.envs == [NOWHERE]


async def test_an_absent_kubectl_is_not_run_rather_than_failed() -> None:
    with pytest.raises(ToolError, match="not run: kubectl is not in this sandbox"):
        await Kubernetes(Scripted([Ran(exit_code=127, output="", seconds=0)])).run(KubernetesInput(action="version"))


SAMPLES: dict[Kind, dict[str, list[str]]] = {
    "clusterrolebinding": {"clusterrole": ["view"], "user": ["jo"]},
    "configmap": {"from-literal": ["a=b"]},
    "cronjob": {"image": ["busybox"], "schedule": ["*/5 * * * *"]},
    "deployment": {"image": ["nginx:1.27"], "replicas": ["3"], "port": ["80"]},
    "ingress": {"rule": ["a.example/=web:80"], "class": ["nginx"]},
    "job": {"image": ["busybox"]},
    "namespace": {},
    "poddisruptionbudget": {"selector": ["app=web"], "min-available": ["1"]},
    "quota": {"hard": ["cpu=1"]},
    "rolebinding": {"role": ["r"], "serviceaccount": ["shop:web"]},
    "service clusterip": {"tcp": ["80:8080"]},
    "service externalname": {"external-name": ["example.com"]},
    "service loadbalancer": {"tcp": ["80:8080"]},
    "service nodeport": {"tcp": ["80:8080"], "node-port": ["30080"]},
    "serviceaccount": {},
}


@pytest.mark.parametrize("kind", sorted(CREATE_OPTIONS))
async def test_real_kubectl_prints_every_kind_without_a_server(real: tuple[Kubernetes, Path], kind: Kind) -> None:
    kubernetes, _ = real
    given = {"action": "create_dry_run", "kind": kind, "name": "web", "options": SAMPLES[kind]}
    made = await kubernetes.run(KubernetesInput.model_validate(given))
    assert (made.exit_code, yaml.safe_load(made.text)["metadata"]["name"]) == (0, "web"), made.text


async def test_real_kubectl_renders_a_kustomization_and_names_what_is_missing(real: tuple[Kubernetes, Path]) -> None:
    kubernetes, folder = real
    (folder / "kustomization.yaml").write_text("namePrefix: x-\nresources: [ns.yaml]\n")
    broken = await kubernetes.run(KubernetesInput(action="kustomize", path="."))
    assert broken.failed
    assert "ns.yaml" in broken.text
    (folder / "ns.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    rendered = await kubernetes.run(KubernetesInput(action="kustomize", path="."))
    assert yaml.safe_load(rendered.text)["metadata"]["name"] == "x-a"


async def test_real_kubectl_sets_an_image_without_writing_the_file(real: tuple[Kubernetes, Path]) -> None:
    kubernetes, folder = real
    given = {"action": "create_dry_run", "kind": "deployment", "name": "web", "options": SAMPLES["deployment"]}
    manifest = (await kubernetes.run(KubernetesInput.model_validate(given))).text
    (folder / "d.yaml").write_text(manifest)
    given = {"action": "set_image_local", "path": "d.yaml", "container": "nginx", "image": "nginx:1.28"}
    changed = await kubernetes.run(KubernetesInput.model_validate(given))
    assert "image: nginx:1.28" in changed.text
    assert (folder / "d.yaml").read_text() == manifest
