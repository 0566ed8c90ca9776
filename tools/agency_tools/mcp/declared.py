"""Servers as they are written: Claude Code's `mcpServers`, with what a run of ours needs to know besides."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agency_tools.allowed_hosts import listed
from agency_tools.errors import UsageError
from agency_tools.mcp.server import Reaches, Server
from agency_tools.redaction import SECRET_NAME, SHORTEST

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_))*(?<!_)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token)\s+", re.IGNORECASE)
PERSONS = frozenset({"trusted", "host"})
"""What only a person's own settings may say of a server, never a file that comes along with something else."""

Expand: TypeAlias = Callable[[str], str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolFilter(_Strict):
    """Which of a server's tools are given, by name or glob; what is denied is not, whoever allows it."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()


class ServerEntry(BaseModel):
    """One server as it is written."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    type: Literal["stdio", "http", "streamable-http"] | None = None
    command: str | None = Field(default=None, min_length=1)
    args: tuple[str, ...] = ()
    env: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    url: str | None = Field(default=None, pattern=r"^(https?://|\$\{)")
    headers: Mapping[str, str] = Field(default_factory=dict)
    tools: ToolFilter = ToolFilter()
    trusted: bool = False
    host: bool = False
    repository: Reaches = "none"
    network: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    start_timeout: float = Field(default=30, gt=0, le=600)
    timeout: float = Field(default=60, gt=0, le=3600)

    @model_validator(mode="after")
    def _one_way(self) -> "ServerEntry":
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command (a program) or url (a server behind HTTP)")
        if self.type is not None and (self.type == "stdio") != (self.command is not None):
            raise ValueError(f"type {self.type} does not go with {'command' if self.command else 'url'}")
        if self.url is not None and (self.host or self.repository != "none" or self.network or self.paths):
            raise ValueError("host, repository, network and paths are for a program; a server behind a url has its own")
        if self.host and (self.repository != "none" or self.network or self.paths):
            raise ValueError("repository, network and paths describe a sandbox, and with host: true there is none")
        return self


KEYS = frozenset(ServerEntry.model_fields)


def servers_of(
    declared: object, origin: str, *, own: bool, environment: Mapping[str, str] = os.environ
) -> tuple[Server, ...]:
    """The servers of a mapping, name to declaration.

    origin: where it stands, for whoever has to mend it. own: it is a person's own settings; another file may not say that
    a server is vouched for or runs on this machine, and keys of other programs in it are passed over.
    Raises UsageError naming the server and what is wrong with it.
    """
    if not isinstance(declared, Mapping):
        raise UsageError(f"{origin}: mcpServers must hold `name: {{command: …}}` or `name: {{url: …}}`")
    entries = cast("Mapping[object, object]", declared)
    return tuple(_server(str(name), entry, origin, own, environment) for name, entry in entries.items())


def _server(name: str, given: object, origin: str, own: bool, environment: Mapping[str, str]) -> Server:
    where = f"{origin}: MCP server {name!r}"
    if not NAME.fullmatch(name) or len(name) > 40:
        raise UsageError(f"{where}: a name is up to 40 letters, digits, '-' and single '_', since rules name it")
    try:
        entry = ServerEntry.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        at = ".".join(str(part) for part in fault["loc"])
        raise UsageError(f"{where}: {at + ': ' if at else ''}{fault['msg'].removeprefix('Value error, ')}") from None
    _admit(entry, where, own)
    values = _Values(where, environment)
    return Server(
        name=name,
        origin=origin,
        command=(values(entry.command), *map(values, entry.args)) if entry.command else (),
        url=values(entry.url) if entry.url else "",
        environment={each: values.kept(each, _text(value)) for each, value in entry.env.items()},
        headers={each: values.header(value) for each, value in entry.headers.items()},
        allow=entry.tools.allow,
        deny=entry.tools.deny,
        trusted=entry.trusted,
        host=entry.host,
        repository=entry.repository,
        network=listed(",".join(entry.network) or "none", f"{where}: network:"),
        paths=tuple(os.path.expanduser(values(path)) for path in entry.paths),  # noqa: PTH111 - as the shell does
        start_s=entry.start_timeout,
        call_s=entry.timeout,
        secrets=tuple(values.secrets),
    )


def _admit(entry: ServerEntry, where: str, own: bool) -> None:
    """Raises UsageError for a key that is none, or that this file may not have."""
    unknown = sorted((entry.model_extra or {}).keys())
    if unknown and own:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(sorted(KEYS))}")
    persons = sorted(name for name in PERSONS if getattr(entry, name))
    if persons and not own:
        raise UsageError(
            f"{where}: {persons[0]} is for a person's own settings alone; declare the server in --mcp-config FILE or"
            " .agency/config.yaml"
        )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Values:
    """Puts variables of the environment in, and remembers what may not be shown."""

    def __init__(self, where: str, environment: Mapping[str, str]) -> None:
        self._where = where
        self._environment = environment
        self.secrets: list[str] = []

    def __call__(self, text: str) -> str:
        """The text with `${NAME}` and `${NAME:-default}` filled in. Raises UsageError for a variable that is not set."""
        return _VARIABLE.sub(self._put, text)

    def _put(self, found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        value = self._environment.get(name)
        if value is None and default is None:
            raise UsageError(f"{self._where}: {name} is not set; set it, or write ${{{name}:-default}}")
        if value is not None:
            self._secret(name, value)
        return value if value is not None else str(default)

    def kept(self, name: str, text: str) -> str:
        """The value of a variable of the server."""
        value = self(text)
        self._secret(name, value)
        return value

    def header(self, text: str) -> str:
        """The value of a header, secret with and without its scheme."""
        value = self(text)
        self._secret("TOKEN", _SCHEME.sub("", value))
        return value

    def _secret(self, name: str, value: str) -> None:
        if SECRET_NAME.search(name) and len(value) >= SHORTEST and value not in self.secrets:
            self.secrets.append(value)


def unique(servers: Sequence[Server]) -> tuple[Server, ...]:
    """The first of each name."""
    found: dict[str, Server] = {}
    for server in servers:
        found.setdefault(server.name, server)
    return tuple(found.values())
