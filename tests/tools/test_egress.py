"""The proxy in front of a sandbox: what it opens, and every other way out that was tried."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agency_tools.allowed_hosts import Entry, allowed, entries, proxy_environment
from agency_tools.egress import Decision, Egress
from agency_tools.errors import UsageError

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
