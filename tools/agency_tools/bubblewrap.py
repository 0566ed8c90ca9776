"""The bubblewrap starter: a new root made of the host's /usr and little else, without an engine or a daemon."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.boot import STARTER
from agency_tools.cgroups import Groups, create
from agency_tools.errors import WorkspaceError
from agency_tools.mounts import Mount, mounts, owner
from agency_tools.running import STREAM_LIMIT, ended_how, starter
from agency_tools.surroundings import HOSTNAME, Identity, environment, identity_files
from agency_tools.workspace import ROOT, SCRATCH, Layout

SYSTEM_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
"""What of the host's /etc appears inside; no private keys, no shadow, no names of users."""

SMALL = 64 << 20

PROC_READ_ONLY = ("acpi", "asound", "bus", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger")
"""Root without capabilities may write most of these: they ask only who owns them."""

PROC_HIDDEN = ("kcore", "key-users", "keys", "kmsg", "latency_stats", "sched_debug", "slabinfo", "timer_list")


@dataclass(frozen=True, kw_only=True)
class System:
    """What the host has of the things that differ between hosts.

    links: what each of the system's top folders is a link to, or None where it is a folder of its own.
    proc: the names under /proc. python: the interpreter for the tool host.
    """

    links: Mapping[str, str | None]
    proc: frozenset[str]
    python: str

    def argv(self) -> list[str]:
        """Arguments for /usr, what belongs to it, the parts of /etc that programs need, and /proc."""
        argv = ["--ro-bind", "/usr", "/usr"]
        for path, target in self.links.items():
            argv += ["--symlink", target, path] if target else ["--ro-bind", path, path]
        for path in SYSTEM_FILES:
            argv += ["--ro-bind-try", path, path]
        return [*argv, "--proc", "/proc", *self._covers()]

    def _covers(self) -> list[str]:
        read_only = [("--ro-bind", f"/proc/{name}", f"/proc/{name}") for name in PROC_READ_ONLY if name in self.proc]
        hidden = [("--ro-bind", "/dev/null", f"/proc/{name}") for name in PROC_HIDDEN if name in self.proc]
        return [argument for cover in [*read_only, *hidden] for argument in cover]


def this_system() -> tuple[System, tuple[Mount, ...]]:
    """The host as it is, and what has to be mounted besides for its Python to run."""
    there = [path for path in SYSTEM_LINKS if os.path.lexists(path)]
    links = {path: str(Path(path).readlink()) if Path(path).is_symlink() else None for path in there}
    proc = frozenset(os.listdir("/proc"))  # noqa: PTH208 - names are wanted
    if os.access("/usr/bin/python3", os.X_OK):
        return System(links=links, proc=proc, python="/usr/bin/python3"), ()
    base = os.path.realpath(sys.base_prefix)
    return System(links=links, proc=proc, python=f"{base}/bin/python3"), (Mount(source=base, target=base),)


def bwrap_argv(
    layout: Layout,
    *,
    who: Identity,
    mounted: Sequence[Mount],
    system: System,
    files: Mapping[str, int],
    privileged: bool,
) -> list[str]:
    """The command that starts the sandbox.

    files: descriptors whose content becomes files.
    privileged: the caller is root and the repository is somebody else's, so the identity is taken on inside.
    """
    argv = ["bwrap", *_namespaces(who, privileged), "--hostname", HOSTNAME, "--clearenv"]
    for name, value in sorted(environment(layout).items()):
        argv += ["--setenv", name, value]
    argv += [*folders([*SYSTEM_FILES, *files]), *system.argv(), "--dev", "/dev", *_scratch(layout)]
    argv += folders([mount.target for mount in mounted])
    for path, descriptor in files.items():
        argv += ["--perms", "0444", "--ro-bind-data", str(descriptor), path]
    for mount in mounted:
        argv += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    sealed = ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", ROOT]
    return [*argv, *sealed, "--", system.python, "-I", "-S", "-c", STARTER]


def folders(targets: Sequence[str]) -> list[str]:
    """Arguments that make the folders above the targets: those bubblewrap makes by itself only root may enter."""
    above = {str(parent) for target in targets for parent in Path(target).parents} - {"/", ROOT, "/usr"}
    outside = sorted(path for path in above if not path.startswith(("/usr/", f"{ROOT}/")))
    return [argument for path in outside for argument in ("--dir", path)]


def _namespaces(who: Identity, privileged: bool) -> list[str]:
    common = ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
    if not privileged:
        return ["--unshare-all", "--unshare-user", "--uid", str(who.uid), "--gid", str(who.gid), *common]
    kinds = [f"--unshare-{kind}" for kind in ("ipc", "pid", "net", "uts", "cgroup-try")]
    return [*kinds, *common, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _scratch(layout: Layout) -> list[str]:
    size = str(layout.limits.scratch)
    return [
        *("--perms", "1777", "--size", size, "--tmpfs", SCRATCH),
        *("--perms", "1777", "--size", str(SMALL), "--tmpfs", "/dev/shm"),
        *("--perms", "0755", "--size", str(SMALL), "--tmpfs", "/run"),
        *("--dir", "/var", "--symlink", SCRATCH, "/var/tmp", "--symlink", "/run", "/var/run"),
    ]


@dataclass(kw_only=True)
class Bubblewrapped:
    """A sandbox that bubblewrap started; ends with it."""

    kind: str = "bwrap"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bounded: bool
    process: asyncio.subprocess.Process
    groups: Groups

    async def epitaph(self) -> str:
        """How it ended, for the operator."""
        code = await self.process.wait()
        said = await self.process.stderr.read(STREAM_LIMIT) if self.process.stderr else b""
        return ended_how(code if code >= 0 else 128 - code, said)

    async def end(self) -> None:
        """Kill every process in it and take away what it left; safe to call twice."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # the group: bubblewrap's second process does not yet follow the first when it is just being made
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        await asyncio.to_thread(self.groups.remove)


async def start_bubblewrap(layout: Layout) -> Bubblewrapped:
    """Start the sandbox's first process, which waits for its parcel. Raises WorkspaceError when it cannot be."""
    if shutil.which("bwrap") is None:
        raise WorkspaceError("bubblewrap is not installed; `apt-get install bubblewrap` or your system's equivalent")
    uid, gid = owner(layout)
    privileged = os.getuid() == 0 and (uid, gid) != (0, os.getgid())
    who = Identity(uid=uid, gid=gid) if privileged else Identity(uid=os.getuid(), gid=os.getgid())
    system, extra = this_system()
    files = {path: _memory_file(text) for path, text in identity_files(who).items()}
    groups = create(f"{starter()}-{secrets.token_hex(4)}", layout.limits)
    argv = bwrap_argv(
        layout,
        who=who,
        mounted=[*mounts(layout), *extra],
        system=system,
        files=files,
        privileged=privileged,
    )
    spawning = asyncio.ensure_future(_spawn(groups, argv, tuple(files.values())))
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        await (await spawning).end()
        raise
    except OSError as problem:
        groups.remove()
        raise WorkspaceError(f"bubblewrap could not be started: {problem}") from problem
    finally:
        for descriptor in files.values():
            os.close(descriptor)


def _memory_file(text: str) -> int:
    descriptor = os.memfd_create("agency")
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _spawn(groups: Groups, argv: Sequence[str], descriptors: tuple[int, ...]) -> Bubblewrapped:
    process = await asyncio.create_subprocess_exec(
        *groups.entering(argv),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=STREAM_LIMIT,
        pass_fds=descriptors,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath)},
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return Bubblewrapped(
        reader=process.stdout, writer=process.stdin, bounded=groups.bounds, process=process, groups=groups
    )
