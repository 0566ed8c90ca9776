"""Helm: its commands as lists, its refusals, and the real helm where there is one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted, Unsealed, aimed
from agency_tools.errors import ToolError
from agency_tools.helm import Helm
from agency_tools.helm_commands import Changing, HelmInput, Reading, helm_argv, upgrade_argv

WHOLE: dict[str, Any] = {"release": "web", "chart": "charts/web", "revision": 2, "diff": "staging-helm-diff-1"}


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        ({"action": "lint", "chart": "charts/web", "strict": True}, "helm lint ./charts/web --strict"),
        (
            {
                **WHOLE,
                "action": "template",
                "values_files": ["v.yaml"],
                "values": {"a.b": "1,2"},
                "kube_version": "v1.32",
            },
            r"helm template web ./charts/web --values=v.yaml --set-string=a.b=1\,2 --kube-version=v1.32",
        ),
        ({"action": "status", "release": "web"}, "helm status web --namespace=shop"),
        ({"action": "list"}, "helm list --output=json --namespace=shop"),
        ({"action": "history", "release": "web"}, "helm history web --output=json --namespace=shop"),
    ],
)
def test_each_action_is_one_command(given: dict[str, Any], argv: str) -> None:
    assert helm_argv(HelmInput.model_validate(given), namespace="shop") == argv.split(" ")


def test_an_upgrade_is_made_from_the_copy_and_the_dry_run_differs_in_nothing_else() -> None:
    given = HelmInput(action="diff", release="web", chart="c", values_files=("a.yaml", "b.yaml"), values={"x": "1"})
    words = (
        "helm upgrade web /s/1/chart --install --values=/s/1/values-1.yaml --values=/s/1/values-2.yaml --set-string=x=1"
    )
    real = upgrade_argv("web", "/s/1", given, namespace="shop", dry_run=False, seconds=9)
    tried = upgrade_argv("web", "/s/1", given, namespace="shop", dry_run=True, seconds=9)
    assert real == (*words.split(), "--timeout=9s", "--namespace=shop")
    assert [word for word in tried if word not in real] == ["--dry-run=server", "--output=json"]


@pytest.mark.parametrize(
    "given",
    [
        {"action": "uninstall", "release": "web"},
        {"action": "template", "chart": "charts/web"},
        {"action": "lint", "chart": "oci://registry.example/chart\n"},
        {"action": "lint", "chart": "../charts"},
        {"action": "lint", "chart": "--post-renderer=x"},
        {"action": "template", "release": "--kubeconfig", "chart": "c"},
        {"action": "lint", "chart": "c", "values": {"a=b,c": "d"}},
        {"action": "lint", "chart": "c", "kube_context": "prod"},
    ],
)
def test_input_that_would_reach_further_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HelmInput.model_validate(given)


@pytest.mark.parametrize("action", [*get_args(Reading), *get_args(Changing)])
async def test_every_action_on_a_release_needs_a_target(action: str) -> None:
    with pytest.raises(ToolError, match="this run has no target"):
        await Helm(Scripted()).run(HelmInput.model_validate({"action": action, **WHOLE}))


HISTORY = [{"revision": 1, "status": "superseded"}, {"revision": 2, "status": "deployed"}]
MANIFEST = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: %s}\n"


def said(out: str) -> Ran:
    """What the program beside helm prints."""
    return Ran(exit_code=0, output=json.dumps({"exit_code": 0, "out": out, "err": ""}), seconds=0)


@pytest.mark.parametrize("action", get_args(Changing))
async def test_no_action_changes_a_target_unapproved(action: str) -> None:
    reach = Scripted([said(json.dumps(HISTORY)), said(MANIFEST % "a")])
    with pytest.raises(ToolError, match=r"not done: no [a-z]+ '.*' was made for a target in this run"):
        await Helm(Scripted(), targets=aimed(reach)).run(HelmInput.model_validate({"action": action, **WHOLE}))
    read = [words[words.index("apart") + 1 :][:2] for words in reach.ran]
    assert all(verb in (["helm", "history"], ["helm", "get"]) for verb in read)


async def test_a_rollback_that_would_delete_something_is_foreseen_as_destroying() -> None:
    reach = Scripted([said(json.dumps(HISTORY)), said(MANIFEST % "a"), said(MANIFEST % "b")])
    given = HelmInput(action="rollback", release="web", revision=1)
    foreseen = await Helm(Scripted(), targets=aimed(reach)).prospect(given)
    assert foreseen is not None
    assert (foreseen.kind, foreseen.lines) == (
        "destroy",
        ("roll release web back from revision 2 to 1", "delete ConfigMap/a", "add ConfigMap/b"),
    )


async def test_an_absent_helm_is_not_run_rather_than_failed() -> None:
    absent = Scripted([Ran(exit_code=127, output="", seconds=0)])
    with pytest.raises(ToolError, match="not run: helm is not in this sandbox"):
        await Helm(absent).run(HelmInput(action="lint", chart="."))


async def test_real_helm_renders_a_chart(tmp_path: Path) -> None:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (tmp_path / "templates" / "a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
    )
    helm = Helm(Unsealed(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}))
    rendered = await helm.run(HelmInput(action="template", release="shop", chart="."))
    assert "name: shop" in rendered.text
