"""What a program inside asks of the proxy: one request's head, taken strictly or not at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agency_tools.allowed_hosts import authority

LARGEST_HEAD = 32 << 10

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade", "host"}
)
"""Said to the proxy and not passed on; Host is written anew from the request's own line."""

_LINE = re.compile(r"([A-Z][A-Z-]{0,30}) ([\x21-\x7e]+) (HTTP/1\.[01])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_ABSOLUTE = re.compile(r"http://([^/?#]+)([/?][^#]*)?", re.IGNORECASE)


class Malformed(Exception):
    """A request that two readers could understand differently, or none; its text is what the asker is told."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: a tunnel to `host`, or a plain one whose head is passed on and whose body has a known end.

    length: bytes of the body, or None where it comes in chunks.
    """

    host: str
    port: int
    tunnel: bool = True
    head: bytes = b""
    length: int | None = 0


def parsed(data: bytes) -> Request:
    """The request of a head with its final empty line. Raises Malformed."""
    first, *rest = _lines(data)
    line = _LINE.fullmatch(first)
    if not line:
        raise Malformed("the request line is not HTTP/1.1's")
    fields = [_field(each) for each in rest]
    method, target, version = line.groups()
    return _tunnel(target, fields) if method == "CONNECT" else _plain(method, target, version, fields)


def _lines(data: bytes) -> list[str]:
    text = data.removesuffix(b"\r\n\r\n").decode("latin-1")
    lines = text.split("\r\n")
    if any(sign in line for line in lines for sign in "\r\n\0"):
        raise Malformed("a line of the head does not end in CR LF")
    return lines


def _field(line: str) -> tuple[str, str]:
    match = _FIELD.fullmatch(line)
    if not match:
        raise Malformed("a header is not `Name: value` on one line")
    return match[1], match[2].strip(" \t")


def _values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in fields if each.lower() == name]


def _tunnel(target: str, fields: Sequence[tuple[str, str]]) -> Request:
    found = authority(target)
    if found is None or found[1] is None:
        raise Malformed("CONNECT takes HOST:PORT")
    host, port = found[0], found[1]
    _check_host(fields, host, port)
    if _values(fields, "transfer-encoding") or set(_values(fields, "content-length")) - {"0"}:
        raise Malformed("CONNECT has no body")
    return Request(host=host, port=port)


def _plain(method: str, target: str, version: str, fields: Sequence[tuple[str, str]]) -> Request:
    match = _ABSOLUTE.fullmatch(target)
    found = authority(match[1]) if match else None
    if not match or not found:
        raise Malformed("the proxy takes CONNECT HOST:PORT, or a request for http://HOST/…")
    host, port = found[0], found[1] or 80
    _check_host(fields, host, port)
    path = match[2] or "/"
    path = path if path.startswith("/") else f"/{path}"
    dropped = HOP_BY_HOP | {
        name.strip().lower() for value in _values(fields, "connection") for name in value.split(",")
    }
    dropped -= {"content-length", "transfer-encoding"}  # they say where the body ends
    kept = [f"{name}: {value}" for name, value in fields if name.lower() not in dropped]
    lines = [f"{method} {path} {version}", f"Host: {_written(host, port)}", *kept, "Connection: close", "", ""]
    return Request(
        host=host, port=port, tunnel=False, head="\r\n".join(lines).encode("latin-1"), length=_length(fields)
    )


def _check_host(fields: Sequence[tuple[str, str]], host: str, port: int) -> None:
    """Raises Malformed where Host names another host than the request's line, or there are two."""
    named = _values(fields, "host")
    for value in named:
        found = authority(value)
        if len(named) > 1 or not found or found[0] != host or found[1] not in (None, port):
            raise Malformed(f"the Host header does not say {_written(host, port)}, as the request's line does")


def _written(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == 80 else f"{shown}:{port}"


def _length(fields: Sequence[tuple[str, str]]) -> int | None:
    """Bytes of the body, None for chunks. Raises Malformed where it could be read in two ways."""
    coding, lengths = _values(fields, "transfer-encoding"), _values(fields, "content-length")
    if coding and (lengths or [each.lower() for each in coding] != ["chunked"]):
        raise Malformed("the body's length is said in more than one way")
    if coding:
        return None
    if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]{1,18}", each) for each in lengths):
        raise Malformed("the body's length is not one number")
    return int(lengths[0]) if lengths else 0
