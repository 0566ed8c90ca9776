"""Which hosts a sandbox may reach: the entries of `--network`, and what each opens."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agency_tools.errors import UsageError

USUAL_PORTS = (443, 80)
"""What an entry without a port opens."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names by which programs inside reach each other, unless an entry gives the name away to the host."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
"""The last label begins with a letter: no address in disguise is a name."""

_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/?#@\s]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry: a name, a literal address, or with `below` every name below one; and the ports it opens."""

    host: str
    ports: tuple[int, ...] = USUAL_PORTS
    below: bool = False

    @property
    def explicit(self) -> bool:
        """Whether it stands for itself, private or not: a literal address, or this machine's own name."""
        return self.host == "localhost" or address(self.host) is not None

    def opens(self, host: str, port: int) -> bool:
        """Whether a connection there is meant; `host` as `normal` gives it."""
        named = host.endswith(f".{self.host}") if self.below else host == self.host
        return named and port in self.ports


def listed(text: str, where: str = "--network") -> tuple[str, ...]:
    """The entries of one option, nothing for `none`. Raises UsageError at one that cannot be opened."""
    if text == "none":
        return ()
    given = tuple(each.strip() for each in text.split(","))
    if "none" in given:
        raise UsageError(f"{where} {text}: `none` stands alone; leave it out, or leave the hosts out")
    entries(given, where)
    return given


def entries(given: Iterable[str], where: str = "--network") -> tuple[Entry, ...]:
    """The entries as values. Raises UsageError at the first that is malformed or is never opened."""
    return tuple(dict.fromkeys(_entry(each.strip(), where) for each in given))


def _entry(text: str, where: str) -> Entry:
    below = text.startswith("*.")
    found = authority(text.removeprefix("*."))
    if found is None:
        raise UsageError(f"{where} {text!r}: write HOST, HOST:PORT or *.DOMAIN, without a scheme, path or other `*`")
    host, port = found
    if reason := _refusal(host, port, below):
        raise UsageError(f"{where} {text}: {reason}")
    return Entry(host=host, ports=(port,) if port else USUAL_PORTS, below=below)


def _refusal(host: str, port: int | None, below: bool) -> str | None:
    """Why an entry is never opened, or None."""
    from agency_tools.addresses import PRIVATE_NAMES, is_metadata  # brings asyncio, and few runs have a network

    literal = address(host)
    if below and (literal or "." not in host or host.rpartition(".")[2] in PRIVATE_NAMES):
        return "a wildcard needs a public domain of at least two parts, such as *.example.com"
    if host == "localhost" and not port:
        return "this machine's own ports are opened one by one; write localhost:PORT"
    if literal and is_metadata(host):
        return "a cloud's metadata service hands out this machine's credentials and is never opened"
    if literal and (literal.is_multicast or literal.is_unspecified):
        return "no single host has this address; name the host"
    return None


def allowed(opened: Iterable[Entry], host: str, port: int) -> Entry | None:
    """The entry that opens it; one that stands for itself comes first."""
    fitting = [entry for entry in opened if entry.opens(host, port)]
    return next((entry for entry in fitting if entry.explicit), fitting[0] if fitting else None)


def authority(text: str) -> tuple[str, int | None] | None:
    """`host` or `host:port` taken apart, the host in its normal form; None where it is neither."""
    match = _AUTHORITY.fullmatch(text)
    host = normal(match["host"]) if match else None
    if not match or not host:
        return None
    port = int(match["port"]) if match["port"] else None
    return (host, port) if port is None or 0 < port < 65536 else None


def normal(host: str) -> str | None:
    """A host in lower case, without brackets or final dot, an address as it is usually written; None for neither."""
    host = host.lower()
    if host.startswith("["):
        literal = address(host.strip("[]"))
        return str(literal) if literal and literal.version == 6 else None
    if literal := address(host):
        return str(literal) if literal.version == 4 else None
    host = host.removesuffix(".")
    return host if len(host) <= 253 and _NAME.fullmatch(host) else None


def address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def proxy_environment(network: Sequence[str], proxy: str) -> dict[str, str]:
    """The variables by which programs find the proxy; nothing where no host is open."""
    if not network:
        return {}
    given_away = {entry.host for entry in entries(network)}
    inside = ",".join(name for name in LOOPBACK if name not in given_away)
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    values = dict.fromkeys(names, proxy) | {"NO_PROXY": inside}
    return {**values, **{name.lower(): value for name, value in values.items()}}
