"""The load report: everything a file asked for and what became of it. Nothing is dropped in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agency_runtime.tool_names import ToolRef

BYTES_PER_TOKEN = 4
"""The usual rough measure for English text; the service's own count differs by some ten percent."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What loading one file came to."""

    path: str
    kind: Literal["persona", "skill"]
    name: str | None
    tools: Sequence[ToolRef] = ()
    skills: Sequence[tuple[str, str | None]] = ()
    ignored: Sequence[str] = ()
    repaired: Sequence[str] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    tokens: int = 0

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def spotless(self) -> bool:
        """Fit for `--strict`: nothing wrong, repaired or doubtful."""
        return not (self.errors or self.warnings or self.repaired)

    def json(self) -> dict[str, Any]:
        """As `check --json` prints it."""
        return {
            "path": self.path,
            "kind": self.kind,
            "ok": self.ok,
            "name": self.name,
            "tools": [tool.json() for tool in self.tools],
            "skills": [{"name": name, "path": path} for name, path in self.skills],
            "ignored": list(self.ignored),
            "repaired": list(self.repaired),
            "warnings": list(self.warnings),
            "errors": list(self.errors),
            "tokens": self.tokens,
        }


def tokens(text: str) -> int:
    """An estimate: UTF-8 bytes by four."""
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
