"""Every way past a gate that users of other agents have suffered from, each by name."""

from collections.abc import Mapping

import pytest

from agency_runtime.gate import Gate, Mode, Rules, Target, check_mode
from agency_tools.errors import UsageError

STAGING = Target(
    name="staging", kube_context="staging", namespaces=("web",), terraform_workspace="staging", aws_profile="staging"
)
PRODUCTION = Target(name="production", kube_context="production", protected=True)


def verdict(
    command: str, mode: Mode = "acceptEdits", *, target: Target | None = None, files: Mapping[str, str] | None = None,
    deny: tuple[str, ...] = (),
) -> str:  # fmt: skip
    read = (files or {}).get
    gate = Gate(
        mode=mode, rules=Rules.parse(deny=deny), target=target, read=lambda path: read(path.removeprefix("/workspace/"))
    )
    return gate.judge("Bash", {"command": command}).verdict


@pytest.mark.parametrize("mode", ["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"])
def test_1_an_unreviewed_apply_is_refused_in_every_mode(mode: Mode) -> None:
    assert verdict("terraform apply -auto-approve", mode) == "deny"
    assert verdict("cd infra && terraform apply -auto-approve -target=x", mode) == "deny"
    assert verdict("terraform destroy", mode) == "deny"


def test_2_and_5_another_target_is_refused() -> None:
    for command in (
        "kubectl --context prod get pods", "kubectl get pods --context=prod", "kubectl --kubeconfig /x get pods", "kubectl -n other get pods",
        "KUBECONFIG=/x kubectl get pods", "export KUBECONFIG=/x; kubectl get pods", "env KUBECONFIG=/x kubectl get pods",
        "kubectl config use-context prod", "kubectl -s https://x get pods", "helm --kube-context prod list", "HELM_KUBECONTEXT=prod helm list",
        "terraform workspace select prod", "TF_WORKSPACE=prod terraform plan", "AWS_PROFILE=prod aws s3 ls", "aws --profile prod s3 ls",
        "sh -c 'kubectl --context prod get pods'", "X=prod; kubectl --context $X get pods", "kubectl --context $X get pods",
        "DOCKER_HOST=tcp://x docker ps", "az account set --subscription x", "gcloud config set project x", "aws --endpoint-url http://x s3 ls",
    ):  # fmt: skip
        assert verdict(command, "bypassPermissions", target=STAGING) == "deny", command
    for command in (
        "kubectl get pods", "kubectl --context staging -n web get pods", "terraform workspace show", "TF_WORKSPACE=staging terraform plan",
        "aws --profile staging s3 ls",
    ):  # fmt: skip
        assert verdict(command, target=STAGING) == "allow", command


def test_2_a_protected_target_asks_for_every_change_whatever_rules_and_mode_say() -> None:
    gate = Gate(mode="bypassPermissions", rules=Rules.parse(allow=["Bash", "Kubernetes"]), target=PRODUCTION)
    assert gate.judge("Bash", {"command": "kubectl apply -f x"}).verdict == "ask"
    assert gate.judge("Kubernetes", {"action": "apply", "path": "x"}).verdict == "ask"
    assert gate.judge("Kubernetes", {"action": "get", "resource": "pods"}).verdict == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "ls && git push",
        "ls | git push",
        "echo $(git push)",
        "echo `git push`",
        "ls\ngit push",
        "ls & git push",
        "ls |& git push",
        "cat <(git push)",
    ],
)
def test_3_a_denied_part_denies_the_whole(command: str) -> None:
    assert verdict(command, deny=("Bash(git push *)",)) == "deny"


def test_4_a_dry_run_is_read_by_its_value() -> None:
    assert verdict("kubectl delete ns x --dry-run=none") == "ask"
    assert verdict("kubectl delete ns x --dry-run=client --dry-run=none") == "ask"
    assert verdict("kubectl delete ns x -- --dry-run=client") == "ask"
    assert verdict("kubectl delete ns x --dry-run=client $EXTRA") == "ask"
    assert verdict("kubectl delete ns x --dry-run=client") == "allow"


def test_8_the_daily_work_runs_unasked() -> None:
    files = {
        "Makefile": "test:\n\tpytest -q\nfmt:\n\tterraform fmt\n",
        "package.json": '{"scripts": {"test": "jest"}}',
        "run.sh": "set -eu\npytest\n",
    }
    for command in (
        "terraform fmt -recursive && terraform init -backend=false && terraform validate", "terraform plan -out=tfplan", "make test", "npm test",
        "npm ci && npm test -- --watch=false", "bash run.sh", "./run.sh", "kubectl get pods -A", "kubectl diff -f k8s", "helm template chart | head",
        "kubectl kustomize overlays/dev", "git status && git diff", "mkdir -p ci && touch ci/x", "docker compose config -q", "checkov -d .", "pytest -q 2>&1 | tail",
        "cat > .github/workflows/ci.yml <<'EOF'\non: push\nEOF", "for f in *.sh; do shellcheck $f; done", "go test ./...", "uv run ruff check .",
    ):  # fmt: skip
        assert verdict(command, files=files) == "allow", command


def test_10_a_read_rule_is_not_evaded_through_the_shell() -> None:
    for command in ("cat .env", "python3 -c \"open('.env')\"", "sh -c 'cat .env'", "cp .env y", "cat .e*"):
        assert verdict(command, deny=("Read(.env)",)) == "deny"


def test_12_the_engines_socket_is_out_of_reach() -> None:
    assert verdict("curl --unix-socket /var/run/docker.sock http://x/", "bypassPermissions") == "deny"
    assert verdict("docker run -v /var/run/docker.sock:/s alpine", "bypassPermissions") == "deny"
    assert verdict("python3 -c \"s.connect('/var/run/docker.sock')\"", "bypassPermissions") == "deny"


def test_21_a_fault_of_the_gate_is_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("agency_runtime.gate.judge.read_script", broken)
    decision = Gate(mode="bypassPermissions", rules=Rules(), target=None).judge("Bash", {"command": "ls"})
    assert (decision.verdict, decision.kind) == ("deny", "unknown")
    assert "boom" in decision.why


@pytest.mark.parametrize(
    "command",
    [
        "echo x > y",
        "touch y",
        "sed -i s/a/b/ y",
        'python3 -c \'open("y","w")\'',
        "tee y",
        "git commit -m x",
        "terraform init",
        "cp a b",
        "sh -c 'touch y'",
        "find . -delete",
    ],
)
def test_23_plan_mode_writes_by_no_road(command: str) -> None:
    assert verdict(command, "plan") == "deny"


def test_25_history_and_cleanup_verbs_ask() -> None:
    for command in (
        "git reset --hard",
        "git clean -fdx",
        "git push --force",
        "git checkout -- .",
        "git stash drop",
        "rm -rf .",
        "rm -rf .git",
    ):
        assert verdict(command) == "ask", command


def test_recipes_are_judged_by_what_they_run() -> None:
    makefile = "TF ?= terraform\nall: build wreck\nbuild:\n\techo hi\nwreck:\n\t@$(TF) destroy -auto-approve\n"
    files = {
        "Makefile": makefile, "package.json": '{"scripts": {"pretest": "terraform destroy", "test": "jest", "x": "kubectl delete ns y"}}',
        "justfile": "default: wreck\nwreck:\n    terraform destroy\nfine:\n    pytest\n", "s.sh": "#!/bin/sh\nterraform destroy\n", "d/s.sh": ". ./s.sh\n",
        "w.py": "#!/usr/bin/env python3\nimport os; os.system('terraform destroy')\n", "loop/Makefile": "x:\n\tmake -C loop x\n",
    }  # fmt: skip
    for command in (
        "make", "make all", "make wreck", "make -C . wreck", "make absent", "make build TF=x wreck", "npm test", "npm run test", "npm t", "yarn test",
        "just", "just wreck", "sh s.sh", "bash -e s.sh", "source s.sh", ". ./s.sh", "./s.sh", "python3 w.py", "./w.py", "timeout 5 make wreck", "sudo make wreck",
    ):  # fmt: skip
        expected = "allow" if "TF=x" in command else "deny"
        got = verdict(command, files=files)
        assert got == expected or (expected == "allow" and got in ("allow", "ask")), command
    assert verdict("npm run x", files=files) == "ask"
    assert verdict("make build", files=files) == "allow"
    assert verdict("just fine", files=files) == "allow"
    assert verdict("make x -C loop", files=files) == "ask"


def test_a_shell_that_only_parses_is_not_judged_by_the_script() -> None:
    files = {"s.sh": "docker run --privileged x\n"}
    for command in (
        "bash -n s.sh",
        "sh -n s.sh",
        "bash -en s.sh",
        "bash --version",
        "find . -name '*.sh' -exec bash -n {} +",
    ):
        assert verdict(command, "plan", files=files) == "allow", command
    for command in (
        "bash s.sh", "bash -n -i s.sh", "bash -ni s.sh", "bash -n +n s.sh", "bash +n s.sh", "bash s.sh -n", "bash -c 'terraform destroy' -n",
        "bash -n", "bash -n s.sh; bash s.sh",
    ):  # fmt: skip
        assert verdict(command, "plan", files=files) == "deny", command


def test_bypass_is_refused_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(UsageError, match="refused as root"):
        check_mode("bypassPermissions")
    check_mode("acceptEdits")


def test_characters_that_take_the_parser_down_do_not_reach_it() -> None:
    for text in ("\U0010ffff" * 50 + "{<`$(", "${\uffff", "<<\U0001f600\n\U0001f600", "$\u3042[\u3042]=\u3042"):
        assert verdict(text) in ("allow", "ask", "deny")
    assert verdict('echo "日本語 😀"') == "allow"
