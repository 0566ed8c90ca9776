"""What stands beside a summary, word for word: what was decided, refused and done, from the run's own log.

A summary may drop a rule or invent one; what the runtime writes here does neither. The task itself, with environment and
permission mode, stays as the first block of the conversation, and the system prompt is never part of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agency_runtime.calls import Executed
from agency_runtime.terminal import shortened, subject
from agency_runtime.tokens import estimate, first
from agency_runtime.wire import Json

MOST_CALLS = 400  # lines of the list of calls
QUIET = frozenset({"Read", "Grep", "Glob", "TodoWrite", "WebFetch", "WebSearch", "TaskOutput"})
"""Tools whose calls are left out of a longer list first: they are seldom what a claim rests on."""

SKILL = 5_000  # tokens of one skill
SKILLS = 25_000  # tokens of all skills together, the last loaded first


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What is to be told again. calls: of this conversation, oldest first. files: what git shows as changed so far."""

    turn: int
    calls: Sequence[Executed]
    files: Json | None = None
    told: Sequence[str] = ()

    def text(self) -> str:
        """All of it, in words for the model."""
        parts = [
            OPENING.format(turn=self.turn),
            *self.told,
            *self._answers(),
            *self._refusals(),
            *self._todo(),
            *self._changed(),
            *self._list(),
            *self._skills(),
        ]
        return "\n\n".join(parts)

    def _answers(self) -> Iterator[str]:
        done = [call for call in self.calls if call.tool == "Escalate" and not call.failed]
        if done:
            yield "\n".join(["## What you asked, and what was answered", *(_answer(call) for call in done)])

    def _refusals(self) -> Iterator[str]:
        denied = [call for call in self.calls if call.denied]
        if denied:
            yield "\n".join(
                ["## Refused; do not try it again", *(f"- {_named(call)}: {call.output}" for call in denied)]
            )

    def _todo(self) -> Iterator[str]:
        lists = [call for call in self.calls if call.tool == "TodoWrite" and not call.failed]
        if lists:
            yield f"## Your list\n{lists[-1].output}"

    def _changed(self) -> Iterator[str]:
        if self.files is None:
            return
        lines = [f"{kind}: {', '.join(map(printable, names))}" for kind, names in self.files.items() if names]
        yield "\n".join(["## Files changed so far, as git shows them", *(lines or ["none"])])

    def _list(self) -> Iterator[str]:
        kept = _kept(self.calls)
        if not self.calls:
            return
        left = len(self.calls) - len(kept)
        note = [f"({left} older calls are left out here; they may be cited all the same.)"] if left else []
        yield "\n".join(["## Calls so far; each may be cited by its reference", *note, *map(_line, kept)])

    def _skills(self) -> Iterator[str]:
        texts = list(_skill_texts(self.calls))
        if texts:
            yield "\n\n".join(["## Skills that you loaded", *texts])


OPENING = """# This conversation was condensed after turn {turn}

It filled the model's context. The task above is as it was given, and so are the rules of the system prompt; they hold \
unchanged. What follows was written by the runtime from its log, word for word."""


def printable(name: str) -> str:
    """A path in which bytes that are no UTF-8 are shown as `\\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _named(call: Executed) -> str:
    about = shortened(subject(call.input), 100)
    return f"{call.ref} {call.tool} {about}".rstrip()


def _answer(call: Executed) -> str:
    return f"- {call.ref}: {call.input.get('question', '')}\n  {call.output}"


def _line(call: Executed) -> str:
    if call.denied:
        return f"{_named(call)}: refused"
    how = [*(["failed"] if call.failed else []), *([f"exit {call.exit_code}"] if call.exit_code is not None else [])]
    return ": ".join([_named(call), *([", ".join(how)] if how else [])])


def _kept(calls: Sequence[Executed]) -> list[Executed]:
    """At most so many as are listed: quiet ones go first, then the oldest."""
    over = len(calls) - MOST_CALLS
    quiet = [call.ref for call in calls if call.tool in QUIET and not call.failed][: max(0, over)]
    return [call for call in calls if call.ref not in set(quiet)][-MOST_CALLS:]


def _skill_texts(calls: Sequence[Executed]) -> Iterator[str]:
    """The skills as they were loaded, the last one first, each cut and all together bounded."""
    loaded = {str(call.input.get("skill")): call.output for call in calls if is_skill(call)}
    last_first = dict.fromkeys(str(call.input.get("skill")) for call in reversed(calls) if is_skill(call))
    left = SKILLS
    for name in last_first:
        text = first(loaded[name], min(SKILL, left))
        left -= estimate(text)
        whole = len(text) == len(loaded[name])
        if text:
            yield text if whole else f"{text}\n[cut here; load the skill {name} again for the rest]"


def is_skill(call: Executed) -> bool:
    """Whether the call loaded a skill's own text, rather than one of its files."""
    return call.tool == "Skill" and not call.failed and not call.input.get("file")
