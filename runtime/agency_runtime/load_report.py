"""The load report: everything a file asked for and what became of it. Nothing is dropped in silence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from agency_runtime.tool_names import ToolRef

Kind: TypeAlias = Literal["persona", "skill", "other"]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What loading one file came to.

    tools, skills: what the file names, and what each is here (None where it is nothing).
    disallowed: our tools that the file takes away. added: tools the runtime adds, with the reason. ignored: fields without effect, with the reason.
    repaired: what had to be mended to read the file; each is among the `warnings` too.
    errors: why the file cannot be used. skipped: why a file in a searched folder was not taken for one of its kind.
    tokens: an estimate of what the body costs (see `tokens.estimate`).
    """

    path: str
    kind: Kind
    name: str | None = None
    tools: Sequence[ToolRef] = ()
    skills: Sequence[tuple[str, str | None]] = ()
    disallowed: Sequence[str] = ()
    added: Mapping[str, str] = field(default_factory=dict[str, str])
    ignored: Mapping[str, str] = field(default_factory=dict[str, str])
    repaired: Sequence[str] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    skipped: str | None = None
    tokens: int = 0

    @property
    def ok(self) -> bool:
        """The file can be used, or is none of ours."""
        return not self.errors

    def passes(self, *, strict: bool) -> bool:
        """Whether a check lets the file through; a strict one takes no warning either."""
        return self.ok and not (strict and self.warnings)

    def json(self) -> dict[str, Any]:
        """As `check --json` prints it."""
        shown: dict[str, Any] = {
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
            "disallowed": list(self.disallowed),
            "added": dict(self.added),
            "ignored_why": dict(self.ignored),
        }
        return shown | ({"skipped": self.skipped} if self.skipped else {})


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """What a file holds, None where it cannot be used, and the report on it."""

    value: T | None
    report: LoadReport
