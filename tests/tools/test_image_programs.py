"""Programs that no Python index carries: which there are, how they are made, and what is said where they cannot be."""

import re
from pathlib import Path

import pytest

from agency_tools.image import programs, recipe


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_module_is_for_programs_that_images_take_along() -> None:
    assert set(programs.tools()) == {"actionlint", "amtool", "helm"}
    assert set(programs.tools()) <= set(recipe.PROGRAMS)


def test_they_are_built_from_pinned_sums_and_no_other_toolchain() -> None:
    argv = programs.build_argv("go")
    assert argv[:3] == ["go", "install", "-mod=readonly"]
    assert argv[-1] == "tool"


def test_helm_is_linked_with_the_versions_that_the_module_pins() -> None:
    pinned = dict(re.findall(r"^\t(\S+) v(\S+)", (programs.MODULE / "go.mod").read_text(), re.MULTILINE))
    flags = next(word for word in programs.build_argv("go") if word.startswith("-ldflags="))
    minor = pinned["k8s.io/client-go"].split(".")[1]
    assert f"version.version=v{pinned['helm.sh/helm/v3']} " in flags
    assert re.findall(r"k8sVersionMajor=(\d+)", flags) == ["1", "1"]
    assert re.findall(r"k8sVersionMinor=(\d+)", flags) == [minor, minor]


def test_apt_leaves_the_machines_own_lists_alone(tmp_path: Path) -> None:
    argv = programs.apt_argv(tmp_path, ["download", "promtool"])
    assert f"-oDir::State::Lists={tmp_path}/lists" in argv
    assert argv[-2:] == ["download", "promtool"]


def test_without_go_and_apt_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert programs.obtain(said.append) == {}
    assert said == [
        "actionlint, amtool, helm: not installed: there is no Go here; install Go, then run setup again",
        "promtool: not installed: only Debian's apt-get can fetch it",
    ]


def test_what_is_there_is_put_beside_the_commands_and_not_made_again(tmp_path: Path) -> None:
    place = programs.cache()
    place.mkdir(parents=True)
    for name in (*programs.tools(), *programs.DEBIAN):
        (place / name).write_text("#!/bin/sh\n")
        (place / name).chmod(0o755)
    target = tmp_path / "bin"
    target.mkdir()
    (target / "helm").write_text("old")
    said: list[str] = []
    programs.provide(target, said.append)
    assert said == []
    assert sorted(path.name for path in target.iterdir()) == ["actionlint", "amtool", "helm", "promtool"]
    assert (target / "helm").read_text() == "#!/bin/sh\n"
