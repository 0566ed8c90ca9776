#!/bin/bash
set -euo pipefail
mkdir -p monitoring/dashboards monitoring/provisioning scripts
cat >monitoring/provisioning/dashboards.yaml <<'YAML'
apiVersion: 1
providers:
  - name: on-call
    folder: On-call
    type: file
    disableDeletion: true
    allowUiUpdates: false
    options:
      path: /etc/grafana/dashboards
YAML
python3 - <<'PY'
import json

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WHERE = 'region=~"$region"'
ids = iter(range(1, 100))


def panel(kind, title, unit, text, queries, x, y, w, h, steps=None, **custom):
    defaults = {"unit": unit, **({"thresholds": {"mode": "absolute", "steps": steps}} if steps else {}), **custom}
    return {"id": next(ids), "type": kind, "title": title, "description": text, "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": w, "h": h}, "fieldConfig": {"defaults": defaults, "overrides": []},
            "targets": [{"refId": chr(65 + n), "datasource": SOURCE, "expr": expr, "legendFormat": legend} for n, (expr, legend) in enumerate(queries)]}  # fmt: skip


def steps(*pairs):
    return [{"color": color, "value": value} for color, value in pairs]


requests = f"gateway_requests_total{{{WHERE}}}"
failed = f'gateway_requests_total{{{WHERE},code=~"5.."}}'
bucket = f"gateway_request_duration_seconds_bucket{{{WHERE}}}"
ratio = f"(sum(rate({failed}[5m])) or vector(0)) / sum(rate({requests}[5m]))"


def quantile(q):
    return f"histogram_quantile({q}, sum by (le) (rate({bucket}[5m])))"


panels = [
    panel("stat", "Requests", "reqps", "Requests a second over five minutes.", [(f"sum(rate({requests}[5m]))", "")], 0, 0, 6, 4),
    panel("stat", "Error ratio", "percentunit", "Share of 5xx answers over five minutes.", [(ratio, "")], 6, 0, 6, 4, steps(("green", None), ("orange", 0.001), ("red", 0.01))),
    panel("stat", "99th percentile", "s", "Duration that 99 % of requests stay below.", [(quantile(0.99), "")], 12, 0, 6, 4, steps(("green", None), ("red", 0.5))),
    panel("stat", "Healthy targets", "percentunit", "Share of gateway instances that answer.", [(f'avg(up{{job="gateway",{WHERE}}})', "")], 18, 0, 6, 4),
    panel("timeseries", "Requests by code", "reqps", "Requests a second, by status code.", [(f"sum by (code) (rate({requests}[5m]))", "{{code}}")], 0, 4, 12, 8),
    panel("timeseries", "Error ratio by region", "percentunit", "Share of 5xx answers, by region.", [(f"sum by (region) (rate({failed}[5m])) / sum by (region) (rate({requests}[5m]))", "{{region}}")], 12, 4, 12, 8),
    panel("timeseries", "Duration", "s", "50th, 90th and 99th percentile.", [(quantile(0.5), "p50"), (quantile(0.9), "p90"), (quantile(0.99), "p99")], 0, 12, 12, 8),
    panel("timeseries", "Saturation", "percent", "CPU and memory in percent of the limit.", [
        (f'100 * sum by (instance) (rate(process_cpu_seconds_total{{job="gateway",{WHERE}}}[5m])) / sum by (instance) (gateway_cpu_limit_cores{{{WHERE}}})', "CPU {{instance}}"),
        (f'100 * sum by (instance) (process_resident_memory_bytes{{job="gateway",{WHERE}}}) / sum by (instance) (gateway_memory_limit_bytes{{{WHERE}}})', "memory {{instance}}")],
        12, 12, 12, 8, steps(("green", None), ("red", 100)), custom={"thresholdsStyle": {"mode": "line"}}),
]  # fmt: skip
dashboard = {
    "uid": "gateway-oncall", "title": "Gateway", "tags": ["gateway", "on-call"], "timezone": "utc", "schemaVersion": 39, "version": 1, "refresh": "30s", "editable": False,
    "time": {"from": "now-3h", "to": "now"},
    "templating": {"list": [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {"name": "region", "type": "query", "datasource": SOURCE, "query": {"query": "label_values(gateway_requests_total, region)", "refId": "region"},
         "definition": "label_values(gateway_requests_total, region)", "multi": True, "includeAll": True, "current": {"text": "All", "value": "$__all"}, "refresh": 2}]},
    "annotations": {"list": [{"name": "Deployments", "enable": True, "datasource": SOURCE, "expr": f"changes(gateway_build_info{{{WHERE}}}[1m]) > 0", "iconColor": "blue"}]},
    "panels": panels,
}  # fmt: skip
json.dump(dashboard, open("monitoring/dashboards/gateway.json", "w"), indent=2)
PY
cat >scripts/check-dashboards.py <<'PY'
#!/usr/bin/env python3
"""Checks the dashboards of a folder: layout, ids, units, descriptions, data sources."""

import json
import sys
from pathlib import Path


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def hard_coded(source):
    uid = source.get("uid") if isinstance(source, dict) else source
    return uid is not None and not str(uid).startswith("$") and uid != "-- Grafana --"


def faults(dashboard):
    panels = dashboard.get("panels", [])
    for number, panel in enumerate(panels):
        name = panel.get("title") or f"id {panel.get('id')}"
        for other in panels[:number]:
            if overlap(panel, other):
                yield name, f"overlaps {other.get('title')}"
            if panel.get("id") == other.get("id"):
                yield name, f"has the id of {other.get('title')}"
        if panel.get("type") in ("row", "text"):
            continue
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            yield name, "is wider than the grid"
        if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
            yield name, "has no unit"
        if not panel.get("description"):
            yield name, "has no description"
        if any(hard_coded(each.get("datasource")) for each in (panel, *panel.get("targets", []))):
            yield name, "has a hard-coded data source"


found = [(path, *fault) for path in sorted(Path(sys.argv[1]).glob("**/*.json")) for fault in faults(json.loads(path.read_text()))]
for path, panel, what in found:
    print(f"{path}: {panel}: {what}")
sys.exit(1 if found else 0)
PY
chmod 755 scripts/check-dashboards.py
