"""Which MCP servers a run has: those of the command line, the user's, the configuration's, the persona's, the repository's.

The first of a name counts. What comes with the repository needs trust by its hash; without it is left out, and that is said.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from agency_runtime.config_file import CONFIG
from agency_runtime.persona import Persona
from agency_runtime.persona_servers import declared_by
from agency_runtime.settings import Settings
from agency_runtime.trust import Ask, Trust, trust_file
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError
from agency_tools.mcp.declared import servers_of, unique
from agency_tools.mcp.server import Server

REPOSITORYS = ".mcp.json"
Say = Callable[[str], None]


def users_file(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME/agency/mcp.yaml`."""
    config = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "agency" / "mcp.yaml"


def configured_servers(settings: Settings, root: Path, *, ask: Ask | None, say: Say) -> tuple[Server, ...]:
    """The servers of every source but the persona. Raises UsageError for a declaration that is wrong."""
    own = [server for name in settings.mcp_config for server in _of_file(Path(name), f"--mcp-config {name}")]
    if users_file().is_file():
        own += _of_file(users_file(), str(users_file()))
    own += servers_of(settings.mcp_servers, CONFIG, own=True)
    brought = _of_repository(root / REPOSITORYS, Trust(file=trust_file(), granted=settings.trust, ask=ask), say)
    return unique([*own, *brought])


def with_personas(servers: tuple[Server, ...], persona: Persona, say: Say) -> tuple[Server, ...]:
    """Those and the ones that the persona itself declares; a server that it only names has to be among them."""
    known = {server.name for server in servers}
    inline, named = declared_by(persona.servers)
    for name in named:
        if name not in known:
            say(f"{persona.path}: mcpServers: {name}: no such MCP server is configured")
    brought = [server for name, entry in inline.items() for server in _one(name, entry, persona.path, say)]
    return unique([*servers, *brought])


def names_configured(root: Path) -> frozenset[str]:
    """The names of servers that a run in this folder may find, whether they are trusted or not; nothing is expanded."""
    found: set[str] = set()
    for path, key in ((users_file(), "mcpServers"), (root / REPOSITORYS, "mcpServers"), (root / CONFIG, "mcp_servers")):
        try:
            content = _read(path, str(path)) if path.is_file() else dict[str, Any]()
        except UsageError:
            continue  # whoever runs is told
        found |= json_object(content.get(key)).keys()
    return frozenset(found)


def _of_file(path: Path, where: str) -> tuple[Server, ...]:
    """A file of a person's own: `mcpServers`, in JSON or YAML."""
    content = _read(path, where)
    if set(content) - {"mcpServers"} or "mcpServers" not in content:
        raise UsageError(f"{where}: must hold `mcpServers` and nothing else")
    return servers_of(content["mcpServers"], where, own=True)


def _read(path: Path, where: str) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        content: object = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{where}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{where}: must hold a mapping with `mcpServers`")
    return cast("dict[str, Any]", content)


def _of_repository(path: Path, trust: Trust, say: Say) -> Iterator[Server]:
    """A repository's `.mcp.json`, which other programs read too: what of it cannot be used is left out by name."""
    if not path.is_file():
        return
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if not trust.admits(path, sha256):
        say(
            f"{path}: left out; it comes with the repository and is not trusted (sha256 {sha256}); read it, then add --trust"
        )
        return
    try:
        for name, entry in json_object(_read(path, str(path)).get("mcpServers")).items():
            yield from _one(name, entry, path, say)
    except UsageError as error:
        say(f"left out: {error}")


def _one(name: str, entry: object, path: Path, say: Say) -> Iterable[Server]:
    try:
        return servers_of({name: entry}, str(path), own=False)
    except UsageError as error:
        say(f"left out: {error}")
        return ()
