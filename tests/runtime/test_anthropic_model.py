"""The adapter against the real SDK and a loopback service: streaming, threads, retries, and what cannot be retried."""

from collections.abc import Callable

import pytest

from agency_runtime import anthropic_model
from agency_runtime.anthropic_model import AnthropicModel, hosted, require_key
from agency_runtime.loopback import Service, fails, streams
from agency_runtime.testing import message, text, use
from agency_runtime.wire import Json, ModelError, Request
from agency_tools.errors import UsageError


def request(*messages: Json, fresh: int = 0) -> Request:
    return Request(
        model="claude-test", system=[text("be good")], tools=[], messages=list(messages), fresh=fresh, max_tokens=99
    )


def no_wait(state: object) -> float:
    return 0


ASK = {"role": "user", "content": [text("hello")]}


async def test_text_is_heard_as_it_arrives_and_the_reply_is_whole(serve: Callable[..., Service]) -> None:
    service = serve(streams(message(text("hi"), use("Bash", command="ls"))))
    heard: list[str] = []
    model = AnthropicModel()
    reply = await model.reply(request(ASK), heard.append)
    await model.close()
    assert heard == ["hi"]
    assert reply.stop_reason == "tool_use"
    assert [(call.name, call.input) for call in reply.calls] == [("Bash", {"command": "ls"})]
    sent = service.requests[0]
    assert sent["system"] == [{"type": "text", "text": "be good", "cache_control": {"type": "ephemeral"}}]
    assert sent["cache_control"] == {"type": "ephemeral"}
    assert sent["stream"] is True


async def test_only_what_is_new_travels_where_the_service_holds_the_thread(serve: Callable[..., Service]) -> None:
    service = serve(streams(message(text("one"), id="msg_a")), streams(message(text("two"), id="msg_b")))
    model = AnthropicModel()
    first = await model.reply(request(ASK), lambda _: None)
    history = [ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": [text("more")]}]
    await model.reply(request(*history, fresh=2), lambda _: None)
    await model.close()
    assert service.requests[1]["messages"] == [{"role": "user", "content": [text("more")]}]
    assert service.requests[1]["thread"] == {"type": "continue", "previous_message_id": "msg_a"}


async def test_the_whole_history_travels_where_there_are_no_threads(serve: Callable[..., Service]) -> None:
    refusal = fails(
        400, "invalid_request_error", details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    )
    service = serve(refusal, streams(message(text("one"))), streams(message(text("two"))))
    model = AnthropicModel()
    first = await model.reply(request(ASK), lambda _: None)
    history = [ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": [text("more")]}]
    await model.reply(request(*history, fresh=2), lambda _: None)
    await model.close()
    assert "thread" not in service.requests[2]
    assert [entry["role"] for entry in service.requests[2]["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_what_may_pass_is_tried_again_after_the_wait_that_was_asked_for(
    serve: Callable[..., Service], status: int
) -> None:
    service = serve(fails(status, retry_after="0"), streams(message(text("hi"))))
    said: list[str] = []
    model = AnthropicModel(on_retry=said.append)
    reply = await model.reply(request(ASK), lambda _: None)
    await model.close()
    assert reply.text == "hi"
    assert len(service.requests) == 2
    assert said == [f"the model's service: {status} no; trying again (attempt 2 of 8)"]


async def test_a_stream_that_is_cut_is_tried_again_with_the_whole_history(
    serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anthropic_model, "_wait", no_wait)
    service = serve(streams(message(text("hel")), cut_after=3), streams(message(text("hello"))))
    model = AnthropicModel()
    reply = await model.reply(request(ASK), lambda _: None)
    await model.close()
    assert reply.text == "hello"
    assert service.requests[1]["messages"] == [ASK]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error")]
)
async def test_what_will_not_pass_is_not_tried_again(serve: Callable[..., Service], status: int, kind: str) -> None:
    service = serve(fails(status, kind, "you may not"))
    model = AnthropicModel()
    with pytest.raises(ModelError, match=f"answered {status}: you may not"):
        await model.reply(request(ASK), lambda _: None)
    await model.close()
    assert len(service.requests) == 1


async def test_an_unreachable_service_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anthropic_model, "_wait", no_wait)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-key")
    tries: list[str] = []
    model = AnthropicModel(on_retry=tries.append)
    with pytest.raises(ModelError, match="Connection error"):
        await model.reply(request(ASK), lambda _: None)
    await model.close()
    assert len(tries) == anthropic_model.ATTEMPTS - 1


def test_a_missing_key_and_an_unknown_provider_are_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY"):
        require_key("anthropic")
    with pytest.raises(UsageError, match="bedrock"):
        require_key("azure")


@pytest.mark.parametrize(
    ("url", "itself"),
    [
        ("", True),
        ("https://api.anthropic.com", True),
        ("http://127.0.0.1:8765", False),
        ("https://anthropic.com.evil.test", False),
    ],
)
def test_only_the_hosted_service_counts_as_the_api(url: str, itself: bool) -> None:
    assert hosted({"ANTHROPIC_BASE_URL": url}) is itself
