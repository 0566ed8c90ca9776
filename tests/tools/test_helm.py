"""Helm: its commands as lists, its refusals, and the real helm where there is one."""

import os
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted, Unsealed, aimed
from agency_tools.errors import ToolError
from agency_tools.helm import Changing, Helm, HelmInput, Reading, helm_argv

WHOLE: dict[str, Any] = {"release": "web", "chart": "charts/web", "revision": 2}


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
        (
            {**WHOLE, "action": "diff"},
            "helm upgrade web ./charts/web --install --dry-run=server --hide-secret --namespace=shop",
        ),
        ({**WHOLE, "action": "upgrade"}, "helm upgrade web ./charts/web --install --atomic --namespace=shop"),
        ({**WHOLE, "action": "rollback"}, "helm rollback web 2 --wait --namespace=shop"),
        ({"action": "history", "release": "web"}, "helm history web --output=json --namespace=shop"),
    ],
)
def test_each_action_is_one_command(given: dict[str, Any], argv: str) -> None:
    offline = given["action"] in ("lint", "template")
    assert helm_argv(HelmInput.model_validate(given), namespace=None if offline else "shop") == argv.split(" ")


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


@pytest.mark.parametrize("action", get_args(Changing))
async def test_no_action_changes_a_target_unapproved(action: str) -> None:
    reach = Scripted()
    with pytest.raises(ToolError, match="approved"):
        await Helm(Scripted(), targets=aimed(reach)).run(HelmInput.model_validate({"action": action, **WHOLE}))
    assert reach.ran == []


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
