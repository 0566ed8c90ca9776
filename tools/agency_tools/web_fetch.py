"""WebFetch: one public page, as Markdown, marked as content from outside."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field

from agency_tools.compartment import cut
from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output
from agency_tools.untrusted import untrusted
from agency_tools.web_connection import LARGEST, Answer, Connection, Getter, checked
from agency_tools.web_page import readable

Ask: TypeAlias = Callable[[str, str], Awaitable[str]]
"""Answers a prompt about a page's Markdown; a small model."""

FRESH_S = 15 * 60
HELD = 32
HOPS = 5

ASKED = 100_000
"""Characters of a page that `Ask` is given."""


class WebFetchInput(Input):
    """A page and what to find out from it."""

    url: str = Field(description="a whole URL; http is made https", max_length=2000)
    prompt: str = Field(description="what to find out from the page", min_length=1)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as read at a moment of the clock."""

    url: str
    text: str
    read: float


class WebFetch:
    """The WebFetch tool; it runs beside the sandbox, which needs no network for it."""

    name: ClassVar[str] = "WebFetch"
    description: ClassVar[str] = (
        "Fetch a public web page and answer the prompt from it. HTML becomes Markdown; a redirect to another host is reported, "
        "not followed: fetch its URL if you want it. Private addresses are refused. Pages are kept for 15 minutes."
    )
    input_type: ClassVar[type[Input]] = WebFetchInput
    read_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        ask: Ask | None = None,
        connection: Getter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let `ask` answer the prompt; without it the page itself is the result."""
        self._ask = ask
        self._connection = connection or Connection()
        self._clock = clock
        self._pages: dict[str, Page] = {}

    async def run(self, given: WebFetchInput) -> Output:
        """Fetch the page. Raises ToolError where it is refused, does not answer, or is not text."""
        url = checked(given.url).geturl()
        page = self._kept(url)
        if page is None:
            answer = await self._follow(url)
            if answer.location:
                return Output(content=_elsewhere(url, answer))
            if answer.status >= 400:
                return _refused(answer)
            page = await self._read(url, answer)
        return Output(content=untrusted(await self._answer(given.prompt, page), source=page.url))

    async def _follow(self, url: str) -> Answer:
        """The first answer that is no redirect within the host."""
        here = url
        for _ in range(HOPS + 1):
            answer = await self._connection.get(here)
            if answer.location is None or not _same_host(url, answer.location):
                return answer
            here = answer.location
        raise ToolError(f"{url} redirects more than {HOPS} times")

    async def _read(self, url: str, answer: Answer) -> Page:
        text = await asyncio.to_thread(readable, answer.body, answer.content_type, url=answer.url)
        note = f"\n\n[only the first {LARGEST} bytes were read]" if answer.cut else ""
        page = Page(url=answer.url, text=text + note, read=self._clock())
        self._pages[url] = page
        while len(self._pages) > HELD:
            del self._pages[next(iter(self._pages))]
        return page

    def _kept(self, url: str) -> Page | None:
        page = self._pages.get(url)
        return page if page and self._clock() - page.read < FRESH_S else None

    async def _answer(self, prompt: str, page: Page) -> str:
        if self._ask is None:
            return cut(page.text)
        return await self._ask(prompt, cut(page.text, ASKED))


def _same_host(one: str, other: str) -> bool:
    first, second = urlsplit(one), checked(other)
    return (first.hostname, first.port or 443) == (second.hostname, second.port or 443)


def _elsewhere(url: str, answer: Answer) -> str:
    where = untrusted(cut(answer.location or "", 2000), source=url)
    return f"{url} redirects ({answer.status}) to another host, which was not followed. To read it, fetch:\n{where}"


def _refused(answer: Answer) -> Output:
    text = cut(answer.body.decode(errors="replace"), 2000)
    return Output(content=f"{answer.url} answered {answer.status}\n{untrusted(text, source=answer.url)}", failed=True)
