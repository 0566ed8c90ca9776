"""A fetched body as text for a model: HTML to Markdown, text as it is, anything else refused."""

import re
from typing import TYPE_CHECKING

from agency_tools.errors import ToolError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

UNSEEN = ("script", "style", "noscript", "template", "iframe", "object", "svg", "canvas", "head")
"""Elements that a reader of the page does not see as text."""

TEXT = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|x-yaml|toml|javascript|x-sh|x-ndjson)")
"""Content types that are text already."""

HTML = ("text/html", "application/xhtml+xml")


def readable(body: bytes, content_type: str, *, url: str) -> str:
    """The body as text. Raises ToolError where it is not text."""
    kind, charset = _kind(content_type)
    if kind in HTML:
        return markdown(_decoded(body, charset))
    if TEXT.fullmatch(kind):
        return _decoded(body, charset)
    raise ToolError(f"{url} is {kind or 'of no stated type'} ({len(body)} bytes), and only text and HTML can be read")


def markdown(html: str) -> str:
    """What a reader would see of the page, as Markdown; hidden elements, scripts and styles are dropped."""
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(html, "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    _drop_unseen(soup)
    try:
        text = MarkdownConverter(heading_style="ATX").convert_soup(soup)
    except RecursionError:  # nested thousands deep, as no page for readers is
        text = soup.get_text("\n")
    return re.sub(r"\n{3,}", "\n\n", f"# {title}\n\n{text}" if title else text).strip()


def _drop_unseen(soup: "BeautifulSoup") -> None:
    hidden = soup.select('[hidden], [style*="display:none"], [style*="display: none"]')
    for element in [*soup.find_all(UNSEEN), *hidden]:
        element.decompose()


def _kind(content_type: str) -> tuple[str, str]:
    kind, _, rest = content_type.partition(";")
    charset = re.search(r"charset=[\"']?([\w-]+)", rest, re.IGNORECASE)
    stated = re.fullmatch(r"\s*[\w.+-]{1,60}/[\w.+-]{1,60}\s*", kind)
    return kind.strip().lower() if stated else "", charset[1] if charset else "utf-8"


def _decoded(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset, errors="replace")
    except LookupError:
        return body.decode(errors="replace")
