"""One HTTPS request to an address that was checked, and to no other."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from agency_tools.addresses import Resolve, lookup, public_addresses, refusal
from agency_tools.errors import ToolError

if TYPE_CHECKING:
    from httpx2 import Response

LARGEST = 5 << 20
"""Bytes of a body that are read."""

LONGEST_S = 60
"""Seconds one request may take in all, its look-up included."""

REDIRECTS = (301, 302, 303, 307, 308)

AGENT = "agency-web-fetch/1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response: `location` is absolute, and set only for a redirect; `cut` says that the body was longer."""

    url: str
    status: int
    content_type: str
    body: bytes
    location: str | None = None
    cut: bool = False


class Getter(Protocol):
    """Whatever answers a GET: the network, or pages kept in a folder."""

    async def get(self, url: str) -> Answer:
        """The answer for `url`. Raises ToolError where it is refused or there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How requests go out: who resolves, which addresses are refused, whom TLS trusts (None: the system's roots)."""

    resolve: Resolve = lookup
    refuse: Callable[[str], str | None] = refusal
    tls: ssl.SSLContext | None = None

    async def get(self, url: str) -> Answer:
        """GET `url`, pinned to the addresses it resolves to now. Raises ToolError where it is refused or does not answer."""
        parts = checked(url)
        try:
            async with asyncio.timeout(LONGEST_S):
                found = await public_addresses(
                    parts.hostname or "", parts.port or 443, resolve=self.resolve, refuse=self.refuse
                )
                return await self._first(parts, found)
        except TimeoutError as error:
            raise ToolError(f"{parts.geturl()} took longer than {LONGEST_S} s") from error

    async def _first(self, parts: SplitResult, addresses: Sequence[str]) -> Answer:
        """The answer of the first address that lets itself be connected to."""
        import httpx2

        trouble = ""
        for address in addresses:
            try:
                return await self._send(parts, address)
            except httpx2.ConnectError as error:
                trouble = str(error)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise ToolError(f"{parts.geturl()} did not answer: {error or type(error).__name__}") from error
        raise ToolError(f"{parts.geturl()} cannot be connected to: {trouble}")

    async def _send(self, parts: SplitResult, address: str) -> Answer:
        """The name goes into TLS and the Host header, the address alone into the connection: no second look-up."""
        import httpx2

        place = f"[{address}]" if ":" in address else address
        pinned = parts._replace(netloc=f"{place}:{parts.port or 443}", fragment="").geturl()
        headers = {"Host": parts.netloc, "User-Agent": AGENT, "Accept": "text/markdown, text/html, text/*, */*;q=0.5"}
        async with (
            httpx2.AsyncClient(verify=self.tls or ssl.create_default_context(), trust_env=False, timeout=30) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": parts.hostname}) as response,
        ):
            return await _answer(parts.geturl(), response)


def checked(url: str) -> SplitResult:
    """`url` in parts, http made https, its host in ASCII. Raises ToolError for another scheme, credentials, no host."""
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise ToolError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ToolError(f"{url!r} cannot be fetched: give a whole URL, https://host/path")
    if "@" in parts.netloc:
        raise ToolError("a URL with credentials is not fetched: leave out what stands before the @")
    usual = port is None or (parts.scheme, port) in (("http", 80), ("https", 443))
    place = f"[{host}]" if ":" in host else host
    return parts._replace(scheme="https", netloc=place if usual else f"{place}:{port}")


async def _answer(url: str, response: "Response") -> Answer:
    body, cut = b"", False
    if response.status_code not in REDIRECTS:
        async for piece in response.aiter_bytes():
            body += piece
            if cut := len(body) > LARGEST:
                break
    location = response.headers.get("location") if response.status_code in REDIRECTS else None
    return Answer(
        url=url,
        status=response.status_code,
        content_type=response.headers.get("content-type", ""),
        body=body[:LARGEST],
        location=urljoin(url, location) if location else None,
        cut=cut,
    )
