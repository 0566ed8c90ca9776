"""The validators in real sandboxes: good files pass, bad ones are found at their place, what is absent is not run."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agency_tools.validators import Checker, Finding, Report
from agency_tools.workspace import Workspace

WORKFLOW = """\
name: ci
on:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python: ["3.12"]
    steps:
      - uses: actions/checkout@v4
      - id: version
        run: echo "number=1" >> "$GITHUB_OUTPUT"
      - run: echo "${{ steps.version.outputs.number }} ${{ matrix.python }}"
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0
          resources:
            limits: {memory: 64Mi}
"""
COMPOSE = """\
services:
  web:
    image: nginx:1.27
    ports: ["8080:80"]
    volumes: ["data:/data"]
volumes:
  data:
"""
RULES = """\
groups:
  - name: web
    rules:
      - alert: Down
        expr: up == 0
        for: 5m
        labels: {severity: page}
"""
GITLAB = """\
stages: [test]
unit:
  stage: test
  script: [make test]
"""
ALERTMANAGER = """\
route:
  receiver: team
  group_by: [alertname]
receivers:
  - name: team
    webhook_configs:
      - url: http://hooks.example.com/
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Logs:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: example-logs
"""
UNIT = """\
[Unit]
Description=Web
[Service]
ExecStart=/usr/bin/web
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/values.yaml": "image: web\n",
    "chart/templates/web.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  image: {{ .Values.image | quote }}\n",
}
GOOD: Mapping[str, str] = {
    **CHART,
    "alertmanager/alertmanager.yml": ALERTMANAGER,
    "cloud/template.yaml": TEMPLATE,
    "web.service": UNIT,
    "k8s/kustomization.yaml": "resources: [web.yaml]\n",
    "main.tf": 'variable "name" {\n  type = string\n}\n',
    ".github/workflows/ci.yml": WORKFLOW,
    "k8s/web.yaml": DEPLOYMENT,
    "compose.yaml": COMPOSE,
    "monitoring/alerts.yml": RULES,
    ".gitlab-ci.yml": GITLAB,
    "Dockerfile": 'FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "-m", "web"]\n',
    "run.sh": '#!/bin/sh\nset -eu\necho "$1"\n',
    "pyproject.toml": '[project]\nname = "web"\n',
    "package.json": '{"name": "web"}\n',
}
"""By path, each as it should be."""

BAD: list[tuple[str, str, str, str, str, int]] = [
    ("chart/templates/web.yaml", "| quote }}", "| qoute }}", "helm", "lint", 6),
    ("chart/Chart.yaml", "version: 0.1.0", "version: first", "chart|helm", "", 0),
    ("alertmanager/alertmanager.yml", "receiver: team", "receiver: taem", "alertmanager", "receiver", 2),
    ("cloud/template.yaml", "BucketName", "BucketNam", "cfn-lint", "E3002", 6),
    ("web.service", "ExecStart=", "ExecStrat=", "units", "", 0),
    ("web.service", "Restart=on-failure", "Restart=sometimes", "units", "value", 5),
    ("k8s/kustomization.yaml", "web.yaml", "wbe.yaml", "kustomize", "missing", 1),
    ("main.tf", "type = string\n}", "type = string\n", "terraform-fmt", "syntax", 0),
    (".github/workflows/ci.yml", "runs-on: ubuntu-latest", "runs_on: ubuntu-latest", "schema|actionlint", "", 0),
    (".github/workflows/ci.yml", "steps.version.", "steps.versoin.", "workflow-references|actionlint", "", 0),
    (".github/workflows/ci.yml", "matrix.python", "matrix.pyhton", "workflow-references|actionlint", "", 0),
    (".github/workflows/ci.yml", "    runs-on", "    needs: build\n    runs-on", "workflow-references|actionlint", "", 0),
    (".github/workflows/ci.yml", "${{ matrix.python }}", "${{ github.event.issue.title }}", "zizmor", "template-injection", 0),
    (".github/workflows/ci.yml", 'run: echo "number', 'run: if true; echo "number', "shellcheck-run", "", 0),
    ("k8s/web.yaml", "resources:", "resource:", "kubernetes-validate", "Deployment", 15),
    ("k8s/web.yaml", "apps/v1", "v77", "kubernetes-validate", "unknown-version", 1),
    ("k8s/web.yaml", "apps/v1", "extensions/v1beta1", "kubernetes-validate", "removed", 1),
    ("k8s/web.yaml", "kind: Deployment", "kind: Deploymnet", "kubernetes-validate", "unknown-kind", 1),
    ("compose.yaml", "services:", "service:", "schema", "compose", 1),
    ("Dockerfile", "COPY . .", "RUN <<EOF\necho a\nEOF\nCOPPY . .", "hadolint", "DL1000", 6),
    ("compose.yaml", "ports:", "port:", "schema", "compose", 4),
    ("monitoring/alerts.yml", "up == 0", "rate(up[5m)", "promql|promtool", "", 5),
    ("monitoring/alerts.yml", "up == 0", "rate(up) > 0", "promql|promtool", "", 5),
    (".gitlab-ci.yml", "stage: test", "stag: test", "schema", "gitlab-ci", 3),
    ("Dockerfile", "WORKDIR /app", "WORKDRI /app", "hadolint", "DL1000", 2),
    ("run.sh", 'echo "$1"', 'if true; then echo "$1"', "shellcheck", "", 3),
    ("pyproject.toml", '"web"', '"web', "toml", "syntax", 2),
    ("package.json", '"web"}', '"web",}', "json", "syntax", 1),
    ("k8s/web.yaml", "kind: Deployment", "kind: Deployment\nkind: Deployment", "yamllint", "key-duplicates", 3),
    ("run.sh", "set -eu", "TOKEN=ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5", "detect-secrets", "GitHub Token", 2),
]  # fmt: skip
"""A good file's path, what to replace in it and by what; who says so, by which rule and at which line (0: any)."""


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def found(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


async def test_good_files_are_checked_by_all_that_applies_and_nothing_is_said(
    sandbox: Workspace, repository: Path
) -> None:
    write(repository, GOOD)
    report = await Checker(sandbox).check()
    assert found(report) == []
    outcomes = {each.name: each.outcome for each in report.validators}
    expected = {"yamllint", "json", "toml", "schema", "zizmor", "shellcheck-run", "hadolint", "shellcheck"}
    expected |= {"kubernetes-validate", "promql", "detect-secrets", "alertmanager", "cfn-lint", "units", "chart"}
    assert {name: outcomes.get(name) for name in expected} == dict.fromkeys(expected, "passed")


async def test_each_fault_is_found_at_its_place(sandbox: Workspace, repository: Path) -> None:
    checker = Checker(sandbox)
    missed: list[str] = []
    for path, old, new, validators, rule, line in BAD:
        assert old in GOOD[path]
        write(repository, {**GOOD, path: GOOD[path].replace(old, new, 1)})
        report = await checker.check([path])
        hits = [
            finding
            for finding in report.findings
            if finding.validator in validators.split("|") and rule in ("", finding.rule) and line in (0, finding.line)
        ]
        if not hits:
            missed.append(f"{path}: {new!r}: {found(report)}")
    assert missed == []


async def test_a_finding_has_a_place_and_a_rule(sandbox: Workspace, repository: Path) -> None:
    write(repository, {"k8s/web.yaml": DEPLOYMENT.replace("resources:", "resource:")})
    report = await Checker(sandbox).check(["k8s"])
    assert report.findings == (
        Finding(
            path="k8s/web.yaml", line=15, column=11, validator="kubernetes-validate", rule="Deployment",
            severity="error", message="spec.template.spec.containers.0: unknown key 'resource'", text="resource:",
        ),
    )  # fmt: skip
    assert report.failed


async def test_what_a_template_engine_fills_in_is_not_judged_as_yaml(sandbox: Workspace, repository: Path) -> None:
    template = "{{- if .Values.on }}\nkind: {{ .Values.kind }}\n{{- end }}\n"
    write(
        repository,
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
            "chart/templates/web.yaml": template,
            "roles/web/templates/conf.yml.j2": "{% if x %}\na: {{ b }}\n{% endif %}\n",
            "stray.yaml": template,
            "k8s/web.yaml": DEPLOYMENT.replace("spec:\n  selector", "spec:\n  replicas: '{{ replicas }}'\n  selector"),
        },
    )
    report = await Checker(sandbox).check()
    assert found(report) == []
    yaml = next(each for each in report.validators if each.name == "yamllint")
    assert yaml.unchecked == (("stray.yaml", "a template, which is no YAML before it is filled in"),)


async def test_suppressions_in_the_tools_own_syntax_hold(sandbox: Workspace, repository: Path) -> None:
    write(
        repository,
        {
            "a.sh": "#!/bin/sh\n# shellcheck disable=SC2242\nexit 300\n",
            "Dockerfile": "FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo true\n",
            "a.yaml": "a: 1\na: 2  # yamllint disable-line rule:key-duplicates\n",
        },
    )
    assert found(await Checker(sandbox).check()) == []


async def test_an_ended_service_is_started_again(sandbox: Workspace, repository: Path) -> None:
    write(repository, GOOD)
    checker = Checker(sandbox)
    await checker.check(["run.sh"])
    killed = await sandbox.call("exec", command="pkill -9 -f 'agency_checks[.]serve'")
    assert killed["exit_code"] == 0
    write(repository, {"run.sh": "#!/bin/sh\nexit 300\n"})
    assert [finding.rule for finding in (await checker.check(["run.sh"])).findings] == ["SC2242"]


async def test_only_what_changed_since_the_last_look_is_checked(sandbox: Workspace, repository: Path) -> None:
    write(repository, GOOD)
    checker = Checker(sandbox)
    await checker.mark()
    assert (await checker.changed()).paths == ()
    write(repository, {"run.sh": "#!/bin/sh\nif true; then\n", "new/web.yaml": DEPLOYMENT})
    report = await checker.changed()
    assert report.paths == ("new/web.yaml", "run.sh")
    assert {finding.path for finding in report.findings} == {"run.sh"}
    assert (await checker.changed()).paths == ()


@pytest.mark.docker
async def test_an_image_without_validators_passes_nothing(repository: Path) -> None:
    """The checks' own Python still runs where the libraries are not installed."""
    from agency_tools.sandbox import start
    from agency_tools.workspace import Layout

    write(repository, GOOD)
    workspace = await start("docker", Layout(repository=str(repository)))
    try:
        checker = Checker(workspace)
        await workspace.call("configure", env={"PATH": "/usr/bin:/bin"}, root="/workspace", scratch="/tmp")
        report = await checker.check(slow=True)
    finally:
        await workspace.close()
    outcomes = {each.name: (each.outcome, each.why) for each in report.validators}
    assert outcomes["hadolint"] == ("not_run", "hadolint is not in this sandbox")
    assert outcomes["yamllint"] == ("not_run", "yamllint is not in this sandbox")
    assert outcomes["checkov"] == ("not_run", "checkov is not in this sandbox")
    assert outcomes["json"] == ("passed", None)
