"""Permission rules in Claude Code's syntax: `Tool`, `Tool(pattern)`, read once, matched many times."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agency_runtime.gate.patterns import command_pattern, path_pattern
from agency_tools.errors import UsageError
from agency_tools.mcp.names import covers

TOOLS = (
    "Bash", "Read", "Write", "Edit", "Glob", "Grep", "TaskOutput", "TaskStop", "WebFetch", "WebSearch", "Skill", "Task", "TodoWrite",
    "Terraform", "Kubernetes", "Helm", "Docker", "Cloud", "Handoff", "Escalate",
)  # fmt: skip
ALIASES = {"MultiEdit": "Edit", "NotebookEdit": "Edit", "Agent": "Task", "LS": "Glob", "kubectl": "Kubernetes", "Kubectl": "Kubernetes"}  # fmt: skip
TYPED = frozenset({"Terraform", "Kubernetes", "Helm", "Docker", "Cloud"})
_FORM = re.compile(r"([A-Za-z_][\w*.-]*)(?:\((.*)\))?", re.DOTALL)
_PARAMETER = re.compile(r"([a-z][a-z_]*):(.+)", re.DOTALL)
_PARAMETERS = frozenset(
    {"run_in_background", "timeout", "description", "subagent_type", "model", "dangerouslyDisableSandbox"}
)
_NO_SPEC = frozenset({"WebSearch", "TodoWrite", "TaskOutput", "TaskStop", "Handoff", "Escalate"})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `text` is as it was written; `spec` is None for a rule on the whole tool."""

    text: str
    tool: str
    spec: str | None = None
    pattern: re.Pattern[str] | None = None
    parameter: tuple[str, str] | None = None

    def covers(self, tool: str) -> bool:
        """The rule speaks of this tool: by name, by MCP server, or by `mcp__server__*`."""
        return self.tool == tool or covers(self.tool, tool)

    def matches(self, text: str) -> bool:
        """The rule's pattern is the whole of the text; a rule without one matches everything."""
        return self.spec is None or (self.pattern is not None and self.pattern.fullmatch(text) is not None)

    def holds(self, given: Mapping[str, Any]) -> bool:
        """The rule names a parameter, and the call gives it that value."""
        if self.parameter is None:
            return False
        name, value = self.parameter
        return name in given and command_pattern(value).fullmatch(_plain(given[name])) is not None


def parse_rule(text: str, *, root: str = "/workspace") -> Rule:
    """One rule of its text. Raises UsageError naming the rule and what to write instead."""
    form = _FORM.fullmatch(text.strip())
    if not form:
        raise UsageError(f"rule {text!r} is malformed: write Tool or Tool(pattern), as in Bash(npm test *)")
    name, spec = form[1], form[2]
    tool = _tool(text, ALIASES.get(name, name))
    if spec is None or spec.strip() in ("", "*"):
        if spec is not None and not spec.strip():
            raise UsageError(f"rule {text!r} has an empty pattern: write {name} for every call")
        return Rule(text=text, tool=tool)
    if name in ("Write", "MultiEdit", "NotebookEdit"):
        raise UsageError(f"rule {text!r} would not be consulted: write Edit({spec}), which covers every way of writing")
    if name in _NO_SPEC or name.startswith("mcp__"):
        raise UsageError(f"rule {text!r}: {name} takes no pattern, write {name}")
    return _specific(text, tool, spec, root)


def _tool(text: str, name: str) -> str:
    if name in TOOLS or name.startswith("mcp__"):
        return name
    near = difflib.get_close_matches(name, [*TOOLS, *ALIASES], 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TOOLS)} and mcp__SERVER__TOOL"
    raise UsageError(f"rule {text!r} names no tool: {hint}")


def _specific(text: str, tool: str, spec: str, root: str) -> Rule:
    parameter = _PARAMETER.fullmatch(spec)
    if parameter and parameter[1] in _PARAMETERS:
        return Rule(text=text, tool=tool, spec=spec, parameter=(parameter[1], parameter[2].strip()))
    try:
        return Rule(text=text, tool=tool, spec=spec, pattern=_pattern(text, tool, spec, root))
    except (ValueError, re.error) as error:
        raise UsageError(f"rule {text!r} is malformed: {error}") from None


def _pattern(text: str, tool: str, spec: str, root: str) -> re.Pattern[str]:
    if tool in ("Read", "Edit", "Glob", "Grep"):
        if spec.startswith("!"):
            raise ValueError("a path pattern cannot start with `!`; put the exception under allow")
        return path_pattern(spec, root)
    if tool == "WebFetch":
        kind, _, domain = spec.partition(":")
        if kind != "domain" or not domain:
            raise UsageError(f"rule {text!r} is malformed: write WebFetch(domain:example.org)")
        return re.compile((r"(?:.+\.)?" if domain.startswith("*.") else "") + re.escape(domain.removeprefix("*.")), re.IGNORECASE)  # fmt: skip
    if tool in TYPED and spec.startswith("action:"):
        spec = spec.removeprefix("action:") + " *"
    return command_pattern(spec)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All rules of a run, whatever their source: a deny of any source wins."""

    allow: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    _by_tool: dict[tuple[str, str], tuple[Rule, ...]] = field(default_factory=dict[tuple[str, str], tuple[Rule, ...]], compare=False, repr=False)  # fmt: skip

    @classmethod
    def parse(cls, *, allow: Iterable[str] = (), ask: Iterable[str] = (), deny: Iterable[str] = (), root: str = "/workspace") -> "Rules":  # fmt: skip
        """Rules of their texts. Raises UsageError at the first that is malformed."""
        allowing, asking, denying = ([parse_rule(text, root=root) for text in texts] for texts in (allow, ask, deny))
        return cls(allow=tuple(allowing), ask=tuple(asking), deny=tuple(denying))

    def __add__(self, other: "Rules") -> "Rules":
        return Rules(allow=self.allow + other.allow, ask=self.ask + other.ask, deny=self.deny + other.deny)

    def about(self, tool: str, which: str) -> Sequence[Rule]:
        """The allow, ask or deny rules that speak of a tool."""
        found = self._by_tool.get((tool, which))
        if found is None:
            every: tuple[Rule, ...] = getattr(self, which)
            found = self._by_tool[tool, which] = tuple(rule for rule in every if rule.covers(tool))
        return found

    def first(self, tool: str, which: str, texts: Iterable[str]) -> Rule | None:
        """The first rule of the tool that matches any of the texts."""
        rules = self.about(tool, which)
        if not rules:
            return None
        forms = list(texts)
        return next((rule for rule in rules if any(rule.matches(text) for text in forms)), None)

    def parameter(self, tool: str, which: str, given: Mapping[str, Any]) -> Rule | None:
        """The first rule of the tool on a parameter that the call gives."""
        return next((rule for rule in self.about(tool, which) if rule.holds(given)), None)
