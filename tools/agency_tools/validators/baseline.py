"""What was there before does not count, even where lines have moved."""

import re
from collections import Counter
from collections.abc import Iterable

from agency_tools.validators.finding import Finding

_NUMBERS = re.compile(r"\d+")


def identity(finding: Finding) -> tuple[str, ...]:
    """By what a finding is known again in another version of the file: rule, message and the line's text, no numbers."""
    return (finding.path, finding.validator, finding.rule, _NUMBERS.sub("#", finding.message), finding.text)


def unknown(findings: Iterable[Finding], known: Iterable[Finding]) -> list[Finding]:
    """The findings that are not among the `known` ones; each known one accounts for one finding."""
    left = Counter(identity(finding) for finding in known)
    found: list[Finding] = []
    for finding in findings:
        key = identity(finding)
        if left[key] > 0:
            left[key] -= 1
        else:
            found.append(finding)
    return found
