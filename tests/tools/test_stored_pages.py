"""WebFetch over pages kept in a folder: what is there, what is not, and no way out of it."""

from pathlib import Path

import pytest

from agency_tools.errors import ToolError
from agency_tools.stored_pages import StoredPages
from agency_tools.web_fetch import WebFetch, WebFetchInput


@pytest.fixture
def pages(tmp_path: Path) -> StoredPages:
    host = tmp_path / "web" / "docs.example"
    (host / "guide").mkdir(parents=True)
    (host / "guide" / "index.html").write_text("<h1>Guide</h1><p>Read <b>me</b>.")
    (host / "page").write_text("<h1>Page</h1>")
    (host / "notes.txt").write_text("plain <b>text</b>")
    (tmp_path / "web" / "secret").write_text("outside the host")
    (host / "link").symlink_to(tmp_path / "web" / "secret")
    return StoredPages(folder=tmp_path / "web")


async def fetched(pages: StoredPages, url: str) -> tuple[str, bool]:
    output = await WebFetch(connection=pages).run(WebFetchInput(url=url, prompt="what does it say?"))
    return output.text, output.failed


async def test_a_page_is_read_as_from_the_web_and_marked_as_from_outside(pages: StoredPages) -> None:
    text, failed = await fetched(pages, "http://docs.example/guide/?x=1#part")
    assert "Read **me**." in text and "https://docs.example/guide/" in text and not failed
    assert "untrusted" in text.lower()


async def test_a_file_without_an_ending_is_a_page_and_text_stays_text(pages: StoredPages) -> None:
    assert "Page" in (await fetched(pages, "https://docs.example/page"))[0]
    assert "plain <b>text</b>" in (await fetched(pages, "https://docs.example/notes.txt"))[0]


@pytest.mark.parametrize("path", ["absent", "../secret", "%2e%2e/secret", "link", "guide/../../secret"])
async def test_what_is_not_below_the_host_is_not_there(pages: StoredPages, path: str) -> None:
    text, failed = await fetched(pages, f"https://docs.example/{path}")
    assert failed and "404" in text and "outside the host" not in text


async def test_another_host_is_not_reached(pages: StoredPages) -> None:
    with pytest.raises(ToolError, match=r"other\.example cannot be connected to"):
        await fetched(pages, "https://other.example/")
