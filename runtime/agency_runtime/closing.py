"""The last lines of a run: what changed, what is verified, what is not, and the next command to type."""

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import cast

from agency_runtime.outcome import Outcome
from agency_runtime.terminal import Terminal, in_one_line, listing, money, tokens

WORDS: Mapping[str, tuple[str, str]] = {
    "done": ("green", "done and verified"),
    "unverified": ("yellow", "ended, but not everything is verified"),
    "approval_needed": ("yellow", "an approval or an answer was needed and nobody could give it"),
    "denied": ("red", "stopped: too many calls were denied"),
    "incomplete": ("yellow", "ended before it was complete"),
    "refused": ("red", "the model refused"),
    "context_full": ("yellow", "the conversation no longer fits the model's context"),
    "out_of_budget": ("yellow", "the budget is spent"),
    "model_failed": ("red", "the model's service failed"),
    "sandbox_failed": ("red", "the sandbox failed"),
    "replay_differs": ("red", "the replay differs from its recording"),
    "interrupted": ("yellow", "interrupted"),
    "terminated": ("yellow", "terminated"),
}


def close(terminal: Terminal, outcome: Outcome, command: str) -> None:
    """Print them, whatever the outcome."""
    color, words = ("green", "the plan is written") if outcome.plan else WORDS[outcome.status]
    terminal.line()
    reason = f": {in_one_line(outcome.reason)}" if outcome.reason else ""
    terminal.line(terminal.paint(color, words) + reason)
    usage = outcome.usage.json()
    terminal.line(f"{outcome.turns} turns · {tokens(usage)} · {money(outcome.cost_usd)} · exit {outcome.exit_code}")
    for line in _lists(outcome):
        terminal.line(line)
    if outcome.plan:
        terminal.line(f"Plan: {in_one_line(outcome.plan)}")
    if outcome.handoff:
        terminal.line(f"Handoff: {in_one_line(outcome.handoff)}/summary.md")
    for line in next_commands(outcome, command):
        terminal.line(f"Next: {line}")


def _lists(outcome: Outcome) -> Iterable[str]:
    files = outcome.files_changed or {}
    marks = {"created": "+", "modified": "~", "deleted": "-"}
    changed = [f"{marks[kind]} {path}" for kind, paths in files.items() for path in paths]
    title = "Changed" if outcome.tools == "live" else "Changed when it was recorded; nothing was executed now"
    yield from listing(f"{title} ({len(changed)}):", changed)
    yield from listing(f"Verified ({len(outcome.verified)}):", outcome.verified, 6)
    yield from listing(f"Not verified ({len(outcome.unverified)}):", outcome.unverified)
    yield from listing(f"Not run ({len(outcome.not_run)}):", outcome.not_run)
    yield from listing(f"Checklist, left ({len(outcome.left)}):", outcome.left)
    yield from listing(f"Outside of its responsibilities ({len(outcome.outside)}):", outcome.outside)
    yield from listing(f"Open questions ({len(outcome.questions)}):", outcome.questions)
    yield from listing(f"Denied ({len(outcome.denials)}):", [_denial(denial) for denial in outcome.denials])
    yield from listing(
        f"Live results that differ from the recorded ones ({len(outcome.divergences)}):", outcome.divergences, 5
    )


def _denial(denial: Mapping[str, object]) -> str:
    rules = cast("Sequence[str]", denial.get("permits") or ())
    permit = "; to permit it: " + " ".join(f"--allow {quote(rule)}" for rule in rules) if rules else ""
    kind = "no approval" if "permits" in denial else "refused"
    return in_one_line(f"{denial['tool']} ({kind}): {denial['why'] or denial['rule']}{permit}")


def next_commands(outcome: Outcome, command: str) -> Sequence[str]:
    """What a person would type next."""
    if outcome.resume:
        return [outcome.resume, f"agency session show {outcome.session_id}"]
    if outcome.status == "done" and outcome.plan:
        return [f"agency implement {quote(outcome.plan)}"]
    if outcome.handoff:
        return [f"agency verify {quote(outcome.feature)}", "git status; git diff"]
    return [f"agency session show {outcome.session_id}"]
