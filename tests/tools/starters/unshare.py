"""A third kind of sandbox in one file: util-linux alone makes the namespaces and the root. For tests; needs root."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from agency_tools.availability import Availability
from agency_tools.boot import STARTER
from agency_tools.cgroups import Groups, create
from agency_tools.image import tool_paths
from agency_tools.mounts import mounts
from agency_tools.running import STREAM_LIMIT, ended_how, starter
from agency_tools.surroundings import Identity, environment, identity_files
from agency_tools.workspace import Layout

ARGV = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts", "--propagation", "private")
SCRIPT = """
r=$1 size=$2 python=$3; shift 3
mount -t tmpfs -o mode=755 none "$r"
mkdir -p "$r/usr" "$r/etc" "$r/proc" "$r/dev/shm" "$r/tmp" "$r/run" "$r/var" "$r/home"
for name in bin lib lib64 sbin; do if [ -L "/$name" ]; then ln -s "usr/$name" "$r/$name"; fi; done
bind() {
    if [ -d "$1" ]; then mkdir -p "$r$2"; else mkdir -p "$(dirname "$r$2")"; [ -e "$r$2" ] || : >"$r$2"; fi
    mount --bind "$1" "$r$2"
    [ "$3" = rw ] || mount -o remount,bind,ro,nosuid "$r$2"
}
bind /usr /usr ro
bind /etc/alternatives /etc/alternatives ro
bind /etc/ld.so.cache /etc/ld.so.cache ro
for name in null zero full random urandom; do bind "/dev/$name" "/dev/$name" rw; done
ln -s /proc/self/fd "$r/dev/fd"
mount -t proc -o nosuid,nodev,noexec none "$r/proc"
for name in sys sysrq-trigger bus irq fs; do [ ! -e "$r/proc/$name" ] || bind "$r/proc/$name" "/proc/$name" ro; done
mount -t tmpfs -o "mode=1777,nosuid,nodev,size=$size" none "$r/tmp"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=64m none "$r/dev/shm"
while [ $# -gt 0 ]; do bind "$1" "$2" "$3"; shift 3; done
hostname sandbox
mount -o remount,ro "$r"
cd "$r/workspace"
exec chroot "$r" /bin/sh -c 'cd /workspace && exec "$@"' sh "$python" -I -S -c "$STARTER"
"""


def prepare(layout: Layout) -> Layout:
    """The layout with the validators' folders."""
    return replace(layout, tool_paths=[*layout.tool_paths, *tool_paths()])


def availability(image: str) -> Availability:
    """Root may make namespaces."""
    ready = os.getuid() == 0 and shutil.which("unshare") is not None
    return Availability(kind="unshare", ready=ready, why="" if ready else "only root may", remedy="run it as root")


@dataclass(kw_only=True)
class Unshared:
    """The started process; its end is the sandbox's."""

    kind: str = "unshare"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bounded: bool
    process: asyncio.subprocess.Process
    groups: Groups
    folder: Path

    async def epitaph(self) -> str:
        """How it ended."""
        code = await self.process.wait()
        said = await self.process.stderr.read(STREAM_LIMIT) if self.process.stderr else b""
        return ended_how(code if code >= 0 else 128 - code, said)

    async def end(self) -> None:
        """Kill it, and with it what it started."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        await asyncio.to_thread(self.groups.remove)
        shutil.rmtree(self.folder, ignore_errors=True)


async def start(layout: Layout) -> Unshared:
    """Start the first process in namespaces of its own."""
    folder = Path(tempfile.mkdtemp(prefix="agency-unshare-"))
    root = folder / "root"
    root.mkdir()
    words = [str(root), str(layout.limits.scratch), "/usr/bin/python3"]
    for number, (target, text) in enumerate(identity_files(Identity(uid=0, gid=0)).items()):
        file = folder / str(number)
        file.write_text(text, encoding="utf-8")
        words += [str(file), target, "ro"]
    for mount in mounts(layout):
        words += [mount.source, mount.target, "rw" if mount.writable else "ro"]
    groups = create(f"{starter()}-{secrets.token_hex(4)}", layout.limits)
    spawning = asyncio.ensure_future(_spawn(groups, [*ARGV, "sh", "-euc", SCRIPT, "sh", *words], layout))
    try:
        process = await asyncio.shield(spawning)
    except asyncio.CancelledError:
        process = await spawning
        await _running(process, groups, folder).end()
        raise
    return _running(process, groups, folder)


def _running(process: asyncio.subprocess.Process, groups: Groups, folder: Path) -> Unshared:
    assert process.stdin is not None
    assert process.stdout is not None
    return Unshared(
        reader=process.stdout,
        writer=process.stdin,
        bounded=groups.bounds,
        process=process,
        groups=groups,
        folder=folder,
    )


async def _spawn(groups: Groups, argv: list[str], layout: Layout) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *groups.entering(argv),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=STREAM_LIMIT,
        start_new_session=True,
        env={**environment(layout), "STARTER": STARTER},
        cwd="/",
    )
