"""Secrets leave a run nowhere: known values and known token shapes are masked before anything is written.

By value: every environment variable whose name says that it is a secret. By shape: tokens whose issuers document a
fixed prefix. The live conversation is never altered, only what is written from it.
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
SHORTEST = 8  # a shorter value would mask ordinary words

SECRET_NAME = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PAT)S?($|_)", re.IGNORECASE
)
PLAIN_VALUE = re.compile(
    r"true$|false$|\d+$"  # switches and numbers
    r"|(?=~?/|\./)(?![A-Za-z0-9+/=]{40,}$)",  # paths; base64 may begin with a slash too, but is long and unbroken
    re.IGNORECASE,
)

EDGE = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"  # nothing before it, or a line break as JSON writes it
PEM = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"


class Shape(NamedTuple):
    """A kind of token: its pattern, and pieces of which every such token holds one, so that most texts need no search."""

    pieces: tuple[str, ...]
    pattern: str


SHAPES = (
    Shape(("sk-ant-",), r"sk-ant-[A-Za-z0-9_-]{16,}"),  # Anthropic API key
    Shape(("AKIA", "ASIA"), EDGE + r"(?:AKIA|ASIA)[0-9A-Z]{16}\b"),  # AWS access key id
    Shape(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), EDGE + r"gh[pousr]_[A-Za-z0-9]{36,}"),  # GitHub token
    Shape(("github_pat_",), EDGE + r"github_pat_[A-Za-z0-9_]{22,}"),  # GitHub fine-grained token
    Shape(("glpat-",), EDGE + r"glpat-[A-Za-z0-9_-]{20,}"),  # GitLab personal access token
    Shape(("xox",), EDGE + r"xox[abposr]-[A-Za-z0-9-]{10,}"),  # Slack token
    Shape(("AIza",), EDGE + r"AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),  # Google API key
    Shape(  # PEM, perhaps cut before its end
        ("-----BEGIN ",), rf'-----BEGIN {PEM}(?:[^"]*?-----END {PEM}|[A-Za-z0-9+/=\s\\]*)'
    ),
    Shape((".ey",), EDGE + r"ey[A-Za-z0-9_-]{14,}\.ey[A-Za-z0-9_-]{14,}\.[A-Za-z0-9_-]{10,}"),  # JWT
)


def secret_values(environment: Mapping[str, str]) -> set[str]:
    """The values of the variables whose names say that they hold a secret; short ones, paths and switches are none."""
    return {
        value
        for name, value in environment.items()
        if SECRET_NAME.search(name) and len(value) >= SHORTEST and not PLAIN_VALUE.match(value)
    }


def forms(value: str) -> set[str]:
    """The value as it may appear in a text: plain, JSON-escaped, base64 (also inside a longer one), URL-quoted."""
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    encoded = base64.b64encode(value.encode(errors="surrogateescape")).decode()
    return {value, *escaped, *quoted, encoded, *_inside_base64(value)}


def _inside_base64(value: str) -> set[str]:
    """The characters that stand for the value alone, for each way it can lie across base64's groups of three bytes."""
    data = value.encode(errors="surrogateescape")
    found: set[str] = set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        whole = encoded[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        found |= {whole, whole.translate(str.maketrans("+/", "-_"))}
    return found


class Redactor:
    """Masks secrets in text; built once, since compiling is what costs."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        known = sorted({form for value in values for form in forms(value)}, key=len, reverse=True)
        self._pattern = re.compile("|".join([*map(re.escape, known), *(shape.pattern for shape in SHAPES)]))
        self._pieces = (*known, *(piece for shape in SHAPES for piece in shape.pieces))

    @classmethod
    def of_environment(cls, further: Iterable[str] = ()) -> "Redactor":
        """One that knows this process's secrets, and further ones."""
        return cls({*secret_values(os.environ), *further})

    def __call__(self, text: str) -> str:
        """The text with every secret masked."""
        for piece in self._pieces:  # a twentieth of what the pattern costs
            if piece in text:
                return self._pattern.sub(MASK, text)
        return text

    def inside(self, value: object) -> object:
        """The JSON value with every secret in its texts masked.

        A line of JSON is masked before it is written, not after: a mask across its quotes would leave it no JSON.
        """
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            members = cast("Mapping[object, object]", value).items()
            return {self(str(name)): self.inside(member) for name, member in members}
        if isinstance(value, Sequence):
            return [self.inside(member) for member in cast("Sequence[object]", value)]
        return value if value is None or isinstance(value, (bool, int, float)) else self(str(value))
