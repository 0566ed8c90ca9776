"""The sandbox as the tools see it: a few typed operations on one running tool host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

ROOT = "/workspace"
"""Where the repository is mounted, in every sandbox, so that a recording replays on any machine."""

SCRATCH = "/tmp"
"""Writable, private, gone with the sandbox; long outputs are kept below it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the processes of one sandbox may use together; memory and file sizes in bytes, cpus in cores."""

    memory: int = 4 << 30
    processes: int = 512
    cpus: float = 2.0
    open_files: int = 4096
    file_size: int = 8 << 30
    scratch: int = 2 << 30


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a sandbox contains.

    repository: the host folder mounted read-write (or read-only) at `/workspace`.
    writable: False mounts the repository read-only (`plan`).
    protected: repository-relative paths that stay read-only; `.git` always is.
    read_only: further host paths to mount read-only, as {host path: path inside}.
    aliases: further paths inside at which the repository is to be seen, such as `/app`.
    variables: environment variables beside those that every sandbox has.
    tool_paths: directories put first on PATH inside.
    image: the workspace image's reference (Docker only).
    network: the hosts that may be reached, as `--network` names them; none is no network at all.
    egress: the host socket of the proxy that opens them; `sandbox.start` fills it in.
    private_names: a listed name may lead to a private address too, as the person's own names do.
    read_write: further host folders to mount writable, as {host path: path inside}.
    loopback: ports of the loopback inside, and the host's sockets that they lead to.
    """

    repository: str
    writable: bool = True
    protected: Sequence[str] = (".git",)
    read_only: Mapping[str, str] | None = None
    aliases: Sequence[str] = ()
    variables: Mapping[str, str] | None = None
    tool_paths: Sequence[str] = ()
    image: str | None = None
    network: Sequence[str] = ()
    egress: str | None = None
    private_names: bool = False
    read_write: Mapping[str, str] | None = None
    loopback: Mapping[int, str] = field(default_factory=dict[int, str])
    limits: Limits = Limits()


class Workspace(Protocol):
    """One running sandbox. Closing it kills every process in it."""

    @property
    def kind(self) -> str:
        """ "docker" or "bwrap"."""
        ...

    async def call(self, op: str, **parameters: Any) -> dict[str, Any]:
        """Perform one operation of the tool host and answer its result.

        Raises ToolError for what the caller can mend (no such file …), WorkspaceError when the host is gone.
        Cancelling the awaiting task cancels the operation inside.
        """
        ...

    async def close(self) -> None:
        """End the sandbox; safe to call twice."""
        ...
