"""A run's options: command line, then `AGENCY_*` variables, then `.agency/config.yaml`, then the persona's own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from agency_runtime.budget import Budget, limit
from agency_runtime.prices import PRICES, Price
from agency_tools.errors import UsageError

Mode = Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"]
SandboxKind = Literal["auto", "docker", "bwrap"]
OutputForm = Literal["text", "json", "stream-json"]
ToolsForm = Literal["live", "recorded"]
DriftForm = Literal["fail", "warn"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "sandbox": get_args(SandboxKind),
    "permission_mode": get_args(Mode),
    "output": get_args(OutputForm),
    "tools": get_args(ToolsForm),
    "drift": get_args(DriftForm),
    "provider": ("anthropic", "bedrock", "vertex", "foundry", "aws"),
    "source": ("api", "relay", "authored"),
}
LISTS = ("allow", "ask", "deny")
NOT_IN_FILES = {"repo", "feature", "record", "replay", "trust"}  # a repository must not set these for its user


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option of work, implement and plan; None where nobody said anything."""

    repo: str = "."
    feature: str | None = None
    persona: str = "devops-automator"
    model: str | None = None
    provider: str = "anthropic"
    sandbox: SandboxKind = "auto"
    image: str | None = None
    network: str = "none"
    target: str | None = None
    permission_mode: Mode | None = None
    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    max_turns: str | None = None
    max_cost: str | None = None
    max_minutes: str | None = None
    worktree: bool = False
    record: str | None = None
    source: str | None = None
    replay: str | None = None
    tools: ToolsForm = "live"
    drift: DriftForm = "fail"
    output: OutputForm = "text"
    trust: bool = False
    prices: Mapping[str, Price] = None  # type: ignore[assignment]  # filled by read_settings

    def budget(self, persona_turns: int | None) -> Budget:
        """The budget of a run; the persona's own turn limit stands where nobody gave one."""
        own = Budget()
        return Budget(
            turns=limit("--max-turns", self.max_turns) if self.max_turns else float(persona_turns or own.turns),
            cost=limit("--max-cost", self.max_cost) if self.max_cost else own.cost,
            minutes=limit("--max-minutes", self.max_minutes) if self.max_minutes else own.minutes,
        )


def read_settings(given: Mapping[str, Any], repository: Path) -> Settings:
    """Merge what was given with the environment and the repository's file. Raises UsageError naming the culprit."""
    file = _file(repository / ".agency" / "config.yaml")
    prices = {**PRICES, **_prices(file.pop("prices", {}))}
    merged: dict[str, Any] = {}
    for field in fields(Settings):
        name = field.name
        if name == "prices":
            continue
        sources = (
            ("command line", given.get(name)),
            (f"AGENCY_{name.upper()}", _variable(name)),
            (".agency/config.yaml", file.get(name)),
        )
        if name in LISTS:
            merged[name] = tuple(rule for _, rules in sources if rules for rule in _list(rules))
            continue
        for where, value in sources:
            if value is not None and value is not False:
                merged[name] = _checked(name, value, where)
                break
    return Settings(**merged, prices=prices)


def _variable(name: str) -> Any:
    value = os.environ.get(f"AGENCY_{name.upper()}")
    if value and name in LISTS:
        return [rule for rule in value.split("\n") if rule.strip()]
    return value or None


def _list(rules: Any) -> list[str]:
    return [rules] if isinstance(rules, str) else [str(rule) for rule in rules]


def _checked(name: str, value: Any, source: str) -> Any:
    where = "--" + name.replace("_", "-") if source == "command line" else f"{source}: {name}"
    if name in ("worktree", "trust"):
        if str(value).lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise UsageError(f"{where} is {value!r}; it must be true or false")
        return str(value).lower() in ("true", "1", "yes")
    if isinstance(value, list) and name == "network":
        return ",".join(map(str, value))
    if not isinstance(value, (str, int, float)):
        raise UsageError(f"{where} must be a single value, not {type(value).__name__}")
    choices = CHOICES.get(name)
    if choices and value not in choices:
        raise UsageError(f"{where} is {value!r}; it must be one of {', '.join(choices)}")
    if name.startswith("max_"):
        limit(where, str(value))
    return str(value)


def _file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: must hold `name: value` lines")
    known = {field.name for field in fields(Settings)} - NOT_IN_FILES
    named = {str(name).replace("-", "_"): value for name, value in content.items()}
    for name in named:
        if name not in known:
            raise UsageError(f"{path}: {name!r} is not an option; there are {', '.join(sorted(known))}")
    return named


def _prices(given: Any) -> dict[str, Price]:
    try:
        return {
            str(name): Price(input=float(price["input"]), output=float(price["output"]))
            for name, price in given.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f".agency/config.yaml: prices must be `model: {{input: 3, output: 15}}`, dollars per million tokens ({error})"
        ) from error
