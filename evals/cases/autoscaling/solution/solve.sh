#!/bin/bash
set -euo pipefail
mkdir -p monitoring docs/runbooks
read -r low high < <(python3 - <<'PY'
import csv
import math

loads = [int(each["requests_per_second"]) for each in csv.DictReader(open("load/requests.csv"))]
print(max(3, math.ceil(min(loads) * 1.25 / 40)), math.ceil(max(loads) * 1.25 / 40))
PY
)
python3 - <<'PY'
from pathlib import Path

path = Path("k8s/deployment.yaml")
text = path.read_text().replace("  replicas: 12\n", "")
spread = """    spec:
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {app: checkout}
      containers:
"""
path.write_text(text.replace("    spec:\n      containers:\n", spread))
PY
cat >k8s/hpa.yaml <<YAML
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: checkout
  namespace: shop
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout}
  minReplicas: $low
  maxReplicas: $high
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 60}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies:
        - {type: Percent, value: 100, periodSeconds: 15}
        - {type: Pods, value: 4, periodSeconds: 15}
    scaleDown:
      stabilizationWindowSeconds: 600
      policies:
        - {type: Pods, value: 1, periodSeconds: 60}
YAML
cat >k8s/pdb.yaml <<'YAML'
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: checkout
  namespace: shop
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {app: checkout}
YAML
cat >monitoring/autoscaling.yaml <<'YAML'
groups:
  - name: autoscaling
    rules:
      - alert: CheckoutAtMaximum
        expr: |
          kube_horizontalpodautoscaler_status_current_replicas{namespace="shop", horizontalpodautoscaler="checkout"}
            >= kube_horizontalpodautoscaler_spec_max_replicas{namespace="shop", horizontalpodautoscaler="checkout"}
        for: 15m
        labels:
          severity: warning
        annotations:
          summary: checkout has run at its largest number of pods for 15 minutes.
          runbook_url: docs/runbooks/checkout-at-maximum.md
YAML
cat >docs/runbooks/checkout-at-maximum.md <<'MD'
# checkout at its maximum

1. `kubectl -n shop get hpa checkout` and the request rate: is the load real?
2. If so, raise `maxReplicas` in `k8s/hpa.yaml` by the rule of `load/`, and check that the nodes have room.
MD
