"""Whole runs on a target: what is permitted, what ends in exit 6, what the log keeps, and that no secret is anywhere."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agency_runtime.loopback import Service, streams
from agency_runtime.testing import message, text, use

pytestmark = [
    pytest.mark.bwrap,
    pytest.mark.skipif(
        shutil.which("terraform") is None and os.environ.get("CI") != "true", reason="terraform is not installed"
    ),
]
Serve = Callable[..., Service]
DONE = streams(message(text("Done.")))
GIVEN_UP = [DONE, DONE, DONE, DONE]
MAIN = 'resource "terraform_data" "a" {\n  input = "%s"\n}\n'
POLICY = """\
# who may do what
targets:
  staging: {terraform_state: state}
  production: {terraform_state: production, protected: true}
"""


def saved(number: int, target: str = "staging") -> str:
    return f"/tmp/agency/terraform/{target}-root-{number}.tfplan"


def terraform(action: str, number: int, **more: Any) -> Any:
    return streams(message(use("Terraform", id=f"t{number}", action=action, **more)))


@pytest.fixture
def project(repository: Path) -> Path:
    """A repository with a configuration, a policy of two targets, and a folder for the state of each."""
    (repository / "main.tf").write_text(MAIN % "x")
    (repository / ".agency").mkdir()
    (repository / ".agency" / "policy.yaml").write_text(POLICY)
    for name in ("state", "production"):
        (repository / name).mkdir()
    return repository


def work(cwd: Path, *words: str, **variables: str) -> tuple[dict[str, Any], str]:
    """`agency work` in bubblewrap, with the policy trusted; its last object, and what it said on standard error."""
    argv = [sys.executable, "-m", "agency_runtime.cli", "work", "Apply it", "--sandbox", "bwrap", "--output", "json"]
    done = subprocess.run(
        [*argv, "--trust", *words],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert outcome["exit_code"] == done.returncode, done.stderr
    return outcome, done.stderr


def events(home: Path, kind: str) -> list[dict[str, Any]]:
    """The events of a kind in the one session's log."""
    [log] = home.glob("state/agency/sessions/*/events.jsonl")
    return [event for event in map(json.loads, log.read_text().splitlines()) if event["type"] == kind]


def results(service: Service) -> list[str]:
    """What the model was told of its calls, in their order."""
    said = [each for request in service.requests for each in request["messages"] if each["role"] == "user"]
    blocks = [block for each in said for block in each["content"] if block["type"] == "tool_result"]
    return list({block["tool_use_id"]: str(block["content"]) for block in blocks}.values())


def test_57_58_a_permitted_apply_is_made_as_planned_and_the_log_says_who_what_hash_when_and_until(
    serve: Serve, project: Path, own_state: Path
) -> None:
    service = serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    work(project, "--target", "staging", "--allow", "Terraform(apply target=staging)")
    assert (project / "state/terraform.tfstate").is_file()
    assert "done" in results(service)[1].splitlines()[0]
    [planned, applied] = events(own_state, "call.judged")
    assert (planned["verdict"], applied["verdict"], applied["kind"]) == ("allow", "allow", "change")
    prospect = applied["prospect"]
    assert (prospect["target"], prospect["lines"]) == ("staging", ["add     terraform_data.a"])
    assert {"main.tf", "the state", "the workspace", "the plan file"} <= set(prospect["binding"])
    assert f"approved by rule Terraform(apply target=staging), hash {prospect['digest'][:16]}" in results(service)[1]
    assert prospect["expires"] > applied["at"]


def test_47_where_nobody_can_answer_an_apply_ends_in_exit_6_and_names_the_rule(
    serve: Serve, project: Path, own_state: Path
) -> None:
    serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    outcome, _ = work(project, "--target", "staging")
    assert not (project / "state/terraform.tfstate").exists()
    assert [denial["permits"] for denial in outcome["denials"]] == [["Terraform(apply target=staging)"]]
    [approval] = events(own_state, "approval")
    assert (approval["who"], approval["granted"]) == (None, False)


def test_complaint_1_a_rule_for_apply_never_destroys(serve: Serve, project: Path) -> None:
    allowed = ("--target", "staging", "--allow", "Terraform(apply *)", "--allow", "Terraform(apply)")
    serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    work(project, *allowed)
    before = (project / "state/terraform.tfstate").read_text()
    assert '"terraform_data"' in before
    serve(terraform("plan", 1, destroy=True), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    outcome, _ = work(project, *allowed)
    assert [denial["permits"] for denial in outcome["denials"]] == [["Terraform(destroy apply target=staging)"]]
    assert (project / "state/terraform.tfstate").read_text() == before


def test_56_a_rule_that_names_destroying_permits_it(serve: Serve, project: Path) -> None:
    serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    work(project, "--target", "staging", "--allow", "Terraform(apply)")
    serve(terraform("plan", 1, destroy=True), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    work(project, "--target", "staging", "--allow", "Terraform(destroy apply target=staging)")
    assert json.loads((project / "state/terraform.tfstate").read_text())["resources"] == []


def test_complaint_2_without_a_target_an_apply_is_refused_plainly_and_asks_nobody(
    serve: Serve, project: Path, own_state: Path
) -> None:
    service = serve(
        terraform("init", 1), terraform("plan", 2), terraform("apply", 3, plan="/tmp/agency/terraform/root-1.tfplan"), *GIVEN_UP
    )  # fmt: skip
    outcome, _ = work(project, "--allow", "Terraform(*)")
    assert "only a person can name one, with --target NAME" in results(service)[2]
    assert (outcome["exit_code"], events(own_state, "approval")) == (1, [])
    assert "permits" not in outcome["denials"][0]


def test_a_protected_target_waits_for_a_person_whatever_rules_say(serve: Serve, project: Path) -> None:
    serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1, "production")), *GIVEN_UP)
    rules = ("--allow", "Terraform(*)", "--allow", "Terraform(destroy *)")
    outcome, _ = work(project, "--target", "production", *rules)
    [denial] = outcome["denials"]
    assert denial["permits"] == []
    assert "start the run at a terminal" in denial["why"]
    assert not list((project / "production").iterdir())


def test_66_a_run_that_only_plans_reads_the_target_and_changes_nothing(serve: Serve, project: Path) -> None:
    service = serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    work(project, "--target", "staging", "--permission-mode", "plan", "--allow", "Terraform(apply)")
    assert "1 to add" in results(service)[0]
    assert results(service)[1].startswith("Not executed: denied")
    assert not list((project / "state").iterdir())


def test_complaint_18_an_interrupted_run_lets_terraform_give_back_its_lock(serve: Serve, project: Path) -> None:
    slow = 'provisioner "local-exec" { command = "touch /state/began; sleep 100" }'
    (project / "main.tf").write_text(f'resource "terraform_data" "a" {{\n  {slow}\n}}\n')
    serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    words = ["--sandbox", "bwrap", "--trust", "--target", "staging", "--allow", "Terraform(apply)", "--output", "json"]
    argv = [sys.executable, "-m", "agency_runtime.cli", "work", "Apply it", *words]
    lock = project / "state/.terraform.tfstate.lock.info"
    with subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        end = time.monotonic() + 90
        while not (project / "state/began").exists() and run.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        out, said = run.communicate(timeout=90)
    assert run.returncode == 130, said
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert not lock.exists()
    [half] = json.loads((project / "state/terraform.tfstate").read_text())["resources"]
    assert half["instances"][0]["status"] == "tainted"


@pytest.mark.parametrize(
    ("policy", "words", "says"),
    [
        (POLICY, ("--target", "stagin"), "no target 'stagin'"),
        (POLICY, ("--target", "staging,prod"), "no target 'prod'"),
        (POLICY.replace("state}", "nowhere}"), ("--target", "staging"), "terraform_state nowhere: no such folder"),
        (POLICY.replace("state}", "state, environment: [NOT_SET]}"), ("--target", "staging"), "NOT_SET is not set"),
        (
            POLICY.replace("terraform_state", "terraform_stat"),
            ("--target", "staging"),
            "did you mean 'terraform_state'",
        ),
    ],
)
def test_what_is_wrong_with_a_target_is_said_in_one_line_before_anything_starts(
    serve: Serve, project: Path, policy: str, words: tuple[str, ...], says: str
) -> None:
    service = serve(*GIVEN_UP)
    (project / ".agency/policy.yaml").write_text(policy)
    argv = [sys.executable, "-m", "agency_runtime.cli", "work", "x", "--sandbox", "bwrap", "--trust", *words]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert says in done.stderr
    assert service.requests == []


CANARIES = {
    "DEPLOY_TOKEN": "canary-one-token-1f",
    "TF_VAR_password": "canary two with blanks 2f",
    "DATABASE_DSN": "postgres://app:canary-three@db.example/x",
    "PLAINLY_NAMED": "canary/four+4f==",
}
IN_FILES = {
    "key.json": ('{"private_key_id": "canary-five-5f5f", "client_secret": "canary-six-6f6f"}', ["canary-five-5f5f", "canary-six-6f6f"]),
    "token": ("canary-seven-7f7f\n", ["canary-seven-7f7f"]),
    ".kube/config": ("""
clusters: [{name: c, cluster: {server: "https://10.99.0.1:6443"}}]
users: [{name: u, user: {token: canary-eight-8f8f}}]
contexts: [{name: stg, context: {cluster: c, user: u}}]
""", ["canary-eight-8f8f"]),
    ".aws/credentials": ("[stg]\naws_access_key_id = AKIACANARYNINE00000A\naws_secret_access_key = canary/ten/AbCdEf0123456789\n",
                         ["AKIACANARYNINE00000A", "canary/ten/AbCdEf0123456789"]),
}  # fmt: skip
LEAKING = """\
resource "terraform_data" "leak" {
  provisioner "local-exec" {
    command = "env; cat $KEY $TOKENFILE $KUBECONFIG $AWS_SHARED_CREDENTIALS_FILE; env | base64; cat $TOKENFILE | base64; exit 7"
  }
}
"""


def test_80_of_ten_seeded_secrets_none_is_in_any_file_a_run_writes(
    serve: Serve, project: Path, own_state: Path, tmp_path: Path
) -> None:
    for name, (content, _) in IN_FILES.items():
        (own_state / name).parent.mkdir(exist_ok=True)
        (own_state / name).write_text(content)
    (project / "main.tf").write_text(LEAKING)
    entry = {
        "terraform_state": "state",
        "environment": list(CANARIES),
        "files": {"KEY": str(own_state / "key.json"), "TOKENFILE": str(own_state / "token")},
        "kube_context": "stg",
        "aws_profile": "stg",
    }
    (project / ".agency/policy.yaml").write_text(json.dumps({"targets": {"staging": entry}}))
    service = serve(terraform("plan", 1), terraform("apply", 2, plan=saved(1)), *GIVEN_UP)
    record = tmp_path / "run.jsonl"
    words = ("--target", "staging", "--allow", "Terraform(apply)", "--record", str(record), "--source", "relay")
    outcome, said = work(project, *words, **CANARIES)
    told = results(service)[1]
    assert "[redacted]" in told
    assert "KUBECONFIG=" in told, told
    secrets = [*CANARIES.values(), *(secret for _, found in IN_FILES.values() for secret in found)]
    assert len(secrets) == 10
    seeds = {own_state / name for name in IN_FILES}
    written = [path for folder in (project, own_state, tmp_path) for path in folder.rglob("*") if path.is_file()]
    texts = {str(path): path.read_bytes() for path in written if path not in seeds}
    texts |= {
        "requests": json.dumps(service.requests).encode(),
        "outcome": json.dumps(outcome).encode(),
        "stderr": said.encode(),
    }
    assert any("events.jsonl" in name for name in texts)
    assert str(record) in texts
    leaks = [
        (name, secret) for name, text in texts.items() for secret in secrets for form in forms(secret) if form in text
    ]
    assert leaks == []


def forms(secret: str) -> set[bytes]:
    """The secret plain, quoted for a URL, and in base64, also in the middle of a longer text."""
    inside = [
        base64.b64encode(b" " * before + secret.encode())[-(-before * 4 // 3) + 1 :].rstrip(b"=")[:-1]
        for before in range(3)
    ]
    return {secret.encode(), quote(secret, safe="").encode(), base64.b64encode(secret.encode()), *inside}
