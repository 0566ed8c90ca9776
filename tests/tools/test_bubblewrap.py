"""bubblewrap's command, and the control groups around it, as values."""

from pathlib import Path

import pytest

from agency_tools import cgroups
from agency_tools.boot import STARTER
from agency_tools.bubblewrap import System, bwrap_argv, folders
from agency_tools.cgroups import Groups, settings_v1, settings_v2
from agency_tools.mounts import Mount
from agency_tools.surroundings import Identity, environment, identity_files, process_limits
from agency_tools.workspace import Layout, Limits

SYSTEM = System(
    links={"/bin": "usr/bin", "/lib": None}, proc=frozenset({"sys", "keys", "uptime"}), python="/usr/bin/python3"
)


def argv(privileged: bool = False, layout: Layout | None = None) -> list[str]:
    return bwrap_argv(
        layout or Layout(repository="/r"),
        who=Identity(uid=1000, gid=1001),
        mounted=[
            Mount(source="/r", target="/workspace", writable=True),
            Mount(source="/r/.git", target="/workspace/.git"),
        ],
        system=SYSTEM,
        files={"/etc/passwd": 7},
        privileged=privileged,
    )


def has(words: list[str], *expected: str) -> bool:
    return any(tuple(words[at : at + len(expected)]) == expected for at in range(len(words)))


def test_every_namespace_is_new_and_no_capability_is_kept() -> None:
    assert argv()[: argv().index("--hostname")] == [
        *("bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1001"),
        *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
    ]


def test_root_keeps_what_it_takes_to_become_another_owner_and_nothing_more() -> None:
    words = argv(privileged=True)
    kept = [words[at + 1] for at, word in enumerate(words) if word == "--cap-add"]
    assert kept == ["CAP_SETUID", "CAP_SETGID"]
    assert "--unshare-net" in words
    assert "--unshare-pid" in words


def test_the_repository_is_bound_writable_and_git_read_only_over_it() -> None:
    words = argv()
    assert has(words, "--bind", "/r", "/workspace", "--ro-bind", "/r/.git", "/workspace/.git")


def test_the_root_and_the_devices_are_sealed_after_everything_is_in_place() -> None:
    words = argv()
    assert words[words.index("--remount-ro") :] == [
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/workspace"),
        *("--", "/usr/bin/python3", "-I", "-S", "-c", STARTER),
    ]


def test_of_the_host_only_usr_and_named_files_appear() -> None:
    words = argv()
    sources = {words[at + 1] for at, word in enumerate(words) if word in {"--ro-bind", "--bind", "--ro-bind-try"}}
    allowed = ("/usr", "/lib", "/r", "/etc/", "/proc/", "/dev/null")
    assert not [source for source in sources if not source.startswith(allowed)]
    assert sources.isdisjoint({"/", "/etc", "/home", "/root", "/run", "/etc/shadow", "/etc/ssl"})


def test_kernel_settings_are_read_only_and_keys_are_hidden() -> None:
    words = argv()
    assert has(words, "--ro-bind", "/proc/sys", "/proc/sys")
    assert has(words, "--ro-bind", "/dev/null", "/proc/keys")
    assert "/proc/kcore" not in words


def test_the_environment_is_cleared_and_set_anew() -> None:
    words = argv()
    names = {words[at + 1] for at, word in enumerate(words) if word == "--setenv"}
    assert names == set(environment(Layout(repository="/r")))
    assert "--clearenv" in words


def test_tool_paths_come_first_on_path() -> None:
    assert environment(Layout(repository="/r", tool_paths=["/t/bin"]))["PATH"].startswith("/t/bin:")


def test_folders_above_mounts_are_made_so_that_all_users_may_enter_them() -> None:
    given = ["/etc/ssl/certs", "/root/x/bin", "/workspace/.git", "/tmp/a/b", "/usr/x"]
    assert folders(given)[1::2] == ["/etc", "/etc/ssl", "/root", "/root/x", "/tmp", "/tmp/a"]


def test_identity_files_name_the_owner_and_nobody_of_the_host() -> None:
    files = identity_files(Identity(uid=1000, gid=1001))
    assert files["/etc/passwd"].splitlines()[-1] == "agent:x:1000:1001:agent:/tmp/home:/bin/bash"
    assert len(files["/etc/passwd"].splitlines()) == 2


def test_processes_are_bounded_one_by_one_where_they_cannot_be_together() -> None:
    limits = Limits(memory=10, processes=5, open_files=3, file_size=4)
    each = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 3, "RLIMIT_FSIZE": 4}
    assert process_limits(limits, together=True) == each
    assert process_limits(limits, together=False) == {**each, "RLIMIT_DATA": 10, "RLIMIT_NPROC": 5}


def test_control_group_settings_of_either_version() -> None:
    limits = Limits(memory=1 << 30, processes=64, cpus=1.5)
    assert settings_v1(limits) == {
        "pids": {"pids.max": "64"},
        "memory": {"memory.limit_in_bytes": "1073741824", "memory.memsw.limit_in_bytes": "1073741824"},
        "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
    }
    assert settings_v2(limits) == {
        "pids.max": "64",
        "memory.max": "1073741824",
        "memory.swap.max": "0",
        "cpu.max": "150000 100000",
    }


def test_a_command_enters_its_groups_before_it_starts() -> None:
    entered = Groups(folders=("/g/pids/a",)).entering(["bwrap", "x"])
    assert entered[:2] == ["/bin/sh", "-c"]
    assert entered[3:] == ["sh", "/g/pids/a/cgroup.procs", "--", "bwrap", "x"]
    assert Groups().entering(["bwrap"]) == ["bwrap"]


def test_version_2_groups_are_made_where_memory_and_processes_are_handed_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = next(line.partition("::")[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if "::" in line)
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    folder = tmp_path / own.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cgroup.controllers").write_text("memory pids cpu", encoding="utf-8")
    (tmp_path / "cgroup.subtree_control").write_text("memory pids cpu", encoding="utf-8")
    (tmp_path / "cgroup.procs").touch()
    groups = cgroups.create("1-a", Limits())
    assert groups.folders == (f"{tmp_path}/agency-1-a",)
    groups.remove()
    assert not (tmp_path / "agency-1-a").exists()


def test_without_control_groups_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "MOUNT", tmp_path)
    assert cgroups.create("1-a", Limits()) == Groups()
