"""The host's Docker engine, through a filter: builds and runs with no way out, and only of this feature's own images."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from agency_tools.docker_answers import LABEL, STARTER, Container, Image
from agency_tools.engine import address, answers
from agency_tools.errors import ToolError
from agency_tools.running import starter

Client: TypeAlias = Any
"""A docker-py APIClient; its answers are JSON, so this module alone handles them."""

Connect: TypeAlias = Callable[[int], Client]
"""Answers a client whose answers come within so many seconds; raises ToolError where no engine answers."""

MEMORY = 2 << 30

SEAL: Mapping[str, Any] = {
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": MEMORY,
    "memswap_limit": MEMORY,
    "pids_limit": 256,
    "nano_cpus": 2_000_000_000,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,size=256m"},
    "init": True,
}
"""What every container is started with: no network, no capabilities, no mounts of the host, bounds on all it uses."""

LOGGED = 2000
"""Lines of a container's log that are read."""


def connect(timeout_s: int = 60) -> Client:
    """A client of the engine that the environment names. Raises ToolError where none answers."""
    absent = ToolError(
        "not run: no Docker engine answers. Report the build as not run; `agency doctor` says what is missing"
    )
    if address().startswith("unix://") and not answers():
        raise absent
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        client = APIClient(version="auto", timeout=timeout_s, **kwargs_from_env())
    except DockerException as error:
        raise absent from error
    client.reload_config("/dev/null")  # no registry's credentials travel with a build
    return client


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a container came to."""

    exit_code: int | None
    log: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One feature's share of the engine."""

    feature: str
    connect: Connect = connect

    def images(self) -> list[Image]:
        """This feature's images, newest first."""
        with self._client() as client:
            return [Image.model_validate(found) for found in client.images(filters={"label": self._label})]

    def absent(self, references: Sequence[str]) -> list[str]:
        """Those of `references` that are not on the engine."""
        with self._client() as client:
            return [reference for reference in references if _image(client, reference) is None]

    def triggers(self, references: Sequence[str]) -> str:
        """The ONBUILD instructions that the images would run in a build from them."""
        with self._client() as client:
            found = [image for reference in references if (image := _image(client, reference))]
        return "\n".join(line for image in found for line in image.config.on_build)

    def build(
        self,
        context: IO[bytes],
        *,
        dockerfile: str,
        args: Mapping[str, str],
        stage: str | None,
        network: str,
        timeout_s: int,
    ) -> tuple[str, str]:
        """Build the context and answer the image's tag and the build's log. Raises ToolError where it fails."""
        with self._client(timeout_s) as client:
            tag = self._next_tag(client)
            said = client.build(
                fileobj=context,
                custom_context=True,
                dockerfile=dockerfile,
                tag=tag,
                buildargs=dict(args),
                target=stage,
                network_mode=network,
                labels={LABEL: self.feature, STARTER: starter()},
                container_limits={"memory": MEMORY, "memswap": MEMORY},
                use_config_proxy=False,
                rm=True,
                forcerm=True,
                decode=True,
            )
            return tag, _log(said, timeout_s)

    def inspect(self, reference: str) -> Image:
        """One of this feature's images."""
        with self._client() as client:
            return self._own_image(client, reference)

    def remove(self, reference: str) -> None:
        """Remove one of this feature's images."""
        with self._client() as client:
            self._own_image(client, reference)
            client.remove_image(reference)

    def start(self, reference: str, command: Sequence[str], *, env: Mapping[str, str], read_only: bool) -> str:
        """Start a container of one of this feature's images, sealed, and answer its id."""
        with self._client() as client:
            made = client.create_container(
                self._own_image(client, reference).id,
                command=list(command) or None,
                environment=dict(env),
                labels={LABEL: self.feature, STARTER: starter()},
                host_config=client.create_host_config(**SEAL, read_only=read_only),
            )
            client.start(made["Id"])
            return str(made["Id"])[:12]

    def finish(self, container: str, *, timeout_s: int) -> Finished:
        """Wait for the container's end, or make one after `timeout_s`; read its log and remove it."""
        with self._client(timeout_s) as client:
            note = "" if _ended(client, container, timeout_s) else f"killed after {timeout_s} s"
            return _reap(client, container, note)

    def log(self, container: str, *, tail: int) -> str:
        """The last lines of one of this feature's containers."""
        with self._client() as client:
            self._own_container(client, container)
            return _text(client.logs(container, tail=tail))

    def stop(self, container: str) -> Finished:
        """Stop one of this feature's containers; read its log and remove it."""
        with self._client() as client:
            self._own_container(client, container)
            client.stop(container, timeout=10)
            return _reap(client, container, "stopped")

    def clean_up(self) -> None:
        """Remove every container of this feature, running or not; its images stay for who asked for them."""
        with self._client() as client:
            for container in client.containers(all=True, filters={"label": self._label}):
                client.remove_container(container["Id"], force=True, v=True)

    @contextmanager
    def _client(self, timeout_s: int = 60) -> Generator[Client]:
        """A client for one call. What the engine itself refuses becomes ToolError, in the engine's words."""
        from docker.errors import APIError

        with closing(self.connect(timeout_s)) as client:
            try:
                yield client
            except APIError as error:
                raise ToolError(f"the Docker engine refused: {error.explanation or error}") from error

    def _next_tag(self, client: Client) -> str:
        """The first free number: `agency/<feature>:<n>`."""
        name = f"agency/{self.feature}"
        found = [Image.model_validate(image) for image in client.images(name=name)]
        numbers = [tag.rpartition(":")[2] for image in found for tag in image.repo_tags]
        return f"{name}:{max((int(number) for number in numbers if number.isdigit()), default=0) + 1}"

    def _own_image(self, client: Client, reference: str) -> Image:
        image = _image(client, reference)
        if image is None or image.feature != self.feature:
            own = ", ".join(tag for found in self.images() for tag in found.repo_tags)
            raise ToolError(
                f"{reference!r} is not an image of this feature; there are {own or 'none: build one first'}"
            )
        return image

    def _own_container(self, client: Client, container: str) -> None:
        from docker.errors import NotFound

        try:
            found = Container.model_validate(client.inspect_container(container))
        except NotFound:
            found = None
        if found is None or found.config.labels.get(LABEL) != self.feature:
            raise ToolError(f"{container!r} is not a container of this feature")

    @property
    def _label(self) -> str:
        return f"{LABEL}={self.feature}"


def _image(client: Client, reference: str) -> Image | None:
    from docker.errors import ImageNotFound

    try:
        return Image.model_validate(client.inspect_image(reference))
    except ImageNotFound:
        return None


def _reap(client: Client, container: str, note: str) -> Finished:
    state = Container.model_validate(client.inspect_container(container)).state
    log = _text(client.logs(container, tail=LOGGED))
    client.remove_container(container, force=True, v=True)
    out_of_memory = f"out of memory ({MEMORY >> 20} MB)" if state.out_of_memory else ""
    return Finished(exit_code=state.exit_code, log=log, note=out_of_memory or note)


def _ended(client: Client, container: str, timeout_s: int) -> bool:
    from requests.exceptions import ConnectionError as Silent
    from requests.exceptions import ReadTimeout

    try:
        client.wait(container, timeout=timeout_s)
    except (ReadTimeout, Silent):
        client.kill(container)
        return False
    return True


def _log(said: Iterator[Mapping[str, Any]], timeout_s: int) -> str:
    """The build's log. Raises ToolError, log included, at its error or when the time is up."""
    deadline = time.monotonic() + timeout_s
    lines: list[str] = []
    for event in said:
        lines.append(str(event.get("stream", "")))
        if "error" in event:
            raise ToolError(f"{''.join(lines)[-20_000:]}\nthe build failed: {event['error']}")
        if time.monotonic() > deadline:
            raise ToolError(f"{''.join(lines)[-20_000:]}\nthe build was ended after {timeout_s} s")
    return "".join(lines)


def _text(log: bytes) -> str:
    return log.decode(errors="replace")
