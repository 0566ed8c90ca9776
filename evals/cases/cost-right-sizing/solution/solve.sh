#!/bin/bash
set -euo pipefail
mkdir -p docs
python3 - <<'PY'
import csv
import json
import math
import re
from pathlib import Path

prices = json.loads(Path("pricing.json").read_text())


def up(value, step):
    return math.ceil(round(value, 6) / step) * step


def cost(replicas, cpu, memory):
    return replicas * 730 * (cpu / 1000 * prices["cpu_core_hour"] + memory / 1024 * prices["memory_gib_hour"])


def p95(values):
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


rows, total, left = [], 0.0, []
for path in sorted(Path("k8s").glob("*.yaml")):
    name, text = path.stem, path.read_text()
    samples = list(csv.DictReader(Path(f"usage/{name}.csv").open()))
    if len(samples) < 7 * 24:
        left.append(f"- `{name}` was not touched: {len(samples) / 24:g} days of samples, 7 are needed.")
        continue
    cpu = [int(each["cpu_millicores"]) for each in samples]
    memory = [int(each["memory_mib"]) for each in samples]
    new_cpu, new_memory, limit = up(p95(cpu) * 1.2, 10), up(p95(memory) * 1.2, 16), up(max(memory) * 1.3, 16)
    replicas = int(re.search(r"replicas: (\d+)", text).group(1))
    old_cpu, old_memory = map(int, re.search(r"requests: \{cpu: (\d+)m, memory: (\d+)Mi\}", text).groups())
    text = re.sub(r"requests: \{.*\}", f"requests: {{cpu: {new_cpu}m, memory: {new_memory}Mi}}", text)
    text = re.sub(r"limits: \{.*\}", f"limits: {{memory: {limit}Mi}}", text)
    path.write_text(text)
    saved = cost(replicas, old_cpu, old_memory) - cost(replicas, new_cpu, new_memory)
    total += saved
    rows.append(f"| {name} | {old_cpu}m, {old_memory}Mi | {new_cpu}m, {new_memory}Mi | {saved:.2f} |")
head = "| Service | Requests before | Requests now | Saved a month, USD |\n|---|---|---|---:|\n"
Path("docs/cost.md").write_text(
    f"# Right-sizing\n\nFrom `usage/`, by the rule of the issue; priced by `pricing.json`.\n\n{head}" + "\n".join(rows)
    + f"\n| total | | | {total:.2f} |\n\n" + "\n".join(left) + "\n"
)
PY
