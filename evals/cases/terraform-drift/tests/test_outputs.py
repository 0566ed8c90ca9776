"""What a plan against the untouched state shows."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()
STATE = "3c79aa0859f2a98da03786c44832cf9a84df5ff06fba8c034e7505aa5148b0a4"


def terraform(*args, root):
    return subprocess.run(["terraform", *args], cwd=root, capture_output=True, text=True, timeout=120)


def copy():
    root = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns(".git", ".terraform"))
    assert terraform("init", "-input=false", root=root).returncode == 0
    return root


def changes():
    root = copy()
    done = terraform("plan", "-input=false", "-no-color", "-out=p.tfplan", root=root)
    assert done.returncode == 0, done.stderr
    plan = json.loads(terraform("show", "-json", "p.tfplan", root=root).stdout)
    return {
        each["address"]: each["change"] for each in plan["resource_changes"] if each["change"]["actions"] != ["no-op"]
    }


def test_exactly_one_update_and_one_destroy():
    assert {address: change["actions"] for address, change in changes().items()} == {
        "terraform_data.web": ["update"],
        "terraform_data.debug_proxy": ["delete"],
    }


def test_the_update_takes_debug_back_and_nothing_else():
    change = changes()["terraform_data.web"]
    assert change["before"]["input"] == {"replicas": 6, "memory_mb": 512, "debug": True}
    assert change["after"]["input"] == {"replicas": 6, "memory_mb": 512, "debug": False}


def test_the_database_cannot_be_destroyed():
    root = copy()
    done = terraform("plan", "-destroy", "-input=false", "-no-color", root=root)
    assert done.returncode != 0 and "prevent_destroy" in done.stderr


def test_nothing_was_applied():
    assert hashlib.sha256((HERE / "terraform.tfstate").read_bytes()).hexdigest() == STATE


def test_the_runbook_knows_the_exit_code():
    assert "detailed-exitcode" in (HERE / "docs/runbooks/drift.md").read_text()
