"""A server as a person declares it, before anything of it is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

Reaches: TypeAlias = Literal["none", "read", "write"]
"""What a sandboxed server has of the repository."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One MCP server.

    origin: the file that declares it. command: the program and its arguments; empty for a server behind a `url`.
    environment: every variable its process has beside those of its place. headers: sent with every request to the `url`.
    allow, deny: its tools, by name or glob; deny wins. trusted: what its tools say of themselves may loosen a verdict.
    host: it runs on this machine, outside every sandbox. repository, network, paths: what it has in its sandbox; a path
    is a folder of programs, put on PATH. start_s, call_s: seconds for its start, and for each call.
    secrets: values it was given, masked wherever they turn up.
    """

    name: str
    origin: str = ""
    command: tuple[str, ...] = ()
    url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    trusted: bool = False
    host: bool = False
    repository: Reaches = "none"
    network: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    start_s: float = 30.0
    call_s: float = 60.0
    secrets: tuple[str, ...] = ()

    def gives(self, tool: str) -> bool:
        """Whether the filter lets a tool of this name through."""
        named = any(fnmatchcase(tool, pattern) for pattern in self.allow)
        return named and not any(fnmatchcase(tool, pattern) for pattern in self.deny)

    @property
    def place(self) -> str:
        """Where it runs, in a word."""
        if self.url:
            return "remote"
        return "host" if self.host else "sandbox"
