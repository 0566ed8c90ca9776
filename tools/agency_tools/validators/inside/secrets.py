"""Secrets in any file, by detect-secrets' detectors of well-formed keys; its guesses by entropy are left out as noise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .values import ERROR, Finding, Said, Source, Validator, library

if TYPE_CHECKING:
    from .running import Runner

DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
MARKS = re.compile(
    r"AKIA|ASIA|A3T[A-Z0-9]|ABIA|ACCA|AKC[A-Za-z0-9]{10}|AP[0-9A-F][A-Za-z0-9]{8}|AccountKey|://[^/\s:@]+:[^@\s]+@|gh[pousr]_[A-Za-z0-9]|github_pat_"
    r"|gl(?:pat|dt|ft|soat|rt|cbt|ptt|imt|agent|oas)-|GR1348941|eyJ[A-Za-z0-9]|BEGIN [A-Z ]*PRIVATE KEY|PuTTY-User-Key|[0-9a-z]{32}-us\d|_authToken|sk-[A-Za-z0-9-]{10}|pypi-Ag|SG\.[A-Za-z0-9]"
    r"|xox[a-z]-|hooks\.slack|sq0csp|[rs]k_live|\d{8,10}:[A-Za-z0-9_-]{35}|\bSK[0-9a-z]{32}|\bAC[0-9a-z]{32}|cloudant|ibm.{0,20}key|[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\."
)
"""What a line must hold for any detector to find something; it keeps most lines from all of them."""

EXAMPLE = re.compile(r"EXAMPLE|example|changeme|placeholder|your[-_]|xxxx|\*\*\*\*|<[\w -]+>|\$\{|\{\{|\$\(|\$[A-Za-z_]|dummy|sample|redacted|%s|\bREPLACE|:password@|:pass@|user:pw@|:postgres@|localhost|127\.0\.0\.1", re.IGNORECASE)  # fmt: skip
BASIC = "Basic Auth Credentials"
INTERNAL = re.compile(r"://[^/\s@]+@[\w-]+(?=[:/\"'\s?]|$)")
"""Credentials for a host without a domain: a neighbour in a composition, as samples have them."""

KEY = re.compile(r"[A-Za-z0-9+/]{32}")
"""What a private key's first lines hold; where it is absent, an ellipsis or a pattern stands for the key."""

ALLOWED = re.compile(
    r"pragma:\s*allowlist\s+(?:nextline\s+)?secret|gitleaks:allow|nosec\b|noqa:\s*secret", re.IGNORECASE
)


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    detectors = _detectors()
    for source in sources:
        if not MARKS.search(source.text):
            continue
        for number, line in enumerate(source.lines, 1):
            if len(line) > 4000 or not MARKS.search(line) or _allowed(source, number, line):
                continue
            around = "\n".join(source.lines[number - 1 : number + 5])
            if "PRIVATE KEY" in line and KEY.search(around) is None:
                continue
            yield from _line(source.path, number, line, detectors)


def _line(path: str, number: int, line: str, detectors: list[Any]) -> Iterator[Finding]:
    for detector in detectors:
        for secret in detector.analyze_string(line):
            if detector.secret_type == BASIC and INTERNAL.search(line):
                continue
            around = line if detector.secret_type == BASIC else secret
            if not secret or EXAMPLE.search(around) or (len(secret) > 12 and len(set(secret)) < 6):
                continue
            column = line.find(secret) + 1
            yield Finding(path, number, max(column, 1), "detect-secrets", detector.secret_type, ERROR, f"looks like a secret: {detector.secret_type}")  # fmt: skip


def _allowed(source: Source, number: int, line: str) -> bool:
    before = source.lines[number - 2] if number > 1 else ""
    return ALLOWED.search(line) is not None or "allowlist nextline" in before


def _detectors() -> list[Any]:
    initialize = library("detect_secrets.core.plugins.util", "detect-secrets")
    known = initialize.get_mapping_from_secret_type_to_class()
    return [each() for each in known.values() if each.__name__ in DETECTORS]


VALIDATORS = (Validator("detect-secrets", frozenset({"any"}), _check),)
