"""The MCP servers of a run: all started side by side before it begins, their tools pinned, ended with it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from agency_runtime.order import Order
from agency_runtime.persona import Persona
from agency_runtime.staging import layout_of
from agency_runtime.wire import Json, json_object
from agency_tools.errors import ToolError, UsageError
from agency_tools.mcp.hints import Hints
from agency_tools.mcp.mcp_tool import Answer, Callee, mcp_tool
from agency_tools.mcp.names import any_covers, covers, server_of
from agency_tools.mcp.offer import Offer, Pinned, digest_of_all
from agency_tools.mcp.server import Server
from agency_tools.redaction import Redactor
from agency_tools.tool import Tool
from agency_tools.workspace import Layout, Workspace


class Nobody:
    """In the place of a server that is not started: a replay executes nothing."""

    async def call(self, tool: str, arguments: Mapping[str, object]) -> Answer:
        """Raises ToolError."""
        raise ToolError(f"{tool} was not called: in a replay of recorded results no MCP server runs")


class Line:
    """Passes on what happens to servers while a run listens; what is said before or after reaches nobody."""

    def __init__(self) -> None:
        self.to: Callable[[str], None] | None = None

    def __call__(self, text: str) -> None:
        """Say it."""
        if self.to is not None:
            self.to(text)


def for_persona(offers: Iterable[Offer], persona: Persona) -> list[Offer]:
    """The tools that a persona may use: all, or those that it names where it names any, but for what it refuses."""
    return [
        offer
        for offer in offers
        if (not persona.mcp or any_covers(persona.mcp, offer.name)) and not any_covers(persona.mcp_refused, offer.name)
    ]


@dataclass(frozen=True, kw_only=True)
class Remote:
    """What a run has of MCP servers: the tools that its persona may use, and by whom they are done.

    differs: why these are not the tools that the conversation was held with; empty where they are. line: tells the run
    what happens to them meanwhile.
    """

    offers: Sequence[Offer] = ()
    pinned: Sequence[Pinned] = ()
    callees: Mapping[str, Callee] = field(default_factory=dict[str, Callee])
    secrets: tuple[str, ...] = ()
    differs: str = ""
    line: Line = field(default_factory=Line)

    @property
    def hints(self) -> Mapping[str, Hints]:
        """What each tool says of itself, for the gate."""
        return {offer.name: offer.hints for offer in self.offers}

    def tools(self, workspace: Workspace) -> list[Tool]:
        """As tools of a run; long results are kept in its sandbox."""
        redact = Redactor(self.secrets)
        return [mcp_tool(offer, self.callees.get(offer.server) or Nobody(), workspace, redact) for offer in self.offers]

    def events(self) -> list[Json]:
        """What the log keeps of each server: where it runs, and what it offered."""
        return [
            {
                "server": each.server.name, "origin": each.server.origin, "place": each.server.place,
                "trusted": each.server.trusted, "digest": each.digest, "left_out": dict(each.left_out),
                "tools": [offer.json() for offer in self.offers if offer.server == each.server.name],
            }
            for each in self.pinned
        ]  # fmt: skip

    def notices(self, persona: Persona) -> list[str]:
        """What a person should know: a line a server, and the tools that the persona names and nobody gives."""
        lines = [
            _notice(each, [offer for offer in self.offers if offer.server == each.server.name]) for each in self.pinned
        ]
        absent = [name for name in persona.mcp if not any(covers(name, offer.name) for offer in self.offers)]
        return [*lines, *(f"{persona.path}: tools: {name}: no MCP server of this run gives it" for name in absent)]


def _notice(pinned: Pinned, given: Sequence[Offer]) -> str:
    unfit = [f"{tool} ({why})" for tool, why in pinned.left_out.items() if pinned.server.gives(tool)]
    more = f"; left out: {', '.join(unfit[:5])}{' …' if len(unfit) > 5 else ''}" if unfit else ""
    return f"MCP server {pinned.server.name} ({pinned.server.place}): {len(given)} tools, digest {pinned.digest[:12]}{more}"


NONE = Remote()


def recorded(order: Order) -> Remote:
    """The tools of the recording that an order replays; nothing where it replays none."""
    return Remote(offers=(earlier_offers(order) or ()) if order.recording is not None else ())


@asynccontextmanager
async def connected(order: Order) -> AsyncGenerator[Remote]:
    """The run's servers, started; they end with the block.

    A replay that executes nothing starts none: the tools are those of the recording. Raises WorkspaceError where one does
    not start, and UsageError where a run that goes on would find other tools than before.
    """
    then = earlier_offers(order)
    if order.pure:
        yield Remote(offers=then or ())
        return
    if not order.servers:
        yield _admitted(order, Remote(differs=_difference((), then)))
        return
    line = Line()
    async with started(order.servers, order.settings.sandbox, layout_of(order), line) as remote:
        offers = for_persona(remote.offers, order.persona)
        yield _admitted(order, replace(remote, offers=offers, differs=_difference(offers, then), line=line))


def _admitted(order: Order, remote: Remote) -> Remote:
    """The same. Raises UsageError where the run goes on from one that had other tools."""
    if order.past is not None and remote.differs and order.past.drift == "fail":
        raise UsageError(
            f"session {order.past.parent['id']}: {remote.differs}; put that back as it was, or add --drift warn to go on all"
            " the same"
        )
    return remote


@asynccontextmanager
async def started(
    servers: Sequence[Server], kind: str, layout: Layout, hear: Callable[[str], None] = lambda _: None
) -> AsyncGenerator[Remote]:
    """The servers, all side by side; the first that does not start ends the others. Raises WorkspaceError."""
    connection = await asyncio.to_thread(_client)  # takes over a second
    place = connection.Place(kind=kind, layout=layout, hear=hear)
    connections = [connection.Connection(server, place, hear) for server in servers]
    try:
        found = await asyncio.gather(*(each.start() for each in connections))
        secrets = tuple(secret for server in servers for secret in server.secrets)
        redact = Redactor.of_environment(secrets)
        yield Remote(
            offers=[_masked(offer, redact) for each in found for offer in each.offers], pinned=found, secrets=secrets,
            callees={each.server.name: each for each in connections},
        )  # fmt: skip
    finally:
        await asyncio.gather(*(each.close() for each in connections))


@asynccontextmanager
async def by_hand(
    servers: Sequence[Server], names: Iterable[str], kind: str, layout: Layout, hear: Callable[[str], None]
) -> AsyncGenerator[Remote]:
    """Those of the servers that the calls name, started. Raises WorkspaceError."""
    wanted = [server for server in servers if any(server_of(name) == server.name for name in names)]
    if not wanted:
        yield NONE
        return
    async with started(wanted, kind, layout, hear) as remote:
        yield remote


class _Client:
    """The module that speaks with servers, loaded."""

    def __init__(self) -> None:
        from agency_tools.mcp.connection import Connection
        from agency_tools.mcp.transports import Place

        self.Connection, self.Place = Connection, Place


def _client() -> _Client:
    return _Client()


def _masked(offer: Offer, redact: Redactor) -> Offer:
    """What a server says of a tool, as a recording of it could hold it: else its replay would differ."""
    schema = json_object(redact.inside(offer.schema))
    return replace(offer, description=redact(offer.description), schema=schema)


def earlier_offers(order: Order) -> list[Offer] | None:
    """The tools with which the conversation was held that is replayed or goes on; None for a new one.

    Raises UsageError where what was kept of them is broken.
    """
    if order.recording is not None:
        kept = order.recording.header.get("mcp") or ()
    elif order.past is not None:
        kept = order.past.mcp
    else:
        return None
    try:
        return [Offer.of_json(each) for each in kept]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"what was kept of the run's MCP tools is broken ({error}); record or start the work anew"
        ) from error


def _difference(now: Sequence[Offer], then: Sequence[Offer] | None) -> str:
    """What differs, by server; empty where nothing does or nothing was before."""
    if then is None or digest_of_all(now) == digest_of_all(then):
        return ""
    missing = sorted({offer.server for offer in then} - {offer.server for offer in now})
    if missing:
        return f"the MCP server {missing[0]} is not configured here; declare it with --mcp-config FILE"
    new = sorted({offer.server for offer in now} - {offer.server for offer in then})
    if new:
        return f"the MCP server {new[0]} was not there then; take it out of the configuration"
    changed = sorted(
        {
            name
            for name in _by_name(now).keys() | _by_name(then).keys()
            if _by_name(now).get(name) != _by_name(then).get(name)
        }
    )
    return (
        f"the MCP tool {changed[0]} is not what it was then" if changed else "the MCP tools are not what they were then"
    )


def _by_name(offers: Iterable[Offer]) -> dict[str, str]:
    return {offer.name: offer.digest for offer in offers}
