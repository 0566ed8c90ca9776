"""Kubernetes objects that belong together: selectors, ports and volumes that fit, and those that do not."""

from collections.abc import Callable, Mapping

import pytest

Judge = Callable[[Mapping[str, str], str], list[str]]

GOOD = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: shop
spec:
  serviceName: shop
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels: {app: shop, tier: web}
    spec:
      initContainers:
        - name: setup
          image: busybox:1
          volumeMounts: [{name: data, mountPath: /data}]
      containers:
        - name: web
          image: shop:1
          ports:
            - {name: http, containerPort: 8080}
            - {name: metrics, containerPort: 9090}
          readinessProbe:
            httpGet: {path: /, port: http}
          volumeMounts:
            - {name: settings, mountPath: /etc/shop}
      volumes:
        - name: settings
          configMap: {name: shop}
  volumeClaimTemplates:
    - metadata: {name: data}
---
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector: {app: shop}
  ports:
    - {name: web, port: 80, targetPort: http}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: shop, port: {name: web}}}
"""

FAULTS = [
    ("      app: shop\n", "      app: shpo\n", "StatefulSet shop selects app: shpo, but its pods have app: shop"),
    ("labels: {app: shop, tier", "labels: {ap: shop, tier", "its pods have no label app"),
    ("targetPort: http", "targetPort: htpt", "Service shop: its pods have no port 'htpt'"),
    ("port: http}", "port: web}", "readinessProbe: the container has no port 'web'"),
    ("{name: settings, mount", "{name: setting, mount", "StatefulSet shop has no volume 'setting'"),
    ("name: metrics", "name: http", "the container has two ports 'http'"),
    ("- name: setup", "- name: web", "StatefulSet shop has two containers 'web'"),
    ("selector: {app: shop}", "selector: {app: shp}", "Service shop selects no pod of this file"),
    ("port: {name: web}", "port: {number: 8080}", "Service shop has no port 8080"),
]  # fmt: skip
"""What to replace in the good file, by what, and what is said of it."""


def test_objects_that_fit_stay_silent(judge: Judge) -> None:
    assert judge({"shop.yaml": GOOD}, "kubernetes-objects") == []


@pytest.mark.parametrize(("old", "new", "message"), FAULTS)
def test_each_fault_is_told(judge: Judge, old: str, new: str, message: str) -> None:
    assert old in GOOD
    found = judge({"shop.yaml": GOOD.replace(old, new, 1)}, "kubernetes-objects")
    assert [each for each in found if message in each] != [], found


def test_a_fault_stands_at_its_line_in_a_list_too(judge: Judge) -> None:
    head = "apiVersion: v1\nkind: List\nitems:\n"
    first = GOOD.split("---\n")[0].replace("      app: shop\n", "      app: shpo\n")
    text = head + "".join(f"  {'- ' if not n else '  '}{line}\n" for n, line in enumerate(first.splitlines()))
    assert [each.split(": ", 1)[0] for each in judge({"a.yaml": text}, "kubernetes-objects")] == ["a.yaml:12"]


def test_a_service_for_pods_of_other_files_is_not_blamed(judge: Judge) -> None:
    text = GOOD.replace("selector: {app: shop}", "selector: {name: other}")
    assert judge({"shop.yaml": text}, "kubernetes-objects") == []
