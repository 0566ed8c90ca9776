"""The objects by what they say, the numbers computed again from the load as given."""

import csv
import math
import re
from pathlib import Path

import yaml

HERE = Path.cwd()


def documents():
    return [each for path in HERE.glob("k8s/**/*.y*ml") for each in yaml.safe_load_all(path.read_text()) if each]


def one(kind):
    (found,) = [each for each in documents() if each["kind"] == kind]
    return found


def test_the_numbers_follow_from_the_load():
    loads = [int(each["requests_per_second"]) for each in csv.DictReader((HERE / "load/requests.csv").open())]
    spec = one("HorizontalPodAutoscaler")["spec"]
    assert spec["maxReplicas"] == math.ceil(max(loads) * 1.25 / 40)
    assert spec["minReplicas"] == max(3, math.ceil(min(loads) * 1.25 / 40))


def test_it_scales_the_deployment_on_cpu():
    autoscaler = one("HorizontalPodAutoscaler")
    assert autoscaler["apiVersion"] == "autoscaling/v2" and autoscaler["metadata"]["namespace"] == "shop"
    target = autoscaler["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == ("apps/v1", "Deployment", "checkout")
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}


def test_it_grows_fast():
    up = one("HorizontalPodAutoscaler")["spec"]["behavior"]["scaleUp"]
    assert up.get("stabilizationWindowSeconds", 0) == 0 and up.get("selectPolicy", "Max") == "Max"
    assert {(each["type"], each["value"], each["periodSeconds"]) for each in up["policies"]} == {
        ("Percent", 100, 15),
        ("Pods", 4, 15),
    }


def test_it_shrinks_slowly():
    down = one("HorizontalPodAutoscaler")["spec"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 600
    assert [(each["type"], each["value"], each["periodSeconds"]) for each in down["policies"]] == [("Pods", 1, 60)]


def test_the_deployment_does_not_fight_it():
    spec = one("Deployment")["spec"]
    assert "replicas" not in spec and "replicas" not in str(spec)
    assert spec["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "300m"


def test_the_pods_are_spread_over_zones():
    pod = one("Deployment")["spec"]["template"]["spec"]
    text = str(pod.get("topologySpreadConstraints", "")) + str(pod.get("affinity", ""))
    assert "topology.kubernetes.io/zone" in text
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
    for constraint in pod.get("topologySpreadConstraints", []):
        assert constraint["labelSelector"]["matchLabels"].items() <= labels.items()


def test_one_pod_may_go_at_a_time():
    budget = one("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1 and budget["metadata"]["namespace"] == "shop"
    assert (
        budget["spec"]["selector"]["matchLabels"].items()
        <= one("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    )


def test_an_alert_tells_of_the_maximum():
    groups = yaml.safe_load((HERE / "monitoring/autoscaling.yaml").read_text())["groups"]
    (rule,) = [each for group in groups for each in group["rules"] if "alert" in each]
    assert rule["for"] in ("15m", "900s")
    assert "kube_horizontalpodautoscaler_spec_max_replicas" in rule["expr"] and re.search(
        r"current_replicas|desired_replicas|kube_deployment_(status|spec)_replicas", rule["expr"]
    )
    assert "checkout" in rule["expr"] and re.search(r">=|==", rule["expr"])
    assert "checkout-at-maximum" in rule["annotations"]["runbook_url"]
    assert (HERE / "docs/runbooks/checkout-at-maximum.md").read_text().strip()
