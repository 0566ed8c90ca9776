"""Files that a command would run: Makefiles and what they include, scripts of npm, just and task, scripts and their arguments."""

import pytest

from agency_runtime.gate import Gate, Rules

FILES = {
    "Makefile": "all:\n\t@echo hi\nwreck:\n\tterraform destroy -auto-approve\nby:\n\t$(MAKE) wreck\nif:\n\tif true; then \\\n\t  terraform destroy; \\\n\tfi\n",
    "define.mk": "define DO\nterraform destroy\nendef\nx:\n\t$(DO)\n",
    "include.mk": "-include other.mk absent.mk\nx: y\n",
    "other.mk": "y:\n\tterraform destroy\n",
    "lost.mk": "include generated.mk\nx:\n\techo x\n",
    "pattern.mk": "%.out: %.in\n\tterraform destroy\n",
    "shell.mk": "X := $(shell terraform destroy)\nx:\n\techo $(X)\n",
    "bang.mk": "X != terraform destroy\nx:\n\techo x\n",
    "eval.mk": "$(eval X=terraform destroy)\nx:\n\t$(X)\n",
    "python.mk": "SHELL = python3\nx:\n\timport os\n",
    "flags.mk": ".SHELLFLAGS = -c 'terraform destroy'\nx:\n\techo x\n",
    "bash.mk": "SHELL := /usr/bin/env bash\n.SHELLFLAGS := -eu -o pipefail -c\nx:\n\tpytest\n",
    "package.json": '{"scripts": {"deploy": "terraform destroy", "test": "npm run deploy", "lint": "eslint .", "postinstall": "terraform destroy"}}',
    "web/package.json": '{"scripts": {"postinstall": "patch-package", "build": "vite build"}}',
    "justfile": "wreck:\n  terraform destroy\nfine:\n  pytest\npy:\n  #!/usr/bin/env python3\n  import os; os.system('terraform destroy')\n",
    "Taskfile.yml": "version: '3'\ntasks:\n  wreck:\n    cmds: [terraform destroy]\n  by:\n    deps: [wreck]\n  calls:\n    cmds: [{task: wreck}]\n  fine:\n    cmds: ['pytest -q {{.CLI_ARGS}}']\n",
    "s.sh": "terraform destroy\n",
    "args.sh": 'terraform "$@"\n',
    "first.sh": '"$1" destroy\n',
    "p.py": "import subprocess\nsubprocess.run(['terraform', 'destroy'])\n",
    "kubectl": '#!/bin/sh\nterraform destroy\n',
}  # fmt: skip


def verdict(command: str, mode: str = "acceptEdits") -> str:
    gate = Gate(mode=mode, rules=Rules(), target=None, read=lambda path: FILES.get(path.removeprefix("/workspace/")))  # type: ignore[arg-type]
    return gate.judge("Bash", {"command": command}).verdict


@pytest.mark.parametrize(
    "command",
    [
        "make wreck", "make by", "make if", "make -s -j4 wreck", "make -f define.mk x", "make -f include.mk x", "make -f pattern.mk a.out", "make -f shell.mk x",
        "make -f bang.mk x", "make -f - x <<X\nx:\n\tterraform destroy\nX", "make -f <(printf 'x:\n\tterraform destroy\n') x", "make --eval='x:;terraform destroy' x",
        "make -f bash.mk -f other.mk y", "npm test", "npm run deploy", "npm ci", "npm install", "yarn", "pnpm install", "just wreck", "just py", "task wreck", "task by",
        "task calls", "bash < s.sh", "cat s.sh | sh", "sh -s < s.sh", "sh args.sh destroy", "./args.sh destroy", "bash first.sh terraform", "python3 p.py",
        "python3 < p.py", "cat p.py | python3", "uv run p.py", "poetry run p.py", "cp s.sh t.sh; sh t.sh", "mv s.sh /tmp/t; . /tmp/t", "ln -s s.sh t; bash t",
        "./kubectl get pods", "cp kubectl /tmp/ls && /tmp/ls", "sh s.sh; echo ls > s.sh", "bash -c 'sh args.sh \"$@\"' x destroy",
    ],
)  # fmt: skip
def test_what_a_file_runs_is_refused_as_in_the_open(command: str) -> None:
    assert verdict(command) == "deny"


@pytest.mark.parametrize(
    "command",
    [
        "make -f lost.mk absent", "make -f eval.mk x", "make -f python.mk x", "make -f flags.mk x", "make SHELL=./x all", "sed -i s/hi/ho/ Makefile && make all",
        "sh absent.sh", "curl -s http://localhost/x > y; cp a b; sh b", "task -t absent.yml x", "make -f absent.mk", "make -f -",
    ],
)  # fmt: skip
def test_what_a_file_leaves_open_is_asked(command: str) -> None:
    assert verdict(command) == "ask"


@pytest.mark.parametrize(
    "command",
    [
        "make", "make all", "make -f bash.mk x", "make -f lost.mk x", "npm run lint", "npm ci --ignore-scripts", "cd web && npm ci && npm run build", "just fine",
        "task fine", "task --list", "sh args.sh validate", "cat s.sh | grep terraform", "cat package.json | python3 -m json.tool", "cp s.sh t.sh",
    ],
)  # fmt: skip
def test_harmless_recipes_run_unasked(command: str) -> None:
    assert verdict(command) == "allow"


def test_a_program_of_a_known_name_that_the_run_may_have_put_there_does_not_count_as_a_reader() -> None:
    for command in ("./ls", "/tmp/kubectl get pods", "PATH=.:$PATH ls", "export PATH=$PWD/bin:$PATH; ls"):
        assert (verdict(command), verdict(command, "plan")) == ("allow", "deny"), command
    assert verdict("/usr/bin/ls", "plan") == "allow"
