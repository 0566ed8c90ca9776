"""`first_time_success`: the share of checks that passed when they were first run."""

import re

from agency_evals.finished import Finished, Made
from agency_evals.results import Score
from agency_evals.scorer_file import FirstTime, name_of
from agency_evals.scorers.verdict import counted, unscored
from agency_runtime.handoff.demands import LINTED

TYPED = frozenset({"validate", "plan", "lint", "diff", "template", "compose_config", "check"})
TESTED = re.compile(
    r"\b(?:pytest|unittest|go test|npm test|make (?:test|check)|cargo test|bats|promtool (?:check|test))\b"
)


def score(spec: FirstTime, finished: Finished) -> Score:
    """The share; unscored where no check was run."""
    name = name_of(spec)
    first: dict[str, Made] = {}
    for call in finished.calls:
        if not call.denied and checks(spec, call):
            first.setdefault(_same(call), call)
    if not first:
        return unscored(name, "no check was run")
    bad = [f"[{call.ref}] {_same(call)[:160]}: exit code {call.exit_code}" for call in first.values() if call.failed]
    share = 1 - len(bad) / len(first)
    missed = spec.least is not None and share < spec.least
    return counted(name, round(share, 4), bad if missed else [], judged=spec.least is not None)


def checks(spec: FirstTime, call: Made) -> bool:
    """Whether a call checks something."""
    if call.tool != "Bash":
        return str(call.input.get("action")) in TYPED
    command = str(call.input.get("command") or "")
    if spec.commands:
        return any(re.search(expression, command) for expression in spec.commands)
    return bool(TESTED.search(command)) or any(
        LINTED.search(part.strip()) for part in re.split(r"&&|\|\||[;\n|]", command)
    )


def _same(call: Made) -> str:
    """By which a check is known again."""
    return " ".join(str(call.input.get("command") or [call.tool, *sorted(map(str, call.input.items()))]).split())
