"""A run that is killed while terraform applies: the resumed one is told to verify, and nothing is applied twice."""

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

import pytest

from agency_runtime.loopback import Service, streams
from agency_runtime.session import sessions_folder
from agency_runtime.testing import message, text, use

pytestmark = [
    pytest.mark.bwrap,
    pytest.mark.skipif(
        shutil.which("terraform") is None and os.environ.get("CI") != "true", reason="terraform is not installed"
    ),
]
CLI = [sys.executable, "-m", "agency_runtime.cli"]
MAIN = """\
resource "terraform_data" "a" {
  input = "x"
  provisioner "local-exec" {
    command = "echo applied >> /state/count; sleep 321"
  }
}
"""
PLAN = "/tmp/agency/terraform/staging-root-1.tfplan"
DONE = streams(message(text("Done.")))


def terraform(action: str, number: int, **more: Any) -> Any:
    return streams(message(use("Terraform", id=f"t{number}", action=action, **more)))


def test_an_apply_that_was_cut_off_is_told_and_the_old_plan_and_its_approval_are_gone(
    serve: Callable[..., Service], repository: Path
) -> None:
    (repository / "main.tf").write_text(MAIN)
    (repository / ".agency").mkdir()
    (repository / ".agency" / "policy.yaml").write_text("targets:\n  staging: {terraform_state: state}\n")
    (repository / "state").mkdir()
    service = serve(
        terraform("plan", 1), terraform("apply", 2, plan=PLAN), terraform("apply", 3, plan=PLAN), *[DONE] * 4
    )
    words = ["--sandbox", "bwrap", "--output", "json", "--trust", "--target", "staging"]
    allow = ["--allow", "Terraform(apply target=staging)"]
    with subprocess.Popen([*CLI, "work", "Apply it", *words, *allow], cwd=repository, stdout=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 60
        while not (repository / "state" / "count").exists():
            if time.monotonic() > deadline or run.poll() is not None:
                break
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
    assert (repository / "state" / "count").exists(), "the apply never began"
    [session] = [path.name for path in sessions_folder().iterdir()]
    argv = [*CLI, "session", "resume", session, "--output", "json"]
    done = subprocess.run(argv, cwd=repository, capture_output=True, text=True, timeout=120, check=False)
    outcome = json.loads(done.stdout.splitlines()[-1])
    said = [each for request in service.requests for each in request["messages"] if isinstance(each["content"], list)]
    results = {
        block["tool_use_id"]: block for each in said for block in each["content"] if block["type"] == "tool_result"
    }
    assert results["t2"]["content"].startswith("interrupted; verify its side effects before you go on")
    assert results["t3"]["is_error"] is True
    assert (repository / "state" / "count").read_text() == "applied\n"
    assert outcome["exit_code"] == 1
    assert "sleep 321" not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
