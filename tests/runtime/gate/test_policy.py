"""The policy file, its self-tests, and the two subcommands on it."""

import argparse
import json
from pathlib import Path

import pytest

from agency_runtime.commands import policy as command
from agency_runtime.gate import Target
from agency_runtime.policy import build_gate, check_policy, failures, read_policy
from agency_tools.errors import UsageError

GOOD = """
allow: ["Bash(cargo build *)"]
ask: [Bash(npm publish *)]
deny: ["Read(.env)"]
targets:
  staging: {kube_context: stg, namespaces: [web], terraform_workspace: staging, aws_profile: stg}
  production: {kube_context: prod, protected: true}
tests:
  - {command: cargo build --release, mode: default, verdict: allow}
  - {command: kubectl --context prod get pods, target: staging, verdict: deny}
  - {tool: Kubernetes, input: {action: apply}, target: staging, verdict: ask}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / ".agency" / "policy.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    (tmp_path / ".git").mkdir(exist_ok=True)
    return command.run(parser.parse_args(["policy", *words, "--repo", str(tmp_path)]))


def test_a_policy_is_read_whole(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, GOOD))
    assert policy.targets["staging"] == Target(
        name="staging", kube_context="stg", namespaces=("web",), terraform_workspace="staging", aws_profile="stg"
    )
    assert policy.target("production") == Target(name="production", kube_context="prod", protected=True)
    assert policy.target(None) is None
    assert failures(policy) == []
    check_policy(policy)


def test_an_absent_policy_says_nothing(tmp_path: Path) -> None:
    policy = read_policy(tmp_path / "none.yaml")
    assert (policy.path, policy.targets, policy.tests) == (None, {}, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alow: []", "did you mean 'allow'"),
        ("targets: {x: {kube_contxt: y}}", "did you mean 'kube_context'"),
        ("allow: [Bsh(x)]", "did you mean Bash"),
        ("tests: [{verdict: allow}]", "give either command"),
        ("tests: [{command: ls, verdict: perhaps}]", "tests.0.verdict"),
        ("- x", "not a mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_policy_is_refused_with_file_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        read_policy(path)
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_failing_self_test_stops_the_start(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, "tests: [{command: ls, verdict: deny}]"))
    with pytest.raises(UsageError, match="'ls' must be deny but is allow"):
        check_policy(policy)


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it names staging, production"):
        build_gate(read_policy(written(tmp_path, GOOD)), mode="acceptEdits", target="prod")


def test_a_deny_from_anywhere_wins(tmp_path: Path) -> None:
    gate = build_gate(
        read_policy(written(tmp_path, GOOD)), mode="default", deny=["Bash(cargo *)"], allow=["Read(.env)"]
    )
    assert gate.judge("Bash", {"command": "cargo build"}).verdict == "deny"
    assert gate.judge("Read", {"file_path": "/workspace/.env"}).verdict == "deny"


def test_check_answers_2_for_a_policy_that_fails_its_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, GOOD)
    assert run(tmp_path, "check") == 0
    assert "3 of 3 tests passed" in capsys.readouterr().out
    written(tmp_path, "tests: [{command: ls, verdict: deny}]")
    assert run(tmp_path, "check", "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["failed"][0]["call"]) == (False, "ls")


def test_explain_prints_segments_rule_and_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, GOOD)
    assert run(tmp_path, "explain", "ls && terraform destroy", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["class"]) == ("deny", "destroy")
    assert [(part["command"], part["class"], part["verdict"]) for part in told["segments"]] == [
        ("ls", "read", "allow"),
        ("terraform destroy", "destroy", "deny"),
    ]
    assert run(tmp_path, "explain", "ls") == 0
    assert capsys.readouterr().out.startswith("allow  class read")


def test_explain_judges_a_tool_call_under_a_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, GOOD)
    run(
        tmp_path,
        "explain",
        '{"action": "apply", "path": "k8s"}',
        "--tool",
        "Kubernetes",
        "--target",
        "production",
        "--json",
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["class"], "protected" in told["rule"]) == ("ask", "change", True)
    with pytest.raises(UsageError, match="as JSON"):
        run(tmp_path, "explain", "apply", "--tool", "Kubernetes")
    with pytest.raises(UsageError, match="no permission mode 'loose'"):
        run(tmp_path, "explain", "ls", "--mode", "loose")
    with pytest.raises(UsageError, match="no policy file"):
        run(tmp_path, "explain", "ls", "--policy", str(tmp_path / "none.yaml"))


def test_explain_reads_the_repositorys_recipes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Makefile").write_text("x:\n\tterraform destroy\n", encoding="utf-8")
    run(tmp_path, "explain", "make x", "--json")
    assert json.loads(capsys.readouterr().out)["verdict"] == "deny"
