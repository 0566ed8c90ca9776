"""`usage`: turns, tokens and cost, from the session's own counts."""

from agency_evals.finished import Finished
from agency_evals.results import Score
from agency_evals.scorer_file import Spent, name_of
from agency_evals.scorers.verdict import counted, unscored
from agency_runtime.wire import json_object


def score(spec: Spent, finished: Finished) -> Score:
    """The measure asked for; failed where a bound is exceeded, only measured where there is none."""
    name, ended = name_of(spec), finished.ended
    if not ended:
        return unscored(name, "there was no session, so that nothing was spent")
    found = {
        "turns": int(ended["turns"]),
        "tokens": sum(int(count) for count in json_object(ended["usage"]).values()),
        "cost_usd": round(float(ended["cost_usd"]), 6),
    }
    bounds = {"turns": spec.max_turns, "tokens": spec.max_tokens, "cost_usd": spec.max_cost_usd}
    problems = [
        f"{measure}: {found[measure]:g}, more than {bound:g}"
        for measure, bound in bounds.items()
        if bound is not None and found[measure] > bound
    ]
    return counted(name, float(found[spec.measure]), problems, judged=any(each is not None for each in bounds.values()))
