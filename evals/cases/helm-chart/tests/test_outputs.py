"""What Helm makes of the chart."""

import json
import re
import subprocess
from pathlib import Path

import yaml

HERE = Path.cwd()
CHART = "charts/notifier"


def helm(*args):
    return subprocess.run(["helm", *args], cwd=HERE, capture_output=True, text=True, timeout=120)


def template(*sets, release="notifier", secret=True):
    given = [*(["existingSecret=smtp"] if secret else []), *sets]
    return helm("template", release, CHART, *(part for each in given for part in ("--set", each)))


def objects(*sets, **more):
    done = template(*sets, **more)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def one(kind, found):
    (match,) = [
        each
        for each in found
        if each["kind"] == kind and "helm.sh/hook" not in str(each["metadata"].get("annotations", {}))
    ]
    return match


def kinds(found):
    return {each["kind"] for each in found}


def container(found):
    (match,) = one("Deployment", found)["spec"]["template"]["spec"]["containers"]
    return match


def test_lint_is_clean():
    done = helm("lint", "--strict", CHART, "--set", "existingSecret=smtp")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_defaults():
    found = objects()
    assert (
        one("Deployment", found)["spec"]["replicas"] == 2
        and container(found)["image"] == "registry.example.com/notifier:3.4.0"
    )
    assert one("ConfigMap", found)["data"] == {"SMTP_HOST": "smtp.example.com", "SMTP_PORT": "587"}
    assert {"PodDisruptionBudget", "ServiceAccount", "Service"} <= kinds(found) and not {
        "Ingress",
        "HorizontalPodAutoscaler",
        "Secret",
    } & kinds(found)


def test_the_secret_is_required_and_never_made():
    assert template(secret=False).returncode != 0
    env = {each["name"]: each for each in container(objects())["env"]}
    assert env["SMTP_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "smtp", "key": "smtp-password"}


def test_the_pod_runs_as_before():
    found = objects()
    pod = one("Deployment", found)["spec"]["template"]["spec"]
    own = container(found)
    assert (own["securityContext"].get("runAsNonRoot") or pod["securityContext"]["runAsNonRoot"]) is True
    assert (
        own["securityContext"]["readOnlyRootFilesystem"] is True
        and own["securityContext"]["allowPrivilegeEscalation"] is False
    )
    assert own["readinessProbe"]["httpGet"]["path"] == own["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert own["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}


def test_values_reach_the_manifests():
    found = objects(
        "replicaCount=5",
        "image.tag=9.9.9",
        "config.EXTRA=x",
        "podDisruptionBudget.enabled=false",
        "serviceAccount.create=false",
        "ingress.enabled=true",
        "ingress.host=n.example.com",
    )
    assert (
        one("Deployment", found)["spec"]["replicas"] == 5
        and container(found)["image"].endswith(":9.9.9")
        and one("ConfigMap", found)["data"]["EXTRA"] == "x"
    )
    assert (
        not {"PodDisruptionBudget", "ServiceAccount"} & kinds(found)
        and one("Ingress", found)["spec"]["rules"][0]["host"] == "n.example.com"
    )


def test_autoscaling_owns_the_number_of_pods():
    found = objects("autoscaling.enabled=true", "autoscaling.maxReplicas=9")
    spec = one("HorizontalPodAutoscaler", found)["spec"]
    assert "replicas" not in one("Deployment", found)["spec"]
    assert (
        spec["minReplicas"],
        spec["maxReplicas"],
        spec["metrics"][0]["resource"]["target"]["averageUtilization"],
    ) == (2, 9, 70)
    assert spec["scaleTargetRef"]["name"] == one("Deployment", found)["metadata"]["name"]


def test_a_changed_config_rolls_the_pods():
    before, after = (
        one("Deployment", objects(*sets))["spec"]["template"]["metadata"] for sets in ((), ("config.SMTP_HOST=other",))
    )
    assert before.get("annotations") != after.get("annotations")


def test_two_releases_fit_beside_each_other():
    one_, other = objects(release="blue"), objects(release="green")
    names = lambda found: {(each["kind"], each["metadata"]["name"]) for each in found}  # noqa: E731
    assert not names(one_) & names(other)
    selector = one("Service", one_)["spec"]["selector"]
    labels = one("Deployment", other)["spec"]["template"]["metadata"]["labels"]
    assert not selector.items() <= labels.items()


def test_selectors_hold_nothing_that_an_upgrade_changes():
    found = objects()
    selector = one("Deployment", found)["spec"]["selector"]["matchLabels"]
    assert not any(re.search(r"version|chart|checksum", name) for name in selector)
    assert selector["app.kubernetes.io/instance"] == "notifier"
    labels = one("Deployment", found)["spec"]["template"]["metadata"]["labels"]
    for other in (
        selector,
        one("Service", found)["spec"]["selector"],
        one("PodDisruptionBudget", found)["spec"]["selector"]["matchLabels"],
    ):
        assert other.items() <= labels.items()


def test_the_schema_refuses_what_is_wrong():
    json.loads((HERE / CHART / "values.schema.json").read_text())
    for wrong in ("replicaCount=many", "nonsense=1", "autoscaling.enabled=maybe"):
        assert template(wrong).returncode != 0, wrong


def test_helm_test_asks_for_its_health():
    hooks = [
        each for each in objects() if "test" in str((each["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))
    ]
    assert hooks and "/healthz" in json.dumps(hooks)


def test_the_readme_names_the_values():
    text = (HERE / CHART / "README.md").read_text()
    assert all(
        name in text
        for name in (
            "replicaCount",
            "existingSecret",
            "autoscaling",
            "ingress",
            "podDisruptionBudget",
            "serviceAccount",
            "resources",
            "config",
        )
    )
    assert (HERE / CHART / "templates/NOTES.txt").read_text().strip()
