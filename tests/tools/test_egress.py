"""The proxy in front of a sandbox: what it opens, and every other way out that was tried."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from agency_tools.allowed_hosts import Entry, allowed, entries, proxy_environment
from agency_tools.egress import Decision, Egress
from agency_tools.errors import UsageError, WorkspaceError
from agency_tools.mounts import mounts
from agency_tools.sandbox import start
from agency_tools.workspace import Layout, Workspace

Kind: TypeAlias = Literal["docker", "bwrap"]

PUBLIC = "93.184.215.14"


@dataclass
class Server:
    """An HTTP server of this machine that keeps what it was sent."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)


@asynccontextmanager
async def serving(answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n") -> AsyncIterator[Server]:
    """The server; it answers at the first empty line, and hears until the end."""
    server, connections = Server(), set[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                server.heard += piece
                if b"\r\n\r\n" in server.heard:
                    writer.write(answer)
                    await asyncio.sleep(0.05)
                    writer.write_eof()
                    break
            while piece := await reader.read(65536):
                server.heard += piece
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await asyncio.wait_for(asyncio.gather(*filter(None, connections)), 10)


@asynccontextmanager
async def proxy(
    *network: str, addresses: Sequence[str] = (PUBLIC,), hear: Callable[[Decision], None] | None = None
) -> AsyncIterator[Egress]:
    """A proxy for these entries; every name has these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    egress = Egress(entries(network), resolve=resolve, hear=hear or (lambda _: None))
    await egress.start()
    try:
        yield egress
    finally:
        await egress.close()


async def asked(egress: Egress, sent: bytes) -> str:
    """Everything that the proxy answers to these bytes."""
    reader, writer = await asyncio.open_unix_connection(egress.socket)
    with contextlib.suppress(OSError):
        writer.write(sent)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    await shut(writer)
    return answer.decode()


async def shut(writer: asyncio.StreamWriter) -> None:
    """Close it now, not when the loop comes to it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def status(answer: str) -> int:
    """Of an answer's first line."""
    return int(answer.split(" ")[1])


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("example.com", Entry(host="example.com")),
        ("EXAMPLE.com.", Entry(host="example.com")),
        ("example.com:8443", Entry(host="example.com", ports=(8443,))),
        ("*.example.com", Entry(host="example.com", below=True)),
        ("localhost:5000", Entry(host="localhost", ports=(5000,))),
        ("10.0.0.5", Entry(host="10.0.0.5")),
        ("[FD00:0::5]:443", Entry(host="fd00::5", ports=(443,))),
    ],
)
def test_an_entry_opens_a_host_and_its_ports(text: str, entry: Entry) -> None:
    assert entries([text]) == (entry,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.com",
        "*.localhost",
        "*.cluster.local",
        "a*.example.com",
        "https://example.com",
        "example.com/path",
        "user@example.com",
        "example.com:0",
        "example.com:65536",
        "example.com:https",
        "exa mple.com",
        "example..com",
        "example.com\r\nX: y",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "fe80::1%eth0",
        "0.0.0.0:80",
        "224.0.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200:80",
    ],
)
def test_a_malformed_or_never_opened_entry_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="--network") as refused:
        entries([text])
    assert "\n" not in str(refused.value)
    assert "\r" not in str(refused.value)


def test_a_wildcard_opens_what_is_below_it_and_nothing_beside_it() -> None:
    opened = entries(["*.example.com"])
    names = ["a.example.com", "a.b.example.com", "example.com", "badexample.com", "example.com.evil.org"]
    assert [name for name in names if allowed(opened, name, 443)] == ["a.example.com", "a.b.example.com"]
    assert allowed(opened, "a.example.com", 22) is None


def test_programs_are_told_of_the_proxy_only_where_there_is_one() -> None:
    assert proxy_environment([], "http://127.0.0.1:3128") == {}
    told = proxy_environment(["localhost:5000", "example.com"], "http://127.0.0.1:3128")
    assert (told["HTTPS_PROXY"], told["https_proxy"]) == ("http://127.0.0.1:3128",) * 2
    assert (told["NO_PROXY"], told["no_proxy"]) == ("127.0.0.1,::1",) * 2


async def test_a_plain_request_is_passed_on_to_an_open_port_of_this_machine() -> None:
    heard: list[Decision] = []
    async with serving() as server, proxy(f"localhost:{server.port}", hear=heard.append) as egress:
        there = f"localhost:{server.port}"
        head = f"POST http://{there}/a?b HTTP/1.1\r\nHost: {there}\r\nContent-Length: 3\r\nConnection: keep-alive, X-A\r\nX-A: 1"
        answer = await asked(egress, f"{head}\r\nProxy-Authorization: x\r\nX-B: 2\r\n\r\nabc".encode())
        assert answer.endswith("\r\n\r\nhello\n")
        kept = f"POST /a?b HTTP/1.1\r\nHost: {there}\r\nContent-Length: 3\r\nX-B: 2\r\nConnection: close\r\n\r\nabc"
        assert server.heard.decode() == kept
        assert heard == [Decision(host="localhost", port=server.port)]


async def test_a_tunnel_carries_bytes_both_ways() -> None:
    async with serving(b"answer") as server, proxy(f"localhost:{server.port}") as egress:
        answer = await asked(egress, f"CONNECT localhost:{server.port} HTTP/1.1\r\n\r\nany\r\n\r\nbytes".encode())
        assert answer == "HTTP/1.1 200 Connection established\r\n\r\nanswer"
        assert server.heard == b"any\r\n\r\nbytes"


async def test_a_body_in_chunks_is_passed_on_and_ends_where_it_ends() -> None:
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        head = f"PUT http://localhost:{server.port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        await asked(egress, f"{head}3\r\nabc\r\n0\r\n\r\nGET /secret HTTP/1.1\r\nHost: other\r\n\r\n".encode())
        assert server.heard.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize("where", ["other.example:443", "example.com:22", "www.example.com:443", "127.0.0.1:443"])
async def test_what_is_not_listed_is_refused_with_what_would_open_it(where: str) -> None:
    heard: list[Decision] = []
    async with proxy("example.com", hear=heard.append) as egress:
        answer = await asked(egress, f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    text = f"{where} is not open to this sandbox; only a person can open it, with --network {where}"
    assert answer.startswith(f"HTTP/1.1 403 {text}\r\n")
    assert answer.endswith(f"\r\n\r\nagency: {text}\n")
    host, _, port = where.partition(":")
    assert heard == [Decision(host=host, port=int(port), refused=text)]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "::ffff:10.0.0.1"],
)
async def test_a_listed_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    async with proxy("example.com", addresses=[PUBLIC, address]) as egress:
        answer = await asked(egress, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert status(answer) == 403
    assert address in answer
    assert "--network" in answer


async def test_a_name_below_a_wildcard_cannot_lead_to_this_machine() -> None:
    async with serving() as server, proxy(f"*.example.com:{server.port}", addresses=["127.0.0.1"]) as egress:
        assert status(await asked(egress, f"GET http://a.example.com:{server.port}/ HTTP/1.1\r\n\r\n".encode())) == 403
        assert server.heard == b""


async def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    monkeypatch.setattr("agency_tools.egress.refusal", judged.append)
    found = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(found)

    async with serving() as server:
        egress = Egress(entries([f"example.com:{server.port}"]), resolve=resolve)
        await egress.start()
        answer = await asked(egress, f"GET http://example.com:{server.port}/ HTTP/1.1\r\n\r\n".encode())
        await egress.close()
    assert answer.endswith("hello\n")
    assert (judged, list(found)) == (["127.0.0.1"], [["127.0.0.2"]])


OPEN = "localhost:{port}"
SMUGGLED = {
    "host-header-names-another": f"GET http://{OPEN}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "host-header-twice": f"GET http://{OPEN}/ HTTP/1.1\r\nHost: {OPEN}\r\nHost: evil.example\r\n\r\n",
    "connect-with-another-host": f"CONNECT {OPEN} HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "connect-with-a-body": f"CONNECT {OPEN} HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    "connect-with-chunks": f"CONNECT {OPEN} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "connect-without-a-port": "CONNECT localhost HTTP/1.1\r\n\r\n",
    "connect-with-two-ports": f"CONNECT {OPEN}:443 HTTP/1.1\r\n\r\n",
    "connect-with-a-user": f"CONNECT evil.example@{OPEN} HTTP/1.1\r\n\r\n",
    "connect-with-a-null": f"CONNECT {OPEN}\0.evil.example HTTP/1.1\r\n\r\n",
    "connect-with-a-path": f"CONNECT {OPEN}/x HTTP/1.1\r\n\r\n",
    "a-user-before-the-host": f"GET http://{OPEN}@evil.example/ HTTP/1.1\r\n\r\n",
    "a-backslash-in-the-host": f"GET http://{OPEN}\\@evil.example/ HTTP/1.1\r\n\r\n",
    "another-scheme": f"GET https://{OPEN}/ HTTP/1.1\r\n\r\n",
    "no-host-at-all": f"GET / HTTP/1.1\r\nHost: {OPEN}\r\n\r\n",
    "two-lengths": f"POST http://{OPEN}/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length-and-chunks": f"POST http://{OPEN}/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an-unknown-coding": f"POST http://{OPEN}/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a-signed-length": f"POST http://{OPEN}/ HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
    "a-folded-header": f"GET http://{OPEN}/ HTTP/1.1\r\nX: y\r\n Host: evil.example\r\n\r\n",
    "a-space-before-the-colon": f"GET http://{OPEN}/ HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
    "a-bare-line-feed": f"GET http://{OPEN}/ HTTP/1.1\nHost: evil.example\r\n\r\n",
    "a-bare-carriage-return": f"GET http://{OPEN}/ HTTP/1.1\r\nX: y\rHost: evil.example\r\n\r\n",
    "another-version": f"GET http://{OPEN}/ HTTP/2.0\r\n\r\n",
    "two-spaces": f"GET  http://{OPEN}/ HTTP/1.1\r\n\r\n",
    "not-http": "\x16\x03\x01\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_what_could_be_read_in_two_ways_is_not_read(name: str) -> None:
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        answer = await asked(egress, SMUGGLED[name].format(port=server.port).encode("latin-1"))
        assert status(answer) == 400
        assert answer.count("HTTP/1.1 ") == 1
        assert server.heard == b""


@pytest.mark.parametrize(
    "first", ["GET http://{there}/ HTTP/1.1\r\nHost: {there}\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\n\r\n"]
)
async def test_a_second_request_on_the_same_connection_is_never_read(first: str) -> None:
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        there = f"localhost:{server.port}"
        await asked(egress, (first.format(there=there) + f"GET http://{there}/second HTTP/1.1\r\n\r\n").encode())
        assert b"second" not in server.heard


@pytest.mark.parametrize("size", ["-1", "+3", "0x3", "3 3", "", "g"])
async def test_a_chunk_of_doubtful_size_ends_the_connection(size: str) -> None:
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        head = f"PUT http://localhost:{server.port}/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        await asked(egress, f"{head}{size}\r\nabc\r\n0\r\n\r\n".encode())
        assert b"abc" not in server.heard


async def test_a_head_is_bounded() -> None:
    async with proxy("example.com") as egress:
        assert status(await asked(egress, b"GET http://example.com/ HTTP/1.1\r\nX: " + b"y" * 100_000)) == 431


async def test_connections_are_bounded_and_ended_with_the_proxy() -> None:
    async with proxy("example.com") as egress:
        held = [await asyncio.open_unix_connection(egress.socket) for _ in range(128)]
        assert status(await asked(egress, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")) == 503
        await egress.close()
        await egress.close()
        assert [await reader.read() for reader, _ in held] == [b""] * 128
        assert not Path(egress.socket).parent.exists()
        for _, writer in held:
            await shut(writer)


async def test_an_open_host_that_does_not_answer_is_said_to_be_open() -> None:
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        pass
    async with proxy(f"127.0.0.1:{server.port}") as egress:
        answer = await asked(egress, f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
    assert status(answer) == 502
    assert "is open, but does not answer" in answer


async def test_an_idle_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agency_tools.relay.IDLE", 0.2)
    async with serving() as server, proxy(f"localhost:{server.port}") as egress:
        reader, writer = await asyncio.open_unix_connection(egress.socket)
        writer.write(f"CONNECT localhost:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert await asyncio.wait_for(reader.read(), 5) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        await shut(writer)


@asynccontextmanager
async def behind(
    kind: Kind, repository: Path, *network: str, heard: list[str] | None = None
) -> AsyncIterator[Workspace]:
    """A sandbox with a network; every name leads to this machine."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    layout = Layout(repository=str(repository), network=network)
    workspace = await start(kind, layout, hear=None if heard is None else heard.append, resolve=resolve)
    try:
        yield workspace
    finally:
        await workspace.close()


async def sh(workspace: Workspace, command: str) -> tuple[int, str]:
    """Exit code and output of a command inside."""
    done = await workspace.call("exec", command=command, cwd="/workspace", timeout_s=30)
    return int(done["exit_code"]), str(done["output"]).strip()


async def test_a_sandbox_reaches_what_is_listed_and_nothing_else(kind: Kind, repository: Path) -> None:
    heard: list[str] = []
    async with serving() as server, behind(kind, repository, f"localhost:{server.port}", heard=heard) as workspace:
        assert await sh(workspace, f"curl -sS http://localhost:{server.port}/") == (0, "hello")
        code, output = await sh(workspace, f"curl -sS http://localhost:{server.port + 1}/")
        assert (code, "is not open to this sandbox" in output, "--network" in output) == (0, True, True)
        assert (await sh(workspace, "curl -sS https://other.example/"))[0] == 56
        assert (await sh(workspace, f"curl -sS --noproxy '*' -m 3 http://localhost:{server.port}/"))[0] == 7
    refused = "is not open to this sandbox; only a person can open it, with --network"
    assert heard == [
        f"network: localhost:{server.port} opened",
        f"network: localhost:{server.port + 1} refused: localhost:{server.port + 1} {refused} localhost:{server.port + 1}",
        f"network: other.example:443 refused: other.example:443 {refused} other.example:443",
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
async def test_the_repositorys_owner_reaches_it_whoever_starts_the_sandbox(kind: Kind, repository: Path) -> None:
    os.chown(repository, 12345, 23456)
    async with serving() as server, behind(kind, repository, f"localhost:{server.port}") as workspace:
        assert await sh(workspace, f"id -u; curl -sS http://localhost:{server.port}/") == (0, "12345\nhello")


async def test_a_listed_name_cannot_lead_a_sandbox_to_this_machine(kind: Kind, repository: Path) -> None:
    async with serving() as server, behind(kind, repository, f"example.com:{server.port}") as workspace:
        code, output = await sh(workspace, f"curl -sS http://example.com:{server.port}/")
        assert (code, "127.0.0.1 is not a public address" in output) == (0, True)
        assert server.heard == b""


async def test_a_network_opens_no_other_way_out(kind: Kind, repository: Path) -> None:
    async with serving() as server, behind(kind, repository, "example.com") as workspace:
        assert await sh(workspace, "ls /sys/class/net 2>/dev/null || awk -F: 'NR > 2 { print $1 }' /proc/net/dev") == (
            0,
            "lo",
        )
        direct = f"python3 -c 'import socket; socket.create_connection((\"{{}}\", {server.port}), 3)'"
        for address in ("127.0.0.1", "::1", PUBLIC):
            assert (await sh(workspace, direct.format(address)))[0] == 1, address
        mounted = "cut -d' ' -f5 /proc/self/mountinfo | while read -r path; do test -S $path && echo $path; done; true"
        assert await sh(workspace, mounted) == (0, "/run/agency/egress.sock")
        assert (await sh(workspace, "getent hosts example.com"))[0] == 2
        assert (await sh(workspace, "rm -f /run/agency/egress.sock; echo x >/run/agency/egress.sock"))[0] != 0
        assert server.heard == b""


async def test_a_large_transfer_passes_whole_and_a_refused_upload_is_answered(kind: Kind, repository: Path) -> None:
    body = b"x" * (8 << 20)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    (repository / "large").write_bytes(body)
    async with serving(answer) as server, behind(kind, repository, f"localhost:{server.port}") as workspace:
        assert await sh(workspace, f"curl -sS http://localhost:{server.port}/ | wc -c") == (0, str(len(body)))
        code, output = await sh(workspace, "curl -sS -T large http://other.example/")
        assert (code, "is not open to this sandbox" in output) == (0, True)


async def test_connections_that_are_held_and_left_do_not_use_the_way_out_up(kind: Kind, repository: Path) -> None:
    script = """
import socket, subprocess
for _ in range(3):
    held = [socket.create_connection(("127.0.0.1", 3128), 5) for _ in range(40)]
    for each in held:
        each.close()
"""
    (repository / "hold.py").write_text(script, encoding="utf-8")
    async with serving() as server, behind(kind, repository, f"localhost:{server.port}") as workspace:
        assert await sh(workspace, f"python3 hold.py && curl -sS http://localhost:{server.port}/") == (0, "hello")


async def test_the_proxy_ends_with_its_sandbox(
    kind: Kind, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with behind(kind, repository, "example.com"):
        assert [path.is_socket() for path in tmp_path.glob("agency-egress-*/socket")] == [True]
    assert list(tmp_path.glob("agency-egress-*")) == []


async def test_the_proxy_ends_where_its_sandbox_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(WorkspaceError):
        await start("bwrap", Layout(repository="/does/not/exist", network=["example.com"]))
    assert list(tmp_path.iterdir()) == []


async def test_without_a_network_nothing_speaks_of_one(sandbox: Workspace) -> None:
    assert await sh(sandbox, "env | grep -i proxy; ls /run/agency; find /run -type s") == (
        0,
        "ls: cannot access '/run/agency': No such file or directory",
    )
    assert (await sh(sandbox, "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 3128), 3)'"))[0] == 1


@pytest.mark.parametrize("secret", ["/run/docker.sock", "/var/run/docker.sock"])
def test_no_other_socket_takes_the_proxys_place(repository: Path, secret: str) -> None:
    with pytest.raises(WorkspaceError, match="would expose"):
        mounts(Layout(repository=str(repository), network=["example.com"], egress=secret))
