"""A tool as its server offers it, pinned when the run starts: name, description, schema and hints, bounded and with a digest.

All of it is text from outside. It is cut to size, marked as the server's, and never read again for the model.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from agency_tools.mcp.hints import Hints
from agency_tools.mcp.server import Server
from agency_tools.plain import visible

MOST_TOOLS = 128  # of one server
LONGEST_NAME = 64  # as the Messages API takes it
LONGEST_DESCRIPTION = 1_500
LONGEST_WORDS = 800  # of one text in a schema
LARGEST_SCHEMA = 24_000  # characters of JSON
DEEPEST = 24
WORDS = ("title", "description", "$comment")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One tool of a server. tool: its name there; name: here. digest: of everything the server said of it."""

    server: str
    tool: str
    description: str
    schema: Mapping[str, Any]
    hints: Hints
    digest: str

    @property
    def name(self) -> str:
        """As rules and the model name it."""
        return name_of(self.server, self.tool)

    def json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {
            "server": self.server, "tool": self.tool, "description": self.description, "schema": dict(self.schema),
            "annotations": self.hints.json(), "trusted": self.hints.trusted, "digest": self.digest,
        }  # fmt: skip

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Offer":
        """Of what a recording keeps. Raises KeyError and TypeError for what is none."""
        return cls(
            server=str(kept["server"]), tool=str(kept["tool"]), description=str(kept["description"]),
            schema=dict(kept["schema"]), digest=str(kept["digest"]),
            hints=Hints.of(kept["annotations"], trusted=kept.get("trusted") is True),
        )  # fmt: skip


def name_of(server: str, tool: str) -> str:
    """`mcp__server__tool`, with what a tool's name cannot hold here as underscores."""
    return f"mcp__{server}__{re.sub(r'[^A-Za-z0-9_-]', '_', tool)}"


def digest_of(value: object) -> str:
    """SHA-256 of the value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def digest_of_all(offers: Iterable[Offer]) -> str:
    """One digest of a server's tools."""
    return digest_of(sorted((offer.name, offer.digest) for offer in offers))


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A server's tools as they were when the run started. left_out: those that are not given, each with the reason."""

    server: Server
    offers: Sequence[Offer]
    left_out: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Of the tools that are given."""
        return digest_of_all(self.offers)


def pinned(server: Server, listed: Iterable[Mapping[str, Any]]) -> Pinned:
    """What of a server's own list, as the protocol has it, a run gives its model."""
    offers: dict[str, Offer] = {}
    left_out: dict[str, str] = {}
    for each in listed:
        tool = str(each.get("name") or "")
        why = _unfit(server, tool, each) or ("" if name_of(server.name, tool) not in offers else "its name is taken")
        if not why and len(offers) >= MOST_TOOLS:
            why = f"more than {MOST_TOOLS} tools of one server; name fewer with `tools: {{allow: [...]}}`"
        if why:
            left_out[visible(tool)[:100]] = why
        else:
            offers[name_of(server.name, tool)] = offer_of(server, each)
    return Pinned(server=server, offers=[offers[name] for name in sorted(offers)], left_out=left_out)


def _unfit(server: Server, tool: str, listed: Mapping[str, Any]) -> str:
    """Why a tool is not given; empty where it is."""
    if not server.gives(tool):
        return "not among the tools that the declaration lets through"
    if not tool or len(name_of(server.name, tool)) > LONGEST_NAME:
        return f"its name is empty, or longer than {LONGEST_NAME} characters with the server's"
    schema = listed.get("inputSchema")
    if not isinstance(schema, dict) or cast("dict[str, Any]", schema).get("type") != "object":
        return "its input is no JSON object"
    if schema.keys() & {"oneOf", "anyOf", "allOf"}:
        return "its schema has oneOf, anyOf or allOf at the top, which the model's service does not take"
    if len(json.dumps(schema)) > LARGEST_SCHEMA or _depth(cast("object", schema)) > DEEPEST:
        return f"its schema is larger than {LARGEST_SCHEMA:,} characters, or nested deeper than {DEEPEST}"
    return ""


def offer_of(server: Server, listed: Mapping[str, Any]) -> Offer:
    """The tool, its texts cut to size and marked as the server's."""
    description = shortened(str(listed.get("description") or listed.get("title") or ""), LONGEST_DESCRIPTION)
    mark = f"[A tool of the MCP server {server.name}, in that server's words.]"
    return Offer(
        server=server.name,
        tool=str(listed["name"]),
        description=f"{mark} {description}".strip(),
        schema=cast("dict[str, Any]", _bounded(deepcopy(listed["inputSchema"]))),
        hints=Hints.of(listed.get("annotations") or {}, trusted=server.trusted),
        digest=digest_of({name: listed.get(name) for name in ("name", "description", "inputSchema", "annotations")}),
    )


def shortened(text: str, most: int) -> str:
    """At most so many characters, what hides in them written out."""
    plain = visible(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _bounded(value: object) -> object:
    """A schema with its explanations cut; what is matched, such as the values of an enum, stays."""
    if isinstance(value, dict):
        return {
            name: shortened(each, LONGEST_WORDS) if name in WORDS and isinstance(each, str) else _bounded(each)
            for name, each in cast("dict[str, object]", value).items()
        }
    if isinstance(value, list):
        return [_bounded(each) for each in cast("list[object]", value)]
    return value


def _depth(value: object) -> int:
    """How deep mappings and lists are nested; one more than is taken where it is deeper."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        inside: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inside += cast("dict[str, object]", each).values()
            elif isinstance(each, list):
                inside += cast("list[object]", each)
        level, depth = inside, depth + 1
    return depth
