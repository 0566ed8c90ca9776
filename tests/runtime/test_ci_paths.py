"""Which files of CI ask: what holds its secrets or says who approves, and with `ci: all` the workflows too."""

from pathlib import Path

import pytest

from agency_runtime.gatehouse import _admit  # pyright: ignore[reportPrivateUsage]
from agency_runtime.policy import build_gate, read_policy
from agency_tools.errors import UsageError

SECRETS = (".github/CODEOWNERS", "CODEOWNERS", "app/.npmrc", ".secrets", ".github/settings.yml", ".sops.yaml")
WORKFLOWS = (".github/workflows/ci.yml", ".gitlab-ci.yml", "Jenkinsfile", ".github/actions/a/action.yml")
PLAIN = ("Dockerfile", ".github/dependabot.yml", "docs/workflows.md", "k8s/secret.yaml")


def verdicts(tmp_path: Path, policy: str, path: str) -> tuple[str, str]:
    """What a Write, and a redirect of the shell, to the path get where edits are accepted."""
    file = tmp_path / "policy.yaml"
    file.write_text(policy, encoding="utf-8")
    gate = build_gate(read_policy(file), mode="acceptEdits")
    written = gate.judge("Write", {"file_path": f"/workspace/{path}", "content": ""})
    return written.verdict, gate.judge("Bash", {"command": f"echo x > {path}"}).verdict


@pytest.mark.parametrize("path", SECRETS)
def test_what_guards_ci_asks_unless_it_is_freed(tmp_path: Path, path: str) -> None:
    assert verdicts(tmp_path, "", path) == ("ask", "ask")
    assert verdicts(tmp_path, "ci: secrets", path) == ("ask", "ask")
    assert verdicts(tmp_path, "ci: all", path) == ("ask", "ask")
    assert verdicts(tmp_path, "ci: free", path) == ("allow", "allow")


@pytest.mark.parametrize("path", WORKFLOWS)
def test_workflows_ask_where_the_policy_says_all(tmp_path: Path, path: str) -> None:
    assert verdicts(tmp_path, "", path) == ("allow", "allow")
    assert verdicts(tmp_path, "ci: all", path) == ("ask", "ask")


@pytest.mark.parametrize("path", PLAIN)
def test_other_files_ask_in_no_case(tmp_path: Path, path: str) -> None:
    assert verdicts(tmp_path, "ci: all", path) == ("allow", "allow")


def test_a_switch_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ci: "):
        verdicts(tmp_path, "ci: sometimes", "x")


def test_a_repository_frees_its_ci_only_once_it_is_trusted(tmp_path: Path, own_state: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("ci: free\n", encoding="utf-8")
    with pytest.raises(UsageError, match="permits more and is not trusted"):
        _admit(read_policy(file), trust_all=False)
    file.write_text("ci: all\n", encoding="utf-8")
    _admit(read_policy(file), trust_all=False)
    assert read_policy(file).ci == "all"
