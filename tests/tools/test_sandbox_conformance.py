"""What every kind of sandbox promises. A new starter is done when it passes these."""

import asyncio
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from agency_tools import starters
from agency_tools.errors import WorkspaceError
from agency_tools.sandbox import start
from agency_tools.workspace import Layout, Limits, Workspace

Kind: TypeAlias = str


@pytest.fixture(
    params=[*(pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in starters.BUILT_IN), "unshare"]
)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """Each kind of sandbox in turn, a third one that is known by its one file among them."""
    if request.param == "unshare":
        monkeypatch.setattr(starters, "__path__", [*starters.__path__, str(Path(__file__).with_name("starters"))])
        if not starters.starter_of("unshare").availability("").ready:
            pytest.skip("only root may make namespaces without bubblewrap")
    return str(request.param)


async def sh(workspace: Workspace, command: str, **more: Any) -> tuple[int, str]:
    """Exit code and output of a command inside."""
    done = await workspace.call("exec", command=command, cwd="/workspace", timeout_s=30, **more)
    return int(done["exit_code"]), str(done["output"]).strip()


def alive(mark: str) -> list[bytes]:
    """Command lines of processes on this machine that hold `mark`."""
    return [words for entry in processes() if mark.encode() in (words := read(entry / "cmdline"))]


async def gone(mark: str) -> bool:
    """Whether every such process ends, within half a minute: a loaded machine ends them late."""
    return await comes_to_be(mark, False)


async def comes_to_be(mark: str, state: bool) -> bool:
    """Whether such a process is there, or gone, within half a minute."""
    for _ in range(300):
        if bool(alive(mark)) is state:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_command_runs_in_the_repository(sandbox: Workspace) -> None:
    assert await sh(sandbox, "pwd; cat README.md; exit 3") == (3, "/workspace\nhello")


async def test_what_it_writes_is_in_the_repository_and_belongs_to_its_owner(
    sandbox: Workspace, repository: Path
) -> None:
    assert await sh(sandbox, "mkdir -p a/b && echo x >a/b/c") == (0, "")
    assert (repository / "a/b/c").read_text(encoding="utf-8") == "x\n"
    assert {path.stat().st_uid for path in repository.rglob("*")} == {repository.stat().st_uid}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
async def test_files_belong_to_the_repositorys_owner_even_when_root_starts_it(kind: Kind, repository: Path) -> None:
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 12345, 23456)
    workspace = await start(kind, Layout(repository=str(repository)))
    try:
        assert await sh(workspace, "id -u; id -g; echo x >new; git status --short") == (0, "12345\n23456\n?? new")
        assert await sh(workspace, "grep ^CapEff /proc/self/status | cut -f2; echo $HOME; touch $HOME/x") == (
            0,
            "0000000000000000\n/tmp/home",
        )
    finally:
        await workspace.close()
    status = (repository / "new").stat()
    assert (status.st_uid, status.st_gid) == (12345, 23456)


async def test_git_works_and_its_folder_cannot_be_written(sandbox: Workspace) -> None:
    assert await sh(sandbox, "git log --format=%s") == (0, "first")
    code, output = await sh(sandbox, "echo '#!/bin/sh' >.git/hooks/post-checkout")
    assert code != 0
    assert "Read-only file system" in output


async def test_a_worktree_is_a_repository_inside_too(kind: Kind, repository: Path, tmp_path: Path) -> None:
    worktree = tmp_path / "worktree"
    subprocess.run(["git", "worktree", "add", "-q", str(worktree)], cwd=repository, check=True, capture_output=True)
    workspace = await start(kind, Layout(repository=str(worktree)))
    try:
        assert await sh(workspace, "git log --format=%s; git status --short") == (0, "first")
        assert (await sh(workspace, f"touch {repository}/.git/x"))[0] != 0
        assert (await sh(workspace, f"ls {repository}"))[1] == ""
    finally:
        await workspace.close()


async def test_a_planning_run_can_write_nothing_but_scratch(kind: Kind, repository: Path) -> None:
    workspace = await start(kind, Layout(repository=str(repository), writable=False))
    try:
        assert (await sh(workspace, "touch x"))[0] != 0
        assert await sh(workspace, "touch /tmp/x") == (0, "")
    finally:
        await workspace.close()
    assert sorted(path.name for path in repository.iterdir()) == [".git", "README.md"]


async def test_protected_paths_stay_and_cannot_be_moved_aside(kind: Kind, repository: Path) -> None:
    (repository / ".github" / "workflows").mkdir(parents=True)
    (repository / ".github" / "workflows" / "ci.yml").write_text("on: push\n", encoding="utf-8")
    workspace = await start(kind, Layout(repository=str(repository), protected=[".git", ".github/workflows"]))
    try:
        assert (await sh(workspace, "echo >.github/workflows/ci.yml"))[0] != 0
        assert (await sh(workspace, "mv .github aside"))[0] != 0
        assert (await sh(workspace, "mv .github/workflows aside"))[0] != 0
        assert (await sh(workspace, "rm -rf .github"))[0] != 0
        assert await sh(workspace, "echo x >.github/CODEOWNERS") == (0, "")
    finally:
        await workspace.close()
    assert (repository / ".github/workflows/ci.yml").read_text(encoding="utf-8") == "on: push\n"


async def test_there_is_no_network(sandbox: Workspace) -> None:
    code, output = await sh(sandbox, "cat /proc/net/route | tail -n +2; grep -v lo: /proc/net/dev | tail -n +3")
    assert (code in {0, 1}, output) == (True, "")


async def test_nothing_of_the_hosts_environment_is_inside(
    kind: Kind, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-91c2")
    workspace = await start(kind, Layout(repository=str(repository)))
    try:
        _, output = await sh(workspace, "env; cat /proc/*/environ")
    finally:
        await workspace.close()
    assert "canary-91c2" not in output
    assert "HOME=/tmp/home" in output


async def test_nothing_private_of_the_hosts_home_is_there(sandbox: Workspace) -> None:
    names = [".aws", ".cache", ".config", ".docker", ".gitconfig", ".kube", ".ssh", "work"]
    paths = " ".join(f"{Path.home()}/{name}" for name in names)
    assert (await sh(sandbox, f"ls -d {paths} 2>/dev/null"))[1] == ""
    assert (await sh(sandbox, "ls -A /home"))[1] in {"", "ls: cannot access '/home': No such file or directory"}


@pytest.mark.parametrize("path", ["/", "/usr", "/etc", "/bin", "/proc/sys/kernel", "/opt"])
async def test_the_system_is_read_only(sandbox: Workspace, path: str) -> None:
    assert (await sh(sandbox, f"touch {path}/x"))[0] != 0


async def test_scratch_is_writable_and_runs_what_is_built_there(sandbox: Workspace) -> None:
    command = "printf '#!/bin/sh\\necho ran' >/tmp/x && chmod +x /tmp/x && /tmp/x"
    assert await sh(sandbox, command) == (0, "ran")


async def test_scratch_is_bounded(kind: Kind, repository: Path) -> None:
    workspace = await start(kind, Layout(repository=str(repository), limits=Limits(scratch=8 << 20)))
    try:
        code, output = await sh(workspace, "head -c 20000000 /dev/zero >/tmp/big")
        assert code != 0
        assert "No space left" in output
    finally:
        await workspace.close()


async def test_files_processes_and_memory_are_bounded_and_the_run_goes_on(kind: Kind, repository: Path) -> None:
    limits = Limits(memory=256 << 20, processes=60, open_files=100, file_size=1 << 20)
    workspace = await start(kind, Layout(repository=str(repository), limits=limits))
    try:
        assert (await sh(workspace, "head -c 2000000 /dev/zero >big"))[0] != 0
        assert await sh(workspace, "ulimit -n; ulimit -c") == (0, "100\n0")
        assert (await sh(workspace, "python3 -c 'x = bytearray(600 << 20); print(1)'"))[0] != 0
        many = "for i in $(seq 200); do sleep 2 & done; wait"
        assert "fork" in (await sh(workspace, many))[1]
        assert await sh(workspace, "echo on") == (0, "on")
    finally:
        await workspace.close()
    assert (repository / "big").stat().st_size == 1 << 20


async def test_tool_paths_come_first_and_are_read_only(kind: Kind, repository: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "terraform").write_text("#!/bin/sh\necho fake\n", encoding="utf-8")
    (tools / "terraform").chmod(0o755)
    workspace = await start(kind, Layout(repository=str(repository), tool_paths=[str(tools)]))
    try:
        assert await sh(workspace, "terraform") == (0, "fake")
        assert (await sh(workspace, f"touch {tools}/x"))[0] != 0
        assert (await sh(workspace, f"ls {tmp_path}"))[1] == "tools"
    finally:
        await workspace.close()


async def test_further_paths_are_mounted_read_only(kind: Kind, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "x").write_text("1", encoding="utf-8")
    layout = Layout(repository=str(repository), read_only={str(tmp_path / "given"): "/mnt/given"})
    workspace = await start(kind, layout)
    try:
        assert await sh(workspace, "cat /mnt/given/x") == (0, "1")
        assert (await sh(workspace, "touch /mnt/given/y"))[0] != 0
    finally:
        await workspace.close()


async def test_the_validators_are_on_path(sandbox: Workspace) -> None:
    if sandbox.kind == "bwrap" and not Path(__file__).parents[2].joinpath(".tools").is_dir():
        pytest.skip("the validators are not installed; `make setup`")
    assert (await sh(sandbox, "shellcheck --version && check-jsonschema --version && zizmor --version"))[0] == 0
    assert (await sh(sandbox, "agency-python -c 'import hcl2, promql_parser, kubernetes_validate'"))[0] == 0


async def test_the_tool_host_is_process_1_and_reaps_orphans(sandbox: Workspace) -> None:
    for _ in range(5):
        await sh(sandbox, "(sleep 0.1 &) ; true")
    await asyncio.sleep(0.5)
    _, states = await sh(sandbox, "sleep 0.5; grep -h ^State /proc/[0-9]*/status")
    assert "Z (zombie)" not in states


async def test_closing_kills_everything_and_may_be_repeated(sandbox: Workspace) -> None:
    mark = f"3{time.time_ns() % 10**9}"
    await sh(sandbox, f"setsid sleep {mark} >/dev/null 2>&1 &")
    assert await comes_to_be(mark, True)
    await sandbox.close()
    await sandbox.close()
    assert await gone(mark)
    with pytest.raises(WorkspaceError, match="closed"):
        await sandbox.call("exec", command="true")


async def test_closing_ends_a_call_that_is_under_way(sandbox: Workspace) -> None:
    waiting = asyncio.ensure_future(sh(sandbox, "sleep 30"))
    await asyncio.sleep(0.3)
    await sandbox.close()
    with pytest.raises(WorkspaceError, match="closed"):
        await waiting


async def test_a_sandbox_that_dies_says_how(sandbox: Workspace) -> None:
    mark = f"4{time.time_ns() % 10**9}"
    waiting = asyncio.ensure_future(sh(sandbox, f"sleep {mark}"))
    await asyncio.sleep(0.5)
    assert kill_first_process(mark)
    with pytest.raises(WorkspaceError, match=r"137|removed|the sandbox ended"):
        await waiting
    with pytest.raises(WorkspaceError):
        await sandbox.call("exec", command="true")
    assert await gone(mark)


def kill_first_process(mark: str) -> bool:
    """From the host, kill process 1 of the sandbox in which a process with this mark runs."""
    marked = [entry for entry in processes() if mark.encode() in read(entry / "cmdline")]
    spaces = {space(entry) for entry in marked} - {space(Path("/proc/self"))}
    for entry in processes():
        if space(entry) in spaces and re.search(rb"^NSpid:.*\t1$", read(entry / "status"), re.MULTILINE):
            os.kill(int(entry.name), signal.SIGKILL)
            return True
    return False


def processes() -> list[Path]:
    return list(Path("/proc").glob("[0-9]*"))


def read(path: Path) -> bytes:
    """The content, or nothing if the process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def space(entry: Path) -> str:
    """The process namespace, or nothing if the process has ended."""
    try:
        return str((entry / "ns/pid").readlink())
    except OSError:
        return ""


async def test_two_sandboxes_side_by_side_do_not_see_each_other(kind: Kind, repository: Path, tmp_path: Path) -> None:
    other = shutil.copytree(repository, tmp_path / "other")
    first, second = await asyncio.gather(
        start(kind, Layout(repository=str(repository))), start(kind, Layout(repository=str(other)))
    )
    try:
        await sh(first, "echo 1 >/tmp/mine; echo 1 >mine; sleep 42 >/dev/null 2>&1 &")
        assert (await sh(second, "cat /tmp/mine mine 2>/dev/null; grep -x sleep /proc/[0-9]*/comm"))[1] == ""
    finally:
        await asyncio.gather(first.close(), second.close())


async def test_a_start_that_is_cancelled_leaves_nothing(kind: Kind, repository: Path) -> None:
    for delay in (0.0, 0.01, 0.05, 0.1):
        starting = asyncio.ensure_future(start(kind, Layout(repository=str(repository))))
        await asyncio.sleep(delay)
        starting.cancel()
        try:
            workspace = await starting
        except asyncio.CancelledError:
            continue
        await workspace.close()
    assert await gone(str(repository))


async def test_a_missing_repository_starts_nothing(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="does not exist"):
        await start(kind, Layout(repository=str(tmp_path / "absent")))


@pytest.mark.docker
async def test_a_missing_image_is_named_with_the_way_to_get_it(repository: Path) -> None:
    layout = dataclasses.replace(Layout(repository=str(repository)), image="agency-workspace:absent")
    with pytest.raises(WorkspaceError, match="agency image build"):
        await start("docker", layout)


async def test_without_any_sandbox_nothing_starts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match="apt-get install bubblewrap"):
        await start("auto", Layout(repository=str(repository)))


@pytest.mark.bwrap
async def test_auto_is_bubblewrap_where_no_engine_answers(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    workspace = await start("auto", Layout(repository=str(repository)))
    await workspace.close()
    assert workspace.kind == "bwrap"


@pytest.mark.docker
async def test_auto_is_docker_where_its_engine_has_the_image(repository: Path) -> None:
    workspace = await start("auto", Layout(repository=str(repository)))
    await workspace.close()
    assert workspace.kind == "docker"
