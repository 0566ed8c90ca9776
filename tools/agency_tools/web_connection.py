"""One HTTPS request to an address that was checked, and to no other."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from agency_tools.addresses import Resolve, lookup, public_addresses, refusal
from agency_tools.errors import ToolError

if TYPE_CHECKING:
    from httpx2 import Response

LARGEST = 5 << 20
"""Bytes of a body that are read."""

PATIENCE_S = 30.0

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


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How requests go out: who resolves, which addresses are refused, whom TLS trusts (None: the system's roots)."""

    resolve: Resolve = lookup
    refuse: Callable[[str], str | None] = refusal
    tls: ssl.SSLContext | None = None

    async def get(self, url: str) -> Answer:
        """GET `url`, pinned to the addresses it resolves to now. Raises ToolError where it is refused or does not answer."""
        parts = checked(url)
        host, port = parts.hostname or "", parts.port or 443
        addresses = await public_addresses(host, port, resolve=self.resolve, refuse=self.refuse)
        return await self._send(parts, addresses[0], port)

    async def _send(self, parts: SplitResult, address: str, port: int) -> Answer:
        """The name goes into TLS and the Host header, the address alone into the connection: no second look-up."""
        import httpx2

        place = f"[{address}]" if ":" in address else address
        pinned = parts._replace(netloc=f"{place}:{port}", fragment="").geturl()
        headers = {"Host": parts.netloc, "User-Agent": AGENT, "Accept": "text/markdown, text/html, text/*, */*;q=0.5"}
        verify = self.tls or ssl.create_default_context()
        try:
            async with (
                httpx2.AsyncClient(
                    verify=verify, trust_env=False, timeout=PATIENCE_S, follow_redirects=False
                ) as client,
                client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": parts.hostname}) as response,
            ):
                return await _answer(parts.geturl(), response)
        except httpx2.HTTPError as error:
            raise ToolError(f"{parts.geturl()} did not answer: {error or type(error).__name__}") from error


def checked(url: str) -> SplitResult:
    """`url` in parts, http made https. Raises ToolError for any other scheme, credentials in it, or no host."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise ToolError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ToolError(f"{url!r} cannot be fetched: give a whole URL, https://host/path")
    if "@" in parts.netloc:
        raise ToolError("a URL with credentials is not fetched: leave out what stands before the @")
    if parts.scheme == "http":
        netloc = parts.netloc.removesuffix(":80") if port == 80 else parts.netloc
        parts = parts._replace(scheme="https", netloc=netloc)
    return parts


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
