"""The state is as it was; the configuration lets the next reviewed apply do what was wanted, without loss."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()
STATE = "dca36df79dd65edbb6ff9655dab2071077a5d359accb0d8599eeea8609361b75"


def terraform(*args, root):
    return subprocess.run(["terraform", *args], cwd=root, capture_output=True, text=True, timeout=120)


def test_the_live_state_was_not_touched():
    assert hashlib.sha256((HERE / "terraform.tfstate").read_bytes()).hexdigest() == STATE
    assert sorted(path.name for path in HERE.glob("*.tfstate*")) == ["terraform.tfstate"]


def test_the_next_apply_forgets_it_and_destroys_nothing():
    root = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns(".git", ".terraform"))
    assert terraform("init", "-input=false", root=root).returncode == 0
    done = terraform("plan", "-input=false", "-no-color", "-out=p.tfplan", root=root)
    assert done.returncode == 0, done.stderr
    plan = json.loads(terraform("show", "-json", "p.tfplan", root=root).stdout)
    actions = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
    assert actions == {"terraform_data.warehouse": ["no-op"], "terraform_data.reports": ["forget"]}


def test_the_hand_over_is_written_down():
    assert any(
        "reports" in path.read_text() and "plan" in path.read_text()
        for path in HERE.rglob("*.md")
        if ".agency" not in path.parts and path.name not in ("README.md", "CONTRIBUTING.md")
    )
