"""The Helm tool on a real API server: install, break, roll back, and every refusal on the way."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agency_tools.compartment_testing import Unsealed
from agency_tools.errors import ToolError
from agency_tools.helm import Helm
from agency_tools.helm_commands import HelmInput
from agency_tools.kubeconfig import pin
from agency_tools.reach import Reach, Targets
from agency_tools.target import Target
from agency_tools.tool import Output

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas | int }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: web, image: "{{ .Values.image }}"}]}
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: "migrations:4"}]}}}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s%s}\ndata: {a: %s}\n"


class Charts:
    """The tool on a target that allows one namespace, with a chart in its repository."""

    def __init__(self, cluster: Any, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace, self.folder = cluster, namespace, folder / "repository"
        self.chart("web/templates/deployment.yaml", DEPLOYMENT)
        self.chart("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n")
        self.chart("web/values.yaml", "image: nginx:1.27\nreplicas: 2\n")
        (folder / "kubeconfig").write_text(pin([cluster.admin], context="admin", namespace=namespace).text)
        path = f"{os.environ['PATH']}{os.pathsep}{cluster.programs}"
        self.env = {"PATH": path, "HOME": str(folder), "KUBECONFIG": str(folder / "kubeconfig")}
        target = Target(name="staging", kube_context="admin", namespaces=(namespace,))
        self.targets = Targets(reaches=[Reach(target=target, compartment=Unsealed(self.folder, self.env))])
        self.tool = Helm(Unsealed(self.folder, self.env), targets=self.targets, store=str(folder / "store"))

    def chart(self, name: str, text: str) -> None:
        """One file of the chart."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    async def do(self, **given: Any) -> Output:
        """A call that needs nobody's yes."""
        return await self.tool.run(HelmInput.model_validate(given))

    async def approved(self, **given: Any) -> Output:
        """A call as a run makes it: foreseen, approved by a person, carried out."""
        call = HelmInput.model_validate(given)
        prospect = await self.tool.prospect(call)
        assert prospect is not None
        self.targets.ledger.grant(prospect, "jo")
        return await self.tool.run(call)

    async def diff(self, **values: str) -> Output:
        """What the chart would change."""
        return await self.do(action="diff", release="web", chart="web", values=values)

    async def upgraded(self, seconds: int = 60, **values: str) -> Output:
        """Compare, approve, upgrade."""
        found = await self.diff(**values)
        assert found.exit_code == 1, found.text
        return await self.approved(action="upgrade", diff=found.text.split()[1], seconds=seconds)

    def get(self, resource: str, path: str) -> str:
        """One field of what is there."""
        return str(self.cluster.kubectl("-n", self.namespace, "get", resource, f"--output=jsonpath={path}"))

    def names(self, resource: str) -> list[str]:
        """What is there of a kind."""
        return str(self.cluster.kubectl("-n", self.namespace, "get", resource, "--output=name")).split()

    @property
    def image(self) -> str:
        """What runs."""
        return self.get("deployment/web", "{.spec.template.spec.containers[0].image}")


@pytest.fixture
def charts(cluster: Any, namespace: str, tmp_path: Path) -> Charts:
    """The tool in a namespace of its own."""
    assert shutil.which("helm", path=cluster.programs)
    return Charts(cluster, namespace, tmp_path)


async def test_install_break_and_automatic_rollback_are_all_in_the_answers(charts: Charts) -> None:
    found = await charts.diff()
    assert found.text.splitlines()[:2] == [
        "Diff staging-helm-diff-1 for target staging: release web (first install): 1 to add, 0 to change, 0 to delete",
        "add Deployment/web (nginx:1.27)",
    ]
    assert charts.names("deployments") == []
    installed = await charts.approved(action="upgrade", diff="staging-helm-diff-1")
    assert installed.text.startswith("done: upgrade, release web (first install)"), installed.text
    assert "health: kubectl rollout status deployment.apps/web" in installed.text

    broken = await charts.upgraded(image="nginx:broken", seconds=3)
    assert (broken.failed, broken.exit_code) == (True, 1)
    assert broken.text.startswith("failed and was undone: upgrade, release web (upgrade of revision 1)"), broken.text
    parts = [line.split(":")[0] for line in broken.text.splitlines() if ": exit code " in line]
    assert parts == ["deploy", "health", "look", "undo", "health"]
    assert "ImagePullBackOff" in broken.text
    assert "undo: helm rollback web 1" in broken.text
    assert charts.image == "nginx:1.27"

    again = await charts.upgraded(image="nginx:1.28")
    assert again.exit_code == 0, again.text
    assert charts.image == "nginx:1.28"
    assert charts.targets.undos.in_order()[0].commands == (
        f"helm rollback web 3 --kube-context=admin --namespace={charts.namespace}",
    )


async def test_a_first_install_that_fails_leaves_nothing(charts: Charts) -> None:
    broken = await charts.upgraded(image="nginx:crash", seconds=2)
    assert broken.text.startswith("failed and was undone"), broken.text
    assert "undo: helm uninstall web" in broken.text
    assert (charts.names("deployments"), "[]" in (await charts.do(action="list")).text) == ([], True)


async def test_the_diff_names_values_hooks_and_what_would_be_deleted(charts: Charts) -> None:
    charts.chart("web/templates/config.yaml", CONFIG % ("old", "", "x"))
    await charts.upgraded()
    (charts.folder / "web/templates/config.yaml").unlink()
    charts.chart("web/templates/hook.yaml", HOOK)
    await charts.diff(replicas="0")
    prospect = await charts.tool.prospect(HelmInput(action="upgrade", diff="staging-helm-diff-2"))
    assert prospect is not None
    assert prospect.kind == "destroy"
    assert prospect.lines == ("delete ConfigMap/old", "change Deployment/web", "  ~ spec.replicas: 2 → 0")
    assert prospect.warnings[:2] == (
        "hook pre-install, pre-upgrade: Job/migrate (migrations:4)",
        "Deployment/web: its last pod goes",
    )


async def test_a_hook_that_fails_takes_the_upgrade_back(charts: Charts) -> None:
    await charts.upgraded()
    charts.chart("web/templates/hook.yaml", HOOK.replace("migrations:4", "migrations:broken"))
    charts.chart("web/values.yaml", "image: nginx:1.28\nreplicas: 2\n")
    broken = await charts.upgraded(seconds=3)
    assert broken.text.startswith("failed and was undone"), broken.text
    assert charts.image == "nginx:1.27"


async def test_nothing_is_upgraded_that_nobody_approved(charts: Charts) -> None:
    await charts.diff()
    with pytest.raises(ToolError, match="nobody approved this diff"):
        await charts.do(action="upgrade", diff="staging-helm-diff-1")
    assert charts.names("deployments") == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda charts: charts.chart("web/values.yaml", "image: nginx:9\nreplicas: 2\n"),
            "chart and values, rendered manifests",
        ),
        (lambda charts: charts.chart("web/NOTES", "x"), "chart and values"),
    ],
)
async def test_a_changed_chart_is_not_what_was_approved(charts: Charts, change: Any, named: str) -> None:
    await charts.diff()
    change(charts)
    with pytest.raises(ToolError, match=f"changed since the diff: {named}\\."):
        await charts.approved(action="upgrade", diff="staging-helm-diff-1")


async def test_a_release_that_somebody_upgraded_meanwhile_is_left_alone(charts: Charts) -> None:
    await charts.upgraded()
    await charts.diff(image="nginx:1.28")
    await charts.upgraded(image="nginx:1.29")
    with pytest.raises(ToolError, match="changed since the diff: live release"):
        await charts.approved(action="upgrade", diff="staging-helm-diff-2")
    assert charts.image == "nginx:1.29"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (CONFIG % ("x", ", namespace: kube-system", "y"), "ConfigMap/x in kube-system"),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: another}\n",
            "Namespace/another, which belongs to the whole",
        ),
    ],
)
async def test_what_lies_outside_the_targets_namespaces_is_named_and_refused(
    charts: Charts, text: str, named: str
) -> None:
    charts.chart("web/templates/more.yaml", text)
    with pytest.raises(ToolError, match=f"would touch {named}"):
        await charts.diff()


async def test_a_hook_or_a_crd_cannot_reach_further_either(charts: Charts) -> None:
    charts.chart("web/templates/hook.yaml", HOOK.replace("{name: migrate,", "{name: migrate, namespace: kube-system,"))
    with pytest.raises(ToolError, match="Job/migrate in kube-system"):
        await charts.diff()
    (charts.folder / "web/templates/hook.yaml").unlink()
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\n"
    charts.chart("web/crds/a.yaml", crd)
    with pytest.raises(
        ToolError, match=r"CustomResourceDefinition/as\.example\.com, which belongs to the whole cluster"
    ):
        await charts.diff()


async def test_values_that_are_drawn_anew_each_time_can_still_be_approved(charts: Charts) -> None:
    charts.chart("web/templates/random.yaml", CONFIG % ("random", "", "{{ randAlphaNum 8 }}"))
    found = await charts.diff()
    assert "warning: renders other values each time" in found.text
    assert (await charts.approved(action="upgrade", diff="staging-helm-diff-1")).exit_code == 0


async def test_a_chart_that_reads_the_cluster_shows_no_value_of_it(charts: Charts) -> None:
    charts.cluster.kubectl("-n", charts.namespace, "create", "secret", "generic", "s", "--from-literal=p=hunter2-found")
    looked = '{{ (lookup "v1" "Secret" .Release.Namespace "s").data.p }}'
    charts.chart("web/templates/config.yaml", CONFIG % ("c", "", '"none"'))
    await charts.upgraded()
    charts.chart("web/templates/config.yaml", CONFIG % ("c", "", looked))
    found = await charts.diff()
    assert "(values not shown: the chart reads the cluster)" in found.text
    assert "aHVudGVyMi1mb3VuZA" not in found.text


async def test_a_chart_that_differs_in_nothing_that_can_be_shown_can_still_be_approved(charts: Charts) -> None:
    await charts.upgraded()
    charts.chart("web/templates/deployment.yaml", f"# a comment\n{DEPLOYMENT}")
    found = await charts.diff()
    assert "change in nothing that can be shown" in found.text
    assert (await charts.approved(action="upgrade", diff="staging-helm-diff-2")).exit_code == 0


async def test_a_release_is_rolled_back_and_shown_beforehand(charts: Charts) -> None:
    await charts.upgraded()
    await charts.upgraded(image="nginx:1.28")
    back = {"action": "rollback", "release": "web", "revision": 1}
    prospect = await charts.tool.prospect(HelmInput.model_validate(back))
    assert prospect is not None
    assert prospect.lines == (
        "roll release web back from revision 2 to 1",
        "change Deployment/web",
        "  ~ spec.template.spec.containers[web].image: nginx:1.28 → nginx:1.27",
    )
    done = await charts.approved(**back)
    assert (done.exit_code, charts.image) == (0, "nginx:1.27"), done.text


async def test_rolling_back_what_is_not_there_is_refused(charts: Charts) -> None:
    with pytest.raises(ToolError, match="there is no release 'web' to roll back"):
        await charts.approved(action="rollback", release="web", revision=1)
    await charts.upgraded()
    with pytest.raises(ToolError, match=r"not done: .*not found"):
        await charts.approved(action="rollback", release="web", revision=7)


async def test_a_chart_that_does_not_render_or_that_the_server_refuses_gets_no_id(charts: Charts) -> None:
    charts.chart("web/templates/bad.yaml", "{{ .Values.a.b.c }}")
    assert "nil pointer" in (await charts.diff()).text
    charts.chart(
        "web/templates/bad.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 0}]}\n"
    )
    refused = await charts.diff()
    assert refused.failed
    assert "spec.ports[0].port" in refused.text
    with pytest.raises(ToolError, match="no diff 'staging-helm-diff-1' was made"):
        await charts.approved(action="upgrade", diff="staging-helm-diff-1")


async def test_reading_releases(charts: Charts) -> None:
    await charts.upgraded()
    assert '"name":"web"' in (await charts.do(action="list")).text
    assert '"revision":1' in (await charts.do(action="history", release="web")).text
    assert "STATUS: deployed" in (await charts.do(action="status", release="web")).text
    unchanged = await charts.diff()
    assert (unchanged.exit_code, unchanged.text[:10]) == (0, "no changes")
    assert (await charts.do(action="lint", chart="web")).exit_code == 0
    assert "nginx:1.27" in (await charts.do(action="template", release="web", chart="web")).text
