"""Issues of a forge: how they may be named, and what is said when they cannot be fetched."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from agency_runtime.forge import PUBLIC, IssueName, api_url, fetch_issue, parse_issue
from agency_tools.errors import UsageError

ISSUE = IssueName(owner="octo-org", repo="my.repo_1", number=42)
Headers = dict[str, str]


@pytest.mark.parametrize(
    "given",
    [
        "octo-org/my.repo_1#42",
        "https://github.com/octo-org/my.repo_1/issues/42",
        "https://github.com/octo-org/my.repo_1/pull/42",
        "https://github.com/octo-org/my.repo_1/issues/42/",
        "https://github.com/octo-org/my.repo_1/issues/42#issuecomment-1",
        "https://github.com/octo-org/my.repo_1/issues/42?notification=1",
        "http://www.github.com/octo-org/my.repo_1/issues/42",
    ],
)
def test_an_issue_is_named_shortly_or_by_its_address(given: str) -> None:
    assert parse_issue(given) == ISSUE


@pytest.mark.parametrize(
    "given",
    [
        "",
        "42",
        "#42",
        "repo#42",
        "a/b/c#42",
        "octo-org/repo#",
        "octo-org/repo#x",
        "../..#1",
        "octo-org/..#1",
        "https://github.com/octo-org/repo",
        "https://github.com.evil.example/octo-org/repo/issues/1",
        "https://gitlab.com/octo-org/repo/issues/1",
        "file://github.com/octo-org/repo/issues/1",
    ],
)
def test_anything_else_is_refused_with_both_forms(given: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_issue(given)
    assert str(error.value) == f"--issue {given!r}: give OWNER/REPO#N or https://github.com/OWNER/REPO/issues/N"


@pytest.mark.parametrize("api", ["https://api.corp.example", "https://corp.example/api/v3"])
def test_a_forge_of_ones_own_takes_its_own_addresses(api: str) -> None:
    assert parse_issue("https://corp.example/octo-org/my.repo_1/issues/42", api) == ISSUE
    with pytest.raises(UsageError, match=r"https://corp\.example/OWNER/REPO/issues/N"):
        parse_issue("https://github.com/octo-org/my.repo_1/issues/42", api)


def test_the_api_is_the_public_one_unless_told_otherwise() -> None:
    assert api_url({}) == api_url({"GITHUB_API_URL": ""}) == PUBLIC
    assert api_url({"GITHUB_API_URL": "https://corp.example/api/v3/"}) == "https://corp.example/api/v3"


class Forge(ThreadingHTTPServer):
    """Gives every request the same answer; keeps paths and headers."""

    daemon_threads = True

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.seen: list[tuple[str, Headers]] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
                pass

            def do_GET(self) -> None:
                forge.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                moved = "/elsewhere" not in self.path
                self.send_response(status if moved else 200)
                for name, value in headers.items():
                    self.send_header(name, value.replace("HOST", f"127.0.0.1:{forge.server_port}"))
                self.end_headers()
                with suppress(ConnectionError):  # who reads no further than the limit hangs up
                    self.wfile.write(body)

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Forge]]:
    """Starts a forge with the given answer and points the environment to it."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    started: list[Forge] = []

    def start(status: int = 200, body: object = None, **headers: str) -> Forge:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        started.append(Forge(status, data, {name.replace("_", "-"): value for name, value in headers.items()}))
        Thread(target=started[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{started[-1].server_port}")
        return started[-1]

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def refusal(given: str = "octo-org/repo#7") -> str:
    with pytest.raises(UsageError) as error:
        fetch_issue(given)
    said = str(error.value)
    assert said.startswith(f"--issue {given}: ")
    return said.removeprefix(f"--issue {given}: ")


def test_an_issue_is_its_title_and_text(forge: Callable[..., Forge]) -> None:
    service = forge(body={"title": "Add CI", "body": "With caching.\n\n- lint"})
    assert fetch_issue("octo-org/repo#7") == "# Add CI\n\nWith caching.\n\n- lint"
    assert [path for path, _ in service.seen] == ["/repos/octo-org/repo/issues/7"]
    assert "authorization" not in service.seen[0][1]


def test_an_issue_without_a_text_is_its_title(forge: Callable[..., Forge]) -> None:
    forge(body={"title": "Add CI", "body": None})
    assert fetch_issue("octo-org/repo#7") == "# Add CI\n\n"


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "GH_TOKEN"])
def test_a_token_goes_with_the_request(
    forge: Callable[..., Forge], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    service = forge(body={"title": "t"})
    monkeypatch.setenv(variable, "not-a-token")
    fetch_issue("octo-org/repo#7")
    assert service.seen[0][1]["authorization"] == "Bearer not-a-token"


def test_a_token_does_not_go_where_a_redirect_leads(
    forge: Callable[..., Forge], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = forge(302, {"title": "moved"}, location="http://HOST/elsewhere")
    monkeypatch.setenv("GITHUB_TOKEN", "not-a-token")
    assert fetch_issue("octo-org/repo#7") == "# moved\n\n"
    assert [(path, "authorization" in headers) for path, headers in service.seen] == [
        ("/repos/octo-org/repo/issues/7", True),
        ("/elsewhere", False),
    ]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_may_be_private_is_answered_with_a_hint(forge: Callable[..., Forge], status: int) -> None:
    forge(status, {"message": "Not Found"})
    assert refusal() == f"the forge answered {status}; set GITHUB_TOKEN if the repository is private"


def test_a_spent_rate_limit_is_named(forge: Callable[..., Forge]) -> None:
    forge(403, {}, x_ratelimit_remaining="0")
    assert refusal() == "the forge answered 403: too many requests; set GITHUB_TOKEN, or try again later"


@pytest.mark.parametrize("status", [410, 500])
def test_any_other_status_is_said_as_it_is(forge: Callable[..., Forge], status: int) -> None:
    forge(status, {})
    assert refusal() == f"the forge answered {status}"


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" + b"1," * (3 << 20)])
def test_an_answer_that_is_no_json_is_said_with_a_way_out(forge: Callable[..., Forge], body: bytes) -> None:
    forge(body=body)
    assert refusal().endswith("; save the issue to a file and use --issue-file")


@pytest.mark.parametrize("body", [[], {}, "text", {"title": ""}])
def test_json_that_is_no_issue_is_none(forge: Callable[..., Forge], body: object) -> None:
    service = forge(body=body)
    said = refusal()
    assert said == f"http://127.0.0.1:{service.server_port} answered no issue; save it to a file and use --issue-file"


def test_a_forge_that_does_not_answer_is_said_with_a_way_out(
    forge: Callable[..., Forge], monkeypatch: pytest.MonkeyPatch
) -> None:
    forge()
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert "refused" in refusal()
