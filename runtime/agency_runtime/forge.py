"""Issues of a forge: fetched on the host, before the run, and from then on data."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from agency_runtime.wire import json_object
from agency_tools.errors import UsageError

SHORT = re.compile(r"(?P<owner>\w[\w.-]*)/(?P<repo>[\w.-]+)#(?P<number>\d+)")
PATH = re.compile(r"/(?P<owner>\w[\w.-]*)/(?P<repo>[\w.-]+)/(?:issues|pull)/(?P<number>\d+)/?")
PUBLIC = "https://api.github.com"
TIMEOUT = 20  # seconds
LARGEST = 4 << 20  # bytes of an answer


@dataclass(frozen=True, kw_only=True)
class IssueName:
    """Which issue of which repository."""

    owner: str
    repo: str
    number: int


def api_url(environment: Mapping[str, str] = os.environ) -> str:
    """Where the forge's API is: `GITHUB_API_URL`, by default the public one."""
    return (environment.get("GITHUB_API_URL") or PUBLIC).rstrip("/")


def parse_issue(given: str, api: str = PUBLIC) -> IssueName:
    """`OWNER/REPO#N`, or the address of an issue or pull request on the API's own forge. Raises UsageError."""
    url = urlsplit(given)
    here = url.scheme in ("http", "https") and url.hostname in _hosts(api)
    match = PATH.fullmatch(url.path) if here else SHORT.fullmatch(given)
    if match is None or match["repo"] in (".", ".."):
        raise UsageError(f"--issue {given!r}: give OWNER/REPO#N or https://{_hosts(api)[0]}/OWNER/REPO/issues/N")
    return IssueName(owner=match["owner"], repo=match["repo"], number=int(match["number"]))


def _hosts(api: str) -> tuple[str, ...]:
    """The hosts on which the forge's pages may lie: an API stands at `api.HOST` or `HOST/api/v3`."""
    host = (urlsplit(api).hostname or "").removeprefix("api.")
    return (host, f"www.{host}")


def fetch_issue(given: str) -> str:
    """The issue's title and text. Raises UsageError that says what to do instead."""
    api = api_url()
    name = parse_issue(given, api)
    try:
        issue = json_object(json.loads(_get(f"{api}/repos/{name.owner}/{name.repo}/issues/{name.number}")))
    except urllib.error.HTTPError as error:
        with error:
            raise UsageError(f"--issue {given}: the forge answered {error.code}{_hint(error)}") from error
    except (OSError, ValueError, HTTPException) as error:
        raise UsageError(f"--issue {given}: {error}; save the issue to a file and use --issue-file") from error
    if not issue.get("title"):
        raise UsageError(f"--issue {given}: {api} answered no issue; save it to a file and use --issue-file")
    return f"# {issue['title']}\n\n{issue.get('body') or ''}"


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.github+json", "User-Agent": "agency"})
    if token := os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")  # never to where a redirect leads
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        data: bytes = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"the answer is longer than {LARGEST >> 20} MiB")
    return data


def _hint(error: urllib.error.HTTPError) -> str:
    if error.headers.get("x-ratelimit-remaining") == "0":
        return ": too many requests; set GITHUB_TOKEN, or try again later"
    return "; set GITHUB_TOKEN if the repository is private" if error.code in (401, 403, 404) else ""
