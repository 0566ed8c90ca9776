"""What the checks cost: one changed file while the process is warm, and 500 files at once.

Run it by itself: `.venv/bin/python tests/bench/validators.py [bwrap|docker]`.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from agency_tools.sandbox import start
from agency_tools.validators import Checker
from agency_tools.workspace import Layout

ROUNDS = 5
WORKFLOW = """\
on: push
permissions: {contents: read}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: |
          make lint
          make test
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: web
          image: "registry.example.com/web:1.0"
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /ready, port: http}}
          livenessProbe: {httpGet: {path: /live, port: http}}
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
"""
RULES = """\
groups:
  - name: web
    rules:
      - {alert: Down, expr: "sum(rate(up[5m])) by (job) == 0", for: 5m, labels: {severity: page}}
"""
TERRAFORM = """\
variable "name" {
  type = string
}

resource "aws_s3_bucket" "logs" {
  bucket = "${var.name}-logs"
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_security_group" "web" {
  name        = var.name
  description = "HTTPS from the load balancer"

  ingress {
    description = "HTTPS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}

output "bucket" {
  value = aws_s3_bucket.logs.id
}
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Logs: {Type: "AWS::S3::Bucket", Properties: {BucketName: logs}}
"""
FILES: Mapping[str, tuple[str, str]] = {
    "GitHub workflow": (".github/workflows/{}.yml", WORKFLOW),
    "GitLab CI": ("ci/{}.gitlab-ci.yml", "stages: [test]\nunit:\n  stage: test\n  script: [make test]\n"),
    "Dockerfile": ("images/{}/Dockerfile", "FROM debian:12\nRUN apt-get update && apt-get install -y jq\nUSER 1000\n"),
    "shell": ("scripts/{}.sh", '#!/bin/sh\nset -eu\nfor name in "$@"; do\n  echo "$name"\ndone\n'),
    "Kubernetes": ("k8s/{}.yaml", DEPLOYMENT),
    "compose": ("stacks/{}/compose.yaml", "services:\n  web:\n    image: nginx:1.27\n    ports: ['80:80']\n"),
    "Terraform": ("tf/{}/main.tf", TERRAFORM),
    "Prometheus rules": ("rules/{}.yml", RULES),
    "CloudFormation": ("cfn/{}.yaml", TEMPLATE),
    "systemd": ("units/{}.service", "[Service]\nExecStart=/usr/bin/web\n[Install]\nWantedBy=multi-user.target\n"),
}
"""By kind: where its files lie, and what is in them."""

MANY = 500


def fill(root: Path, number: int) -> None:
    """A repository with as many files, of every kind."""
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for each in range(number):
        place, text = list(FILES.values())[each % len(FILES)]
        path = root / place.format(f"n{each}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}# {each}\n", encoding="utf-8")


async def one(checker: Checker, root: Path, place: str, text: str) -> float:
    """Seconds for one changed file, when the process and its libraries are warm; the median."""
    path = root / place.format("changed")
    path.parent.mkdir(parents=True, exist_ok=True)
    taken: list[float] = []
    for number in range(ROUNDS + 1):
        path.write_text(f"{text}# {number}\n", encoding="utf-8")
        began = time.perf_counter()
        report = await checker.check([str(path.relative_to(root))])
        taken.append(time.perf_counter() - began)
        if report.findings:
            sys.exit(f"{place}: {report.findings}")
    path.unlink()
    return statistics.median(taken[1:])


async def main(kind: str) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="agency-bench-") as name:
        root = Path(name)
        root.chmod(0o755)
        fill(root, MANY)
        workspace = await start(kind, Layout(repository=str(root)))
        try:
            checker = Checker(workspace)
            began = time.perf_counter()
            await checker.check([])
            print(f"{'start of the checks':28} {1000 * (time.perf_counter() - began):8.0f} ms")
            for title, (place, text) in FILES.items():
                print(
                    f"{title:28} {1000 * await one(checker, root, place, text):8.0f} ms   one file, warm; at most 1,500"
                )
            began = time.perf_counter()
            report = await checker.check(slow=True)
            taken = time.perf_counter() - began
            print(f"{f'{len(report.paths)} files':28} {taken:8.1f} s    at most 60")
            judged = [each for each in report.validators if each.outcome == "passed"]
            print(", ".join(f"{each.name} {each.files}" for each in sorted(judged, key=lambda each: -each.files)))
            print(
                *(f"not run: {each.name}: {each.why}" for each in report.validators if each.outcome == "not_run"),
                sep="\n",
            )
        finally:
            await workspace.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "auto"))
