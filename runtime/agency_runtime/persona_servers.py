"""A persona's `mcpServers`, as it is written."""

from collections.abc import Mapping
from typing import Any, cast


def declared_by(field: object) -> tuple[dict[str, Any], list[str]]:
    """A persona's `mcpServers`: what it declares itself, and the names of servers that are configured elsewhere."""
    parts = cast("list[object]", field) if isinstance(field, list) else [field] if field else []
    inline: dict[str, Any] = {}
    named: list[str] = []
    for part in parts:
        if isinstance(part, Mapping):
            for name, entry in cast("Mapping[str, Any]", part).items():
                if isinstance(entry, Mapping):
                    inline[name] = entry
                else:
                    named.append(name)
        else:
            named += [word.strip() for word in str(part).split(",") if word.strip()]
    return inline, named
