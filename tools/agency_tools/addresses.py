"""Which addresses a fetch may reach: public ones, and never a cloud's metadata service."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from agency_tools.errors import ToolError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Answers the addresses of a host and port, as text."""

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
"""Where clouds hand out credentials; some lie in public ranges."""

PRIVATE_NAMES = ("localhost", "local", "internal", "home.arpa", "lan", "localdomain")
"""Top names that are never public."""

GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is ever routed in public."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)


def refusal(text: str) -> str | None:
    """Why the address may not be reached, or None where it is public."""
    address = _inner(ipaddress.ip_address(text.split("%")[0]))
    if address in METADATA:
        return f"{text} is a cloud's metadata service"
    if address.is_multicast or not address.is_global or (address.version == 6 and address not in GLOBAL_V6):
        return f"{text} is not a public address"
    return None


def is_metadata(text: str) -> bool:
    """Whether a cloud hands out credentials at the address, however it is written."""
    return _inner(ipaddress.ip_address(text.split("%")[0])) in METADATA


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def check_name(host: str) -> None:
    """Raises ToolError at a name that is never public, and at an address in any form but the usual one."""
    name = host.rstrip(".").lower()
    if not name or any(name == private or name.endswith(f".{private}") for private in PRIVATE_NAMES):
        raise ToolError(f"{host!r} is not a public host: only public addresses can be fetched")
    if _NUMBERS.fullmatch(name) and not _usual(name):
        raise ToolError(f"{host!r} is an address in disguise: write a host name, or four decimal numbers")


def _usual(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


async def lookup(host: str, port: int) -> Sequence[str]:
    """The addresses of `host` by the system's resolver. Raises ToolError where it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ToolError(f"{host!r} cannot be resolved: {error.strerror or error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def public_addresses(
    host: str, port: int, *, resolve: Resolve = lookup, refuse: Callable[[str], str | None] = refusal
) -> Sequence[str]:
    """The addresses of `host`. Raises ToolError if even one of them is not public: a name that has both is a trick."""
    check_name(host)
    found = await resolve(host, port)
    reasons = [reason for address in found if (reason := refuse(address))]
    if reasons or not found:
        raise ToolError(f"{host!r} cannot be fetched: {reasons[0] if reasons else 'it has no address'}")
    return found
