"""What a call changed is told by the tree: a path that is only named was not changed, and one that no table knows was."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agency_runtime.changes import Snapshot, snapshot
from agency_runtime.repository import Repository
from agency_runtime.tree_watch import TreeWatch
from agency_runtime.wire import Call
from agency_tools.tool import Output


def shell(folder: Path, command: str) -> Output:
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    return Output(content=done.stdout + done.stderr, failed=done.returncode != 0, exit_code=done.returncode)


class Run:
    """Calls one after the other over one tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = snapshot(Repository(folder))
        self.watch = TreeWatch(Repository(folder), self._baseline())

    async def _baseline(self) -> Snapshot:
        return self.tree

    async def __call__(self, command: str, kind: str = "local", **given: Any) -> tuple[str, ...] | None:
        async def act() -> Output:
            return shell(self.folder, command)

        call = Call(id="t1", name="Bash", input={"command": command, **given})
        return (await self.watch.around(call, kind, act)).altered


@pytest.fixture
def tree(repository: Path) -> Path:
    for name, text in {"app.py": "x = 1\n", "k8s/app.yaml": "kind: Pod\n", ".gitignore": "dist/\n*.log\n"}.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    (repository / "tool.sh").write_text("true\n")
    (repository / "tool.sh").chmod(0o755)
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    return repository


NAMED_ONLY = [
    "cp -r k8s /tmp/copy.$$ && cd /tmp/copy.$$ && sed -i s/Pod/Job/ app.yaml; rm -rf /tmp/copy.$$",
    "python3 - <<'P'\ntext = open('app.py').read()\nopen('/dev/null', 'w').write(text)\nP",
    "install -m 644 app.py /tmp/x.$$ && rm /tmp/x.$$",
    "touch app.py",
    "git checkout -q -- app.py",
    "mkdir -p dist && cp app.py dist/ && echo x > run.log",
    "sed -i s/1/2/ app.py && sed -i s/2/1/ app.py",
    "mkdir -p empty",
    "chmod +x app.py",
    "false",
]


@pytest.mark.parametrize("command", NAMED_ONLY)
async def test_what_is_only_named_was_not_changed(tree: Path, command: str) -> None:
    assert await Run(tree)(command) == ()


CHANGED = [
    ("sh -c 'printf y > app.py'", ("app.py",)),
    ("python3 -c \"import pathlib; pathlib.Path('new').mkdir(); pathlib.Path('new/a').touch()\"", ("new/a",)),
    ("mv app.py main.py", ("app.py", "main.py")),
    ("git rm -q --cached app.py; rm app.py; false", ("app.py",)),
    ("chmod -x tool.sh", ("tool.sh",)),
    ("ln -sf app.py link", ("link",)),
    ("printf 'x = 2\\n' > app.py; touch -d @0 app.py", ("app.py",)),
    ("rm -r k8s", ("k8s/app.yaml",)),
]


@pytest.mark.parametrize(("command", "paths"), CHANGED)
async def test_what_was_changed_by_whatever_road_is_told(tree: Path, command: str, paths: tuple[str, ...]) -> None:
    assert await Run(tree)(command) == paths


async def test_each_change_counts_for_the_call_that_made_it(tree: Path) -> None:
    run = Run(tree)
    assert await run("echo a >> app.py") == ("app.py",)
    assert await run("true") == ()
    assert await run("echo b >> app.py; echo c > new.txt") == ("app.py", "new.txt")
    assert await run("printf 'x = 1\\n' > app.py; rm new.txt") == ("app.py", "new.txt")


async def test_two_writes_of_one_size_in_a_row_are_both_seen(tree: Path) -> None:
    run = Run(tree)
    for digit in "23456789":
        assert await run(f"printf 'x = {digit}\\n' > app.py") == ("app.py",)


async def test_a_call_that_only_reads_is_not_looked_at_until_something_runs_in_the_background(tree: Path) -> None:
    run = Run(tree)
    assert await run("echo a >> app.py", kind="read") == ()
    assert await run("true", run_in_background=True) == ()
    assert await run("echo b >> app.py", kind="read") == ("app.py",)


async def test_what_changed_between_two_calls_counts_for_the_later_one(tree: Path) -> None:
    run = Run(tree)
    assert await run("true") == ()
    (tree / "app.py").write_text("x = 9\n")
    assert await run("true") == ("app.py",)


async def test_calls_side_by_side_tell_each_change_once(tree: Path) -> None:
    run = Run(tree)
    found = await asyncio.gather(*(run(f"echo a > n{number}") for number in range(4)))
    assert sorted(path for paths in found for path in paths or ()) == ["n0", "n1", "n2", "n3"]


async def test_where_the_tree_cannot_be_read_nothing_is_said(tree: Path) -> None:
    run = Run(tree)
    assert await run("mv .git .gone") is None
    assert await run("mv .gone .git; echo a > app.py") is None


async def test_the_runtimes_own_files_are_left_aside(tree: Path) -> None:
    assert (
        await Run(tree)("mkdir -p .agency/sessions .agency/handoff; touch .agency/sessions/a .agency/handoff/b") == ()
    )


async def test_a_name_that_is_no_utf8_is_told_as_its_bytes(tree: Path) -> None:
    assert await Run(tree)("touch $'odd\\xff'") == (os.fsdecode(b"odd\xff"),)
