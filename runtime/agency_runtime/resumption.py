"""What a run goes on with, rebuilt from the events of its earlier part: conversation, calls, questions, what was spent.

Every tool_use gets a tool_result. A call that began and has no outcome is told as interrupted and is never made again by
the runtime; one that never began is told as not executed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agency_runtime.answer import Answer, number, with_ref
from agency_runtime.budget import Spending
from agency_runtime.calls import Executed, altered
from agency_runtime.condensing import with_contents
from agency_runtime.conversation import Conversation
from agency_runtime.equipment import Equipment
from agency_runtime.escalate_tool import ANSWERED, EscalateInput, Escalation
from agency_runtime.handoff import HandoffReport
from agency_runtime.past import HOW, Past
from agency_runtime.prices import Price
from agency_runtime.snapshots import Snapshot
from agency_runtime.wire import Call, Json, Reply, Usage, json_object
from agency_tools.redaction import MASK

INTERRUPTED = (
    "interrupted; verify its side effects before you go on. The run was cut off while this call was under way, so nobody"
    " knows how much of it was done; the runtime did not repeat it."
)
NOT_EXECUTED = "Not executed: the run was cut off before this call began."
WAITS = frozenset({"pause_turn", "compaction"})
"""Stop reasons after which the reply itself is sent back, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class Resumption:
    """The earlier part of a run.

    messages: the conversation; those from `fresh` on were answered by no reply yet. paused: it ends with a reply that the
    service wants back as it is. interrupted: calls that began and have no outcome, the helpers' included.
    count: the highest number of a reference. minutes: wall time of all parts. fixed: digests of system prompt and tools.
    asked: ids of the run's own calls. held: tokens that the conversation held with its last reply, 0 where nobody knows.
    """

    parent: Json
    status: str
    at: str
    messages: tuple[Json, ...] = ()
    fresh: int = 0
    paused: bool = False
    turns: int = 0  # requests sent, those without a reply included
    usages: tuple[Usage, ...] = ()
    minutes: float = 0.0
    executed: tuple[Executed, ...] = ()
    interrupted: tuple[Executed, ...] = ()
    count: int = 0
    asked: tuple[str, ...] = ()
    held: int = 0
    denials: tuple[Json, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    report: HandoffReport | None = None
    fixed: Mapping[str, str] = field(default_factory=dict[str, str])
    before: Snapshot | None = None
    told: tuple[str, ...] = ()
    mcp: tuple[Json, ...] = ()  # the tools that MCP servers gave it
    drift: str = "fail"  # whether other tools than those keep it from going on
    forked: bool = False  # it only shares its past with the run that did it
    found: tuple[Executed, ...] = ()  # what the runtime notes before the first call


def resumption_of(past: Past, parent: Json, before: Snapshot | None, told: Sequence[str] = ()) -> Resumption:
    """Rebuild it; `told` is what the model should know besides."""
    calls, own = _Calls(past.events), _Calls(event for part in past.own for event in part)
    talk = _Talk(past.events, calls)
    spent = len(talk.usages) - len(_Talk((event for part in past.own for event in part), own).usages)
    may_cite = {**{ref: done for ref, done in calls.finished.items() if ref in past.citable}, **own.finished}
    return Resumption(
        parent=parent,
        status=past.status,
        at=str(past.parts[-1][-1]["at"]),
        messages=(*talk.answered, *talk.rest()),
        fresh=len(talk.answered),
        paused=talk.paused,
        turns=talk.turns,
        usages=tuple(talk.usages[spent:]),
        minutes=sum(_minutes(part) for part in past.own),
        executed=tuple(sorted(may_cite.values(), key=lambda each: number(each.ref))),
        interrupted=tuple(own.interrupted()),
        count=calls.count,
        asked=tuple(talk.asked),
        held=talk.held,
        denials=tuple(own.denials()),
        escalations=tuple(_escalations(calls.finished.values())),
        report=_report(own.finished.values()),
        fixed=talk.fixed,
        before=before,
        told=tuple(told),
        mcp=tuple(offer for event in past.parts[-1] if event["type"] == "mcp.pinned" for offer in event["tools"]),
    )


class _Calls:
    """What is known of each call, by its reference."""

    def __init__(self, events: Iterable[Json]) -> None:
        self.judged: dict[str, Json] = {}
        self.approval: dict[str, Json] = {}
        self.started: dict[str, Json] = {}
        self.finished: dict[str, Executed] = {}
        for event in events:
            match event["type"]:
                case "call.judged":
                    self.judged[event["ref"]] = event
                case "approval":
                    self.approval[event["ref"]] = event
                case "call.started":
                    self.started[event["ref"]] = event
                case "call.finished":
                    self.finished[event["ref"]] = _executed(event)
                case _:
                    pass

    @property
    def count(self) -> int:
        """The highest number of a reference."""
        return max((number(ref) for ref in (*self.judged, *self.started, *self.finished)), default=0)

    def interrupted(self) -> Iterator[Executed]:
        """Those that began and have no outcome."""
        for ref, event in self.started.items():
            if ref not in self.finished:
                given = json_object(self.judged.get(ref, {}).get("input"))
                yield Executed(
                    ref=ref, id=event["id"], turn=event["turn"], tool=event["tool"], input=given, output=INTERRUPTED,
                    failed=True, exit_code=None, denied=False, started=event["at"], seconds=0.0,
                )  # fmt: skip

    def result(self, call: Call, turn: int) -> Json:
        """The tool_result of a call whose result no request carried."""
        for done in (*self.finished.values(), *self.interrupted()):
            if (done.id, done.turn) == (call.id, turn):
                return _result(call, str(with_ref(done.output, done.ref)), failed=done.failed)
        return _result(call, NOT_EXECUTED, failed=True)

    def denials(self) -> Iterator[Json]:
        """What was refused, as `Answer` keeps it."""
        for ref, done in self.finished.items():
            if done.denied:
                judged = self.judged.get(ref, {})
                denial = {"ref": ref, "tool": done.tool, "input": done.input}
                denial |= {"rule": judged.get("rule", ""), "why": judged.get("why", "")}
                nobody = judged.get("verdict") == "ask" and self.approval.get(ref, {}).get("who") is None
                yield {**denial, "permits": judged.get("permits", [])} if nobody else denial


class _Talk:
    """The run's own conversation, helpers' left out. `answered` ends with the last reply."""

    def __init__(self, events: Iterable[Json], calls: _Calls) -> None:
        self._calls = calls
        self.answered: list[Json] = []
        self.pending: list[Json] = []
        self.usages: list[Usage] = []
        self.fixed: Mapping[str, str] = {}
        self.turns = 0
        self.asked: list[str] = []
        self.held = 0
        self._last: tuple[int, Reply] | None = None
        own: set[int] = set()
        for event in events:
            if event["type"] == "request":
                self.turns = max(self.turns, event["turn"])
                if event["depth"] == 0 and "purpose" not in event:
                    own.add(event["turn"])
                    self._requested(event)
            elif event["type"] == "reply":
                reply = Reply(message=event["message"])
                self.usages.append(reply.usage)
                if event["turn"] in own:
                    self._replied(event["turn"], reply)
            elif event["type"] == "compacted" and event["depth"] == 0:
                self.answered = with_contents(self.answered, event.get("condensed") or {})

    def _requested(self, event: Json) -> None:
        """What was new in a request; all of it, where the conversation had been rewritten."""
        if event.get("anew"):
            self.answered, self.held = [], 0
        self.pending, self.fixed = list(event["messages"]), event["digests"]

    def _replied(self, turn: int, reply: Reply) -> None:
        self.asked += [call.id for call in reply.calls]
        self.held = reply.usage.total
        if reply.empty:  # what was asked is asked again
            return
        self.answered += [*self.pending, {"role": "assistant", "content": [*_sendable(reply.content)]}]
        self.pending, self._last = [], (turn, reply)

    @property
    def paused(self) -> bool:
        """Whether the last reply is to be sent back as it is."""
        return not self.pending and self._last is not None and self._last[1].stop_reason in WAITS

    def rest(self) -> list[Json]:
        """What no reply has answered: the messages of a request that got none, or the results of the last reply's calls."""
        if self.pending or self._last is None:
            return self.pending
        turn, reply = self._last
        results = [self._calls.result(call, turn) for call in reply.calls]
        return [{"role": "user", "content": results}] if results else []


def _sendable(content: Iterable[Json]) -> Iterator[Json]:
    """The blocks; a thought in which something was masked bears a signature that no longer fits, so it is left out."""
    return (
        block
        for block in content
        if block.get("type") not in ("thinking", "redacted_thinking") or MASK not in str(block)
    )


def _result(call: Call, content: str, *, failed: bool) -> Json:
    error = {"is_error": True} if failed else {}
    return {"type": "tool_result", "tool_use_id": call.id, "content": content, **error}


def _executed(event: Json) -> Executed:
    names = ("ref", "id", "turn", "tool", "input", "failed", "exit_code", "denied", "started", "seconds", "cwd")
    values: dict[str, Any] = {name: event[name] for name in names}
    return Executed(**values, output=event["text"], changed=tuple(event.get("changed") or ()), altered=altered(event))


def _minutes(part: Sequence[Json]) -> float:
    """Wall time from the first to the last event of a part."""
    first, last = (datetime.fromisoformat(str(part[at]["at"])) for at in (0, -1))
    return (last - first).total_seconds() / 60


def _report(calls: Iterable[Executed]) -> HandoffReport | None:
    """The last report that was taken down."""
    for call in sorted(calls, key=lambda each: number(each.ref), reverse=True):
        if call.tool == "Handoff":
            try:
                return HandoffReport.model_validate(call.input)
            except ValidationError:
                continue
    return None


def _escalations(calls: Iterable[Executed]) -> Iterator[Escalation]:
    for call in calls:
        if call.tool != "Escalate" or call.failed:
            continue
        given = EscalateInput.model_validate(call.input)
        answer = call.output.removeprefix(ANSWERED) if call.output.startswith(ANSWERED) else None
        yield Escalation(
            level=given.level, to=given.to, question=given.question, options=tuple(given.options),
            blocking=given.blocking, answer=answer,
        )  # fmt: skip


def go_on(talk: Conversation, spending: Spending, past: Resumption, today: str) -> None:
    """Put the earlier part into a conversation that has only begun, and count what it spent."""
    talk.usage = sum(past.usages, Usage())
    count_earlier(spending, talk.price, past)
    if past.messages:
        talk.messages, talk.fresh = list(past.messages), past.fresh
        talk.asked, talk.held = list(past.asked), past.held
    words = words_for_the_model(past, today)
    talk.pinned.append(words)
    if not past.paused or past.forked:
        talk.say(words)


def take_over(answer: Answer, equipment: Equipment, past: Resumption) -> None:
    """Take over the earlier part's calls, questions and report."""
    answer.go_on_from(past.executed, (*past.interrupted, *past.found), past.denials, past.count + len(past.found))
    equipment.escalate.raised += past.escalations
    equipment.handoff.report = past.report


def count_earlier(spending: Spending, price: Price, past: Resumption) -> None:
    """Count what the earlier part spent."""
    spending.turns = len(past.usages)
    spending.cost = sum(price.cost(usage) for usage in past.usages)
    spending.tokens = sum(usage.total for usage in past.usages)
    spending.earlier = past.minutes


def words_for_the_model(resumed: Resumption, today: str) -> str:
    """What the model is told where its run goes on, or leaves another's."""
    if resumed.forked:
        return "\n".join([f"This is a fork, begun {today}.", *resumed.told])
    under_way = [f"{call.ref} ({call.tool})" for call in resumed.interrupted]
    return "\n".join(
        [
            f"This run {HOW[resumed.status]} at {resumed.at} and goes on now, {today}.",
            "The sandbox is a new one: the shell stands at the repository's top, nothing runs in the background, /tmp is"
            " empty, and a file must be read again before it is edited. Approvals and prepared changes of the first part"
            " no longer hold: plan again, and what needs an approval is asked for again. Calls of the first part may be cited.",
            *([f"Under way when it ended: {', '.join(under_way)}. See first what they did."] if under_way else []),
            *resumed.told,
        ]
    )
