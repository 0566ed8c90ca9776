"""Issues of a forge: fetched on the host, before the run, and from then on data."""

import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass

from agency_tools.errors import UsageError

SHORT = re.compile(r"(?P<owner>[\w.-]+)/(?P<repo>[\w.-]+)#(?P<number>\d+)")
URL = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<repo>[\w.-]+)/(?:issues|pull)/(?P<number>\d+)(?:[#?].*)?")
TIMEOUT = 20  # seconds


@dataclass(frozen=True, kw_only=True)
class IssueName:
    """Which issue of which repository."""

    owner: str
    repo: str
    number: int


def parse_issue(given: str) -> IssueName:
    """`OWNER/REPO#N` or an issue's URL on GitHub. Raises UsageError for anything else."""
    match = SHORT.fullmatch(given) or URL.fullmatch(given)
    if match is None:
        raise UsageError(f"--issue {given!r}: give OWNER/REPO#N or https://github.com/OWNER/REPO/issues/N")
    return IssueName(owner=match["owner"], repo=match["repo"], number=int(match["number"]))


def fetch_issue(given: str) -> str:
    """The issue's title and text, from the API at `GITHUB_API_URL` (default the public one). Raises UsageError."""
    name = parse_issue(given)
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
    request = urllib.request.Request(f"{api}/repos/{name.owner}/{name.repo}/issues/{name.number}")
    request.add_header("Accept", "application/vnd.github+json")
    if token := os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            issue = json.load(answer)
    except urllib.error.HTTPError as error:
        hint = "; set GITHUB_TOKEN if the repository is private" if error.code in (401, 403, 404) else ""
        raise UsageError(f"--issue {given}: the forge answered {error.code}{hint}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"--issue {given}: {error}; save the issue to a file and use --issue-file") from error
    return f"# {issue.get('title') or ''}\n\n{issue.get('body') or ''}"
