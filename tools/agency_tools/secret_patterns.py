"""Shapes of secrets as a maintained library knows them, for the output of tools that hold credentials."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from agency_tools.redaction import MASK

NO_SECRETS = ("Public IP (ipv4)", "Private Key")
"""What the library looks for besides: an address is no secret, and private keys are masked whole by their own shape."""


@cache
def library_patterns() -> Sequence[re.Pattern[str]]:
    """The library's patterns. Its import costs most of a second, so only a run with a target pays for it."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import RegexBasedDetector

    found: list[re.Pattern[str]] = []
    detectors: dict[str, Any] = get_mapping_from_secret_type_to_class()
    for name, detector in sorted(detectors.items()):
        if issubclass(detector, RegexBasedDetector) and name not in NO_SECRETS:
            found += shapes(detector)
    return tuple(found)


def shapes(detector: Any) -> "Sequence[re.Pattern[str]]":
    """The patterns of one detector; the library does not say what they are of."""
    return tuple(detector().denylist)


def without_shapes(text: str) -> str:
    """The text with whatever has the shape of a secret masked; blanks and quotes around it stay."""
    for pattern in library_patterns():
        text = pattern.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    whole = found.group(0)
    secret = whole.strip(" \t\r\n\"'=")
    return whole.replace(secret, MASK) if secret else whole
