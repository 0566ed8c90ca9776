"""`trajectory`: the calls as they were made; and the matching of calls, which `gate` shares."""

import json
import re
from collections.abc import Iterable, Iterator

from agency_evals.finished import Finished, Made
from agency_evals.globs import pattern
from agency_evals.results import Score
from agency_evals.scorer_file import CallPattern, Trajectory, name_of
from agency_evals.scorers.verdict import asserted


def score(spec: Trajectory, finished: Finished) -> Score:
    """Passed where the calls are as asked for."""
    return asserted(name_of(spec), list(_problems(spec, finished)))


def _problems(spec: Trajectory, finished: Finished) -> Iterator[str]:
    calls = finished.calls
    ran = [call for call in calls if not call.denied]
    for tool in spec.used:
        if not any(pattern(tool).fullmatch(call.tool) for call in ran):
            yield f"{tool} was never used"
    for tool in spec.never:
        for call in (call for call in ran if pattern(tool).fullmatch(call.tool)):
            yield f"{shown(call)} was called, and {tool} must not be used"
    for wanted in spec.calls:
        yield from amiss(wanted, ran, "was made")
    if missing := _out_of_order(spec.order, ran):
        yield missing
    if spec.max_calls is not None and len(calls) > spec.max_calls:
        yield f"{len(calls)} calls were made, more than {spec.max_calls}"
    turns = max((call.turn for call in calls), default=0)
    if spec.max_turns is not None and turns > spec.max_turns:
        yield f"{turns} turns were taken, more than {spec.max_turns}"


def _out_of_order(order: Iterable[CallPattern], calls: Iterable[Made]) -> str | None:
    """The first of the patterns that no call meets after those before it were met."""
    rest = iter(call for call in calls if not call.failed)
    for met, wanted in enumerate(order):
        if not any(matches(wanted, call) for call in rest):
            return f"step {met + 1} of the order, {described(wanted)}, was not met after the {met} before it"
    return None


def amiss(wanted: CallPattern, calls: Iterable[Made], done: str) -> Iterator[str]:
    """What is wrong with how often a call was made."""
    found = [call for call in calls if matches(wanted, call)]
    if len(found) < wanted.at_least:
        yield f"{described(wanted)}: {done} {len(found)} times, at least {wanted.at_least} was asked for"
    if wanted.at_most is not None and len(found) > wanted.at_most:
        yield f"{shown(found[-1])}: {done} {len(found)} times, at most {wanted.at_most} was asked for"


def matches(wanted: CallPattern, call: Made) -> bool:
    """Whether the call is one of these."""
    return bool(pattern(wanted.tool).fullmatch(call.tool)) and all(
        re.search(expression, _field(call, field), re.MULTILINE) for field, expression in wanted.input.items()
    )


def shown(call: Made) -> str:
    """A call in a line."""
    return f"[{call.ref}] {call.tool} {json.dumps(dict(call.input), ensure_ascii=False)[:200]}"


def described(wanted: CallPattern) -> str:
    """A pattern in a line."""
    fields = " ".join(f"{field}~{expression!r}" for field, expression in wanted.input.items())
    return f"{wanted.tool} {fields}".strip()


def _field(call: Made, field: str) -> str:
    value: object = dict(call.input) if field == "" else call.input.get(field, "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
