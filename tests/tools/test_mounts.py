"""What of the host appears inside a sandbox, and what is refused."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from agency_tools.errors import WorkspaceError
from agency_tools.mounts import Mount, mounts, owner
from agency_tools.workspace import Layout


def git(folder: Path, *words: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)


def test_the_repository_is_writable_and_its_git_folder_is_not(repository: Path) -> None:
    assert mounts(Layout(repository=str(repository))) == (
        Mount(source=str(repository), target="/workspace", writable=True),
        Mount(source=f"{repository}/.git", target="/workspace/.git"),
    )


def test_a_run_that_only_plans_gets_the_repository_read_only(repository: Path) -> None:
    found = mounts(Layout(repository=str(repository), writable=False, protected=[".git", "README.md"]))
    assert [mount.writable for mount in found] == [False, False]


def test_a_folder_without_git_is_mounted_by_itself(tmp_path: Path) -> None:
    assert mounts(Layout(repository=str(tmp_path))) == (
        Mount(source=str(tmp_path), target="/workspace", writable=True),
    )


def test_folders_above_a_protected_path_are_pinned_so_that_they_cannot_be_moved_aside(tmp_path: Path) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    assert mounts(Layout(repository=str(tmp_path), protected=[".git", ".github/workflows", "absent"]))[1:] == (
        Mount(source=f"{tmp_path}/.github", target="/workspace/.github", writable=True),
        Mount(source=f"{tmp_path}/.github/workflows", target="/workspace/.github/workflows"),
    )


def test_a_path_below_a_protected_one_does_not_open_it_again(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert mounts(Layout(repository=str(tmp_path), protected=["a", "a/b"]))[1:] == (
        Mount(source=f"{tmp_path}/a", target="/workspace/a"),
    )


def test_a_protected_link_that_leaves_the_repository_mounts_nothing(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to("/etc")
    assert len(mounts(Layout(repository=str(inside), protected=["link"]))) == 1


def test_a_worktree_brings_the_git_folder_it_belongs_to_at_its_own_path(repository: Path, tmp_path: Path) -> None:
    worktree = tmp_path / "worktree"
    git(repository, "worktree", "add", "-q", str(worktree))
    assert mounts(Layout(repository=str(worktree)))[1:] == (
        Mount(source=f"{worktree}/.git", target="/workspace/.git"),
        Mount(source=f"{repository}/.git", target=f"{repository}/.git"),
    )


def test_a_submodule_finds_its_git_folder_where_its_relative_path_leads(repository: Path, tmp_path: Path) -> None:
    module = tmp_path / "module"
    module.mkdir()
    git(tmp_path, "init", "-q", "--separate-git-dir", str(tmp_path / "kept"), str(module))
    (module / ".git").write_text("gitdir: ../kept\n", encoding="utf-8")
    assert mounts(Layout(repository=str(module)))[2] == Mount(source=f"{tmp_path}/kept", target="/kept")


def test_a_git_file_that_names_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /etc\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="not a git folder"):
        mounts(Layout(repository=str(tmp_path)))


def test_a_linked_git_folder_is_refused_when_the_repository_is_writable(repository: Path, tmp_path: Path) -> None:
    (repository / ".git").rename(tmp_path / "real")
    (repository / ".git").symlink_to(tmp_path / "real")
    with pytest.raises(WorkspaceError, match="separate-git-dir"):
        mounts(Layout(repository=str(repository)))


@pytest.mark.parametrize("path", ["/", "/run", "/var/run"])
def test_a_path_that_holds_an_engines_socket_is_refused(path: str, tmp_path: Path) -> None:
    if not (os.path.lexists("/run/docker.sock") or os.path.lexists("/run/dbus") or os.path.lexists("/run/systemd")):
        pytest.skip("nothing here listens below /run")
    with pytest.raises(WorkspaceError, match="would expose"):
        mounts(Layout(repository=str(tmp_path), read_only={path: "/given"}))


def test_any_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/s")
        with pytest.raises(WorkspaceError, match="is a socket"):
            mounts(Layout(repository=str(tmp_path), read_only={f"{tmp_path}/s": "/given"}))


def test_the_socket_that_docker_host_names_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "e.sock").touch()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine/e.sock")
    with pytest.raises(WorkspaceError, match="would expose"):
        mounts(Layout(repository=str(tmp_path / "engine")))


@pytest.mark.parametrize("secret", [".aws", ".kube", ".ssh", ".docker", ".config/gcloud"])
@pytest.mark.parametrize("mounted", ["{secret}", "{secret}/deeper", "."])
def test_credentials_are_refused_whole_and_in_part(
    secret: str, mounted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / secret / "deeper").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = os.path.normpath(tmp_path / mounted.format(secret=secret))
    with pytest.raises(WorkspaceError, match="would expose"):
        mounts(Layout(repository=given))


def test_credentials_behind_a_link_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "harmless").symlink_to(tmp_path / "home" / ".aws")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(WorkspaceError, match="would expose"):
        mounts(Layout(repository=str(tmp_path / "harmless")))


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"repository .*absent does not exist"):
        mounts(Layout(repository=str(tmp_path / "absent")))


def test_a_virtual_environments_tools_come_with_the_python_they_need(tmp_path: Path) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "base" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {tmp_path}/base/bin\n", encoding="utf-8")
    (tmp_path / "repository").mkdir()
    assert mounts(Layout(repository=f"{tmp_path}/repository", tool_paths=[f"{tmp_path}/env/bin"]))[1:] == (
        Mount(source=f"{tmp_path}/env", target=f"{tmp_path}/env"),
        Mount(source=f"{tmp_path}/base", target=f"{tmp_path}/base"),
    )


def test_the_owner_is_the_repositorys(tmp_path: Path) -> None:
    status = tmp_path.stat()
    assert owner(Layout(repository=str(tmp_path))) == (status.st_uid, status.st_gid)
