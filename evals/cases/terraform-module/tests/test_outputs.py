"""What terraform itself says of the configuration, against the state as it is."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()


def terraform(*args, root):
    return subprocess.run(["terraform", *args], cwd=root, capture_output=True, text=True, timeout=120)


def copy():
    root = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns(".git", ".terraform"))
    done = terraform("init", "-input=false", "-no-color", root=root)
    assert done.returncode == 0, done.stderr
    return root


def planned(root):
    done = terraform("plan", "-input=false", "-no-color", "-out=p.tfplan", root=root)
    assert done.returncode == 0, done.stderr
    return json.loads(terraform("show", "-json", "p.tfplan", root=root).stdout)


def test_nothing_changes():
    plan = planned(copy())
    actions = {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}
    assert len(actions) == 3 and all(each == ["no-op"] for each in actions.values()), actions


def test_one_module_call_makes_all_three():
    plan = planned(copy())
    calls = plan["configuration"]["root_module"]["module_calls"]
    (call,) = calls.values()
    assert "for_each_expression" in call
    assert not [
        each for each in plan["configuration"]["root_module"].get("resources", []) if each["type"] == "terraform_data"
    ]


def test_the_ids_are_an_output_by_name():
    plan = planned(copy())
    state = json.loads((HERE / "terraform.tfstate").read_text())
    ids = {each["name"]: each["instances"][0]["attributes"]["id"] for each in state["resources"]}
    assert plan["planned_values"]["outputs"]["queue_ids"]["value"] == ids


def test_the_state_was_not_touched():
    state = json.loads((HERE / "terraform.tfstate").read_text())
    assert state["serial"] == SERIAL and {each["name"] for each in state["resources"]} == {
        "orders",
        "invoices",
        "mails",
    }


SERIAL = 4


def used(**values):
    """A plan of the module alone with these inputs."""
    root = Path(tempfile.mkdtemp())
    shutil.copytree(HERE / "modules", root / "modules")
    inputs = "\n".join(f"  {name} = {json.dumps(value)}" for name, value in values.items())
    (root / "main.tf").write_text(
        f'module "q" {{\n  source = "./modules/queue"\n{inputs}\n}}\noutput "id" {{\n  value = module.q.id\n}}\n'
    )
    assert terraform("init", "-input=false", root=root).returncode == 0
    return terraform("plan", "-input=false", "-no-color", root=root)


GOOD = {"name": "returns", "retention_days": 5, "owner": "team-orders"}


def test_good_inputs_are_taken_and_bad_ones_refused():
    done = used(**GOOD)
    assert done.returncode == 0, done.stderr
    for wrong in (
        {"name": "Returns"},
        {"name": "ab"},
        {"name": "a" * 21},
        {"retention_days": 0},
        {"retention_days": 15},
    ):
        done = used(**{**GOOD, **wrong})
        assert done.returncode != 0 and "Invalid value" in done.stderr, wrong


def test_inputs_are_typed_and_described():
    plan = planned(copy())
    (call,) = plan["configuration"]["root_module"]["module_calls"].values()
    variables = call["module"]["variables"]
    assert set(variables) == {"name", "retention_days", "dead_letter", "owner"}
    assert all(each.get("description") for each in variables.values()) and variables["dead_letter"]["default"] is True


def test_terraform_test_passes_and_tests_refusals():
    root = copy()
    # "of the module": in the module's own folder, or in the root's with the module as what a run tests
    homes = [home for home in (root / "modules/queue", root) if (home / "tests/queue.tftest.hcl").is_file()]
    assert homes, "no tests/queue.tftest.hcl, neither of the module nor of the root"
    assert terraform("init", "-input=false", "-no-color", root=homes[0]).returncode == 0
    done = terraform("test", "-no-color", root=homes[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d* passed", done.stdout), done.stdout
    assert "expect_failures" in (homes[0] / "tests/queue.tftest.hcl").read_text()


def test_it_is_formatted():
    assert terraform("fmt", "-check", "-recursive", root=HERE).returncode == 0
