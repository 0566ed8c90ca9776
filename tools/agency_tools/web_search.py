"""WebSearch: the model service's own tool by default, or a SearXNG instance that someone runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output
from agency_tools.untrusted import untrusted

SERVER_TYPE = "web_search_20260318"
"""The newest version of the service's search tool."""

USES = 8
"""Searches in one request."""

RESULTS = 10
SNIPPET = 500


def server_tool_definition(
    *, allowed_domains: Sequence[str] = (), blocked_domains: Sequence[str] = ()
) -> dict[str, Any]:
    """The entry of `tools` by which the service searches itself; results come straight to the model, so a run records them.

    Raises ValueError where domains are both allowed and blocked: the service takes one or the other.
    """
    if allowed_domains and blocked_domains:
        raise ValueError("domains are either allowed or blocked, not both")
    domains = {"allowed_domains": list(allowed_domains), "blocked_domains": list(blocked_domains)}
    return {
        "type": SERVER_TYPE,
        "name": "web_search",
        "max_uses": USES,
        "allowed_callers": ["direct"],
        **{name: hosts for name, hosts in domains.items() if hosts},
    }


class WebSearchInput(Input):
    """What to search for, and where."""

    query: str = Field(min_length=2, max_length=400)
    allowed_domains: tuple[str, ...] = Field(default=(), description="only results of these hosts")
    blocked_domains: tuple[str, ...] = Field(default=(), description="no results of these hosts")

    @model_validator(mode="after")
    def _one_list(self) -> "WebSearchInput":
        if self.allowed_domains and self.blocked_domains:
            raise ValueError("give allowed_domains or blocked_domains, not both")
        return self


class WebSearch:
    """The WebSearch tool over a SearXNG endpoint."""

    name: ClassVar[str] = "WebSearch"
    description: ClassVar[str] = (
        "Search the web: titles, addresses and excerpts. Give allowed_domains or blocked_domains to narrow it, not both. "
        "Read a result with WebFetch."
    )
    input_type: ClassVar[type[Input]] = WebSearchInput
    read_only: ClassVar[bool] = True

    def __init__(self, *, endpoint: str) -> None:
        """Search at `endpoint`, the address of a SearXNG instance whose JSON format is switched on."""
        self._endpoint = f"{endpoint.rstrip('/')}/search"

    async def run(self, given: WebSearchInput) -> Output:
        """Search. Raises ToolError where the endpoint does not answer with results."""
        found = [result for result in await self._results(given) if wanted(result, given)][:RESULTS]
        if not found:
            return Output(content=f"no results for {given.query!r}")
        return Output(content=untrusted("\n\n".join(_shown(result) for result in found), source="web search"))

    async def _results(self, given: WebSearchInput) -> Sequence[Mapping[str, Any]]:
        import httpx2

        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=20) as client:
                response = await client.get(self._endpoint, params={"q": query(given), "format": "json"})
                response.raise_for_status()
                results: Sequence[Mapping[str, Any]] = response.json()["results"]
        except (httpx2.HTTPError, json.JSONDecodeError, KeyError, TypeError) as error:
            raise ToolError(f"the search did not answer: {error or type(error).__name__}") from error
        return results


def query(given: WebSearchInput) -> str:
    """The query with its hosts as search operators; engines that ignore them are corrected by `wanted`."""
    allowed = " OR ".join(f"site:{host}" for host in given.allowed_domains)
    blocked = " ".join(f"-site:{host}" for host in given.blocked_domains)
    return " ".join(part for part in (given.query, allowed, blocked) if part)


def wanted(result: Mapping[str, Any], given: WebSearchInput) -> bool:
    """Whether the result's host is allowed, or not blocked; a host covers those below it."""
    host = (urlsplit(str(result.get("url", ""))).hostname or "").lower()
    if given.allowed_domains:
        return any(_covers(domain, host) for domain in given.allowed_domains)
    return bool(host) and not any(_covers(domain, host) for domain in given.blocked_domains)


def _covers(domain: str, host: str) -> bool:
    return host == domain.lower() or host.endswith(f".{domain.lower()}")


def _shown(result: Mapping[str, Any]) -> str:
    excerpt = " ".join(str(result.get("content", "")).split())[:SNIPPET]
    return f"{result.get('title', '')}\n{result['url']}\n{excerpt}".rstrip()
