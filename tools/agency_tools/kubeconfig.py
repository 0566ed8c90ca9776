"""A run's own kubeconfig: exactly one context of the person's, with its credentials in it and its namespace decided."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from agency_tools.errors import UsageError

Settings: TypeAlias = dict[str, Any]
Part: TypeAlias = Literal["cluster", "user", "context"]

FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}
"""Settings that name a file, and those that hold what is in it."""

KEPT: Mapping[Part, Sequence[str]] = {
    "cluster": ("server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify"),
    "user": ("token", "username", "password", "client-certificate-data", "client-key-data", "exec"),
}
"""What a run takes over of a cluster and of a user: no proxy, no impersonation, no cache of tokens."""


class Entry(BaseModel):
    """One cluster, user or context of a kubeconfig."""

    name: str
    cluster: Settings = Field(default_factory=dict)
    user: Settings = Field(default_factory=dict)
    context: Settings = Field(default_factory=dict)


class Kubeconfig(BaseModel):
    """What is read of a kubeconfig; `null` and an absent list are the same to kubectl."""

    clusters: list[Entry] | None = None
    users: list[Entry] | None = None
    contexts: list[Entry] | None = None

    def entries(self, part: Part) -> list[Entry]:
        """All of one kind."""
        return {"cluster": self.clusters, "user": self.users, "context": self.contexts}[part] or []


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A kubeconfig with one context.

    host, port: the server's. secrets: every credential in `text`, to be redacted. command: a program that `text` has
    kubectl run for its credentials.
    """

    text: str
    context: str
    namespace: str
    host: str
    port: int
    secrets: tuple[str, ...]
    command: str | None


def person_files(environment: Mapping[str, str] | None = None) -> list[Path]:
    """The person's kubeconfigs, as kubectl finds them."""
    environment = os.environ if environment is None else environment
    named = [Path(name) for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    return named or [Path(environment.get("HOME") or Path.home()) / ".kube" / "config"]


def pin(files: Sequence[Path], *, context: str, namespace: str | None = None) -> Pinned:
    """The kubeconfig for `context` alone, in `namespace` or else the context's own.

    Raises UsageError: no file, no such context, or one whose server or files cannot be read.
    """
    read = [(file, _read(file)) for file in files if file.is_file()]
    if not read:
        raise UsageError(f"context {context!r}: there is no kubeconfig at {', '.join(map(str, files))}")
    file, own = _settings(read, "context", context)
    cluster = _inlined(*_settings(read, "cluster", str(own.get("cluster"))), "cluster")
    user = _inlined(*_settings(read, "user", str(own.get("user"))), "user")
    server = urlsplit(str(cluster.get("server") or ""))
    if server.scheme not in ("http", "https") or not server.hostname:
        raise UsageError(f"{file}: the server of context {context!r} is no address: {cluster.get('server')!r}")
    space = namespace or str(own.get("namespace") or "default")
    return Pinned(
        text=_one(context, cluster, user, space),
        context=context,
        namespace=space,
        host=server.hostname,
        port=server.port or (443 if server.scheme == "https" else 80),
        secrets=tuple(str(user[name]) for name in ("token", "password", "client-key-data") if user.get(name)),
        command=str(user["exec"].get("command")) if isinstance(user.get("exec"), dict) else None,
    )


def _one(context: str, cluster: Settings, user: Settings, namespace: str) -> str:
    place = {"cluster": "target", "user": "target", "namespace": namespace}
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "target", "cluster": cluster}],
        "users": [{"name": "target", "user": user}],
        "contexts": [{"name": context, "context": place}],
        "current-context": context,
    }
    return json.dumps(whole, indent=1)


def _settings(read: Sequence[tuple[Path, Kubeconfig]], part: Part, name: str) -> tuple[Path, Settings]:
    """The first entry of that name and the file it is in, as kubectl merges them."""
    for file, whole in read:
        for entry in whole.entries(part):
            if entry.name == name:
                return file, dict(getattr(entry, part))
    there = ", ".join(entry.name for _, whole in read for entry in whole.entries(part)) or "none"
    raise UsageError(f"no {part} {name!r} in {', '.join(str(file) for file, _ in read)}: there are {there}")


def _inlined(file: Path, given: Settings, part: Part) -> Settings:
    """The settings that are taken over, with the content of their files in them."""
    for setting, data in FILES.items():
        if given.get(setting) and not given.get(data):
            given[data] = base64.b64encode(_content(file, str(given[setting]))).decode()
    if given.get("tokenFile"):
        given["token"] = _content(file, str(given["tokenFile"])).decode().strip()
    return {setting: given[setting] for setting in KEPT[part] if given.get(setting) is not None}


def _content(kubeconfig: Path, name: str) -> bytes:
    path = kubeconfig.parent / name
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(f"{kubeconfig}: names {path}, which cannot be read: {problem.strerror}") from None


def _read(file: Path) -> Kubeconfig:
    import yaml

    try:
        return Kubeconfig.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except ValidationError as problem:
        fault = problem.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the whole"
        raise UsageError(f"{file} is no kubeconfig: {where}: {fault['msg']}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise UsageError(f"{file} cannot be read: {' '.join(str(problem).split())}") from None
