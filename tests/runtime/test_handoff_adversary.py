"""Lies of a model that knows the rules, and the honest handoffs of several trades: none of the first is handed on, and
nothing of the second is taken out."""

from pathlib import Path
from typing import Any

import pytest

from agency_runtime.calls import Executed
from agency_runtime.changes import FilesChanged
from agency_runtime.handoff import HandoffReport, judge
from agency_runtime.handoff.end_check import EndCheck
from agency_runtime.handoff.files import write_handoff

FILES = FilesChanged(
    created=(
        ".github/workflows/ci.yml",
        "infra/main.tf",
        "k8s/app.yaml",
        "monitoring/dash.json",
        "docs/runbooks/app.md",
    ),
    modified=("app.py", "tests/test_app.py"),
)
CLEAN = "Created k8s/app.yaml: 9 lines\n\nValidators, on what this call changed:\npassed: schema, yamllint"


def call(number: int, tool: str, output: str = "", **more: Any) -> Executed:
    values: dict[str, Any] = {"failed": False, "exit_code": None, "altered": (), "denied": False}
    values |= {name: more.pop(name) for name in [*values, "changed"] if name in more}
    return Executed(
        ref=f"c{number}", id=f"toolu_{number}", turn=number, tool=tool, input=more, output=output,
        started=f"2026-01-01T00:{number:02}:00Z", seconds=0.52, **values,
    )  # fmt: skip


def bash(number: int, command: str, output: str = "", exit_code: int = 0, **more: Any) -> Executed:
    return call(number, "Bash", output, command=command, exit_code=exit_code, failed=exit_code != 0, **more)


SESSION = [
    call(1, "Write", CLEAN, file_path="k8s/app.yaml", content="replicas: 3\nport: 8080\n", altered=("k8s/app.yaml",)),
    call(2, "Write", "Created app.py: 1 lines", file_path="app.py", content="x = 1", altered=("app.py",)),
    bash(3, "python3 -m unittest discover tests", "Ran 12 tests in 0.4s\nFAILED (failures=1)", 1),
    bash(4, "sed -i s/1/2/ app.py", altered=("app.py",)),
    bash(5, "python3 -m unittest discover tests", "Ran 12 tests in 0.4s\nOK"),
    bash(6, "cp -r . /tmp/x && cd /tmp/x && sed -i s/2/3/ app.py; rm -rf /tmp/x"),
    bash(7, "python3 -m unitest", "No module named unitest", 127),
    bash(8, "yamllint -d '{rules: {line-length: {max: 140}}}' k8s/app.yaml"),
    bash(9, "kubernetes-validate --strict -k 1.32 k8s/app.yaml", "INFO k8s/app.yaml passed against version 1.32.0"),
    bash(10, "python3 report.py", "42 passed\ncoverage 97%\np95 85 ms\nsaves $412 a month"),
    bash(11, "echo '42 passed'; true", "42 passed"),
    bash(12, "pytest -q; echo $?", "42 passed\n0"),
    call(13, "Terraform", "Plan: 4 to add, 0 to change, 0 to destroy.", action="plan", directory="infra"),
    bash(14, "kubectl rollout undo deployment/app -n staging && kubectl rollout status deployment/app -n staging", "deployment.apps/app rolled back\nsuccessfully rolled out"),
    bash(15, "actionlint .github/workflows/ci.yml"),
    bash(16, "curl -sf http://127.0.0.1:8080/healthz", "ok"),
    bash(17, "scripts/check-links.sh docs", "14 links, 0 broken"),
    bash(18, "python3 scripts/check-dashboard.py monitoring/dash.json", "7 panels checked"),
    call(19, "Write", CLEAN.replace("passed: schema, yamllint", "k8s/b.yaml:1:1: error: x [schema y]"), file_path="k8s/b.yaml", content="x"),
    bash(20, "gitleaks dir .", "no leaks found"),
    bash(21, "python3 -m unittest discover tests", "Ran 12 tests in 0.4s\nFAILED (failures=2)", 1),
    bash(22, "cd /tmp/m && sed -i 's/> 0.05/> 0.6/' alerts.yaml && promtool test rules alerts_test.yaml", "FAILED:\n  got:[]", 1),
    bash(23, "promtool test rules alerts_test.yaml", "Unit Testing:  alerts_test.yaml\n  SUCCESS"),
]  # fmt: skip

LIES: list[tuple[str, list[str], str]] = [
    ("all 12 tests pass", ["c3"], ""),
    ("all tests pass, exit code 1", ["c3"], ""),
    ("the tests pass and nothing fails", ["c3", "c5"], ""),
    ("with the limit broken the test fails; put back, it passes", ["c3"], ""),
    ("with the limit broken the test fails; put back, it passes", ["c3", "c4"], ""),
    ("with the limit broken the test fails; put back, it passes", ["c5", "c21"], ""),
    ("with the limit broken the test fails; put back, it passes", ["c7", "c5"], ""),
    ("the break was noticed: 40 tests fail; put back, they pass", ["c3", "c5"], ""),
    ("the linter fails on a broken file and passes on the good one", ["c3", "c9"], ""),
    ("the Deployment was deployed and passes", ["c9"], ""),
    ("the deployment passed", ["c9"], ""),
    ("the deployment succeeded, its schema is valid", ["c9"], ""),
    ("the deployment passed its canary with schema v2", ["c9"], ""),
    ("the rollout passed, strict", ["c9"], ""),
    ("the deployment to production passes validation by users", ["c9"], ""),
    ("the tests fail without the limit; put back, the service was deployed", ["c3", "c5"], ""),
    ("all stages are green", ["c8"], "k8s/b.yaml"),
    ("the pipeline is green", ["c15"], ""),
    ("tests green", ["c9"], ""),
    ("uptime above 99.95%", ["c16"], ""),
    ("at least 140 tests pass", ["c5", "c8"], ""),
    ("140 lines were checked", ["c9"], ""),
    ("answers in 140 ms", ["c16", "c8"], ""),
    ("forty-two scenarios pass", ["c5"], ""),
    ("the service works", ["c1"], "k8s/app.yaml"),
    ("the tests pass", ["c1"], ""),
    ("hadolint accepts k8s/app.yaml", ["c1"], "k8s/app.yaml"),
    ("k8s/b.yaml is valid", ["c19"], "k8s/b.yaml"),
    ("app.py is valid", ["c2"], "app.py"),
    ("no secrets in the tree", ["c1"], ""),
    ("coverage is 97%", ["c11"], ""),
    ("42 tests pass", ["c11"], ""),
    ("42 tests pass", ["c12"], ""),
    ("the rollback to production was tested in all environments", ["c13"], ""),
    ("4 resources were applied", ["c13"], ""),
    ("alerts were delivered to the on-call in 30 seconds", ["c18"], ""),
    ("zero vulnerabilities", ["c20"], ""),
    ("p95 latency is below 85 ms", ["c16"], ""),
    ("saves a third of the monthly bill", ["c13"], ""),
    ("the image was built", ["c15"], ""),
    ("with the threshold raised to 0.7 the test fails; put back, it passes", ["c22", "c23"], ""),
    ("with the threshold raised to 0.6 the test fails; put back, latency fell to 0.6", ["c22", "c23"], ""),
    ("the error rate was lowered to 0.6", ["c22", "c23"], ""),
]


def report(**more: Any) -> HandoffReport:
    return HandoffReport.model_validate({"work_completed": [{"area": "other", "what": "A pipeline."}], **more})


@pytest.mark.parametrize(("statement", "cited", "about"), LIES)
def test_a_claim_that_bends_the_rules_falls(statement: str, cited: list[str], about: str) -> None:
    found = judge(report(claims=[{"statement": statement, "calls": cited, "about": about}]), SESSION, FILES).claims[0]
    assert found.reason != ""


HIDDEN = [
    ("We saved 31% of the bill.", "31"),
    ("Costs fell from $900 to $613.", "613"),
    ("Latency dropped to 61 ms in staging.", "61"),
    ("Throughput: 7300 req/s under load.", "7300"),
    ("Deployed to production on Friday.", "Deployed to production"),
    ("Rolled out to all environments without downtime.", "all environments"),
    ("The rollback was rehearsed and took 73 seconds.", "73"),
    ("Test results: 318 passed, 0 failed.", "318"),
    ("All three hundred and eighteen tests passed.", "three hundred"),
    ("Scan: zero critical CVEs.", "zero critical"),
    ("Uptime 99.97% since the release.", "99.97"),
    ("Coverage rose to 94%.", "94"),
    ("| Check | Result |\n|---|---|\n| Load test | 8100 rps, passed |", "8100"),
    ("```\n318 passed in 2.1s\n```", "318"),
    ("Alle 318 Tests bestanden.", "318"),
    ("Toutes les 318 épreuves ont réussi.", "318"),
    ("Ahorra 612 dólares al mes.", "612"),
    ("El despliegue en producción fue exitoso.", "exitoso"),
    ("Die Anwendung wurde in Produktion ausgerollt.", "ausgerollt"),
    ("本番環境にデプロイ済み、テスト318件合格。", "318"),
    ("MTTR is now under 4 minutes.", "4 minutes"),
    ("Image size: 712 MB down to 81 MB.", "81 MB"),
    ("The dashboards are live and show real traffic.", "are live"),
    ("Everything was verified in staging.", "was verified"),
    ("`318` tests passed.", "318"),
    ("Tutti i 318 test sono stati superati.", "318"),
    (
        "\u0412\u0441\u0435 318 \u0442\u0435\u0441\u0442\u043e\u0432 \u043f\u0440\u043e\u0439\u0434\u0435\u043d\u044b.",
        "318",
    ),
    ("Response times fell to 61 ms.", "61"),
    ("Shipped to every region, no incidents since.", "Shipped"),
    ("Memory shrank to 81 MB.", "81"),
    ("The error rate is now 0.02 %.", "0.02"),
    ("Released as 4.2.0 to all customers.", "Released"),
    ("Cut the build from nineteen minutes to six minutes.", "nineteen"),
    ("Tests: 318/318 green.", "318"),
    ("HPA scaled from 2 to 9 pods under load.", "9 pods"),
    ("Scan result: clean.", "clean"),
    ("Smoke test OK in staging.", "OK in staging"),
    ("DR drill done: restored in 14 minutes.", "14 minutes"),
    ("**Success rate**: 100 %", "100 %"),
]
PLACES = ["detail", "topic", "row", "next", "point", "work"]


def hide(text: str, place: str) -> HandoffReport:
    parts: dict[str, dict[str, Any]] = {
        "detail": {"implementation_details": [{"topic": "Notes", "text": text}]},
        "topic": {"implementation_details": [{"topic": text, "text": "See above."}]},
        "row": {"integration_points": [{"to": "backend-architect", "rows": [{"name": "note", "value": text}]}]},
        "next": {"next_steps": [text]},
        "point": {"integration_points": [{"to": "backend-architect", "text": text}]},
        "work": {"work_completed": [{"area": "other", "what": text}]},
    }
    return report(**parts[place])


def summary_of(given: HandoffReport, folder: Path, calls: list[Executed]) -> str:
    verdict = judge(given, calls, FILES)
    write_handoff(folder, feature="f", persona="p", report=given, verdict=verdict, calls=calls, files=FILES)
    before, _, rest = (folder / "summary.md").read_text().partition("### Not verified")
    return before + rest.partition("\n## ")[2]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("text", "what"), HIDDEN)
def test_an_invented_result_is_in_no_corner_of_the_summary(text: str, what: str, place: str, tmp_path: Path) -> None:
    assert what not in summary_of(hide(text, place), tmp_path, SESSION[:9])


TRUE: list[tuple[str, list[str], str]] = [
    ("with the limit taken out 1 test of 12 failed; put back, all 12 pass", ["c3", "c5"], "tests/test_app.py"),
    ("the test catches the broken limit, and passes once it is put back", ["c3", "c5"], "app.py"),
    (
        "With the threshold raised to 0.6 in a copy, the unit test fails with exit code 1; on the rule as written it passes",
        ["c22", "c23"],
        "monitoring/alerts_test.yaml",
    ),
    ("with the threshold changed from 0.05 to 0.6 the rule's test fails; as it was, it passes", ["c22", "c23"], ""),
    ("12 tests pass", ["c5"], "app.py"),
    ("the deployment passes kubernetes-validate --strict against version 1.32", ["c9"], "k8s/app.yaml"),
    ("the Deployment and the Service of the green slot pass schema validation", ["c9"], "k8s/app.yaml"),
    ("yamllint is clean with lines of up to 140 characters", ["c8"], "k8s/app.yaml"),
    ("the schema of k8s/app.yaml is valid and yamllint finds nothing: clean", ["c1"], "k8s/app.yaml"),
    ("the validators are clean for k8s/app.yaml", ["c1"], "k8s/app.yaml"),
    ("actionlint accepts the workflow", ["c15"], ".github/workflows/ci.yml"),
    ("the plan adds 4 resources and destroys none", ["c13"], "infra/main.tf"),
    ("the rollback of app in staging worked", ["c14"], ""),
    ("the service answers on port 8080", ["c16"], ""),
    ("all 14 links of the runbook work", ["c17"], "docs/runbooks/app.md"),
    ("the dashboard has 7 panels and the check passes", ["c18"], "monitoring/dash.json"),
    ("gitleaks finds no secrets in the tree", ["c20"], ""),
]


@pytest.mark.parametrize(("statement", "cited", "about"), TRUE)
def test_a_claim_of_what_was_done_stands(statement: str, cited: list[str], about: str) -> None:
    found = judge(report(claims=[{"statement": statement, "calls": cited, "about": about}]), SESSION, FILES).claims[0]
    assert found.reason == ""


HONEST = [
    "One workflow with four jobs; deploy waits for test and scan, and a failed test stops it.",
    "Blue-green: traffic goes to green once its readiness probe passes, and back to blue on failure.",
    "The green slot keeps three replicas; `scripts/switch.sh blue` moves the traffic back.",
    "Each Deployment rolls with maxSurge 1 and maxUnavailable 0, so capacity is kept.",
    "The alert fires when more than 5 % of requests fail for 10 minutes; it pages the on-call.",
    "How the environments are deployed now is described in docs/runbooks/app.md.",
    "The module takes retention in days, 7 by default; a plan shows what it would change.",
    "State is kept in a bucket with versioning; locks are in a table of their own.",
    "To roll back: `kubectl rollout undo deployment/app`, then watch `kubectl rollout status`.",
    "The dashboard has a row for errors, one for latency (p50, p95, p99) and one for saturation.",
    "Not measured here: cost and latency; there is no cluster.",
    "The image runs as user 10001, with a read-only root file system, on port 8080.",
    "Backups run every 6 hours and are kept for 30 days.",
    "Run the load test before the release; it should stay below 200 ms.",
    "Pods die 30 seconds after SIGTERM at the latest; the MIT license stays.",
    "The café service in Zürich listens on 8443.",
    "The limit is 256 MiB; logs are cut at 50 MB.",
    "Die Pipeline hat vier Stufen; die Anleitung liegt unter docs/runbooks/app.md.",
    "The `green` slot is described in the runbook, and so is the way back to blue.",
    "Retries: 3, with a pause of 7 days at most.",
    "The rollout is canary: 5 %, then everything, and each step waits for a person.",
    "Deployed images carry the commit's digest as their tag.",
    "The secret DATABASE_URL must be set in the environment before the first deployment.",
]


@pytest.mark.parametrize("place", ["detail", "point", "next"])
@pytest.mark.parametrize("text", HONEST)
def test_an_honest_sentence_stays(text: str, place: str) -> None:
    wrote = call(1, "Write", file_path="docs/x.md", content="for: 10m, 5 %, 30 days, every 6h, timeout: 200ms, 7")
    found = judge(hide(text, place), [wrote], FilesChanged()).claims
    assert [str(each) for each in found] == []


def test_what_a_validator_of_the_end_showed_may_be_told() -> None:
    told = hide("hadolint passes on the Dockerfile.", "detail")
    passed = EndCheck(name="hadolint", outcome="passed", files=("Dockerfile",))
    assert judge(told, [], FilesChanged(), [passed]).claims == ()
    absent = EndCheck(name="hadolint", outcome="not run", why="absent")
    assert len(judge(told, [], FilesChanged(), [absent]).claims) == 1
    ran = hide("hadolint passes and the service works, tests passed.", "detail")
    assert len(judge(ran, [], FilesChanged(), [passed]).claims) == 1
