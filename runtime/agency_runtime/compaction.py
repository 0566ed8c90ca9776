"""Making room in a conversation that nears what the model can hold, and seeing where that does no good.

First without a model: old results are replaced by a line each. Where that frees too little, the model sums up what was
before, and the conversation goes on from the task, what is pinned beside the summary, the summary and the last replies.
Every decision rests on what a recording keeps (usage, results as recorded), so that a replay decides the same.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agency_runtime.archive import Archive
from agency_runtime.asking import Asking
from agency_runtime.calls import Executed
from agency_runtime.condensing import CONDENSED, is_condensed, opening, results, tail_start, with_contents
from agency_runtime.pins import Pins, is_skill
from agency_runtime.tokens import estimate, first
from agency_runtime.wire import Json

KEPT = 4  # replies whose results stay as they are, where the older ones are enough
TAIL = 3  # replies that stay as they are beside a summary
APART = 5  # replies that lie between two compactions, unless the later one is hurried
HURRIED = 3  # hurried compactions in a row that end the run
ENOUGH = 0.7  # of what counts as full: what condensing results alone must come down to
FREED = 0.1  # of the tokens before: what a summary must at least free
SUMMARY = 6_000  # tokens of a summary at most, and never more than a tenth of the window
LARGE = 400  # tokens of a result that is worth a line in its place
LINE = 60  # tokens of such a line
SHARE = 4  # a single result takes at most this part of the window
STAY = frozenset({"Escalate", "Handoff", "TodoWrite"})
"""Tools whose results are answers to the run, not matter that it looked at."""

ASK = """The conversation nears what you can hold and is condensed now. The runtime keeps, word for word: the task, the rules, \
your list, what was answered and refused, all calls with their references and exit codes, the changed files, the skills you \
loaded, and your last replies. Write down what else is needed to go on:
1. what you found out, as facts with file names, versions, ports and the references that show them
2. what you decided, and why
3. what is done, and which call checked it
4. what is left, and what you were about to do
5. what failed, how, and what was tried
State only what happened. Add no rule, number or result that is not in this conversation. Call no tool; answer with this \
text alone, in at most 1,500 words."""
Kind = Literal["results", "summary", "pins", "cut"]


@dataclass
class Compaction:
    """Keeps one conversation below what its model can hold. Without an archive it does nothing.

    at: the reply after which there was a compaction last. hurried: how many came too soon in a row. before: tokens before
    the last summary, 0 once it is known what that freed. forced: the model itself said that it is full.
    """

    asking: Asking
    archive: Archive | None
    at: int | None = None
    hurried: int = 0
    before: int = 0
    forced: bool = False

    @property
    def possible(self) -> bool:
        """Whether anything may be condensed."""
        return self.archive is not None and math.isfinite(self.asking.talk.bounds.full)

    async def settle(self) -> str | None:
        """Make room where the next request would fill the window; why the run ends, where no room can be made."""
        talk, archive = self.asking.talk, self.archive
        if archive is None or not self.possible or not talk.held or talk.messages[-1]["role"] != "user":
            return None
        if why := self._too_little():
            return why
        if not self.forced and talk.held + self._at_most() < talk.bounds.full:
            return None
        await self._cut(archive)
        size = talk.held + self._coming(archive)
        if size < talk.bounds.full and not self.forced:
            return None
        return await self._make_room(archive, size)

    def _too_little(self) -> str | None:
        """Why the last summary was in vain, once a reply has shown its size; None where it was not."""
        talk, before, self.before = self.asking.talk, self.before, 0
        if not before or (talk.held < talk.bounds.full and talk.held <= (1 - FREED) * before):
            return None
        return (
            f"condensing the conversation freed too little: {talk.held:,} tokens are left of {before:,}; the model holds"
            f" {talk.bounds.window:,.0f}, --compact-at and --context-window say when it counts as full"
        )

    def _at_most(self) -> int:
        """Tokens that the next request adds at the very most, cheaply: no text costs more than a token a character.

        Twice that, since a recording may keep a longer text where it masks a secret.
        """
        fresh = self.asking.talk.messages[self.asking.talk.fresh :]
        return 2 * sum(
            len(str(block.get("text") or block.get("content"))) for each in fresh for block in each["content"]
        )

    def _coming(self, archive: Archive) -> int:
        """Tokens, roughly, of what the next request adds."""
        talk = self.asking.talk
        fresh = talk.messages[talk.fresh :]
        texts = [block["text"] for each in fresh for block in each["content"] if block.get("type") == "text"]
        done = archive.calls(block["tool_use_id"] for block in results(fresh))
        share = int(talk.bounds.window) // SHARE
        return sum(map(estimate, texts)) + sum(min(share, self._tokens(each)) for each in done)

    def _tokens(self, done: Executed) -> int:
        """Tokens, roughly, of a result as a recording keeps it."""
        return estimate(str(self.asking.talk.mask(done.output)))

    async def _cut(self, archive: Archive) -> None:
        """Cut results that alone would take too much of the window; the rest is kept where it can be read."""
        talk = self.asking.talk
        share = int(talk.bounds.window) // SHARE
        new = [each["tool_use_id"] for each in results(talk.messages[talk.fresh :]) if not is_condensed(each)]
        large = [done for done in archive.calls(new) if estimate(done.output) > share]
        cut: dict[str, str] = {}
        for done in large:
            path = await archive.store(done)
            rest = f"its whole text is in {path}" if path else "ask for less of it at a time"
            cut[done.id] = (
                f"{CONDENSED}the first part of a result of {len(done.output):,} characters; {rest}]\n"
                f"{first(done.output, share - LINE)}\n\n[call {done.ref}]"
            )
        if cut:
            talk.messages = with_contents(talk.messages, cut)
            refs = ", ".join(done.ref for done in large)
            self._say("cut", talk.held, f"the result of {refs} is too large for the conversation and was cut")

    async def _make_room(self, archive: Archive, size: int) -> str | None:
        """Condense results where that is enough, else sum up; why the run ends, where it has been done too often."""
        talk = self.asking.talk
        soon = self.at is not None and talk.replies - self.at < APART
        self.hurried = self.hurried + 1 if soon else 0
        if self.hurried >= HURRIED:
            return (
                f"the conversation filled up again within {APART} replies of being condensed, {HURRIED} times in a row"
            )
        old, freed = self._old(archive, size)
        if not soon and not self.forced and size - freed <= ENOUGH * talk.bounds.full:
            await self._condense(archive, old, size, freed)
            why = None
        else:
            why = await self._sum_up(archive, size)
        self.at, self.forced = talk.replies, False
        return why

    def _old(self, archive: Archive, size: int, *, every: bool = False) -> tuple[list[Executed], int]:
        """Results that a line may replace, and the tokens that frees: all older ones, then as many as are needed.

        Those that no reply has answered stay.
        """
        talk = self.asking.talk
        seen = [each["tool_use_id"] for each in results(talk.messages[: talk.fresh]) if not is_condensed(each)]
        start = tail_start(talk.messages, KEPT) or 0
        near = {each["tool_use_id"] for each in results(talk.messages[start:])}
        chosen: list[Executed] = []
        freed = 0
        for done in sorted(archive.calls(seen), key=lambda each: each.id in near):
            enough = size - freed <= ENOUGH * talk.bounds.full
            tokens = self._tokens(done)
            if tokens <= LARGE or done.tool in STAY or is_skill(done) or (done.id in near and enough and not every):
                continue
            chosen.append(done)
            freed += tokens - LINE
        return chosen, freed

    async def _condense(self, archive: Archive, old: Sequence[Executed], size: int, freed: int) -> None:
        if not old:
            return
        lines = await self._lines(archive, old)
        talk = self.asking.talk
        talk.rewrite(with_contents(talk.messages, lines), whole=False)
        text = f"the conversation ({_of(size, talk.bounds.window)}) was condensed: a line each for {len(lines)} old results"
        self._say("results", size, text, freed=freed, condensed=lines)

    async def _lines(self, archive: Archive, old: Iterable[Executed]) -> dict[str, str]:
        """What stands in place of these results, by the call's id."""
        return {done.id: _line(done, await archive.store(done)) for done in old}

    async def _sum_up(self, archive: Archive, size: int) -> str | None:
        """Go on from a summary and what is pinned beside it."""
        talk = self.asking.talk
        if tail_start(talk.messages, TAIL) is None:
            return f"the conversation is full ({_of(size, talk.bounds.window)}) and nothing of it can be condensed"
        most = int(min(SUMMARY, talk.bounds.window // 10))
        room, before = talk.bounds.window - most, size
        if size > room:
            old, freed = self._old(archive, size, every=True)
            await self._condense(archive, old, size, freed)
            size -= freed
        said = ""
        if size <= room:
            reply = await self.asking.aside(ASK, purpose="summary", max_tokens=most)
            if reply is None:
                return None  # the time is up, which the loop says
            said = first(reply.text.strip(), most)
        await self._go_on_from(archive, said, before)
        return None

    async def _go_on_from(self, archive: Archive, said: str, before: int) -> None:
        talk = self.asking.talk
        files = await archive.files() if talk.depth == 0 else None
        pins = Pins(turn=talk.turn, calls=archive.calls(talk.asked), files=files, told=talk.pinned).text()
        head = {
            "role": "user",
            "content": [opening(talk.messages), _text(pins), _text(SAID + said if said else UNSAID)],
        }
        start = tail_start(talk.messages, TAIL) or 1
        tail = await self._shortened(archive, talk.messages[start:])
        talk.rewrite([head, *tail], whole=True)
        self.before = before
        text = f"the conversation ({_of(before, talk.bounds.window)}) was condensed: " + (
            "a summary and what is pinned beside it" if said else "what is pinned alone, without a summary"
        )
        self._say("summary" if said else "pins", before, text, **({"files": files} if files is not None else {}))

    async def _shortened(self, archive: Archive, tail: Sequence[Json]) -> list[Json]:
        """The tail, its older results condensed where they would fill the new conversation at once."""
        *older, newest = tail
        old = archive.calls(each["tool_use_id"] for each in results(older) if not is_condensed(each))
        old = [done for done in old if self._tokens(done) > LARGE and done.tool not in STAY and not is_skill(done)]
        if sum(map(self._tokens, old)) <= self.asking.talk.bounds.full / 5:
            return list(tail)
        return [*with_contents(older, await self._lines(archive, old)), newest]

    def _say(self, kind: Kind, before: int, text: str, **more: Any) -> None:
        talk = self.asking.talk
        self.asking.session.add(
            "compacted", turn=talk.turn, depth=talk.depth, kind=kind, before=before, text=text, **more
        )


SAID = "# Your own summary of what was before\n\n"
UNSAID = "# No summary was made\n\nWhat is not above must be looked up again; the files are as you left them."


def _text(words: str) -> Json:
    return {"type": "text", "text": words}


def _of(size: int, window: float) -> str:
    return f"{size:,} of {window:,.0f} tokens" if math.isfinite(window) else f"{size:,} tokens"


def _line(done: Executed, path: str | None) -> str:
    """What stands in place of a result."""
    code = f", exit code {done.exit_code}" if done.exit_code is not None else ""
    where = f"its whole text is in {path}" if path else "make the call again to see it"
    return f"{CONDENSED}{done.tool}{code}, {len(done.output):,} characters; {where}]\n\n[call {done.ref}]"
