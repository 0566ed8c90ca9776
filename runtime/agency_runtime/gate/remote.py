"""Tools of MCP servers: what they say of themselves, in the classes that commands have.

The words are the server's own. Those of a server that nobody vouches for make a verdict stricter and never looser.
"""

from agency_runtime.gate.decision import Kind
from agency_tools.mcp.hints import Hints
from agency_tools.mcp.names import names_one


def kind_of(hints: Hints) -> Kind:
    """The class of a call."""
    if hints.destroys:
        return "destroy"
    if hints.only_reads:
        return "read"
    return "change" if hints.only_adds else "unknown"


def opens(named: str, hints: Hints) -> bool:
    """Whether an allow rule of this name means a tool of these hints: what says that it destroys has to be named itself."""
    return names_one(named) or not hints.destroys
