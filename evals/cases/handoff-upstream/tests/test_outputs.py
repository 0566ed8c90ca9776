"""The files held to what the other specialist's summary says, and to the plan."""

import re
from pathlib import Path

import yaml

HERE = Path.cwd()


def documents():
    return [each for path in HERE.glob("k8s/**/*.y*ml") for each in yaml.safe_load_all(path.read_text()) if each]


def one(kind):
    (found,) = [each for each in documents() if each["kind"] == kind]
    return found


def container():
    (found,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def test_the_deployment_is_what_the_backend_needs():
    assert one("Deployment")["spec"]["replicas"] == 2 and one("Deployment")["metadata"]["namespace"] == "orders"
    assert container()["ports"][0]["containerPort"] == 7070
    for probe in ("readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"]["path"] == "/status"


def test_configuration_and_secret():
    values = {each["name"]: each for each in container().get("env", [])}
    configs = {each["metadata"]["name"]: each.get("data", {}) for each in documents() if each["kind"] == "ConfigMap"}
    if "EXPORT_BATCH" in values and "value" in values["EXPORT_BATCH"]:
        assert values["EXPORT_BATCH"]["value"] == "500"
    else:
        assert any(data.get("EXPORT_BATCH") == "500" for data in configs.values())
    assert values["DATABASE_URL"]["valueFrom"]["secretKeyRef"] == {"name": "export-database", "key": "url"}
    assert not [each for each in documents() if each["kind"] == "Secret"]


def test_temporary_files_have_a_place():
    own = container().get("securityContext", {})
    if own.get("readOnlyRootFilesystem"):
        assert any(each["mountPath"] == "/tmp" for each in container().get("volumeMounts", []))


def test_the_service_meets_the_pods():
    service = one("Service")
    assert service["metadata"]["namespace"] == "orders"
    assert service["spec"]["selector"].items() <= one("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    target = service["spec"]["ports"][0]["targetPort"]
    assert target in (7070, container()["ports"][0].get("name"))


def instructions():
    text = re.sub(r"\\\n", " ", (HERE / "Dockerfile").read_text())
    return [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_the_image_is_slim_pinned_and_not_root():
    froms = [rest for word, rest in instructions() if word.upper() == "FROM"]
    assert all(re.search(r"3\.13", each) and (":" in each) and not re.search(r":latest", each) for each in froms)
    users = [rest for word, rest in instructions() if word.upper() == "USER"]
    assert users and users[-1].split(":")[0] not in ("root", "0")
    text = (HERE / "Dockerfile").read_text()
    assert "HEALTHCHECK" in text and "/status" in text and re.search(r'-m"?,?\s*"?export', text)


def test_the_rule_is_about_the_backend_s_metric():
    groups = yaml.safe_load((HERE / "monitoring/export.yaml").read_text())
    groups = groups["spec"]["groups"] if "spec" in groups else groups["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert any("export_runs_total" in rule["expr"] and "failed" in rule["expr"] for rule in rules)
