"""checkov in real sandboxes: dangers are errors at their place, noise is advice, what it could not judge is not passed."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agency_tools.validators import Checker, Report
from agency_tools.validators.inside import policies, policy_table
from agency_tools.validators.inside.running import Runner
from agency_tools.validators.inside.values import Finding, NotRun, Source, Unchecked
from agency_tools.workspace import Workspace

TERRAFORM = """\
resource "aws_security_group" "ssh" {
  name = "ssh"
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = [var.from]
  }
}

resource "aws_s3_bucket" "site" {
  bucket = "site"
  acl    = "public-read"
}

resource "aws_iam_policy" "all" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}
"""
VARIABLES = 'variable "from" {\n  default = "0.0.0.0/0"\n}\n'
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: agents}
spec:
  containers:
    - name: agent
      image: registry.example.com/agent:1.0
      securityContext: {privileged: true}
      volumeMounts: [{name: engine, mountPath: /engine.sock}]
  volumes: [{name: engine, hostPath: {path: /var/run/docker.sock}}]
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Site:
    Type: AWS::S3::Bucket
    Properties: {BucketName: site, AccessControl: PublicRead}
"""
DOCKERFILE = "FROM debian:12\nRUN curl --insecure https://example.com/a -o a\nRUN sudo true\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def told(report: Report) -> set[tuple[str, int, str, str]]:
    return {(each.path, each.line, each.rule, each.severity) for each in report.findings if each.validator == "checkov"}


async def test_dangers_are_errors_at_their_place(sandbox: Workspace, repository: Path) -> None:
    files = {"tf/main.tf": TERRAFORM, "tf/variables.tf": VARIABLES, "k8s/pod.yaml": POD, "cloud.yaml": TEMPLATE}
    write(repository, {**files, "web/Containerfile": DOCKERFILE, "broken/main.tf": 'resource "x" {\n'})
    report = await Checker(sandbox).check_slowly(["tf/main.tf", "k8s", "cloud.yaml", "web", "broken"])
    assert told(report) == {
        ("tf/main.tf", 1, "CKV_AWS_24", "error"),  # by a value from a file that was not asked for
        ("tf/main.tf", 11, "CKV_AWS_20", "error"),
        ("tf/main.tf", 16, "CKV_AWS_62", "error"),
        ("tf/main.tf", 16, "CKV_AWS_63", "warning"),
        ("k8s/pod.yaml", 1, "CKV_K8S_16", "error"),
        ("k8s/pod.yaml", 1, "CKV_K8S_27", "error"),
        ("cloud.yaml", 3, "CKV_AWS_20", "error"),
        ("web/Containerfile", 2, "CKV2_DOCKER_2", "warning"),
    }
    (said,) = report.validators
    assert said.unchecked == (("broken/main.tf", "checkov could not judge it: it cannot read it"),)
    assert "broken/main.tf" not in said.paths


async def test_its_own_comments_hold_and_a_configuration_in_the_tree_does_not(
    sandbox: Workspace, repository: Path
) -> None:
    skipped = TEMPLATE.replace("    Type:", "    # checkov:skip=CKV_AWS_20:it is a public site\n    Type:")
    bucket = (
        'resource "aws_s3_bucket" "site" {\n  #checkov:skip=CKV_AWS_20:it is a public site\n  acl = "public-read"\n}\n'
    )
    write(repository, {"main.tf": bucket, "cloud.yaml": skipped, ".checkov.yaml": "skip-check: [CKV_K8S_16]\n"})
    write(repository, {"pod.yaml": POD.replace("/var/run/docker.sock", "/srv")})
    report = await Checker(sandbox).check_slowly(["main.tf", "cloud.yaml", "pod.yaml"])
    assert told(report) == {("pod.yaml", 1, "CKV_K8S_16", "error")}


async def test_what_was_there_before_does_not_count(sandbox: Workspace, repository: Path) -> None:
    write(repository, {"main.tf": TERRAFORM, "variables.tf": VARIABLES})
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["add", "."], ["commit", "-qm", "open"]):
        subprocess.run(["git", *settings, *words], cwd=repository, check=True)
    worse = 'resource "aws_s3_bucket" "logs" {\n  acl = "public-read-write"\n}\n'
    write(repository, {"main.tf": f"# moved\n\n{TERRAFORM}\n{worse}"})
    report = await Checker(sandbox).check(["main.tf"], slow=True, base="HEAD")
    assert [each.why for each in report.validators if each.name == "checkov"] == [None]
    assert told(report) == {("main.tf", 25, "CKV_AWS_20", "error"), ("main.tf", 25, "CKV_AWS_57", "error")}


async def test_what_hadolint_says_is_not_said_twice(sandbox: Workspace, repository: Path) -> None:
    write(repository, {"Dockerfile": DOCKERFILE})
    checker = Checker(sandbox)
    both = await checker.check(slow=True, least="info")
    rules = {each.rule for each in both.findings}
    assert "DL3004" in rules
    assert "CKV2_DOCKER_1" not in rules
    alone = await checker.check_slowly(["Dockerfile"], least="info")
    assert ("Dockerfile", 3, "CKV2_DOCKER_1", "info") in told(alone)
    assert (await checker.check()).later == ("Dockerfile",)


FINDING = '["kubernetes/a.yaml", 1, "CKV_K8S_16", "Container should not be privileged", "Pod.a"]'
HALF = f"""\
#!{sys.executable}
import sys, time
with open(sys.argv[4], "w") as answers:
    answers.write('{{"files": ["kubernetes/a.yaml"], "failed": [{FINDING}], "unread": []}}\\n')
time.sleep(60)
"""


def pods(root: Path) -> list[Source]:
    sources = [Source(str(root), name, POD) for name in ("a.yaml", "b.yaml")]
    for source in sources:
        source.kinds = frozenset({"kubernetes"})
    return sources


def stand_in(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "agency-policies").write_text(text, encoding="utf-8")
    (folder / "agency-policies").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_when_the_time_is_up_what_is_known_is_told_and_the_rest_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, HALF, monkeypatch)
    monkeypatch.setattr(policies, "PATIENCE", 1.5)
    (validator,) = policies.VALIDATORS
    found = list(validator.check(pods(tmp_path), Runner(str(tmp_path))))
    text = "Pod.a: Container should not be privileged"
    assert found == [
        Finding("a.yaml", 1, 1, "checkov", "CKV_K8S_16", "error", text),
        Unchecked("b.yaml", "checkov took longer than 1.5 s for the files before it"),
    ]


BUSY = f"""\
#!{sys.executable}
import runpy, sys
real = runpy.run_path(sys.argv[2])
def answer(folder, framework, names):
    while "kubernetes/b.yaml" in names:
        pass
    return {{"files": names, "failed": [{FINDING}], "unread": []}}
real["main"].__globals__["answer"] = answer
real["main"](sys.argv[3], sys.argv[4], int(sys.argv[5]))
"""
"""The real script, its limit too, with files of which the second takes as much processor time as there is."""


def test_when_the_processor_time_is_spent_the_files_left_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, BUSY, monkeypatch)
    monkeypatch.setattr(policies, "WORK", 1)
    monkeypatch.setattr(policies, "BATCH", 1)
    (validator,) = policies.VALIDATORS
    assert list(validator.check(pods(tmp_path), Runner(str(tmp_path)))) == [
        Finding("a.yaml", 1, 1, "checkov", "CKV_K8S_16", "error", "Pod.a: Container should not be privileged"),
        Unchecked("b.yaml", "checkov took longer than 1 s of processor time for the files before it"),
    ]


def test_a_checkov_that_does_not_start_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, "#!/bin/sh\necho 'no module named checkov' >&2\nexit 1\n", monkeypatch)
    (validator,) = policies.VALIDATORS
    with pytest.raises(NotRun, match="checkov failed: no module named checkov"):
        list(validator.check(pods(tmp_path), Runner(str(tmp_path))))


def test_no_check_is_in_two_tables() -> None:
    assert not policy_table.ERRORS & policy_table.WARNINGS
    assert [policy_table.severity(each) for each in ("CKV_AWS_20", "CKV_K8S_19", "CKV_AWS_18")] == [
        "error",
        "warning",
        "info",
    ]
