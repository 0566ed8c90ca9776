"""The second compartment in each kind of sandbox: what it holds, what it reaches, and that the shell sees none of it."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from agency_tools.compartment import ShellCompartment
from agency_tools.compartment_sandbox import TargetCompartment, layout_for
from agency_tools.credentials import PLACE, Credentials
from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.sandbox import Kind
from agency_tools.workspace import Layout, Workspace

TOKEN = "canary-4f1d/9a+c2 e7"
FILE_TOKEN = "canary-in-a-file-77b1"


class Quiet(BaseHTTPRequestHandler):
    """Answers every request with one word."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"cluster")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[int]:
    """A service on this machine's loopback; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
async def compartment(kind: Kind, repository: Path, service: int) -> AsyncIterator[TargetCompartment]:
    """The compartment of a target with a variable, a file and one endpoint."""
    credentials = Credentials(
        environment={"DEPLOY_TOKEN": TOKEN, "KEYFILE": f"{PLACE}/KEYFILE"},
        files={f"{PLACE}/KEYFILE": f"token: {FILE_TOKEN}\n"},
        endpoints=(f"127.0.0.1:{service}",),
        secrets=(TOKEN, FILE_TOKEN),
    )
    made = TargetCompartment(kind, layout_for(Layout(repository=str(repository)), credentials, None), credentials)
    yield made
    await made.close()


async def said(compartment: TargetCompartment, command: str) -> str:
    ran = await compartment.run(["sh", "-c", command])
    return f"{ran.exit_code} {ran.output.strip()}".strip()


async def test_it_holds_the_targets_credentials_and_never_says_them(compartment: TargetCompartment) -> None:
    assert await said(compartment, 'test "$DEPLOY_TOKEN" = "canary-4f1d/9a+c2 e7" && stat -c %a "$KEYFILE"') == "0 600"
    for way in ("echo $DEPLOY_TOKEN", "cat $KEYFILE", "env", 'printf %s "$DEPLOY_TOKEN" | base64'):
        shown = await said(compartment, way)
        assert "[redacted]" in shown
        assert not any(
            form in shown for form in (TOKEN, FILE_TOKEN, base64.b64encode(TOKEN.encode()).decode(), quote(TOKEN))
        )
    with pytest.raises(ToolError) as refused:
        await compartment.run(["sh", "-c", "echo $DEPLOY_TOKEN; sleep 9"], timeout_s=0.5)
    assert TOKEN not in str(refused.value)


async def test_the_repository_cannot_be_written_from_it(compartment: TargetCompartment, repository: Path) -> None:
    assert await said(compartment, "cat README.md") == "0 hello"
    assert (await said(compartment, "echo x > owned")).startswith("2 ")
    assert not (repository / "owned").exists()


async def test_it_reaches_the_targets_endpoint_and_nothing_else(compartment: TargetCompartment, service: int) -> None:
    fetch = (
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:%d/\", timeout=5).read().decode())'"
    )
    assert await said(compartment, fetch % service) == "0 cluster"
    assert "Connection refused" in await said(compartment, fetch % (service + 1 if service < 65000 else service - 1))


async def test_the_shell_sees_nothing_of_it(compartment: TargetCompartment, sandbox: Workspace, service: int) -> None:
    shell = ShellCompartment(workspace=sandbox)
    sleeping = asyncio.create_task(compartment.run(["sleep", "98765.25"]))
    while "98765.25" not in await said(compartment, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"):
        await asyncio.sleep(0.05)
    assert await said(compartment, "touch /tmp/seen-by-nobody && ls /tmp/agency/credentials") == "0 KEYFILE"

    async def from_shell(command: str) -> str:
        return (await shell.run(["sh", "-c", command])).output

    everything = (
        "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; find / -xdev -name KEYFIL?; ls -a /tmp /run /run/agency"
    )
    seen = await from_shell(f"{everything} 2>&1")
    assert not [
        word for word in (TOKEN, FILE_TOKEN, "98765.25", "KEYFILE", "seen-by-nobody", f"port-{service}") if word in seen
    ]
    fetch = f"python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:{service}/\", timeout=5)'"
    assert "Connection refused" in await from_shell(f"{fetch} 2>&1")
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping


async def test_it_starts_at_its_first_use_and_not_again_once_closed(kind: Kind, tmp_path: Path) -> None:
    layout = Layout(repository=str(tmp_path / "absent"))
    unused = TargetCompartment(kind, layout, Credentials())
    await unused.close()
    with pytest.raises(WorkspaceError, match="closed"):
        await unused.run(["true"])
    broken = TargetCompartment(kind, layout, Credentials())
    with pytest.raises(WorkspaceError, match="does not exist"):
        await broken.run(["true"])
    await broken.close()


async def test_a_command_that_is_interrupted_may_give_back_its_locks(compartment: TargetCompartment) -> None:
    script = "import signal, time\ndef end(*_):\n    time.sleep(1); open('/tmp/gave-back', 'w'); raise SystemExit\n"
    script += "signal.signal(signal.SIGINT, end)\nopen('/tmp/began', 'w')\ntime.sleep(60)\n"
    begun = 'ln -sf $(readlink -f $(command -v python3)) /tmp/terraform && exec /tmp/terraform -c "$0"'
    running = asyncio.create_task(compartment.run(["sh", "-c", begun, script], interrupt_first=True))
    while (await compartment.run(["test", "-e", "/tmp/began"])).exit_code:
        await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await said(compartment, "ls /tmp/gave-back") == "0 /tmp/gave-back"


async def test_a_state_folder_is_all_that_can_be_written(kind: Kind, repository: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    made = TargetCompartment(kind, layout_for(Layout(repository=str(repository)), Credentials(), state), Credentials())
    try:
        assert await said(made, "echo kept > /state/x") == "0"
    finally:
        await made.close()
    assert (state / "x").read_text() == "kept\n"
