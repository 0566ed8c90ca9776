"""Asking the model: one request and its reply, both in the log and both paid for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agency_runtime.budget import Spending
from agency_runtime.conversation import Conversation, with_words
from agency_runtime.session import Session
from agency_runtime.wire import Json, Listener, Model, Reply, Request


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Asks for one conversation."""

    session: Session
    talk: Conversation
    model: Model
    spending: Spending

    async def turn(self, on_text: Listener) -> Reply | None:
        """The next turn; None where the time ran out before the reply came."""
        talk = self.talk
        reply = await self._asked(talk.request(), on_text, "")
        if reply is not None:
            talk.heard(reply)
        return reply

    async def aside(self, words: str, *, purpose: str, max_tokens: int) -> Reply | None:
        """What the model says to these words, which with their answer are no part of the conversation."""
        request = self.talk.request()
        aside = replace(request, messages=with_words(request.messages, words), max_tokens=max_tokens)
        return await self._asked(aside, lambda _: None, purpose)

    async def _asked(self, request: Request, on_text: Listener, purpose: str) -> Reply | None:
        talk, session = self.talk, self.session
        session.turns += 1
        talk.turn = session.turns
        self._announce(request.messages[request.fresh :], request, purpose)
        clock = asyncio.timeout(self.spending.seconds_left)
        try:
            async with clock:
                reply = await self.model.reply(request, on_text)
        except TimeoutError:
            if clock.expired():
                return None
            raise
        session.add("reply", turn=talk.turn, message=reply.message)
        talk.usage += reply.usage
        self.spending.turns += 1
        self.spending.cost += talk.price.cost(reply.usage)
        self.spending.tokens += reply.usage.total
        return reply

    def _announce(self, fresh: Sequence[Json], request: Request, purpose: str) -> None:
        """Put the request into the log; `anew` where it tells all of a conversation that was rewritten."""
        talk = self.talk
        told = {"purpose": purpose} if purpose else {}
        anew = {"anew": True} if request.edition and not request.fresh else {}
        self.session.add(
            "request", turn=talk.turn, depth=talk.depth, model=talk.model, digests=talk.digests(fresh), messages=fresh,
            **told, **anew,
        )  # fmt: skip
