"""Claims stand on calls that ran, succeeded, can show such a thing, concern it, and are not out of date."""

from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import HandoffReport, Verdict, judge
from agency_runtime.handoff.support import kinds_of

FILES = FilesChanged(created=("Dockerfile", ".github/workflows/ci.yml"), modified=("app/main.py",))


def call(number: int, tool: str, output: str = "", **more: Any) -> Executed:
    """A call; words that are no attribute of it are its input."""
    values: dict[str, Any] = {
        "failed": False,
        "exit_code": 0 if tool == "Bash" else None,
        "denied": False,
        "seconds": 0.5,
    }
    values |= {name: more.pop(name) for name in [*values, "changed", "altered"] if name in more}
    started = f"2026-01-01T00:00:{number:02}Z"
    return Executed(
        ref=f"c{number}",
        id=f"toolu_{number}",
        turn=number,
        tool=tool,
        input=more,
        output=output,
        started=started,
        **values,
    )


def bash(number: int, command: str, output: str = "", exit_code: int = 0) -> Executed:
    return call(number, "Bash", output, command=command, exit_code=exit_code, failed=exit_code != 0)


def wrote(number: int, path: str, content: str = "") -> Executed:
    return call(number, "Write", "written", file_path=f"/workspace/{path}", content=content, changed=(path,))


def report(*claims: dict[str, Any], **more: Any) -> HandoffReport:
    work = more.pop("work", [{"area": "other", "what": "An image and a workflow."}])
    return HandoffReport.model_validate({"work_completed": work, "claims": list(claims), **more})


def claim(statement: str, *calls: str, about: str = "") -> dict[str, Any]:
    return {"statement": statement, "calls": list(calls), "about": about}


def reason(calls: list[Executed], statement: str, *cited: str, about: str = "", files: FilesChanged = FILES) -> str:
    """Why one claim does not stand; empty where it does."""
    return judge(report(claim(statement, *cited, about=about)), calls, files).claims[0].reason


def verdict(calls: list[Executed], **more: Any) -> Verdict:
    return judge(report(**more), calls, FilesChanged())


@pytest.mark.parametrize(
    ("statement", "done"),
    [
        ("12 tests pass", bash(1, "pytest -q", "12 passed in 0.40s")),
        ("all tests pass", bash(1, "set -o pipefail; npm test 2>&1 | tail -5", "ok")),
        ("all tests pass", bash(1, "cd app && make test", "ok")),
        ("all tests pass", bash(1, "for t in a b; do bash test-$t.sh || exit 1; done")),
        ("the Dockerfile passes hadolint", bash(1, "hadolint Dockerfile")),
        ("ci.yml is valid", call(1, "Bash", "", command="actionlint .github/workflows/ci.yml", exit_code=0)),
        ("no vulnerabilities of high severity: 0 found", bash(1, "trivy fs .", "Total: 0")),
        ("no secrets in the tree", call(1, "Grep", "No matches", pattern="AKIA")),
        ("the image runs as user 10001", wrote(1, "Dockerfile", "USER 10001\n")),
        (
            "the Dockerfile has a HEALTHCHECK",
            call(1, "Read", "HEALTHCHECK CMD true", file_path="/workspace/Dockerfile"),
        ),
        ("the service listens on 8080", bash(1, "curl -sf localhost:8080/health", "ok")),
        ("terraform plan: 3 to add, 0 to change", call(1, "Terraform", "Plan: 3 to add, 0 to change", action="plan")),
        ("3 resources were applied", call(1, "Terraform", "Apply complete! 3 added", action="apply")),
        ("the release was rolled back", call(1, "Helm", "Rollback was a success", action="rollback", release="web")),
        ("p95 is 85 ms", bash(1, "hey -n 100 http://localhost/", "p95 0.085 s, 85 ms")),
        ("1,000 requests were sent", bash(1, "k6 run load.js", "1000 requests")),
        ("the build takes 0.5 s", bash(1, "make build")),
        ("no whitespace errors", bash(1, "git diff --check")),
        ("promtool: SUCCESS, 6 rules found", bash(1, "promtool check rules r.yml", "SUCCESS: 6 rules found")),
        ("92% coverage, tests pass", bash(1, "pytest --cov", "TOTAL 92%")),
        ("limits are 256Mi and 500m", bash(1, "grep -A4 limits k8s/app.yaml", "memory: 256Mi cpu: 500m")),
        ("the linter exits 1", bash(1, "zizmor ci.yml", "finding", exit_code=1)),
        ("nothing was deployed; the manifests pass validation", bash(1, "kubeconform k8s/", "Valid: 4")),
        ("the deployment manifest is valid", bash(1, "kubeconform -strict k8s/deployment.yaml")),
        ("uses `python:3.12-slim`, see app/v2/run.py", bash(1, "grep FROM Dockerfile", "FROM python")),
    ],
)
def test_a_claim_that_its_call_shows_stands(statement: str, done: Executed) -> None:
    assert reason([done], statement, "c1", files=FilesChanged()) == ""


@pytest.mark.parametrize(
    ("statement", "done", "why"),
    [
        ("it works", call(2, "Bash", command="true", exit_code=0), "there is no call c1 in this session"),
        ("tests pass", call(1, "Bash", command="pytest", denied=True, failed=True), "call c1 was denied and did not run"),
        ("tests pass", bash(1, "pytest", "1 failed", 1), "call c1 (pytest) failed with exit code 1"),
        ("the linter exits 2", bash(1, "zizmor ci.yml", "", 1), "call c1 (zizmor ci.yml) failed with exit code 1"),
        ("tests pass", call(1, "TodoWrite", "done"), "call c1 is a TodoWrite call, which shows nothing about the repository"),
        ("tests pass", call(1, "Task", "all 12 tests pass"), "call c1 is a Task call, which shows nothing about the repository"),
        ("tests pass", call(1, "Read", "assert True"), "call c1 only read; cite one that ran the test"),
        ("the workflow is valid", wrote(1, ".github/workflows/ci.yml"), "call c1 only wrote the file; cite one that checked it"),
        ("tests pass", bash(1, "echo 'all tests passed'", "all tests passed"), "call c1 (echo 'all tests passed') only prints what it was given"),
        ("it has 5 rules", bash(1, "printf '5 rules'", "5 rules"), "call c1 (printf '5 rules') only prints what it was given; the number 5 is in no cited output"),
        ("tests pass", bash(1, "cat results.txt", "12 passed"), "call c1 (cat results.txt) only shows content; cite one that ran the test"),
        ("tests pass", bash(1, "pytest | tail -3", "12 passed"), "the exit code of call c1 is not that of `pytest`; run it without what follows it, or with `set -o pipefail`"),
        ("tests pass", bash(1, "pytest || true", "1 failed"), "the exit code of call c1 is not that of `pytest`; run it without what follows it, or with `set -o pipefail`; the output of call c1 says '1 failed'"),
        ("tests pass", bash(1, "pytest; echo done", "1 failed"), "the exit code of call c1 is not that of `pytest`; run it without what follows it, or with `set -o pipefail`; the output of call c1 says '1 failed'"),
        ("hadolint reports no warnings", bash(1, "hadolint Dockerfile; echo exit=$?", "exit=0"), "the exit code of call c1 is not that of `hadolint Dockerfile`; run it without what follows it, or with `set -o pipefail`"),
        ("tests pass", bash(1, "npm run build", "ok"), "call c1 (npm run build) is no test"),
        ("the service was deployed to staging", bash(1, "pytest"), "call c1 (pytest) is no deployment"),
        ("the release was deployed", bash(1, "kubectl apply --dry-run=client -f k8s"), "call c1 (kubectl apply --dry-run=client -f k8s) only rehearsed it"),
        ("Rollback test: it succeeded", bash(1, "pytest"), "call c1 (pytest) is no deployment; c1 (pytest) cannot show that a rollback was tried; cite a call that rolled back, or say under not_run that none did"),
        ("0 vulnerabilities", bash(1, "pytest"), "call c1 (pytest) is no scan; c1 (pytest) cannot show that nothing vulnerable was found; cite a call that scanned for them (trivy, grype, osv-scanner, pip-audit, `npm audit`, …), or say under not_run that none did"),
        ("p95 is 85 ms", bash(1, "hey http://localhost/", "p95 91 ms"), "the number 85 is in no cited output"),
        ("p95 is 85 ms", bash(1, "hey http://localhost/; echo 85", "p95 91 ms\n85"), "the number 85 is in no cited output"),
        ("saves 23%", bash(1, "cat <<EOF\n23%\nEOF", "23%"), "the number 23 is in no cited output"),
        ("saves $412 a month", bash(1, "infracost diff", "no change"), "the number 412 is in no cited output"),
        ("13 tests pass", bash(1, "pytest", "12 passed"), "the number 13 is in no cited output"),
    ],
)  # fmt: skip
def test_a_claim_that_its_call_does_not_show_falls(statement: str, done: Executed, why: str) -> None:
    assert reason([done], statement, "c1", files=FilesChanged()) == why


def test_a_claim_without_a_call_falls() -> None:
    assert reason([], "it is fast") == "it cites no call"


def test_every_cited_call_has_to_have_run() -> None:
    calls = [bash(1, "pytest", "12 passed"), bash(2, "npm test", "", 1)]
    assert reason(calls, "tests pass", "c1", "c2", files=FilesChanged()) == "call c2 (npm test) failed with exit code 1"


def test_one_of_the_cited_calls_has_to_be_able_to_show_it() -> None:
    calls = [call(1, "Read", "x"), bash(2, "pytest", "12 passed")]
    assert reason(calls, "12 tests pass", "c1", "c2", files=FilesChanged()) == ""


STALE = "{path} was changed by call c2, after the check in c1; check again"


@pytest.mark.parametrize(
    ("later", "path"),
    [
        (wrote(2, "Dockerfile"), "Dockerfile"),
        (call(2, "Edit", changed=("Dockerfile",), file_path="Dockerfile"), "Dockerfile"),
        (bash(2, "sed -i s/a/b/ Dockerfile"), "Dockerfile"),
        (bash(2, "cat > Dockerfile <<'EOF'\nFROM scratch\nEOF"), "Dockerfile"),
        (bash(2, "cp /tmp/new ./Dockerfile"), "Dockerfile"),
        (bash(2, "python3 - <<'EOF'\nopen('Dockerfile', 'w').write('x')\nEOF"), "Dockerfile"),
        (bash(2, "git apply fix.patch"), "Dockerfile"),
        (bash(2, "sed -i s/a/b/ Dockerfile", "", 1), "Dockerfile"),
    ],
)
def test_a_check_older_than_the_last_change_falls(later: Executed, path: str) -> None:
    calls = [bash(1, "hadolint Dockerfile"), later]
    assert reason(calls, "hadolint accepts it", "c1", about="Dockerfile") == STALE.format(path=path)
    assert reason(calls, "hadolint accepts it", "c1") == STALE.format(path=path)
    assert reason([*calls, bash(3, "hadolint Dockerfile")], "hadolint accepts it", "c3", about="Dockerfile") == ""


@pytest.mark.parametrize(
    "later",
    [
        wrote(2, ".github/workflows/ci.yml"),
        call(2, "Edit", "no match", changed=("Dockerfile",), failed=True),
        call(2, "Write", "denied", changed=("Dockerfile",), denied=True, failed=True),
        bash(2, "cat Dockerfile > /tmp/copy"),
        bash(2, "sed s/a/b/ Dockerfile"),
        bash(2, "cat Dockerfile 2>/dev/null"),
        bash(2, "terraform fmt -check Dockerfile"),
    ],
)
def test_a_change_elsewhere_does_not_age_a_check(later: Executed) -> None:
    assert reason([bash(1, "hadolint Dockerfile"), later], "hadolint accepts it", "c1") == ""


NAMED = [
    "cp -r Dockerfile /tmp && cd /tmp && sed -i s/a/b/ Dockerfile",
    "try() { cp -r . /tmp/copy; sed -i s/a/b/ Dockerfile; }; cd /tmp; try",
    "python3 - <<'EOF'\ntext = open('Dockerfile').read()\nopen('/tmp/x', 'w').write(text)\nEOF",
    "install -m 644 Dockerfile /tmp/x && ln -s /workspace/Dockerfile /tmp/y && rsync -a Dockerfile /tmp/z",
]


@pytest.mark.parametrize("command", NAMED)
def test_a_file_that_a_call_only_names_ages_nothing_where_the_tree_was_looked_at(command: str) -> None:
    check = bash(1, "hadolint Dockerfile")
    seen = call(2, "Bash", command=command, altered=())
    unseen = call(2, "Bash", command=command)
    assert reason([check, seen], "hadolint accepts it", "c1", about="Dockerfile") == ""
    assert reason([check, unseen], "hadolint accepts it", "c1", about="Dockerfile") == STALE.format(path="Dockerfile")


@pytest.mark.parametrize("tool", ["Bash", "Terraform", "Task", "TaskOutput"])
def test_a_change_that_no_table_knows_ages_a_check(tool: str) -> None:
    later = call(2, tool, command="./make-it", altered=("Dockerfile",), failed=True)
    assert reason([bash(1, "hadolint Dockerfile"), later], "hadolint accepts it", "c1") == STALE.format(
        path="Dockerfile"
    )
    assert reason([bash(1, "pytest -q", "12 passed"), later], "12 tests pass", "c1") == STALE.format(path="Dockerfile")


def test_a_check_ages_with_a_change_that_was_put_back_and_not_with_what_checks_leave_behind() -> None:
    calls = [bash(1, "pytest -q", "12 passed"), call(2, "Bash", command="x", altered=("lib.py",))]
    assert "lib.py was changed by call c2" in reason(calls, "12 tests pass", "c1")
    left = (
        "app/__pycache__/main.cpython-312.pyc",
        ".pytest_cache/v/cache",
        ".coverage",
        "infra/.terraform/modules.json",
    )
    calls = [bash(1, "pytest -q", "12 passed"), call(2, "Bash", command="x", altered=left)]
    assert reason(calls, "12 tests pass", "c1") == ""


def test_a_check_of_a_folder_ages_with_what_lies_in_it() -> None:
    files = FilesChanged(created=("infra/main.tf", "k8s/app.yaml"))
    calls = [call(1, "Terraform", "Success!", action="validate", dir="infra"), wrote(2, "k8s/app.yaml")]
    assert reason(calls, "the configuration is valid", "c1", files=files) == ""
    calls.append(wrote(3, "infra/main.tf"))
    assert "infra/main.tf was changed by call c3" in reason(calls, "the configuration is valid", "c1", files=files)


def test_a_formatter_ages_the_files_it_rewrites() -> None:
    files = FilesChanged(created=("infra/main.tf",))
    calls = [bash(1, "tflint --chdir=infra"), bash(2, "terraform fmt -recursive")]
    assert "infra/main.tf was changed by call c2" in reason(calls, "tflint passes", "c1", files=files)


def test_a_check_of_the_whole_tree_ages_with_code_and_not_with_documents() -> None:
    calls = [bash(1, "pytest", "12 passed"), wrote(2, "docs/runbooks/deployment.md")]
    assert reason(calls, "12 tests pass", "c1") == ""
    assert "app/main.py was changed by call c3" in reason([*calls, wrote(3, "app/main.py")], "12 tests pass", "c1")


def test_a_check_of_another_file_does_not_concern_it() -> None:
    calls = [bash(1, "hadolint Dockerfile")]
    assert reason(calls, "the workflow is clean", "c1", about=".github/workflows/ci.yml") == "c1 speaks of Dockerfile, not of .github/workflows/ci.yml"  # fmt: skip


def test_a_resource_has_to_be_named_by_the_call() -> None:
    calls = [call(1, "Kubernetes", "deployment.apps/web successfully rolled out", action="rollout")]
    assert reason(calls, "web was rolled out", "c1", about="deployment/web") == ""
    assert (
        reason(calls, "api was rolled out", "c1", about="deployment/api")
        == "c1: deployment/api is named in no cited call"
    )


def test_a_provisioned_resource_needs_an_apply() -> None:
    resources = [
        {"name": "bucket/assets", "state": "provisioned", "calls": ["c1"]},
        {"name": "vpc", "state": "defined"},
    ]
    found = verdict([call(1, "Terraform", "Plan: 1 to add, aws_s3_bucket.assets", action="plan")], resources=resources)
    assert [(each.where, each.reason) for each in found.claims] == [
        ("resources", "call c1 (Terraform action=plan) is no deployment")
    ]
    applied = [call(1, "Terraform", "aws_s3_bucket.assets: Creation complete", action="apply")]
    assert verdict(applied, resources=resources).ok


@pytest.mark.parametrize(
    "statement",
    [
        "Total monthly savings: $770/month (23% reduction)",
        "Terraform apply: Success, all resources created",
        "**Rollback test**: `Success` (<2 minutes to previous version)",
        "Load test results: p50: 85ms, p95: 220ms, p99: 450ms",
        "Load testing: Sustained 1000 req/sec for 30 minutes without errors",
        "Deployment to staging: Success (8m 32s)",
    ],
)
def test_a_templates_sample_is_refused_whatever_it_cites(statement: str) -> None:
    found = judge(report(claim(statement, "c1")), [bash(1, "pytest", "12 passed")], FilesChanged()).claims[0]
    assert found.residue
    assert "is a sample value of a template" in found.reason


def test_a_value_that_was_measured_is_no_sample() -> None:
    calls = [bash(1, "hey http://localhost/", "p50: 85ms\np95: 220ms\n")]
    assert reason(calls, "p95: 220ms", "c1", files=FilesChanged()) == ""


@pytest.mark.parametrize(
    "what",
    [
        "Reduces the image by 61%.",
        "Saves $300 a month.",
        "All tests passed.",
        "Deployment to staging: Success",
        "Responds within 85 ms.",
        "8/8 targets up",
        "The pipeline was successfully deployed.",
        "Zero vulnerabilities.",
    ],
)
@pytest.mark.parametrize("part", ["work_completed", "implementation_details", "integration_points"])
def test_a_result_in_prose_is_flagged(part: str, what: str) -> None:
    text = f"A workflow with two jobs. {what}"
    parts: dict[str, Any] = {
        "work_completed": {"work": [{"area": "other", "what": text}]},
        "implementation_details": {"implementation_details": [{"topic": "Design", "text": text}]},
        "integration_points": {"integration_points": [{"to": "backend-architect", "text": text}]},
    }
    found = verdict([bash(1, "ls", "x")], **parts[part])
    assert [each.statement for each in found.claims] == [what]
    assert not found.ok


@pytest.mark.parametrize(
    "line",
    [
        "Deployment to production: Success (12m 15s) with blue-green strategy",
        "Terraform plan: No errors, 45 resources to create/update",
        "Infrastructure validation: All health checks passing",
        "Prometheus targets: 8/8 targets up and scraping",
        "Grafana dashboards: All panels displaying data",
        "Container scanning: 0 high/critical vulnerabilities",
        "Secrets management: All secrets rotated successfully",
        "IAM policy validation: Least privilege verified with IAM Access Analyzer",
        "Auto-scaling test: Scaled from 2 to 8 instances in 1m 45s",
        "Database performance: Average query time 42ms, p95 78ms",
        "CDN cache hit ratio: 87%",
        "Reduced EC2 instance types based on usage patterns: $450/month savings",
    ],
)
def test_a_persona_templates_results_are_found_wherever_they_stand(line: str) -> None:
    found = verdict([], work=[{"area": "other", "what": f"An image. {line}"}])
    assert [(each.where, each.statement) for each in found.claims] == [("work_completed[0].what", line)]


@pytest.mark.parametrize(
    "text",
    [
        "Scales at 70% CPU, between 2 and 10 replicas.",
        "Scrapes every 15 seconds; an alert fires above 5% errors.",
        "Deploys only if the tests passed.",
        "The rollout waits until the readiness probe succeeded.",
        "Runs `make test` on every pull request.",
        "Rolls back when the health check fails within 120 seconds.",
        "Python 3.12, port 8080, user 10001.",
        "Alerts on an error rate above 7% for 20 minutes and on p95 latency above 700 ms.",
        "Terraform defines a log group with 30 days retention; nothing was applied.",
        "Image tags are immutable and verified by digest.",
        "A successful deployment is announced in Slack; successful builds on main push an image.",
        "If the smoke test does not pass within 60 seconds the workflow rolls back.",
        "Canary at 10% traffic, to 100% over 30 minutes.",
        "The deployment was not executed: no cluster was available.",
        "Tests are run with `python -m unittest`; pytest is not a dependency.",
    ],
)
def test_a_design_in_prose_is_not_flagged(text: str) -> None:
    calls = [
        wrote(
            1,
            "k8s/hpa.yaml",
            "averageUtilization: 70\nscrape_interval: 15s\nexpr: rate > 0.05 # 5%\nprogressDeadlineSeconds: 120",
        )
    ]
    assert verdict(calls, implementation_details=[{"topic": "Design", "text": text}]).ok


def test_a_success_in_prose_may_stand_beside_the_claim_that_shows_it() -> None:
    work = [{"area": "pipelines", "what": "A workflow; the tests pass on it."}]
    calls = [bash(1, "pytest", "12 passed")]
    assert judge(report(claim("12 tests pass", "c1"), work=work), calls, FilesChanged()).ok
    assert not judge(report(work=work), calls, FilesChanged()).ok


def test_criteria_are_questions_and_may_hold_numbers() -> None:
    assert verdict(
        [], verification_criteria=[{"area": "performance", "criterion": "p95 below 500 ms, tests passed"}]
    ).ok


def test_what_was_not_run_does_not_count_against_the_run() -> None:
    assert verdict([], not_run=[{"check": "docker build", "why": "no engine here"}]).ok


def test_files_changed_and_nothing_claimed_is_a_gap() -> None:
    assert judge(report(), [], FILES).gaps == (
        "claims: files were changed and no check of them is claimed; run one and cite it",
    )


def test_claimed_files_are_compared_with_git() -> None:
    claimed = {"created": ["./Dockerfile", "main.tf"], "modified": ["/workspace/app/main.py"]}
    found = judge(report(claim("x", "c1"), files=claimed), [bash(1, "ls")], FILES)
    assert found.false_files == ("files: main.tf is claimed as created, git does not show it so",)
    assert found.notes == ("files: git shows .github/workflows/ci.yml as created, the report leaves it out",)
    assert found.unverified == found.false_files


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("12 tests pass", ("test",)),
        ("tests/ci.yml has two jobs", ()),
        ("the test suite ran green", ("test",)),
        ("coverage is 81%", ("test",)),
        ("applied to staging", ("deployment",)),
        ("nothing was deployed", ()),
        ("the deployment manifest has 2 replicas", ()),
        ("no vulnerabilities", ("scan",)),
        ("hadolint passes", ("check",)),
        ("the workflow has a security job", ()),
    ],
)
def test_what_a_statement_claims(statement: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(statement) == kinds


def test_a_linter_shows_no_run() -> None:
    linted = [bash(1, "zizmor --offline .github/workflows/ci.yml", "no findings")]
    assert reason(linted, "The workflow was run and its jobs are green.", "c1").startswith(
        "c1 (zizmor --offline .github/workflows/ci.yml) cannot show that a pipeline ran; cite a call that"
    )
    assert reason(linted, "zizmor reports no findings in the workflow", "c1") == ""


def test_every_fault_of_a_claim_is_named_at_once() -> None:
    calls = [bash(1, "hadolint Dockerfile", "ok"), wrote(2, "Dockerfile")]
    assert reason(calls, "The image builds in 37 s with 8 layers.", "c1").split("; ") == [
        "c1 (hadolint Dockerfile) cannot show that an image was built or ran",
        "cite a call that built or ran it, or say under not_run that none did",
        "Dockerfile was changed by call c2, after the check in c1",
        "check again",
        "the numbers 37, 8 are in no cited output",
    ]
    failed = [bash(1, "pytest", "", 1), call(2, "TodoWrite", "done")]
    assert reason(failed, "12 tests pass", "c1", "c2") == (
        "call c1 (pytest) failed with exit code 1; call c2 is a TodoWrite call, which shows nothing about the repository"
    )
    assert reason(failed, "12 tests pass", "c8", "c9") == "there is no call c8, c9 in this session"


def test_a_typed_tool_knows_which_exit_codes_are_fine() -> None:
    plan = call(1, "Terraform", "Saved plan: x\n0 to add, 0 to change", action="plan", exit_code=2)
    broken = call(2, "Terraform", "Error: x", action="plan", exit_code=1, failed=True)
    shell = call(3, "Bash", "differs", command="diff a b", exit_code=1)
    assert reason([plan], "A plan destroys nothing", "c1") == ""
    assert "failed with exit code 1" in reason([broken], "A plan destroys nothing", "c2")
    assert "failed with exit code 1" in reason([shell], "A check passes", "c3")
