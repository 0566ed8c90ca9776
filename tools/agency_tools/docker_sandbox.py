"""The Docker starter: one container from the workspace image, reached through its attached pipes."""

import asyncio
import contextlib
import os
import secrets
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agency_tools.boot import STARTER
from agency_tools.engine import Client, connect, remove
from agency_tools.errors import WorkspaceError
from agency_tools.mounts import Mount, mounts, owner
from agency_tools.running import STREAM_LIMIT, ended_how, starter
from agency_tools.surroundings import HOSTNAME, environment
from agency_tools.workspace import ROOT, SCRATCH, Layout, Limits

LABEL = "agency.sandbox"
"""On every container of ours; its value is the process that started it."""

SMALL = 64 << 20
HEADER = 8  # of a piece in the attached stream: which stream, three zeros, length


@dataclass(frozen=True, kw_only=True)
class Container:
    """Everything the engine is told of one container."""

    image: str
    user: str
    environment: Mapping[str, str]
    mounts: Sequence[Mount]
    limits: Limits
    starter: str = field(default_factory=starter)

    def config(self) -> dict[str, Any]:
        """The body of the engine's `POST /containers/create`."""
        return {
            "Image": self.image,
            "Entrypoint": ["python3"],
            "Cmd": ["-I", "-S", "-c", STARTER],
            "User": self.user,
            "WorkingDir": ROOT,
            "Hostname": HOSTNAME,
            "Env": [f"{name}={value}" for name, value in sorted(self.environment.items())],
            "Labels": {LABEL: self.starter},
            "OpenStdin": True,
            "StdinOnce": True,
            "AttachStdin": True,
            "AttachStdout": True,
            "AttachStderr": True,
            "NetworkDisabled": True,
            "HostConfig": self.host_config(),
        }

    def host_config(self) -> dict[str, Any]:
        """The part of it that keeps the container in."""
        limits = self.limits
        return {
            "AutoRemove": True,
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "NetworkMode": "none",
            "IpcMode": "private",
            "Privileged": False,
            "Init": False,  # the tool host is process 1: no signal from inside reaches it
            "LogConfig": {"Type": "none"},  # every frame would be written to disk
            "Memory": limits.memory,
            "MemorySwap": limits.memory,
            "PidsLimit": limits.processes,
            "NanoCpus": int(limits.cpus * 1e9),
            "Ulimits": ulimits(limits),
            "ShmSize": SMALL,
            "Tmpfs": {
                SCRATCH: f"rw,exec,nosuid,nodev,mode=1777,size={limits.scratch}",  # builds run what they made
                "/run": f"rw,noexec,nosuid,nodev,mode=755,size={SMALL}",
            },
            "Mounts": [bind(mount) for mount in self.mounts],
        }


def bind(mount: Mount) -> dict[str, Any]:
    """One mount as the engine takes it; unlike the older form it never creates what is missing."""
    return {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": not mount.writable}


def ulimits(limits: Limits) -> list[dict[str, Any]]:
    """The limits of each process, by the engine's names."""
    values = {"core": 0, "nofile": limits.open_files, "fsize": limits.file_size}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in values.items()]


class Pieces(asyncio.StreamReaderProtocol):
    """Takes the engine's multiplexed stream apart: standard output to the reader, the end of the rest to `said`."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader, loop=asyncio.get_running_loop())
        self.said = b""
        self._held = bytearray()

    def data_received(self, data: bytes) -> None:
        """Hand over every whole piece; keep what is not whole."""
        self._held += data
        at = 0
        while len(self._held) - at >= HEADER:
            end = at + HEADER + int.from_bytes(self._held[at + 4 : at + HEADER], "big")
            if end > len(self._held):
                break
            self._deliver(self._held[at], bytes(self._held[at + HEADER : end]))
            at = end
        del self._held[:at]

    def _deliver(self, stream: int, piece: bytes) -> None:
        if stream == 1:
            super().data_received(piece)
        else:
            self.said = (self.said + piece)[-4096:]


@dataclass(kw_only=True)
class Contained:
    """A sandbox that a Docker engine runs."""

    kind: str = "docker"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bounded: bool = True
    engine: Client
    name: str
    pieces: Pieces
    ended: bool = False

    async def epitaph(self) -> str:
        """How it ended, for the operator; the engine itself may be what is gone."""
        try:
            code = await asyncio.to_thread(_exit_code, self.engine, self.name)
        except OSError as problem:
            return f"the Docker engine no longer answers: {problem}"
        if code is None:
            words = self.pieces.said.decode("utf-8", "replace").strip().splitlines()
            return ": ".join(["the container was removed", *words[-1:]])
        return ended_how(code, self.pieces.said)

    async def end(self) -> None:
        """Remove the container with every process in it; safe to call twice."""
        if self.ended:
            return
        self.ended = True
        self.writer.close()
        await asyncio.to_thread(remove, self.engine, self.name)
        await asyncio.to_thread(self.engine.close)


def _exit_code(engine: Client, name: str) -> int | None:
    from docker.errors import NotFound

    try:
        return int(engine.wait(name, timeout=4)["StatusCode"])
    except NotFound:
        return None


async def start_docker(layout: Layout) -> Contained:
    """Start the container, whose first process waits for its parcel. Raises WorkspaceError when it cannot be."""
    if layout.image is None:
        raise WorkspaceError("no workspace image was named")
    uid, gid = owner(layout)
    described = Container(
        image=layout.image,
        user=f"{uid}:{gid}",
        environment=environment(layout),
        mounts=mounts(layout),
        limits=layout.limits,
    )
    name = f"agency-{os.getpid()}-{secrets.token_hex(4)}"
    starting = asyncio.ensure_future(asyncio.to_thread(_run, described, name))
    try:
        engine, attached = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(WorkspaceError):
            engine, attached = await starting
            attached.close()
            await asyncio.to_thread(remove, engine, name)
        raise
    return await _join(engine, name, attached)


async def _join(engine: Client, name: str, attached: socket.socket) -> Contained:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=STREAM_LIMIT, loop=loop)
    pieces = Pieces(reader)
    transport, _ = await loop.create_connection(lambda: pieces, sock=attached)
    writer = asyncio.StreamWriter(transport, pieces, reader, loop)
    return Contained(reader=reader, writer=writer, engine=engine, name=name, pieces=pieces)


def _run(described: Container, name: str) -> tuple[Client, socket.socket]:
    """Create, attach, start, in this order, so that nothing said is missed."""
    from docker.errors import APIError, ImageNotFound

    engine = connect()
    try:
        engine.create_container_from_config(described.config(), name)
        attached = _attach(engine, name)
        engine.start(name)
    except ImageNotFound as problem:
        raise WorkspaceError(f"there is no image {described.image}; `agency image build` makes it") from problem
    except (APIError, OSError) as problem:
        remove(engine, name)
        raise WorkspaceError(f"the container could not be started: {problem}") from problem
    return engine, attached


def _attach(engine: Client, name: str) -> socket.socket:
    """The hijacked connection as a plain socket of our own."""
    stream = engine.attach_socket(name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    raw: socket.socket = getattr(stream, "_sock", stream)
    if isinstance(raw, ssl.SSLSocket):
        raise WorkspaceError("an engine behind TLS cannot mount this machine's folders; unset DOCKER_HOST")
    own = raw.dup()
    raw.close()
    getattr(stream, "_response", stream).close()
    return own
