"""The second compartment: a sandbox of its own with one target's credentials, where the repository cannot be written.

Nothing of it can be seen from the run's shell: another process, another /tmp, another network. It starts at the first
use. Whatever a command says there is masked before anyone is told of it.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from agency_tools.allowed_hosts import entries
from agency_tools.compartment import STATE, Ran, ShellCompartment
from agency_tools.credentials import PLACE, Credentials
from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.loopback_ports import LoopbackPorts, loopback_ports
from agency_tools.redaction import Redactor
from agency_tools.sandbox import Kind, start
from agency_tools.secret_patterns import library_patterns, without_shapes
from agency_tools.workspace import ROOT, Layout, Workspace

PIECE = 48_000  # characters of a file in one command's environment
BUSY = "/tmp/agency/busy"  # held by every command as long as one of its processes lives
FAREWELL = 25.0  # seconds that an interrupted command has to give back its locks

_WRITE = 'umask 077; mkdir -p "$(dirname "$1")" && printf %s "$PIECE" | base64 -d >> "$1"'
_HELD = 'mkdir -p /tmp/agency; exec 9>>"$0"; flock -s 9; exec "$@"'


def layout_for(layout: Layout, credentials: Credentials, state: Path | None) -> Layout:
    """The layout of a target's compartment, made of that of the run's sandbox."""
    return replace(
        layout,
        writable=False,
        network=tuple(each for each in credentials.endpoints if not loopback_ports(entries([each]))),
        private_names=True,
        read_write={str(state): STATE} if state else None,
    )


@dataclass
class TargetCompartment:
    """The compartment of one target, which starts at its first use."""

    kind: Kind
    layout: Layout
    credentials: Credentials
    hear: Callable[[str], None] = lambda _: None
    _redact: Redactor = field(init=False)
    _ports: LoopbackPorts | None = None
    _starting: "asyncio.Task[Workspace] | None" = None
    _closed: bool = False

    def __post_init__(self) -> None:
        self._redact = Redactor(self.credentials.secrets)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
    ) -> Ran:
        """Run `argv` with the credentials. Raises ToolError when the time is up; WorkspaceError when it broke."""
        workspace = await self._ready()
        try:
            ran = await ShellCompartment(workspace=workspace).run(
                ["sh", "-c", _HELD, BUSY, *argv],
                cwd=cwd,
                env={**self.credentials.environment, **(env or {})},
                timeout_s=timeout_s,
                interrupt_first=interrupt_first,
            )
        except ToolError as error:
            raise ToolError(self._masked(str(error))) from None
        except asyncio.CancelledError:
            if interrupt_first:
                await self._farewell(workspace)
            raise
        return replace(ran, output=self._masked(ran.output))

    def _masked(self, text: str) -> str:
        """By value first, then by shape."""
        return without_shapes(self._redact(text))

    async def _ready(self) -> Workspace:
        if self._closed:
            raise WorkspaceError("the target's compartment is closed")
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Workspace:
        self._ports = LoopbackPorts()
        await self._ports.open(loopback_ports(entries(self.credentials.endpoints)))
        layout = replace(self.layout, loopback=self._ports.sockets)
        workspace, _ = await asyncio.gather(
            start(self.kind, layout, hear=self.hear), asyncio.to_thread(library_patterns)
        )
        try:
            for place, text in self.credentials.files.items():
                await _put(workspace, place, text)
        except BaseException:
            await workspace.close()
            raise
        return workspace

    async def _farewell(self, workspace: Workspace) -> None:
        """Wait for a command that was just interrupted: killed, it would leave its lock and half of what it did."""
        command = f"flock -w {FAREWELL:g} {BUSY} true"
        with suppress(ToolError, WorkspaceError, asyncio.CancelledError):
            await asyncio.shield(workspace.call("exec", command=command, timeout_s=FAREWELL + 5))

    async def close(self) -> None:
        """End it with everything in it; safe to call twice."""
        self._closed = True
        if self._starting is not None:
            if not self._starting.done():
                self._starting.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await (await self._starting).close()
        if self._ports is not None:
            await self._ports.close()


async def _put(workspace: Workspace, place: str, text: str) -> None:
    """Write a file inside, in its memory only: nothing of it is on this machine's disks."""
    encoded = base64.b64encode(text.encode()).decode()
    assert place.startswith(PLACE)
    for at in range(0, len(encoded), PIECE):
        piece = {"PIECE": encoded[at : at + PIECE]}
        argv = ["sh", "-c", _WRITE, "sh", place]
        done = await ShellCompartment(workspace=workspace).run(argv, env=piece)
        if done.exit_code != 0:
            raise WorkspaceError(f"the credentials could not be put into the target's compartment: {done.output}")
