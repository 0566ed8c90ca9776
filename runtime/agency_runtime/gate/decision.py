"""What the gate answers: a verdict, the class of the act, and the rule that decided."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agency_tools.prospect import Prospect

Verdict: TypeAlias = Literal["allow", "ask", "deny"]
Kind: TypeAlias = Literal["read", "plan", "local", "unknown", "change", "destroy"]

STRICTNESS: dict[Verdict, int] = {"allow": 0, "ask": 1, "deny": 2}
SEVERITY: dict[Kind, int] = {"read": 0, "plan": 1, "local": 2, "unknown": 3, "change": 4, "destroy": 5}


def tightest(verdicts: Iterable[Verdict]) -> Verdict:
    """The strictest of the verdicts; nothing at all is allowed."""
    found: Verdict = "allow"
    for verdict in verdicts:
        found = verdict if STRICTNESS[verdict] > STRICTNESS[found] else found
    return found


def gravest(kinds: Iterable[Kind]) -> Kind:
    """The class that reaches furthest; nothing at all is a read."""
    found: Kind = "read"
    for kind in kinds:
        found = kind if SEVERITY[kind] > SEVERITY[found] else found
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """One simple command of a call, judged by itself.

    permit: the rule that would allow it, where one can. why: one sentence for a person, that adds to the rule.
    """

    command: str
    kind: Kind
    verdict: Verdict
    rule: str
    permit: str = ""
    why: str = ""

    def json(self) -> dict[str, Any]:
        """As `policy explain --json` prints it."""
        return {"command": self.command, "class": self.kind, "verdict": self.verdict, "rule": self.rule}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict on one tool call.

    rule: what decided, a rule as it was written or the gate's own reason. why: one sentence for a person.
    prospect: what the call would change, where its tool said so.
    unproven: it changes a protected target, and was not carried out on an unprotected one in this run.
    """

    verdict: Verdict
    kind: Kind
    rule: str
    segments: tuple[Segment, ...]
    why: str
    prospect: Prospect | None = None
    unproven: bool = False

    @property
    def permits(self) -> tuple[str, ...]:
        """The rules that would allow what is asked here; none where no rule can."""
        asked = [segment for segment in self.segments if segment.verdict == "ask" and segment.permit]
        return tuple(dict.fromkeys(segment.permit for segment in asked))

    def json(self) -> dict[str, Any]:
        """As `policy explain --json` prints it."""
        return {
            "verdict": self.verdict,
            "class": self.kind,
            "rule": self.rule,
            "segments": [segment.json() for segment in self.segments],
            "why": self.why,
        }


_SAID: dict[Verdict, str] = {"allow": "is allowed", "ask": "needs a person's approval", "deny": "is denied"}


def sentence(subject: str, verdict: Verdict, because: str = "") -> str:
    """What became of the subject, as one sentence."""
    told = f"{subject} {_SAID[verdict]}"
    return f"{told}{', ' if because else ''}{because}."


def decide(segments: Iterable[Segment]) -> Decision:
    """The decision of all segments together: the strictest verdict, the gravest class, the first rule that led to it."""
    judged = tuple(segments)
    verdict = tightest(segment.verdict for segment in judged)
    culprits = [segment for segment in judged if segment.verdict == verdict]
    culprit = max(culprits, key=lambda segment: SEVERITY[segment.kind], default=None)
    rule = culprit.rule if culprit else "nothing to run"
    return Decision(
        verdict=verdict,
        kind=gravest(segment.kind for segment in judged),
        rule=rule,
        segments=judged,
        why=(culprit.why or sentence(f"`{culprit.command}`", verdict)) if culprit else "There is nothing to run.",
    )
