"""What a server answered, as a tool's output: bounded, without its own credentials, marked as content from outside."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from agency_tools.compartment import SHOWN
from agency_tools.errors import ToolError
from agency_tools.media import image_block
from agency_tools.plain import terminal_text
from agency_tools.tool import Block, Output
from agency_tools.untrusted import untrusted

MOST_IMAGES = 8
PREVIEW = 4_000
"""Characters of a long text's beginning that are shown; the whole is kept."""

Keep: TypeAlias = Callable[[str], Awaitable[str]]
"""Keeps a long text where the model can read it in parts, and answers its path."""


async def output_of(answer: Mapping[str, Any], *, source: str, redact: Callable[[str], str], keep: Keep) -> Output:
    """The output of an answer as the protocol has it."""
    texts: list[str] = []
    images: list[Block] = []
    for block in answer.get("content") or ():
        if block.get("type") == "image" and len(images) < MOST_IMAGES:
            found = _image(block, source)
            if isinstance(found, str):
                texts.append(found)
            else:
                images.append(found)
        else:
            texts.append(_text(block))
    texts += _structured(answer, texts)
    text = redact(terminal_text("\n\n".join(each for each in texts if each)))
    failed = answer.get("isError") is True
    path = await keep(text) if len(text) > SHOWN else None
    told = untrusted(text[:PREVIEW] if path else text, source=source) if text else "(no text)"
    if path:
        told += f"\n\n[the first {PREVIEW:,} of {len(text):,} characters; the whole is in {path}: Read it in parts, or Grep it]"
    content = ({"type": "text", "text": told}, *images) if images else told
    return Output(content=content, failed=failed, truncated=path is not None, output_path=path)


def _structured(answer: Mapping[str, Any], texts: list[str]) -> Iterator[str]:
    """What is structured, where no text says the same already."""
    value = answer.get("structuredContent")
    if value is None or any(_same(text, value) for text in texts):
        return
    only = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if only.keys() == {"result"} and "\n\n".join(texts) == only["result"]:
        return
    yield json.dumps(value, ensure_ascii=False, indent=1)


def _same(text: str, value: object) -> bool:
    try:
        said: object = json.loads(text)
    except ValueError:
        return False
    return said == value or {"result": said} == value


def _text(block: Mapping[str, Any]) -> str:
    """A block in words; what cannot be shown is named."""
    match block.get("type"):
        case "text":
            return str(block.get("text", ""))
        case "resource":
            resource: Mapping[str, Any] = block.get("resource") or {}
            uri = str(resource.get("uri", ""))[:500]
            inside = resource.get("text")
            return f"{uri}\n{inside}" if isinstance(inside, str) else f"[{uri}: binary, not shown]"
        case "resource_link":
            return f"[link: {str(block.get('uri', ''))[:500]} {str(block.get('name', ''))[:200]}]"
        case kind:
            return f"[{str(kind)[:40]}, {len(str(block.get('data', ''))):,} characters, not shown]"


def _image(block: Mapping[str, Any], source: str) -> Block | str:
    """The image, by what it is; words where it cannot be shown."""
    try:
        return image_block(base64.b64decode(str(block.get("data", "")), validate=True), f"an image of {source}")
    except (binascii.Error, ToolError) as problem:
        return f"[an image that cannot be shown: {problem}]"
