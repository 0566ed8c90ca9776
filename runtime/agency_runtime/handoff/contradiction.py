"""Where a cited output says the opposite: failures beside `all tests pass`, findings beside `no findings`."""

import re
from collections.abc import Iterable

from agency_runtime.calls import Executed

NONE_OF = re.compile(
    r"\b(?:no|zero|0|without(?:\sany)?|free\sof)\s(?:\w+[\s/-]){0,4}?(?P<what>vulnerabilit|cve|finding|error|warning|failure|issue|problem|violation|secret|leak)",
    re.IGNORECASE,
)
ALL_WELL = re.compile(r"\b(?:pass\w*|green|succe\w+|clean)\b", re.IGNORECASE)
TESTS = re.compile(r"\b(?:tests?|suites?|specs?)\b", re.IGNORECASE)
HEDGED = re.compile(r"\b(?:but|except|apart\sfrom|fail\w*|of\s(?:the\s)?\d+|other\sthan|skipped)\b", re.IGNORECASE)
FAILED = re.compile(
    r"\b(?P<number>[1-9]\d*)\s(?:tests?\s)?(?:failed|failing|failures?|errors?|broken)\b|\b(?:failures|errors|failed)\s?[=:]\s?(?P<keyed>[1-9]\d*)\b",
    re.IGNORECASE,
)
FOUND = {
    "vulnerabilit": r"\b[1-9]\d*\s(?:\w+\s){0,2}vulnerabilit|\b(?:HIGH|CRITICAL)\s?:\s?[1-9]\d*|\bTotal\s?:\s?[1-9]\d*",
    "cve": r"\bCVE-\d{4}-\d+|\bTotal\s?:\s?[1-9]\d*",
    "finding": r"\b[1-9]\d*\s(?:\w+\s){0,2}findings?\b",
    "error": r"\b[1-9]\d*\s(?:\w+\s){0,2}errors?\b|\berrors?\s?[=:]\s?[1-9]\d*",
    "warning": r"\b[1-9]\d*\s(?:\w+\s){0,2}warnings?\b|\bwarnings?\s?[=:]\s?[1-9]\d*",
    "failure": FAILED.pattern.replace("?P<number>", "?:").replace("?P<keyed>", "?:"),
    "issue": r"\b[1-9]\d*\s(?:\w+\s){0,2}issues?\b",
    "problem": r"\b[1-9]\d*\s(?:\w+\s){0,2}problems?\b",
    "violation": r"\b[1-9]\d*\s(?:\w+\s){0,2}violations?\b",
    "secret": r"\b[1-9]\d*\s(?:\w+\s){0,2}secrets?\b|\bleaks\sfound\s?:\s?[1-9]\d*",
    "leak": r"\b[1-9]\d*\s(?:\w+\s){0,2}leaks?\b|\bleaks\sfound\s?:\s?[1-9]\d*",
}
"""How outputs say that there is some of what a claim denies."""


def contradicted(statement: str, cited: Iterable[Executed]) -> str:
    """The words of a cited output that say the opposite of the statement; empty where none does."""
    calls = list(cited)
    wanted = [re.compile(FOUND[said["what"].lower()], re.IGNORECASE) for said in NONE_OF.finditer(statement)]
    if TESTS.search(statement) and ALL_WELL.search(statement) and not HEDGED.search(statement):
        wanted.append(FAILED)
    for call in calls:
        found = next((found for pattern in wanted if (found := pattern.search(call.output))), None)
        if found:
            return f"the output of call {call.ref} says {found.group(0)!r}"
    return ""
