"""The workspace image's recipe, and the commands that make it, as values."""

import io
import stat
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from agency_tools.errors import WorkspaceError
from agency_tools.image import build, recipe
from agency_tools.image.debian import mmdebstrap_argv
from agency_tools.image.local import install_local


def test_the_name_follows_from_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe.reference()
    for name in recipe.FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((recipe.HERE / name).read_bytes())
    monkeypatch.setattr(recipe, "HERE", tmp_path)
    recipe.digest.cache_clear()
    try:
        assert recipe.reference() == before
        (tmp_path / "packages.txt").write_text("git\n", encoding="utf-8")
        recipe.digest.cache_clear()
        assert recipe.reference() != before
    finally:
        recipe.digest.cache_clear()


@pytest.mark.parametrize("name", ["policies.txt", "validators.txt"])
def test_every_validator_is_pinned_with_everything_it_needs(name: str) -> None:
    lines = (recipe.HERE / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#") and "==" not in line] == []


def test_the_installer_links_the_commands_that_are_promised() -> None:
    text = (recipe.HERE / "install-validators").read_text(encoding="utf-8")
    linked = text.partition("for name in ")[2].partition(";")[0]
    assert {*linked.split(), "checkov"} == set(recipe.COMMANDS)
    assert 'ln -sf ../policies/bin/checkov "$place/bin/checkov"' in text
    assert (recipe.HERE / "install-validators").stat().st_mode & stat.S_IXUSR


def test_the_packages_are_a_sorted_list_without_comments() -> None:
    assert recipe.packages() == sorted(recipe.packages())
    assert {"git", "ripgrep", "python3"} <= set(recipe.packages())


def test_mmdebstrap_is_told_everything_and_the_hosts_environment_stays_out() -> None:
    argv = mmdebstrap_argv(
        target="/t/rootfs.tar",
        programs=["/usr/local/bin/terraform"],
        certificates="/c.pem",
        env={"PIP_PROXY": "p", "AWS_SECRET_ACCESS_KEY": "canary"},
    )
    hooks = [word.removeprefix("--customize-hook=") for word in argv if word.startswith("--customize-hook=")]
    assert argv[:3] == ["mmdebstrap", "--quiet", "--variant=minbase"]
    assert argv[-2:] == ["trixie", "/t/rootfs.tar"]
    assert "upload '/usr/local/bin/terraform' '/usr/local/bin/terraform'" in hooks
    assert hooks[-2] == (
        "chroot \"$1\" 'env' '-i' 'PATH=/usr/sbin:/usr/bin:/sbin:/bin' 'PIP_PROXY=p' "
        "'PIP_CERT=/tmp/build-certificates.pem' '/opt/agency/install-validators' '/opt/agency'"
    )
    assert hooks[-1].startswith("rm -rf $1/tmp/build-certificates.pem")
    assert "canary" not in " ".join(argv)


def test_only_binaries_are_taken_from_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"terraform": b"\x7fELF...", "kubectl": b"#!/bin/sh\n"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert build.programs() == [str(tmp_path / "terraform")]


def test_what_the_engine_builds_from_is_the_recipe_and_the_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helm").write_bytes(b"\x7fELF...")
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with tarfile.open(fileobj=io.BytesIO(build.context().getvalue())) as context:
        assert sorted(context.getnames()) == sorted([*recipe.FILES, "programs", "programs/helm"])


def installer(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> list[list[str]]:
    """The runs of an installer that only answers."""
    runs: list[list[str]] = []

    def run(argv: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        runs.append(argv)
        return subprocess.CompletedProcess(argv, code, "", "no such package")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("agency_tools.image.local.provide", lambda *_: None)
    return runs


def test_the_validators_are_installed_once_for_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = installer(monkeypatch)
    assert [install_local(tmp_path / "v"), install_local(tmp_path / "v")] == [tmp_path / "v"] * 2
    assert runs == [[str(recipe.HERE / "install-validators"), str(tmp_path / "v")]]


def test_a_failed_installation_says_why_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = installer(monkeypatch, code=1)
    for _ in range(2):
        with pytest.raises(WorkspaceError, match="no such package"):
            install_local(tmp_path / "v")
    assert len(runs) == 2


@pytest.mark.docker
def test_a_second_build_does_nothing_and_is_quick() -> None:
    started = time.perf_counter()
    assert build.build() == (recipe.reference(), False)
    assert time.perf_counter() - started < 2


def test_the_local_validators_are_found_in_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert recipe.local_places()[-1] == tmp_path / "agency" / "validators"
    python = tmp_path / "agency" / "validators" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch(0o755)
    monkeypatch.setattr(recipe, "local_places", lambda: [tmp_path / "absent", tmp_path / "agency" / "validators"])
    assert recipe.tool_paths() == [str(tmp_path / "agency" / "validators" / "bin")]
    python.chmod(0o644)
    assert recipe.tool_paths() == []
