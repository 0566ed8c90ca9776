"""What a failing call can show: the failure that a claim names, and never a success.

A mutation check (`with the limit taken out the test fails; put back, it passes`) cites the failing call and a later one
that ran the same check and passed.
"""

import re
from collections.abc import Iterator, Sequence

from agency_runtime.calls import Executed
from agency_runtime.handoff.support import GREEN, MOVES, PRINTS, SHOWS_CONTENT, shell_of

NO_VERDICT = 124
"""From this exit code on a command was ended, not found, or could not be started: no check has said anything."""

FAILURE = re.compile(
    r"\b(?:fail(?:s|ed|ing|ure)?|breaks?|(?:turns?|goes|went|is|was)\sred|refus(?:es|ed)|reject(?:s|ed)|catch(?:es)?|caught|notic(?:es?|ed)"
    r"|detect(?:s|ed)|complains?)\b",
    re.IGNORECASE,
)
DENIED = re.compile(
    r"\b(?:no|not|never|none|nothing|neither|nobody|without|zero|0|cannot|can't|doesn't|don't|didn't)\b[^.;,:]*$",
    re.IGNORECASE,
)
"""What stands before a failure and takes it back: `no test fails`."""

SUCCESS = re.compile(
    rf"\b(?:pass(?:es|ed|ing)?|succe(?:eds?|eded|ss\w*)|works?|worked|clean|healthy|valid|(?:is|are)\sok|deployed|provisioned|applied|rolled\sback"
    rf"|builds?|built|accepts?|accepted|finds?\snothing|(?:no|0|zero)\s(?:\w+\s){{0,2}}(?:errors?|warnings?|findings?|issues?|vulnerabilit\w+))\b|{GREEN}",
    re.IGNORECASE,
)


def failed(call: Executed) -> bool:
    """Whether a call did not succeed; only a shell's exit code says it beside its own word."""
    return call.failed or (call.tool == "Bash" and call.exit_code not in (None, 0))


def counterparts(statement: str, cited: Sequence[tuple[int, Executed]]) -> set[str]:
    """The cited calls whose failure the statement tells of, and whose check a later cited call ran again and passed."""
    if not _tells_of_failure(statement):
        return set()
    passing = [(index, set(_checks(call))) for index, call in cited if not failed(call) and not call.denied]
    return {
        call.ref
        for index, call in cited
        if _judged(call) and any(later > index and checks & set(_checks(call)) for later, checks in passing)
    }


def backing_of(statement: str, calls: Sequence[Executed]) -> list[Executed]:
    """The calls that back what the statement says: the failed ones only where it tells of no success."""
    passing = [call for call in calls if not failed(call)]
    return passing if _succeeds(statement) else list(calls)


def _succeeds(statement: str) -> bool:
    return any(DENIED.search(statement[: found.start()]) is None for found in SUCCESS.finditer(statement))


def _tells_of_failure(statement: str) -> bool:
    return any(DENIED.search(statement[: found.start()]) is None for found in FAILURE.finditer(statement))


def _judged(call: Executed) -> bool:
    """Whether a call failed because a check said so."""
    if call.denied or not failed(call):
        return False
    return call.exit_code is not None and 0 < call.exit_code < NO_VERDICT


def _checks(call: Executed) -> Iterator[str]:
    """What a call checked with: the programs that judge, each by its name and the script or module it runs."""
    if call.tool != "Bash":
        yield f"{call.tool} {call.input.get('action', '')}"
        return
    for words in shell_of(call).commands:
        if words[0] not in PRINTS | SHOWS_CONTENT | MOVES:
            yield " ".join(words[:3]) if words[0].startswith("python") else " ".join(words[:2])
