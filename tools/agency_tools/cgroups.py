"""Bounds on what a tree of processes uses together, where the kernel's control groups can be written."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.workspace import Limits

MOUNT = Path("/sys/fs/cgroup")
PERIOD = 100_000  # microseconds, over which the share of processor time is counted
PREFIX = "agency-"
PATIENCE = 10.0  # seconds for hundreds of killed processes to be gone from a loaded machine


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The folders of one sandbox: one in version 2, one a controller in version 1; none where they are not ours."""

    folders: tuple[str, ...] = ()

    @property
    def bounds(self) -> bool:
        """Whether memory and processes are bounded together, for all processes inside."""
        return bool(self.folders)

    def entering(self, argv: Sequence[str]) -> list[str]:
        """The command, started inside the groups."""
        if not self.folders:
            return list(argv)
        script = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"'
        doors = [f"{folder}/cgroup.procs" for folder in self.folders]
        return ["/bin/sh", "-c", script, "sh", *doors, "--", *argv]

    def remove(self) -> None:
        """Kill what is still inside and take the folders away, for which the kernel needs a moment."""
        for folder in self.folders:
            _remove(folder)


def settings_v1(limits: Limits) -> dict[str, dict[str, str]]:
    """What to write where, per controller."""
    return {
        "pids": {"pids.max": str(limits.processes)},
        "memory": {
            "memory.limit_in_bytes": str(limits.memory),
            "memory.memsw.limit_in_bytes": str(limits.memory),
        },
        "cpu": {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(int(limits.cpus * PERIOD))},
    }


def settings_v2(limits: Limits) -> dict[str, str]:
    """What to write into the one folder."""
    return {
        "pids.max": str(limits.processes),
        "memory.max": str(limits.memory),
        "memory.swap.max": "0",
        "cpu.max": f"{int(limits.cpus * PERIOD)} {PERIOD}",
    }


def create(name: str, limits: Limits) -> Groups:
    """Groups with these limits, or none where control groups cannot be written."""
    folders: list[str] = []
    try:
        for parent, settings in _places(limits).items():
            folder = Path(parent, f"{PREFIX}{name}")
            folder.mkdir()
            folders.append(str(folder))
            _write(folder, settings)
    except OSError:
        Groups(folders=tuple(folders)).remove()
        return Groups()
    return Groups(folders=tuple(folders))


def _places(limits: Limits) -> dict[Path, dict[str, str]]:
    own = _own_groups()
    if (MOUNT / "cgroup.controllers").exists():
        return {_delegated(MOUNT / own[""].lstrip("/")): settings_v2(limits)}
    return {
        MOUNT / controller / own.get(controller, "/").lstrip("/"): settings
        for controller, settings in settings_v1(limits).items()
    }


def _own_groups() -> dict[str, str]:
    """This process's group per controller; under "" the one of version 2."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    entries = [line.split(":", 2) for line in lines]
    return {controller: path for _, names, path in entries for controller in names.split(",")}


def _delegated(folder: Path) -> Path:
    """The nearest group above that hands memory and pids down and lets this process move a child there."""
    while folder.is_relative_to(MOUNT):
        control = folder / "cgroup.subtree_control"
        handed = control.read_text(encoding="utf-8").split() if control.exists() else []
        if {"memory", "pids"} <= set(handed) and os.access(folder / "cgroup.procs", os.W_OK):
            return folder
        folder = folder.parent
    raise PermissionError("no control group is delegated to this process")


def _write(folder: Path, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        path = folder / name
        if path.exists():  # swap and cpu accounting are not compiled into every kernel
            path.write_text(value, encoding="utf-8")


def _remove(folder: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        _kill(folder)
        try:
            os.rmdir(folder)  # noqa: PTH106 - takes a str, and a control group is emptied by the kernel alone
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return


def _kill(folder: str) -> None:
    with contextlib.suppress(OSError):
        for process in Path(folder, "cgroup.procs").read_text(encoding="utf-8").split():
            os.kill(int(process), signal.SIGKILL)
