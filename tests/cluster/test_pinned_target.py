"""The wrong cluster: what a run's tools hold of a person's kubeconfig, on a real API server and in real sandboxes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agency_tools.compartment import ShellCompartment
from agency_tools.compartment_sandbox import TargetCompartment, layout_for
from agency_tools.credentials import credentials_of
from agency_tools.errors import ToolError
from agency_tools.kubernetes import Kubernetes
from agency_tools.kubernetes_commands import KubernetesInput
from agency_tools.reach import Reach, Targets
from agency_tools.sandbox import Kind
from agency_tools.target import Target
from agency_tools.workspace import Layout, Workspace

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


@pytest.fixture
def person(cluster: Any, namespace: str, tmp_path: Path) -> Path:
    """A person's kubeconfig: staging, where a deployer may work, and production, which is current and may do everything."""
    staging, production = (json.loads(path.read_text()) for path in (cluster.deployer, cluster.admin))
    role = ["create", "rolebinding", "deployer", "--clusterrole=edit", "--group=deployers"]
    cluster.kubectl(*role, f"--namespace={namespace}")
    both = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": staging["clusters"],
        "users": [*staging["users"], *production["users"]],
        "contexts": [
            {"name": "staging", "context": {"cluster": "test", "user": "deployer"}},
            {"name": "production", "context": {"cluster": "test", "user": "admin"}},
        ],
        "current-context": "production",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(both))
    return path


@pytest.fixture
async def reach(kind: Kind, repository: Path, namespace: str, person: Path) -> AsyncIterator[Reach]:
    """The staging target of a run, with the compartment that holds its credentials."""
    target = Target(name="staging", kube_context="staging", namespaces=(namespace,), kubeconfig=str(person))
    credentials = credentials_of(target)
    layout = layout_for(Layout(repository=str(repository)), credentials, None)
    compartment = TargetCompartment(kind, layout, credentials)
    yield Reach(target=target, compartment=compartment)
    await compartment.close()


async def said(reach: Reach, *words: str) -> str:
    """What kubectl says where the target's credentials are."""
    return (await reach.compartment.run(["kubectl", *words])).output.strip()


async def test_there_is_one_context_and_the_other_is_unknown(reach: Reach, namespace: str, person: Path) -> None:
    assert await said(reach, "config", "get-contexts", "--output=name") == "staging"
    assert await said(reach, "auth", "whoami", "--output=jsonpath={.status.userInfo.username}") == "deployer"
    assert await said(reach, "config", "view", "--minify", "--output=jsonpath={..namespace}") == namespace
    assert "context was not found for specified context: production" in await said(
        reach, "--context=production", "get", "namespaces"
    )
    assert 'no context exists with the name: "production"' in await said(reach, "config", "use-context", "production")
    admin = json.loads(person.read_text())["users"][1]["user"]["token"]
    found = await reach.compartment.run(
        ["sh", "-c", 'grep -rlsF "$0" /tmp /root /home /proc/self/environ; true', admin]
    )
    assert found.output.strip() == ""


async def test_the_tool_reaches_its_namespace_and_no_other(reach: Reach, namespace: str) -> None:
    targets = Targets(reaches=[reach])
    tool = Kubernetes(reach.compartment, targets=targets)
    assert "No resources found" in (await tool.run(KubernetesInput(action="get", resource="pods"))).text
    with pytest.raises(ToolError, match="is pinned to namespace"):
        await tool.run(KubernetesInput(action="get", resource="pods", namespace="default"))
    with pytest.raises(ToolError, match="this run has no target 'production'; it has staging"):
        await tool.run(KubernetesInput(action="get", resource="pods", target="production"))
    elsewhere = await said(reach, "get", "pods", "--namespace=default")
    assert 'User "deployer" cannot list resource "pods"' in elsewhere


async def test_the_shell_holds_no_way_to_the_cluster(sandbox: Workspace, cluster: Any) -> None:
    shell = ShellCompartment(workspace=sandbox)
    assert "no" in (await shell.run(["sh", "-c", 'test -n "$KUBECONFIG" || echo no'])).output
    tried = await shell.run(
        ["kubectl", "--server", cluster.server, "--insecure-skip-tls-verify", "--token=x", "get", "pods"]
    )
    assert tried.exit_code != 0
    assert "refused" in tried.output or "unreachable" in tried.output, tried.output
