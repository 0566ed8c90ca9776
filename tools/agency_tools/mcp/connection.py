"""One server under way: started, its tools pinned, called, ended. Nothing a server does raises anything but ToolError."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

import anyio
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, CallToolResult, Implementation, PaginatedRequestParams

from agency_tools.errors import ToolError, WorkspaceError
from agency_tools.mcp.offer import Offer, Pinned, offer_of, pinned, shortened
from agency_tools.mcp.server import Server
from agency_tools.mcp.transports import Place, Transport, reached
from agency_tools.redaction import Redactor

MOST_PAGES = 20  # of a server's list
FAREWELL = 10.0  # seconds in which a connection has to end before it is cut
SAID = 500  # characters of a server's own error that are passed on

T = TypeVar("T")


class Connection:
    """A server's life during one run. notice: told once when its list of tools is no longer what was pinned."""

    def __init__(self, server: Server, place: Place, notice: Callable[[str], None] = lambda _: None) -> None:
        self.server = server
        self._place = place
        self._notice = notice
        self._redact = Redactor(server.secrets)
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[Pinned] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._session: ClientSession | None = None
        self._transport: Transport | None = None
        self._gone = ""
        self._pinned: Mapping[str, Offer] = {}
        self._more: set[str] = set()

    async def start(self) -> Pinned:
        """Start it and pin its tools. Raises WorkspaceError, in a line, where that does not come about in time."""
        self._task = asyncio.create_task(self._live())
        try:
            async with asyncio.timeout(self.server.start_s):
                found = await asyncio.shield(self._ready)
        except TimeoutError:
            await self.close()
            raise self._failed(f"it did not answer within {self.server.start_s:g} s") from None
        except WorkspaceError:
            await self.close()
            raise
        except asyncio.CancelledError:
            await self.close()
            raise
        self._pinned = {offer.tool: offer for offer in found.offers}
        self._more = set(found.left_out)
        return found

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool as it was pinned. Raises ToolError where the server fails, hangs, is gone, or has changed."""
        if self._gone:
            raise ToolError(self._gone)
        try:
            async with asyncio.timeout(self.server.call_s):
                await self._refuse_changed()
                return await self._asked(lambda session: session.call_tool(tool, dict(arguments)))
        except TimeoutError:
            offer = self._pinned.get(tool)
            advice = "it may be called again" if offer and offer.hints.repeatable else "verify that first"
            raise ToolError(
                f"The MCP server {self.server.name} did not answer within {self.server.call_s:g} s. Whether it did what"
                f" was asked is not known; {advice}."
            ) from None

    async def close(self) -> None:
        """End it, with everything it started; safe to call twice."""
        self._closing.set()
        if self._task is None:
            return
        if not self._ready.done():
            self._task.cancel()
        await asyncio.wait([self._task], timeout=FAREWELL)
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._task

    async def _live(self) -> None:
        try:
            async with reached(self.server, self._place) as transport:
                self._transport = transport
                me = Implementation(name="agency", version="1")
                async with ClientSession(transport.read, transport.write, client_info=me) as session:  # type: ignore[arg-type]
                    self._session = session
                    await self._greet(session)
                    await self._closing.wait()
        except Exception as problem:
            self._fail(await self._reason(problem))
        finally:
            self._session = None

    async def _greet(self, session: ClientSession) -> None:
        try:
            await session.initialize()
            found = pinned(self.server, await self._listed(session))
        except Exception as problem:
            self._fail(await self._reason(problem))
            return
        if not self._ready.done():
            self._ready.set_result(found)

    def _fail(self, why: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(self._failed(why))
        self._gone = self._gone or f"The MCP server {self.server.name} is gone: {why}. Go on without it."

    def _failed(self, why: str) -> WorkspaceError:
        named = f"MCP server {self.server.name}"
        where = f"; mend it in {self.server.origin}, or take it out" if self.server.origin else ""
        return WorkspaceError(f"{named} did not start: {self._redact(why)}{where}")

    async def _reason(self, problem: BaseException) -> str:
        """What went wrong: how its process ended where it has, else what was heard."""
        leaf = _leaf(problem)
        if self._transport is not None and _is_the_end(leaf):
            return self._redact(shortened(await self._transport.end(), SAID))
        return self._redact(shortened(str(leaf) or type(leaf).__name__, SAID))

    async def _listed(self, session: ClientSession) -> list[dict[str, Any]]:
        """All its tools, as the protocol has them."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
            found += [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in page.tools]
            cursor = page.next_cursor
            if not cursor:
                break
        return found

    async def _refuse_changed(self) -> None:
        """Raises ToolError where a tool that was given is no longer what it was: then none of the server's is called."""
        listed = {str(each.get("name")): each for each in await self._asked(self._listed)}
        for tool, offer in self._pinned.items():
            now = listed.get(tool)
            if now is None or offer_of(self.server, now).digest != offer.digest:
                how = "is gone" if now is None else "is no longer what it said of itself when the run started"
                self._gone = (
                    f"Refused: the tool {tool} of the MCP server {self.server.name} {how}; a server that changes its tools"
                    " during a run is not called again. Go on without it."
                )
                self._notice(f"MCP server {self.server.name}: its tool {tool} {how}; it is not called again")
                raise ToolError(self._gone)
        new = [
            tool for tool in listed if self.server.gives(tool) and tool not in self._pinned and tool not in self._more
        ]
        if new:
            self._more |= set(new)
            shown = shortened(", ".join(new), SAID)
            self._notice(f"MCP server {self.server.name}: offers further tools, which this run does not take: {shown}")

    async def _asked(self, ask: Callable[[ClientSession], Awaitable[T]]) -> T:
        session = self._session
        if session is None:
            raise ToolError(self._gone or f"The MCP server {self.server.name} is closed.")
        try:
            return await ask(session)
        except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError, RuntimeError) as problem:
            if _is_the_end(problem):
                self._fail(await self._reason(problem))
                raise ToolError(self._gone) from problem
            said = self._redact(shortened(str(problem), SAID))
            raise ToolError(f"The MCP server {self.server.name} answered with an error: {said}") from problem


def _is_the_end(problem: BaseException) -> bool:
    """Whether the connection is over."""
    if isinstance(problem, MCPError):
        return problem.error.code == CONNECTION_CLOSED
    return isinstance(problem, (anyio.ClosedResourceError, anyio.BrokenResourceError, EOFError))


def _leaf(problem: BaseException) -> BaseException:
    """The first fault inside groups of them."""
    while isinstance(problem, BaseExceptionGroup):
        inside: BaseException = cast("BaseExceptionGroup[BaseException]", problem).exceptions[0]
        problem = inside
    return problem
