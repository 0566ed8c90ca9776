"""A run's options: command line, then `AGENCY_*` variables, then `.agency/config.yaml`, then the persona's own."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from agency_runtime.bounds import Bounds, full_at, percent, whole, window_of
from agency_runtime.budget import Budget, limit
from agency_runtime.config_file import CONFIG, ConfigFile, read_config
from agency_runtime.prices import PRICES, Price
from agency_tools.allowed_hosts import listed
from agency_tools.errors import UsageError

Mode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
OutputForm = Literal["text", "json", "stream-json"]
ToolsForm = Literal["live", "recorded"]
DriftForm = Literal["fail", "warn"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "permission_mode": get_args(Mode),
    "output": get_args(OutputForm),
    "tools": get_args(ToolsForm),
    "drift": get_args(DriftForm),
    "provider": ("anthropic", "bedrock", "vertex", "foundry", "aws"),
    "source": ("api", "relay", "authored"),
}
LISTS = ("allow", "ask", "deny", "mcp_config")
SWITCHES = ("worktree", "trust")
YES, NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option of work, implement and plan; None where nobody said anything."""

    repo: str = "."
    feature: str | None = None
    persona: str = "devops-automator"
    model: str | None = None
    provider: str = "anthropic"
    sandbox: str = "auto"
    image: str | None = None
    network: str = "none"
    target: str | None = None
    permission_mode: Mode | None = None
    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    mcp_config: tuple[str, ...] = ()
    max_turns: str | None = None
    max_cost: str | None = None
    max_minutes: str | None = None
    max_repeats: str | None = None
    max_polls: str | None = None
    context_window: str | None = None
    compact_at: str | None = None
    worktree: bool = False
    record: str | None = None
    source: str | None = None
    replay: str | None = None
    tools: ToolsForm = "live"
    drift: DriftForm = "fail"
    output: OutputForm = "text"
    trust: bool = False
    searxng: str | None = None
    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    mcp_servers: Mapping[str, Any] = field(default_factory=dict[str, Any])  # the configuration's, as they are written

    def bounds(self, model: str) -> Bounds:
        """How long a conversation with this model may go on."""
        window = whole("--context-window", self.context_window) if self.context_window else window_of(model)
        part = percent("--compact-at", self.compact_at or "75")
        return Bounds(
            repeats=whole("--max-repeats", self.max_repeats or "6"),
            polls=whole("--max-polls", self.max_polls or "40"),
            window=window,
            full=full_at(window, part),
        )

    def budget(self, persona_turns: int | None) -> Budget:
        """What a run may spend; the persona's own turn limit stands where nobody gave one."""
        own = Budget()
        return Budget(
            turns=limit("--max-turns", self.max_turns) if self.max_turns else float(persona_turns or own.turns),
            cost=limit("--max-cost", self.max_cost) if self.max_cost else own.cost,
            minutes=limit("--max-minutes", self.max_minutes) if self.max_minutes else own.minutes,
        )


def read_settings(given: Mapping[str, Any], repository: Path) -> Settings:
    """Merge what was given with the environment and the repository's file; the lists of rules are put together.

    Raises UsageError that names the culprit as its user wrote it.
    """
    trust = _value("trust", given, ConfigFile()) is True
    file = read_config(repository, OPTIONS, trust=trust)
    values = {name: _value(name, given, file) for name in OPTIONS if name not in LISTS}
    chosen: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    for name in LISTS:
        chosen[name] = tuple(rule for each in _said(name, given, file) for rule in _rules(*each))
    return Settings(**chosen, prices={**PRICES, **file.prices}, mcp_servers=file.servers)


OPTIONS = tuple(option.name for option in fields(Settings) if option.name not in ("prices", "mcp_servers"))


def _said(name: str, given: Mapping[str, Any], file: ConfigFile) -> Iterator[tuple[str, object]]:
    """Who says something about an option, and what, the strongest first."""
    variable = f"AGENCY_{name.upper()}"
    for where, value in (
        (f"--{name.replace('_', '-')}", given.get(name)),
        (variable, os.environ.get(variable) or None),
        (f"{CONFIG}: {name}", file.options.get(name)),
    ):
        if value is not None:
            yield where, value


def _value(name: str, given: Mapping[str, Any], file: ConfigFile) -> Any:
    """The strongest word on an option; None where nobody said anything."""
    return next((_checked(name, value, where) for where, value in _said(name, given, file)), None)


def _rules(where: str, value: object) -> list[str]:
    """The rules of one source; a variable holds one a line."""
    rules = cast("list[object]", value) if isinstance(value, list) else [value]
    what = "files" if "mcp" in where.lower() else "rules, such as [Bash(make test)]"
    if not all(isinstance(rule, str) for rule in rules):
        raise UsageError(f"{where} must be a list of {what}")
    return [line.strip() for rule in rules for line in str(rule).split("\n") if line.strip()]


def _checked(name: str, value: object, where: str) -> str | bool:
    if name in SWITCHES:
        return _switch(value, where)
    if name == "network" and isinstance(value, list):
        value = ",".join(map(str, cast("list[object]", value)))
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(f"{where} must be a single word or number, not {_kind(value)}")
    text = str(value).strip()
    if not text:
        raise UsageError(f"{where} is empty; give a value, or leave it out")
    if name in CHOICES and text not in CHOICES[name]:
        raise UsageError(f"{where} is {text!r}; it must be one of {', '.join(CHOICES[name])}")
    if name == "sandbox":
        sandbox_kind(text, where)
    if name in CHECKS:
        CHECKS[name](where, text)
    return text


def sandbox_kind(text: str, where: str = "--sandbox") -> str:
    """The kind of a sandbox, or `auto`. Raises UsageError for any other word."""
    from agency_tools.starters import BUILT_IN, kinds

    if text not in ("auto", *BUILT_IN) and text not in kinds():
        raise UsageError(f"{where} is {text!r}; it must be one of auto, {', '.join(kinds())}")
    return text


def searxng_address(given: str | None) -> str | None:
    """The SearXNG instance of the command line or of AGENCY_SEARXNG; None where nobody named one. Raises UsageError."""
    name = "--searxng" if given else "AGENCY_SEARXNG"
    address = given or os.environ.get("AGENCY_SEARXNG")
    return address_of_searxng(address, name) if address else None


def address_of_searxng(text: str, where: str) -> str:
    """The address of a SearXNG instance. Raises UsageError for what is none."""
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", text):
        raise UsageError(
            f"{where} is {text!r}; give the address of a SearXNG instance, such as https://search.example.org"
        )
    return text


CHECKS: Mapping[str, Callable[[str, str], object]] = {
    "sandbox": lambda where, text: sandbox_kind(text, where),
    "network": lambda where, text: listed(text, where),
    "searxng": lambda where, text: address_of_searxng(text, where),
    "max_turns": limit,
    "max_cost": limit,
    "max_minutes": limit,
    "max_repeats": whole,
    "max_polls": whole,
    "context_window": whole,
    "compact_at": percent,
}
"""What keeps a value from standing: raises UsageError that names where it was given."""


def _switch(value: object, where: str) -> bool:
    word = str(value).strip().lower()
    if word not in (*YES, *NO):
        raise UsageError(f"{where} is {value!r}; it must be true or false")
    return word in YES


def _kind(value: object) -> str:
    """What a value of YAML is, in words."""
    if isinstance(value, bool):
        return f"{str(value).lower()} (quote the word, where a word was meant)"
    return {"list": "a list", "dict": "a mapping"}.get(type(value).__name__, type(value).__name__)
