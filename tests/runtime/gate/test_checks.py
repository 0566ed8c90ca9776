"""In plan mode checks run where the repository is mounted read-only, and nowhere else."""

import pytest

from agency_runtime.gate import Gate, Rules

FILES = {
    "Makefile": "test:\n\tpython3 -m unittest\ndeploy:\n\tkubectl apply -f k8s\nout:\n\techo x > out\n",
    "package.json": '{"scripts": {"test": "jest", "build": "webpack"}}',
    "ask.py": "import sys\nif sys.argv[1:] > []:\n    print(1)\n",
    "make.py": "open('x', 'w')\n",
}
CHECKS = [
    "python3 -m unittest", "python3 -m unittest discover -s tests", "python -m pytest -q", "pytest -q", "pytest -q 2>&1 | tail -5", "npm test",
    "npm test -- --watch=false", "make test", "pip --version", "python3 -m pip --version", "npm --version", "go test ./...", "cargo test", "ruff check .", "black --check .",
    "ruff format --check", "timeout 60 pytest", "uv run pytest", "pytest > /tmp/log 2>&1", "pytest --junitxml=/tmp/j.xml", "cd /workspace && pytest",
    "python3 -c 'print(2 > 1)'", "python3 ask.py", "cat x.json | python3 -m json.tool", "terraform --version", "sh -c 'pytest -q'", "pip list", "node --test",
]  # fmt: skip
WRITES = [
    "pytest > log", "pytest --junitxml=j.xml", "ruff check --fix", "ruff format", "black .", "make deploy", "make out", "npm run build", "pip install x",
    "python3 -c 'open(\"y\",\"w\")'", "python3 make.py", "python3 absent.py", "cat x | python3", "python3 -m venv .venv", "python3 -m json.tool a b", "prettier --write .",
    "eslint --fix .", "jest -u", "pytest && touch x", "echo x >> README.rst", "sed -i s/a/b/ y", "PATH=. pytest", "npm ci", "go build ./...", "sometool", "cargo fmt",
    "gofmt -w .", "python3 -c 'import os; os.system(\"x\")'", "uv run terraform fmt", "poetry run sometool", "pytest() { touch x; }; pytest",
]  # fmt: skip


def verdict(command: str, *, sealed: bool = True) -> str:
    gate = Gate(
        mode="plan",
        rules=Rules(),
        target=None,
        sealed=sealed,
        read=lambda path: FILES.get(path.removeprefix("/workspace/")),
    )
    return gate.judge("Bash", {"command": command}).verdict


@pytest.mark.parametrize("command", CHECKS)
def test_a_check_runs_against_a_tree_that_cannot_be_written(command: str) -> None:
    assert verdict(command) == "allow"


@pytest.mark.parametrize("command", WRITES)
def test_what_writes_or_is_not_known_stays_denied(command: str) -> None:
    assert verdict(command) == "deny"


@pytest.mark.parametrize("command", ["pytest -q", "make test", "npm test", "python3 -m unittest"])
def test_a_check_stays_denied_where_the_tree_can_be_written(command: str) -> None:
    assert verdict(command, sealed=False) == "deny"
