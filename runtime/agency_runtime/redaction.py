"""Secrets leave a run nowhere: known values and known token shapes are masked before anything is written.

By value: every environment variable whose name says that it is a secret. By shape: tokens whose issuers document a
fixed prefix. The live conversation is never altered, only what is written from it.
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

MASK = "[redacted]"
SHORTEST = 8  # a shorter value would mask ordinary words

SECRET_NAME = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PAT)($|_)", re.IGNORECASE)
NOT_SECRET_VALUE = re.compile(r"^(/|~/|\./|true$|false$|\d+$)", re.IGNORECASE)  # paths and switches

SHAPES = (
    r"sk-ant-[A-Za-z0-9_-]{16,}",  # Anthropic API key
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS access key id
    r"\bgh[pousr]_[A-Za-z0-9]{36,}",  # GitHub token
    r"\bgithub_pat_[A-Za-z0-9_]{22,}",  # GitHub fine-grained token
    r"\bglpat-[A-Za-z0-9_-]{20,}",  # GitLab personal access token
    r"\bxox[abposr]-[A-Za-z0-9-]{10,}",  # Slack token
    r"\bAIza[0-9A-Za-z_-]{35}\b",  # Google API key
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.*?-----END (?:[A-Z]+ )?PRIVATE KEY-----",  # PEM
    r"\bey[A-Za-z0-9_-]{14,}\.ey[A-Za-z0-9_-]{14,}\.[A-Za-z0-9_-]{10,}",  # JWT
)


def secret_values(environment: Mapping[str, str]) -> set[str]:
    """The values of the variables whose names say that they hold a secret."""
    return {
        value
        for name, value in environment.items()
        if SECRET_NAME.search(name) and len(value) >= SHORTEST and not NOT_SECRET_VALUE.match(value)
    }


def forms(value: str) -> set[str]:
    """The value as it may appear in a written line: plain, JSON-escaped, base64, URL-quoted."""
    encoded = base64.b64encode(value.encode()).decode()
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], encoded, quote(value, safe="")}


class Redactor:
    """Masks secrets in text; built once, since compiling is what costs."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        known = sorted({form for value in values for form in forms(value)}, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, known), *SHAPES]), re.DOTALL)

    @classmethod
    def of_environment(cls) -> "Redactor":
        """One that knows this process's secrets."""
        return cls(secret_values(os.environ))

    def __call__(self, text: str) -> str:
        """The text with every secret masked."""
        return self._pattern.sub(MASK, text)
