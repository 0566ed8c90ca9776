"""The loop: let the model act until it is done, refused, or out of budget.

Every stop reason has one meaning here, unknown ones included; every tool call gets a result, whatever happened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from agency_runtime.archive import Archive
from agency_runtime.asking import Asking
from agency_runtime.budget import Spending
from agency_runtime.calls import Executed
from agency_runtime.compaction import Compaction
from agency_runtime.conversation import Conversation
from agency_runtime.repetition import Pattern, Repetition, Step
from agency_runtime.session import Session
from agency_runtime.wire import Call, Json, Listener, Model, Reply

CUT_REPLIES = 3  # in a row, before the run ends as incomplete
NUDGES = 3  # reminders of what is still owed
PAUSES = 20  # in a row, before the run ends as incomplete
CONTINUE = "Your reply was cut off at the output limit. Go on where it stopped, in smaller pieces."
EMPTY = "Your reply was empty. "
FULL = "Your reply was cut off because the conversation fills what you can hold. It is condensed now; go on from there."


class Ending(Enum):
    """Why the loop stopped."""

    DONE = "done"
    INCOMPLETE = "incomplete"  # cut off too often, or something owed was never given
    REFUSED = "refused"
    CONTEXT_FULL = "context_full"
    OUT_OF_BUDGET = "out_of_budget"
    DENIED = "denied"  # the gate refused too often


class Answering(Protocol):
    """Whatever turns a call into a result; what the model did wrong is such a result, too."""

    async def __call__(self, call: Call, turn: int) -> Json:
        """The tool_result block for this call."""
        ...

    def parallel(self, call: Call) -> bool:
        """Whether this call changes nothing and may run beside its neighbours."""
        ...

    def came_of(self, call: Call, turn: int) -> Executed:
        """What came of a call of this turn, as the run is recorded."""
        ...

    @property
    def exhausted(self) -> str | None:
        """Why no further call may run; None while they may."""
        ...


Owed = Callable[[Reply], Awaitable[str | None]]
"""Asked when the model ends its turn: what it still owes, in words to tell it, or None."""


async def run(
    session: Session,
    talk: Conversation,
    model: Model,
    answer: Answering,
    spending: Spending,
    owed: Owed,
    on_text: Listener,
    archive: Archive | None = None,
) -> Ending:
    """Let the model act until it stops asking for tools and owes nothing more; `talk.reason` says why it stopped.

    archive: what a compaction rests on; without it the conversation is never condensed.
    """
    asking = Asking(session=session, talk=talk, model=model, spending=spending)
    compaction = Compaction(asking, archive)
    course = _Course(session, talk, answer, owed, Repetition(talk.bounds), compaction)
    ending: Ending | None = None
    while ending is None:
        if denied := answer.exhausted:
            talk.reason = denied
            return Ending.DENIED
        if not spending.spent() and (full := await compaction.settle()):
            talk.reason = full
            return Ending.CONTEXT_FULL
        reply = None if spending.spent() else await asking.turn(on_text)
        if reply is None:
            talk.reason = spending.spent() or "the time is up"
            return Ending.OUT_OF_BUDGET
        ending = await course.after(reply)
    return ending


@dataclass
class _Course:
    """What follows from each reply. `cut`, `paused` and `mute` count replies in a row: cut off, to be sent back, without a
    call; `nudges` the reminders given."""

    session: Session
    talk: Conversation
    answer: Answering
    owed: Owed
    repetition: Repetition
    compaction: Compaction
    cut: int = 0
    paused: int = 0
    mute: int = 0
    nudges: int = 0

    async def after(self, reply: Reply) -> Ending | None:
        """Take the reply's consequences; None where the model goes on."""
        step = STEPS.get(reply.stop_reason or "", "stop")
        self.cut = self.cut + 1 if step == "cut" else 0
        self.paused = self.paused + 1 if step == "resume" else 0
        self.mute = 0 if reply.calls else self.mute + 1
        if step == "resume":
            return self._paused()
        if step == "run" and reply.calls:
            results = await _answers(reply.calls, self.answer, self.talk.turn)
            self.talk.messages.append({"role": "user", "content": results})
            return self._repeated(reply.calls)
        if step == "full" and self.compaction.possible:
            self.compaction.forced = True
            _unexecuted(self.talk, reply, "the conversation was full", FULL)
            return None
        if step in ENDINGS:
            self.talk.reason = f"stop_reason {reply.stop_reason}"
            return ENDINGS[step]
        return self._cut_off(reply) if step == "cut" else await self._stopped(reply)

    def _repeated(self, calls: Sequence[Call]) -> Ending | None:
        """Tell the model that it goes round in circles, and end the run where it goes on to."""
        stuck = self.repetition.after([Step(call, self.answer.came_of(call, self.talk.turn)) for call in calls])
        if stuck is None:
            return None
        self._stuck(stuck.pattern, stuck.count, stuck.text, over=stuck.over)
        if stuck.over:
            self.talk.reason = stuck.text
            return Ending.INCOMPLETE
        self.talk.say(stuck.words)
        return None

    def _stuck(self, pattern: Pattern, count: int, text: str, *, over: bool) -> None:
        place = {"turn": self.talk.turn, "depth": self.talk.depth}
        self.session.add("stuck", **place, pattern=pattern, count=count, over=over, text=text)

    def _paused(self) -> Ending | None:
        if self.paused < PAUSES:
            return None
        self.talk.reason = f"stuck: the reply was paused {self.paused} times in a row"
        self._stuck("paused", self.paused, self.talk.reason, over=True)
        return Ending.INCOMPLETE

    def _cut_off(self, reply: Reply) -> Ending | None:
        if self.cut > CUT_REPLIES:
            self.talk.reason = f"the reply was cut off at max_tokens {self.cut} times in a row"
            return Ending.INCOMPLETE
        text = "the reply was cut off at the output limit; none of its calls was executed, the rest is asked for"
        self.session.add("notice", text=text)
        _unexecuted(self.talk, reply, "the reply was cut off at the output limit", CONTINUE)
        return None

    async def _stopped(self, reply: Reply) -> Ending | None:
        missing = await self.owed(reply)
        if missing is None:
            return Ending.DONE
        if self.nudges >= NUDGES:
            self.talk.reason = missing.splitlines()[0]
            if self.mute > NUDGES:
                self._monologue(reply)
            return Ending.INCOMPLETE
        self.nudges += 1
        self.session.add("notice", text=f"not done yet, the model is told: {missing.splitlines()[0]}")
        _unexecuted(self.talk, reply, "the reply ended the turn", f"{EMPTY if reply.empty else ''}{missing}")
        return None

    def _monologue(self, reply: Reply) -> None:
        """Say in the log that nothing but words, or nothing at all, came in a row."""
        what = "empty replies" if reply.empty else "replies without a call"
        text = f"stuck: {self.mute} {what} in a row"
        self._stuck("empty" if reply.empty else "monologue", self.mute, text, over=True)


STEPS = {
    "tool_use": "run",
    "pause_turn": "resume",
    "compaction": "resume",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "cut",
    "model_context_window_exceeded": "full",
    "refusal": "refused",
}
ENDINGS = {"full": Ending.CONTEXT_FULL, "refused": Ending.REFUSED}


async def _answers(calls: Sequence[Call], answer: Answering, turn: int) -> list[Json]:
    """The results in the order of the calls; neighbours that only read run side by side."""
    results: list[Json] = []
    for group in _groups(calls, answer):
        results += await asyncio.gather(*(answer(call, turn) for call in group))
    return results


def _groups(calls: Sequence[Call], answer: Answering) -> list[list[Call]]:
    groups: list[list[Call]] = []
    together = False
    for call in calls:
        parallel = answer.parallel(call)
        if parallel and together:
            groups[-1].append(call)
        else:
            groups.append([call])
        together = parallel
    return groups


def _unexecuted(talk: Conversation, reply: Reply, why: str, words: str) -> None:
    """None of the reply's calls ran: each gets a result that says so, then the words follow."""
    results = [
        {
            "type": "tool_result",
            "tool_use_id": call.id,
            "is_error": True,
            "content": f"Not executed: {why}.",
        }
        for call in reply.calls
    ]
    if results:
        talk.messages.append({"role": "user", "content": results})
    talk.say(words)
