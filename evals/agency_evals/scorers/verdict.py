"""The scores that scorers give, with what they rest on."""

from collections.abc import Sequence

from agency_evals.results import EXCERPT, Evidence, Score, Value

SHOWN = 12  # problems that an excerpt lists


def asserted(name: str, problems: Sequence[str], said: str = "") -> Score:
    """A pass where there is no problem, else a failure that lists them."""
    if not problems:
        return Score(scorer=name, value=True, outcome="passed", evidence=Evidence(excerpt=said) if said else None)
    return Score(scorer=name, value=False, outcome="failed", evidence=Evidence(excerpt=listed(problems)))


def counted(name: str, value: Value, problems: Sequence[str], *, judged: bool) -> Score:
    """A number or label; it judges only where something was asked of it."""
    evidence = Evidence(excerpt=listed(problems)) if problems else None
    return Score(
        scorer=name, value=value, outcome=("failed" if problems else "passed") if judged else None, evidence=evidence
    )


def unscored(name: str, why: str, *, command: str | None = None, exit_code: int | None = None) -> Score:
    """Nothing could be found out, and why."""
    return Score(scorer=name, outcome="unscored", evidence=Evidence(excerpt=why, command=command, exit_code=exit_code))


def broken(name: str, why: str, *, command: str | None = None, exit_code: int | None = None) -> Score:
    """The scorer itself failed, and why."""
    return Score(scorer=name, outcome="error", evidence=Evidence(excerpt=why, command=command, exit_code=exit_code))


def listed(problems: Sequence[str]) -> str:
    """The problems, a line each; of many only the first."""
    more = len(problems) - SHOWN
    lines = [*problems[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join(lines)[:EXCERPT]
