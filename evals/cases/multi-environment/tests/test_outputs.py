"""What kustomize makes of the overlays, and what the script says when they drift."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

HERE = Path.cwd()
TABLE = {
    "staging": ("orders-staging", 1, "registry.example.com/orders:3.2.0", "debug", "256Mi"),
    "production": ("orders", 4, "registry.example.com/orders:3.1.4", "info", "512Mi"),
}


def rendered(environment, root=HERE):
    done = subprocess.run(
        ["kubectl", "kustomize", f"deploy/overlays/{environment}"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def one(kind, documents):
    (found,) = [each for each in documents if each["kind"] == kind]
    return found


def container(documents):
    (found,) = one("Deployment", documents)["spec"]["template"]["spec"]["containers"]
    return found


def level(documents):
    for entry in container(documents).get("env", []):
        if entry["name"] == "LOG_LEVEL":
            reference = entry["valueFrom"]["configMapKeyRef"]
            (config,) = [
                each
                for each in documents
                if each["kind"] == "ConfigMap" and each["metadata"]["name"] == reference["name"]
            ]
            return reference["name"], config["data"][reference["key"]]
    (source,) = container(documents)["envFrom"]
    name = source["configMapRef"]["name"]
    (config,) = [each for each in documents if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name]
    return name, config["data"]["LOG_LEVEL"]


@pytest.mark.parametrize("environment", TABLE)
def test_the_values_are_the_table(environment):
    documents = rendered(environment)
    deployment = one("Deployment", documents)
    name, value = level(documents)
    found = (deployment["metadata"]["namespace"], deployment["spec"]["replicas"], container(documents)["image"], value,
             container(documents)["resources"]["limits"]["memory"])  # fmt: skip
    assert found == TABLE[environment]


@pytest.mark.parametrize("environment", TABLE)
def test_everything_is_in_the_namespace_under_its_name(environment):
    documents = rendered(environment)
    assert {each["metadata"]["namespace"] for each in documents} == {TABLE[environment][0]}
    assert one("Deployment", documents)["metadata"]["name"] == one("Service", documents)["metadata"]["name"] == "orders"


@pytest.mark.parametrize("environment", TABLE)
def test_the_probes_are_staging_s_of_today(environment):
    assert container(rendered(environment))["readinessProbe"] == {
        "httpGet": {"path": "/ready", "port": 8080},
        "periodSeconds": 5,
    }
    assert container(rendered(environment))["livenessProbe"] == {"httpGet": {"path": "/live", "port": 8080}}


def test_a_changed_log_level_rolls_the_pods():
    names = {level(rendered(environment))[0] for environment in TABLE}
    assert len(names) == 2, "the ConfigMap's name must follow from its content"


def test_only_production_has_a_budget():
    kinds = [each["kind"] for each in rendered("staging")]
    budget = one("PodDisruptionBudget", rendered("production"))
    assert "PodDisruptionBudget" not in kinds and budget["spec"]["minAvailable"] == 3
    labels = one("Deployment", rendered("production"))["spec"]["template"]["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_copies_are_gone():
    assert not (HERE / "deploy/staging.yaml").exists() and not (HERE / "deploy/production.yaml").exists()


def compared(root):
    return subprocess.run(
        [str(root / "scripts/diff-environments.sh")], cwd=root, capture_output=True, text=True, timeout=60
    )


def test_the_script_is_content_with_the_table_and_shows_it():
    done = compared(HERE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3.2.0" in done.stdout and "3.1.4" in done.stdout


PATCH = """
- target: {kind: Deployment, name: orders}
  patch: |-
    - op: replace
      path: /spec/template/spec/containers/0/livenessProbe/httpGet/path
      value: /other
"""


def test_the_script_finds_drift():
    root = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns(".git"))
    file = root / "deploy/overlays/production/kustomization.yaml"
    overlay = yaml.safe_load(file.read_text())
    overlay.setdefault("patches", []).extend(yaml.safe_load(PATCH))
    file.write_text(yaml.safe_dump(overlay))
    assert container(rendered("production", root))["livenessProbe"]["httpGet"]["path"] == "/other"
    assert compared(root).returncode == 1
