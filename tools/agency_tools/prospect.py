"""What a call would change, said before anything judges it: the value between a tool, the gate and an approval."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

Grave: TypeAlias = Literal["change", "destroy"]
"""The classes a prospect can have; `destroy` as soon as one thing would be deleted or replaced."""


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """One prepared change of one target.

    id: how the model names it, such as the saved plan's path. noun: what it was prepared as, "plan" or "diff".
    summary: one line of counts; lines: what would become of each thing; warnings: what a person should know besides,
    such as code that would run.
    binding: what it holds for, each by name with a digest or value (configuration, state, workspace …); where one is
    different when it is carried out, nothing is.
    content: digest of the change alone, the same on every target, so that it can be proven on one before another.
    proven_on: targets on which this content was carried out in this run.
    """

    id: str
    tool: str
    action: str
    target: str
    kind: Grave
    noun: str = "plan"
    summary: str
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    binding: Mapping[str, str] = field(default_factory=dict[str, str])
    content: str
    expires: datetime
    proven_on: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What an approval is given to: sha256 of everything it is bound to."""
        bound = [self.id, self.tool, self.action, self.target, self.kind, self.content, dict(self.binding)]
        text = json.dumps([*bound, self.lines, self.warnings, self.expires.isoformat()], sort_keys=True)
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()

    def json(self) -> dict[str, Any]:
        """As the session log keeps it."""
        return {
            "id": self.id,
            "target": self.target,
            "class": self.kind,
            "summary": self.summary,
            "lines": list(self.lines[:LOGGED]),
            "warnings": list(self.warnings),
            "digest": self.digest,
            "content": self.content,
            "binding": dict(self.binding),
            "expires": self.expires.isoformat(),
            "proven_on": list(self.proven_on),
        }


LOGGED = 200
"""Lines of a prospect that the log keeps; its digest covers all."""


@runtime_checkable
class Prospecting(Protocol):
    """A tool that can say what a call would change before it is judged."""

    async def prospect(self, given: Any) -> Prospect | None:
        """What this call would change, as it is now; None where it changes no target.

        Raises ToolError where it cannot be carried out as asked: nothing prepared, expired, or changed since.
        """
        ...


def digest_of(value: object) -> str:
    """sha256 of a JSON value, keys in order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode(errors="replace")).hexdigest()
