"""Names of MCP tools, as rules, personas and filters speak of them."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

PREFIX = "mcp__"


def covers(named: str, tool: str) -> bool:
    """Whether `named` (a tool, `mcp__server` for all of a server, or a glob) speaks of the MCP tool."""
    if not tool.startswith(PREFIX) or not named.startswith(PREFIX):
        return False
    return tool == named or tool.startswith(f"{named}__") or ("*" in named and fnmatchcase(tool, named))


def any_covers(named: Iterable[str], tool: str) -> bool:
    """Whether one of the names does."""
    return any(covers(each, tool) for each in named)


def server_of(named: str) -> str:
    """The server that a name or glob speaks of: `github` for `mcp__github__*`."""
    return named.removeprefix(PREFIX).partition("__")[0]


def names_one(named: str) -> bool:
    """Whether it names tools and not a whole server."""
    return bool(named.removeprefix(PREFIX).partition("__")[2].strip("*"))
