"""The one module that talks to the Messages API, through the `anthropic` SDK.

The SDK takes over a second to import, so it is imported here, in a thread, beside the sandbox's start. Message
threads are used where the service has them: a request then carries only what is new. Where it has none, the SDK goes
on with the whole history.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from agency_runtime.message_thread import MessageThread
from agency_runtime.wire import Json, Listener, ModelError, Reply, Request, json_object
from agency_tools.errors import UsageError

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncAnthropic
    from tenacity import RetryCallState

PROVIDERS = {
    "anthropic": "AsyncAnthropic",
    "bedrock": "AsyncAnthropicBedrock",
    "vertex": "AsyncAnthropicVertex",
    "foundry": "AsyncAnthropicFoundry",
    "aws": "AsyncAnthropicAWS",
}
ATTEMPTS = 8
LONGEST_WAIT = 60.0  # seconds between two attempts
CACHED = {"type": "ephemeral"}
RETRIED_STATUS = {408, 409, 429, 500, 502, 503, 504, 529}
PASSING = {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}


def hosted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether requests go to the hosted service itself, rather than to a gateway or a stand-in."""
    host = urlsplit(environment.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com").hostname or ""
    return host == "anthropic.com" or host.endswith(".anthropic.com")


def require_key(provider: str) -> None:
    """Raises UsageError when a live run could not even sign its first request."""
    if provider not in PROVIDERS:
        raise UsageError(f"provider {provider!r} is unknown; there are {', '.join(PROVIDERS)}")
    if provider == "anthropic" and not (os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN")):
        raise UsageError("no API key: set ANTHROPIC_API_KEY, or replay a recording with --replay FILE")


def connect(provider: str) -> AsyncAnthropic:
    """The SDK's client for a provider; retries are ours, so its own are off. Slow: it imports the SDK."""
    import anthropic

    for name in ("streaming", "threads"):  # what the first request would import otherwise
        import_module(f"anthropic.lib.{name}")
    client = getattr(anthropic, PROVIDERS[provider])
    return cast("AsyncAnthropic", client(max_retries=0))


@dataclass
class AnthropicModel:
    """Answers from the Messages API, streaming, retrying what may pass.

    Raises ModelError for what will not: a refused key, a request the API does not take, a service that stays away.
    """

    provider: str = "anthropic"
    source: str = "api"
    on_retry: Callable[[str], None] = lambda _: None
    _connecting: asyncio.Future[AsyncAnthropic] | None = None
    _thread: MessageThread = field(default_factory=MessageThread)

    def start(self) -> None:
        """Begin importing the SDK in the background."""
        loop = asyncio.get_running_loop()
        self._connecting = loop.run_in_executor(None, connect, self.provider)

    async def reply(self, request: Request, on_text: Listener) -> Reply:
        """Answer; what may pass is tried again, each time after a wait that `on_retry` hears of."""
        import anthropic
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        client = await self._client()
        retrying = AsyncRetrying(
            retry=retry_if_exception(may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            before_sleep=self._announce,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return Reply(message=await self._once(client, request, on_text))
        except anthropic.APIStatusError as error:
            raise ModelError(f"the model's service answered {error.status_code}: {_words(error)}") from error
        except (anthropic.AnthropicError, ValueError, OSError) as error:
            raise ModelError(f"the model's service failed: {_words(error)}") from error
        raise ModelError("the model's service gave no answer")  # pragma: no cover - tenacity reraises

    async def _client(self) -> AsyncAnthropic:
        if self._connecting is None:
            self.start()
        assert self._connecting is not None
        try:
            return await asyncio.shield(self._connecting)
        except Exception as error:
            raise ModelError(f"provider {self.provider} cannot be used: {_words(error)}") from error

    async def _once(self, client: AsyncAnthropic, request: Request, on_text: Listener) -> Json:
        """One attempt; a rejection of the thread itself is answered by sending the whole history at once."""
        import anthropic

        self._thread.usable = self._thread.usable and bool(getattr(client, "_supports_message_threads", False))
        try:
            message = await self._streamed(client, self._thread.arguments(request, _fields(request)), on_text)
        except anthropic.APIStatusError as error:
            if self._thread.recovers(_code(error)):
                return await self._once(client, request, on_text)
            raise
        except BaseException:
            self._thread.restart()
            raise
        self._thread.replied(request, message)
        return message

    async def _streamed(self, client: AsyncAnthropic, arguments: Json, on_text: Listener) -> Json:
        """The whole message. Raises BrokenStream where the stream ends before it does."""
        import httpx2

        whole = False
        try:
            async with client.beta.messages.stream(**cast("Any", arguments)) as stream:
                async for event in stream:
                    if event.type == "text":
                        on_text(event.text)
                    whole = whole or event.type == "message_stop"
                if not whole:
                    raise BrokenStream("the stream ended before the reply did")
                return _json(await stream.get_final_message())
        except httpx2.TransportError as error:
            raise BrokenStream(_words(error)) from error

    def _announce(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0
        self.on_retry(
            f"the model's service: {_status(error)}{_words(error).rstrip('.')}; trying again"
            f"{f' in {wait:.0f} s' if wait >= 1 else ''} (attempt {state.attempt_number + 1} of {ATTEMPTS})"
        )

    def fork(self) -> AnthropicModel:
        """One for a helper run: the same client, a conversation of its own."""
        return replace(self, _thread=MessageThread())

    async def close(self) -> None:
        """Close the connections. Raises ModelError where there never was a client."""
        if self._connecting is not None:
            await (await self._client()).close()


def _fields(request: Request) -> dict[str, Any]:
    """The request's fields but for the messages. Two cache marks: after the system prompt, and the last block."""
    *head, last = request.system
    return {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": [*head, {**last, "cache_control": CACHED}],
        "tools": list(request.tools),
        "cache_control": CACHED,
    }


def _error(error: object) -> Json:
    """What the service says of an error; empty where it says nothing."""
    body = json_object(getattr(error, "body", None))
    return json_object(body.get("error")) or body


def _code(error: object) -> str | None:
    """The machine-readable code in an error's details."""
    return json_object(_error(error).get("details")).get("error_code")


def _json(message: Any) -> Json:
    """The message as the API's JSON, fit to be sent back."""
    value = message.to_dict(mode="json")
    value["content"] = [
        {k: v for k, v in block.items() if v is not None and k != "parsed_output"} for block in value["content"]
    ]
    return cast("Json", value)


class BrokenStream(ConnectionError):
    """A stream that ended before the reply did."""


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in RETRIED_STATUS or _overloaded(error)
    return isinstance(error, (anthropic.APIConnectionError, BrokenStream))


def _overloaded(error: APIStatusError) -> bool:
    """An error event inside a stream that began with status 200, or an overload under another status."""
    return error.status_code < 400 or _error(error).get("type") in PASSING


def _wait(state: RetryCallState) -> float:
    """Seconds to wait: what the service asked for, else half a second doubled each time."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", {})
    asked = _seconds(headers.get("retry-after-ms"), 0.001) or _seconds(headers.get("retry-after"), 1.0)
    return min(asked if asked is not None else 0.5 * 2 ** (state.attempt_number - 1), LONGEST_WAIT)


def _seconds(header: str | None, unit: float) -> float | None:
    try:
        value = float(header) * unit if header else math.nan
    except ValueError:
        return None
    return value if value >= 0 else None


def _status(error: BaseException | None) -> str:
    status = getattr(error, "status_code", None)
    return f"{status} " if status else ""


def _words(error: BaseException | None) -> str:
    """The error in one line."""
    said = _error(error).get("message") or error or type(error).__name__
    return " ".join(str(said).split())[:300]
