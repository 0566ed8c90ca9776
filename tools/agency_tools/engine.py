"""The Docker engine: its address, a quick question by hand, and the client library for the rest."""

import contextlib
import http.client
import os
import socket
import urllib.parse
from typing import Any, TypeAlias

from agency_tools.errors import WorkspaceError

Client: TypeAlias = Any
"""docker-py's APIClient; half of it is untyped."""

LOCAL_ENGINE = "unix:///var/run/docker.sock"
PROBE_SECONDS = 2.0


def address() -> str:
    """Where the engine is asked for: DOCKER_HOST, else this machine's own."""
    return os.environ.get("DOCKER_HOST") or LOCAL_ENGINE


def connect() -> Client:
    """A client of the engine that DOCKER_HOST names, or of the local one. Raises WorkspaceError where none answers."""
    from docker import APIClient  # a tenth of a second, so only when it is used
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        return APIClient(version="auto", **kwargs_from_env())
    except (DockerException, OSError) as problem:
        raise WorkspaceError(f"no Docker engine answers: {problem}") from problem


def remove(engine: Client, name: str) -> None:
    """Remove a container by force; one that is gone or going, or an engine that is gone, is no fault."""
    from docker.errors import APIError

    with contextlib.suppress(APIError, OSError):
        engine.remove_container(name, force=True, v=True)


def ask(path: str, *, method: str = "GET") -> tuple[int, bytes]:
    """One request by hand: status and body. The client library takes longer to load than the answer to come.

    Raises OSError where nothing answers, ValueError for an address of another sort.
    """
    connection = _connection(address())
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as problem:
        raise ConnectionError(f"not an engine: {problem!r}") from problem
    finally:
        connection.close()


def answers() -> bool:
    """Whether an engine is there."""
    try:
        return ask("/_ping")[0] == http.client.OK
    except (OSError, ValueError):
        return False


def _connection(engine: str) -> http.client.HTTPConnection:
    where = urllib.parse.urlsplit(engine)
    if where.scheme == "tcp" and not os.environ.get("DOCKER_TLS_VERIFY"):
        return http.client.HTTPConnection(where.hostname or "", where.port or 2375, timeout=PROBE_SECONDS)
    if where.scheme != "unix":
        raise ValueError("only an engine on this machine can mount its folders")
    return _Local(where.path)


class _Local(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PROBE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PROBE_SECONDS)
        self.sock.connect(self._path)
