"""A repository's `.agency/config.yaml`: the same options as the command line's, but for those that are a user's own."""

import difflib
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agency_runtime.prices import Price
from agency_runtime.wire import Json, json_object
from agency_tools.errors import UsageError

CONFIG = ".agency/config.yaml"
USERS_OWN = frozenset({"repo", "feature", "record", "replay", "trust", "mcp_config"})
"""Options that a repository may not set for its user."""

LOOSENING = frozenset(
    {"allow", "permission_mode", "image", "provider", "network", "searxng", "target", "prices", "max_turns", "max_cost",
     "max_minutes", "max_repeats", "max_polls", "mcp_servers"}
)  # fmt: skip
"""Options with which a repository could permit itself more; they count only once a person has trusted the file."""


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """What the file says, by option name; empty where there is no file."""

    options: Json = field(default_factory=dict[str, Any])
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    servers: Json = field(default_factory=dict[str, Any])


def read_config(repository: Path, known: Iterable[str], *, trust: bool) -> ConfigFile:
    """Read it. Raises UsageError for what it may not say, or may say only once it is trusted.

    known: every option's name. trust: the person trusts the file as it is now, which is remembered.
    """
    path = repository / CONFIG
    if not path.is_file():
        return ConfigFile()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    options = dict(_options(path, data, sorted({*known, "prices", "mcp_servers"} - USERS_OWN)))
    _admitted(path, data, options, trust)
    given: object = options.pop("mcp_servers", None)
    servers = json_object(given)
    if given and not servers:
        raise UsageError(f"{path}: mcp_servers must hold `name: {{command: …}}` or `name: {{url: …}}` lines")
    return ConfigFile(prices=_prices(path, options.pop("prices", {})), options=options, servers=servers)


def _options(path: Path, data: bytes, known: list[str]) -> Json:
    import yaml

    try:
        content: object = yaml.safe_load(data.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        if content is None:
            return {}
        raise UsageError(f"{path}: must hold `name: value` lines")
    named = {str(name).replace("-", "_"): value for name, value in cast("dict[object, object]", content).items()}
    for name in named:
        if name not in known:
            raise UsageError(f"{path}: {_unknown(name, known)}")
    return named


def _unknown(name: str, known: list[str]) -> str:
    if name in USERS_OWN:
        return f"{name!r} is not for a repository to set; give --{name.replace('_', '-')} on the command line"
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name!r} is not an option; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")


def _admitted(path: Path, data: bytes, options: Json, trust: bool) -> None:
    """Raises UsageError where an untrusted file would permit its repository more."""
    from agency_runtime.trust import Trust, trust_file

    loosening = sorted((LOOSENING & options.keys()) | _other_sandbox(options))
    sha256 = hashlib.sha256(data).hexdigest()
    if loosening and not Trust(file=trust_file(), granted=trust).admits(path, sha256):
        raise UsageError(
            f"{path}: sets {', '.join(loosening)}, comes with the repository and is not trusted (sha256 {sha256}); "
            "read it, then add --trust"
        )


def _other_sandbox(options: Json) -> set[str]:
    """A sandbox that is not one of ours may keep less in."""
    from agency_tools.starters import BUILT_IN

    kind = options.get("sandbox")
    return {"sandbox"} if isinstance(kind, str) and kind not in ("auto", *BUILT_IN) else set()


def _prices(path: Path, given: object) -> dict[str, Price]:
    table = json_object(given)
    if given and not table:
        raise UsageError(f"{path}: prices must hold `model: {{input: 3, output: 15}}` lines")
    return {str(name): _price(path, str(name), json_object(price)) for name, price in table.items()}


def _price(path: Path, name: str, given: Json) -> Price:
    try:
        price = Price(input=float(given["input"]), output=float(given["output"]))
    except (KeyError, TypeError, ValueError):
        price = Price(input=math.nan, output=math.nan)
    if not (0 <= price.input < math.inf and 0 <= price.output < math.inf) or set(given) - {"input", "output"}:
        raise UsageError(
            f"{path}: the price of {name} must be `{{input: 3, output: 15}}`, dollars per million tokens, 0 or more"
        )
    return price
