"""The Kubernetes tool on a real API server: deploy, break, undo, and every refusal on the way."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Unsealed
from agency_tools.errors import ToolError
from agency_tools.kubeconfig import pin
from agency_tools.kubernetes import Kubernetes
from agency_tools.kubernetes_commands import KubernetesInput
from agency_tools.reach import Reach, Targets
from agency_tools.redaction import Redactor
from agency_tools.target import Target
from agency_tools.tool import Output

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]


def deployment(image: str = "nginx:1.27", replicas: int = 2, **more: Any) -> dict[str, Any]:
    """A deployment named web."""
    container = {"name": "web", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", **more},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


def thing(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """A core object."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


class Shop:
    """The tool on a target that allows one namespace, with a repository of its own."""

    def __init__(self, cluster: Any, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder / "repository"
        self.folder.mkdir()
        pinned = pin([cluster.admin], context="admin", namespace=namespace)
        (folder / "kubeconfig").write_text(pinned.text)
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(folder / "kubeconfig")}
        target = Target(name="staging", kube_context="admin", namespaces=(namespace,))
        self.targets = Targets(reaches=[Reach(target=target, compartment=Unsealed(self.folder, env))])
        self.tool = Kubernetes(Unsealed(self.folder, env), targets=self.targets, store=str(folder / "store"))

    def write(self, *things: dict[str, Any], name: str = "k8s.yaml") -> None:
        """The manifests."""
        (self.folder / name).write_text(yaml.safe_dump_all(things))

    async def do(self, **given: Any) -> Output:
        """A call that needs nobody's yes."""
        return await self.tool.run(KubernetesInput.model_validate(given))

    async def approved(self, **given: Any) -> Output:
        """A call as a run makes it: foreseen, approved by a person, carried out."""
        call = KubernetesInput.model_validate(given)
        prospect = await self.tool.prospect(call)
        assert prospect is not None
        self.targets.ledger.grant(prospect, "jo")
        return await self.tool.run(call)

    async def diff(self, *things: dict[str, Any], **given: Any) -> Output:
        """Write the manifests and compare them."""
        self.write(*things)
        return await self.do(action="diff", path="k8s.yaml", **given)

    async def deployed(self, *things: dict[str, Any], **given: Any) -> Output:
        """Compare, approve, apply."""
        found = await self.diff(*things)
        assert found.exit_code == 1, found.text
        return await self.approved(action="apply", diff=found.text.split()[1], **given)

    def get(self, resource: str, path: str) -> str:
        """One field of what is there."""
        return str(self.cluster.kubectl("-n", self.namespace, "get", resource, f"--output=jsonpath={path}"))

    def names(self, resource: str) -> list[str]:
        """What is there of a kind."""
        return str(self.cluster.kubectl("-n", self.namespace, "get", resource, "--output=name")).split()


IMAGE = "{.spec.template.spec.containers[0].image}"


@pytest.fixture
def shop(cluster: Any, namespace: str, tmp_path: Path) -> Shop:
    """The tool in a namespace of its own."""
    return Shop(cluster, namespace, tmp_path)


async def test_a_diff_says_what_would_change_and_changes_nothing(shop: Shop) -> None:
    found = await shop.diff(deployment(), thing("ConfigMap", "c", data={"a": "1"}))
    assert found.text.splitlines()[:3] == [
        "Diff staging-diff-1 for target staging: 2 to add, 0 to change, 0 unchanged",
        f"add Deployment/web in {shop.namespace} (nginx:1.27)",
        f"add ConfigMap/c in {shop.namespace}",
    ]
    assert (found.failed, found.exit_code, shop.names("deployments")) == (False, 1, [])


async def test_deploy_break_and_automatic_undo_are_all_in_the_answers(shop: Shop) -> None:
    deployed = await shop.deployed(deployment(), thing("ConfigMap", "c", data={"a": "1"}))
    assert (deployed.failed, deployed.exit_code) == (False, 0), deployed.text
    assert deployed.text.startswith(
        "done: apply, 2 to add, 0 to change, 0 unchanged, approved by jo\ndeploy: kubectl apply"
    )
    assert "health: kubectl rollout status deployment.apps/web" in deployed.text

    before = shop.get("deployment/web", "{.metadata.uid} {.spec} {.metadata.labels}")
    broken = await shop.deployed(
        deployment("nginx:broken", labels={"new": "yes"}),
        thing("ConfigMap", "c", data={"a": "2"}),
        thing("ConfigMap", "d"),
        seconds=3,
    )
    assert (broken.failed, broken.exit_code) == (True, 1)
    parts = [line.split(":")[0] for line in broken.text.splitlines() if ": exit code " in line]
    assert parts == ["capture", "deploy", "health", "look", "undo", "undo", "health"]
    assert broken.text.startswith("failed and was undone: apply, 1 to add, 2 to change, 0 unchanged, approved by jo\n")
    assert "ImagePullBackOff" in broken.text

    assert shop.get("deployment/web", "{.metadata.uid} {.spec} {.metadata.labels}") == before
    assert shop.get("configmap/c", "{.data.a}") == "1"
    assert "configmap/d" not in shop.names("configmaps")
    assert shop.targets.undos.in_order()[0].what.startswith("apply of staging-diff-1")
    assert len(shop.targets.undos.made) == 1


async def test_after_an_undo_the_corrected_change_meets_no_conflict(shop: Shop) -> None:
    await shop.deployed(deployment())
    await shop.deployed(deployment("nginx:broken"), seconds=2)
    assert (await shop.deployed(deployment("nginx:1.28"))).exit_code == 0
    assert shop.get("deployment/web", IMAGE) == "nginx:1.28"


async def test_an_apply_that_the_server_breaks_off_is_undone_as_well(shop: Shop) -> None:
    quota = thing("ResourceQuota", "q", spec={"hard": {"configmaps": "2"}})
    await shop.deployed(quota)
    shop.write(thing("ConfigMap", "a"), thing("ConfigMap", "b"))
    found = await shop.do(action="diff", path="k8s.yaml")
    broken = await shop.approved(action="apply", diff=found.text.split()[1])
    assert broken.text.startswith("failed and was undone"), broken.text
    assert "exceeded quota" in broken.text
    assert shop.names("configmaps") == ["configmap/kube-root-ca.crt"]


async def test_nothing_is_applied_that_nobody_approved(shop: Shop) -> None:
    found = await shop.diff(deployment())
    call = KubernetesInput(action="apply", diff=found.text.split()[1])
    with pytest.raises(ToolError, match="nobody approved this diff"):
        await shop.tool.run(call)
    assert shop.names("deployments") == []


async def test_what_was_approved_is_applied_once(shop: Shop) -> None:
    await shop.deployed(deployment())
    with pytest.raises(ToolError, match="was carried out already"):
        await shop.approved(action="apply", diff="staging-diff-1")


async def test_changed_manifests_are_not_what_was_approved(shop: Shop) -> None:
    await shop.diff(deployment())
    shop.write(deployment(replicas=9))
    with pytest.raises(ToolError, match="changed since the diff: manifests"):
        await shop.approved(action="apply", diff="staging-diff-1")
    assert shop.names("deployments") == []


async def test_an_object_that_somebody_changed_meanwhile_is_not_overwritten(shop: Shop) -> None:
    await shop.deployed(deployment())
    await shop.diff(deployment("nginx:1.28"))
    shop.cluster.kubectl("-n", shop.namespace, "annotate", "deployment/web", "for=them")
    with pytest.raises(ToolError, match="changed since the diff: live objects"):
        await shop.approved(action="apply", diff="staging-diff-2")
    shop.cluster.kubectl("-n", shop.namespace, "scale", "deployment/web", "--replicas=5")
    with pytest.raises(ToolError, match=r"the server no longer takes staging-diff-2: .*conflict"):
        await shop.approved(action="apply", diff="staging-diff-2")
    assert shop.get("deployment/web", "{.spec.replicas} {.metadata.annotations.for}") == "5 them"


async def test_pods_that_come_and_go_do_not_make_a_diff_stale(shop: Shop) -> None:
    await shop.deployed(deployment())
    await shop.diff(deployment("nginx:1.28"))
    shop.cluster.kubectl("-n", shop.namespace, "delete", "pods", "--all")
    assert (await shop.approved(action="apply", diff="staging-diff-2")).exit_code == 0


async def test_fields_that_another_owns_are_a_conflict_until_it_is_asked_for(shop: Shop) -> None:
    shop.write(deployment(), name="theirs.yaml")
    theirs = ["apply", "--server-side", "--field-manager=theirs", f"--filename={shop.folder}/theirs.yaml"]
    shop.cluster.kubectl("-n", shop.namespace, *theirs)
    refused = await shop.diff(deployment("nginx:1.28"))
    assert refused.failed
    assert 'conflict with "theirs"' in refused.text
    found = await shop.diff(deployment("nginx:1.28"), force_conflicts=True)
    assert "warning: takes over fields that others own (force_conflicts)" in found.text
    assert (await shop.approved(action="apply", diff=found.text.split()[1])).exit_code == 0


@pytest.mark.parametrize(
    ("strange", "named"),
    [
        (
            thing("ConfigMap", "x") | {"metadata": {"name": "x", "namespace": "kube-system"}},
            "ConfigMap/x in kube-system",
        ),
        (thing("Namespace", "another"), "Namespace/another, which belongs to the whole cluster"),
    ],
)
async def test_what_lies_outside_the_targets_namespaces_is_named_and_refused(
    shop: Shop, strange: dict[str, Any], named: str
) -> None:
    with pytest.raises(ToolError, match=f"would touch {named}.*allows the namespaces {shop.namespace} alone"):
        await shop.diff(deployment(), strange)


async def test_another_namespace_is_not_read_either(shop: Shop) -> None:
    with pytest.raises(ToolError, match=f"is pinned to namespace {shop.namespace}, not 'kube-system'"):
        await shop.do(action="get", resource="pods", namespace="kube-system")


async def test_dangers_are_named_before_a_person_decides(shop: Shop) -> None:
    hostile = deployment()
    hostile["spec"]["template"]["spec"] |= {"hostNetwork": True, "volumes": [{"name": "v", "hostPath": {"path": "/"}}]}
    await shop.diff(hostile)
    prospect = await shop.tool.prospect(KubernetesInput(action="apply", diff="staging-diff-1"))
    assert prospect is not None
    where = f"Deployment/web in {shop.namespace}"
    assert set(prospect.warnings) >= {f"{where}: hostNetwork", f"{where}: the node's /"}


async def test_a_secrets_values_are_in_no_diff_and_are_back_after_an_undo(shop: Shop) -> None:
    await shop.deployed(deployment(), thing("Secret", "s", stringData={"password": "hunter2-first"}))
    found = await shop.diff(deployment("nginx:broken"), thing("Secret", "s", stringData={"password": "hunter2-second"}))
    assert "~ data.password: (hidden) → (hidden)" in found.text
    broken = await shop.approved(action="apply", diff=found.text.split()[1], seconds=2)
    undo = str(shop.targets.undos.made)
    for secret in ("hunter2", "aHVudGVyM"):
        assert secret not in found.text + broken.text + undo
    assert broken.text.startswith("failed and was undone"), broken.text
    assert shop.get("secret/s", "{.data.password}") == "aHVudGVyMi1maXJzdA=="


@dataclass(frozen=True)
class Masking:
    """A compartment that masks what it says, as that of a target does."""

    inner: Unsealed
    redact: Redactor

    async def run(self, argv: Sequence[str], **more: Any) -> Ran:
        """Run it and mask its output."""
        ran = await self.inner.run(argv, **more)
        return replace(ran, output=self.redact(ran.output))


async def test_a_masked_value_is_seen_to_change_and_is_whole_again_after_an_undo(shop: Shop) -> None:
    [reach] = shop.targets.reaches
    assert isinstance(reach.compartment, Unsealed)
    masking = Masking(reach.compartment, Redactor(("canary-first-0001", "canary-second-02")))
    shop.targets = Targets(reaches=[replace(reach, compartment=masking)])
    shop.tool = Kubernetes(masking, targets=shop.targets, store=str(shop.folder.parent / "store"))
    await shop.deployed(deployment(), thing("ConfigMap", "c", data={"a": "canary-first-0001"}))
    found = await shop.diff(deployment("nginx:broken"), thing("ConfigMap", "c", data={"a": "canary-second-02"}))
    assert f"change ConfigMap/c in {shop.namespace}\n  (in a value that is masked here)" in found.text
    broken = await shop.approved(action="apply", diff=found.text.split()[1], seconds=2)
    assert broken.text.startswith("failed and was undone"), broken.text
    assert shop.get("configmap/c", "{.data.a}") == "canary-first-0001"
    await shop.deployed(deployment(), thing("ConfigMap", "c", data={"a": "canary-second-02"}))
    assert shop.targets.undos.in_order()[0].lacking == ("what is [redacted] in former.yaml",)


async def test_scaling_to_zero_destroys_whichever_way_it_is_written(shop: Shop) -> None:
    await shop.deployed(deployment())
    by_verb = await shop.tool.prospect(KubernetesInput(action="scale", resource="deployment", name="web", replicas=0))
    found = await shop.diff(deployment(replicas=0))
    by_apply = await shop.tool.prospect(KubernetesInput(action="apply", diff=found.text.split()[1]))
    assert by_verb is not None
    assert by_apply is not None
    assert (by_verb.kind, by_apply.kind) == ("destroy", "destroy")
    assert f"Deployment/web in {shop.namespace}: its last pod goes" in by_apply.warnings


async def test_scale_and_its_undo(shop: Shop) -> None:
    await shop.deployed(deployment())
    scaled = await shop.approved(action="scale", resource="deployment", name="web", replicas=4)
    assert scaled.exit_code == 0, scaled.text
    assert shop.get("deployment/web", "{.status.readyReplicas}") == "4"
    [undo, _] = shop.targets.undos.in_order()
    assert undo.commands == (
        f"kubectl --context=admin scale deployment.apps/web --namespace={shop.namespace} --current-replicas=4 --replicas=2",
    )


async def test_a_grant_for_three_replicas_scales_to_no_other_number(shop: Shop) -> None:
    await shop.deployed(deployment())
    three = KubernetesInput(action="scale", resource="deployment", name="web", replicas=3)
    prospect = await shop.tool.prospect(three)
    assert prospect is not None
    shop.targets.ledger.grant(prospect, "jo")
    with pytest.raises(ToolError, match="changed since the scale: replicas"):
        await shop.tool.run(three.model_copy(update={"replicas": 0}))
    assert shop.get("deployment/web", "{.spec.replicas}") == "2"


async def test_a_rollout_is_undone_by_revision_and_shown_beforehand(shop: Shop) -> None:
    await shop.deployed(deployment())
    await shop.deployed(deployment("nginx:1.28"))
    back = {"action": "rollout_undo", "resource": "deployment", "name": "web", "revision": 1}
    prospect = await shop.tool.prospect(KubernetesInput.model_validate(back))
    assert prospect is not None
    assert "  ~ spec.template.spec.containers[web].image: nginx:1.28 → nginx:1.27" in prospect.lines
    assert (await shop.approved(**back)).exit_code == 0
    assert shop.get("deployment/web", IMAGE) == "nginx:1.27"


async def test_a_rollout_back_to_what_fails_is_itself_undone(shop: Shop) -> None:
    await shop.deployed(deployment("nginx:crash"), seconds=1)
    shop.write(deployment("nginx:crash"))
    shop.cluster.kubectl("-n", shop.namespace, "apply", "--server-side", f"--filename={shop.folder}/k8s.yaml")
    await shop.deployed(deployment("nginx:1.28"))
    broken = await shop.approved(action="rollout_undo", resource="deployment", name="web", seconds=2)
    assert broken.text.startswith("failed and was undone"), broken.text
    assert "CrashLoopBackOff" in broken.text
    assert shop.get("deployment/web", IMAGE) == "nginx:1.28"


async def test_what_is_deleted_can_be_made_again_from_its_undo(shop: Shop) -> None:
    await shop.deployed(thing("ConfigMap", "c", data={"a": "1"}))
    call = {"action": "delete", "resource": "configmap", "name": "c"}
    prospect = await shop.tool.prospect(KubernetesInput.model_validate(call))
    assert prospect is not None
    assert prospect.kind == "destroy"
    assert (await shop.approved(**call)).exit_code == 0
    assert "configmap/c" not in shop.names("configmaps")
    undo = shop.targets.undos.in_order()[0]
    assert undo.commands == ("kubectl --context=admin create --filename=former.yaml",)
    (shop.folder / "former.yaml").write_text(undo.former)
    shop.cluster.kubectl("create", f"--filename={shop.folder}/former.yaml")
    assert shop.get("configmap/c", "{.data.a}") == "1"


async def test_a_namespace_cannot_be_deleted_by_a_target_that_is_pinned_to_it(shop: Shop) -> None:
    with pytest.raises(ToolError, match="belongs to the whole cluster"):
        await shop.approved(action="delete", resource="namespace", name=shop.namespace)


async def test_manifests_that_a_server_refuses_never_get_an_id(shop: Shop) -> None:
    wrong = deployment()
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Sometimes"
    refused = await shop.diff(wrong)
    assert refused.failed
    assert "imagePullPolicy" in refused.text
    with pytest.raises(ToolError, match="no diff 'staging-diff-1' was made"):
        await shop.approved(action="apply", diff="staging-diff-1")


async def test_a_service_whose_address_the_server_draws_is_not_stale_at_once(shop: Shop) -> None:
    service = thing("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    assert (await shop.deployed(deployment(), service)).exit_code == 0
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}}
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "busybox:1"}]}
    assert (await shop.deployed(job | {"spec": {"template": {"spec": pod}}})).exit_code == 0


async def test_a_kustomization_is_compared_and_applied(shop: Shop) -> None:
    shop.write(deployment(), name="web.yaml")
    (shop.folder / "kustomization.yaml").write_text("namePrefix: x-\nresources: [web.yaml]\n")
    found = await shop.do(action="diff", path=".", kustomization=True)
    assert (await shop.approved(action="apply", diff=found.text.split()[1])).exit_code == 0
    assert shop.names("deployments") == ["deployment.apps/x-web"]
    again = await shop.do(action="diff", path=".", kustomization=True)
    assert (again.text, again.exit_code) == ("no changes: 0 to add, 0 to change, 1 unchanged", 0)


async def test_reading_the_cluster(shop: Shop) -> None:
    await shop.deployed(deployment())
    assert "2/2" in (await shop.do(action="get", resource="deployments")).text
    assert "nginx:1.27" in (await shop.do(action="describe", resource="deployment", name="web")).text
    assert "listening on :8080" in (await shop.do(action="logs", name="deployment/web")).text
    assert "ScalingReplicaSet" in (await shop.do(action="events")).text
    assert "REVISION" in (await shop.do(action="rollout_history", resource="deployment", name="web")).text
    assert (
        await shop.do(action="wait", resource="deployment", name="web", condition="condition=Available")
    ).exit_code == 0
    assert (await shop.do(action="can_i", verb="create", resource="deployments")).text == "yes"
    assert "Metrics API not available" in (await shop.do(action="top", resource="pods")).text
    assert "replicas" in (await shop.do(action="explain", resource="deployment.spec")).text
