"""Docker: builds and runs this feature's images on the host's engine, which the sandbox itself never sees."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from agency_tools.compartment import Compartment, Inside, Name, Value, Word, absolute, cut, output_of
from agency_tools.docker_context import context, read_sent
from agency_tools.docker_engine import Engine, Finished
from agency_tools.dockerfile import base_images
from agency_tools.errors import ToolError
from agency_tools.tool import Input, Output

Action: TypeAlias = Literal["build", "images", "inspect", "logs", "run", "stop", "rmi", "compose_config"]

NEEDED: Mapping[Action, str] = {
    "inspect": "image",
    "run": "image",
    "rmi": "image",
    "logs": "container",
    "stop": "container",
    "compose_config": "file",
}
"""The argument an action cannot do without."""

COMPOSE: Sequence[Sequence[str]] = (("docker", "compose"), ("docker-compose",))
"""The commands that compose may be had by."""


class DockerInput(Input):
    """One docker action."""

    action: Action
    context: Inside = Field(default=".", description="build: the context's folder, relative to the repository")
    file: Inside | None = Field(
        default=None,
        description="build: the Dockerfile inside the context; compose_config: the compose file in the repository",
    )
    stage: Name | None = Field(default=None, description="build: stop at this stage")
    build_args: dict[Name, Value] = Field(default_factory=dict)
    image: Word | None = Field(default=None, description="inspect, run, rmi: an image that build made here")
    command: tuple[str, ...] = Field(default=(), description="run: instead of the image's own, one word an entry")
    env: dict[Name, Value] = Field(default_factory=dict, description="run")
    read_only: bool = Field(default=False, description="run: a root file system that cannot be written")
    detach: bool = Field(default=False, description="run: answer at once with the container's id, for logs and stop")
    container: Word | None = Field(default=None, description="logs, stop: an id that run gave")
    tail: int = Field(default=200, ge=1, le=2000, description="logs: lines")
    seconds: int = Field(default=300, ge=1, le=1800, description="build, run: the most it may take")

    @model_validator(mode="after")
    def _complete(self) -> "DockerInput":
        needed = NEEDED.get(self.action)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"{self.action} needs {needed!r}")
        return self


def compose_argv(file: str, *, command: Sequence[str]) -> list[str]:
    """The command that checks a compose file and prints it resolved, variables left as they are written."""
    return [*command, f"--file={absolute(file)}", "config", "--no-interpolate"]


class Docker:
    """The Docker tool."""

    name: ClassVar[str] = "Docker"
    description: ClassVar[str] = (
        "Build and try images on the host's engine: build (tagged agency/<feature>:<n>, base images must be present unless "
        "the build's network was allowed), images, inspect, run (no network, no mounts, no capabilities), logs, stop, rmi: "
        "only images and containers made here. compose_config checks a compose file without an engine. Nothing is pushed."
    )
    input_type: ClassVar[type[Input]] = DockerInput
    read_only: ClassVar[bool] = False

    def __init__(
        self,
        compartment: Compartment,
        *,
        repository: Path,
        engine: Engine,
        build_network: str = "none",
        hidden: Sequence[str] = (),
    ) -> None:
        """Build from `repository`, never sending its `hidden` paths; compose files are checked in `compartment`."""
        self._compartment = compartment
        self._repository = repository
        self._engine = engine
        self._build_network = build_network
        self._hidden = tuple(hidden)
        self._used = False

    async def run(self, given: DockerInput) -> Output:
        """Do the action. Raises ToolError without an engine, and for anything that was not made here."""
        if given.action == "compose_config":
            return await self._compose(given)
        self._used = True
        return await asyncio.to_thread(self._act, given)

    async def close(self) -> tuple[str, ...]:
        """Remove the containers that still run, and name the images that stay; nothing where no engine was asked."""
        return await asyncio.to_thread(self._left) if self._used else ()

    def _left(self) -> tuple[str, ...]:
        try:
            self._engine.clean_up()
            return tuple(sorted(tag for image in self._engine.images() for tag in image.repo_tags))
        except ToolError:
            return ()  # no engine answers, so nothing of this run is there to be named

    def _act(self, given: DockerInput) -> Output:
        image, container = given.image or "", given.container or ""
        match given.action:
            case "build":
                return self._build(given)
            case "run":
                return self._run(given)
            case "inspect":
                return Output(content=self._engine.inspect(image).facts)
            case "rmi":
                self._engine.remove(image)
                return Output(content=f"removed {image}")
            case "logs":
                return Output(content=cut(self._engine.log(container, tail=given.tail)))
            case "stop":
                return _told(self._engine.stop(container))
            case _:
                return Output(
                    content="\n".join(found.line for found in self._engine.images()) or "no images of this feature"
                )

    def _build(self, given: DockerInput) -> Output:
        dockerfile = given.file or "Dockerfile"
        with context(self._repository, given.context, dockerfile=dockerfile, hidden=self._hidden) as tar:
            self._check_bases(base_images(read_sent(tar, dockerfile), build_args=given.build_args))
            tag, log = self._engine.build(
                tar,
                dockerfile=dockerfile,
                args=given.build_args,
                stage=given.stage,
                network=self._build_network,
                timeout_s=given.seconds,
            )
        return Output(content=f"{cut(log)}\nbuilt {tag}", exit_code=0)

    def _check_bases(self, bases: Sequence[str]) -> None:
        if self._build_network == "none" and (absent := self._engine.absent(bases)):
            raise ToolError(
                f"not built: {', '.join(absent)} is not on the engine, and nothing is pulled while the build's network is off. "
                "Report the build as not run, and name the images it needs."
            )
        base_images(self._engine.triggers(bases))

    def _run(self, given: DockerInput) -> Output:
        container = self._engine.start(given.image or "", given.command, env=given.env, read_only=given.read_only)
        if given.detach:
            return Output(content=f"started {container}")
        return _told(self._engine.finish(container, timeout_s=given.seconds))

    async def _compose(self, given: DockerInput) -> Output:
        for command in COMPOSE:
            if (await self._compartment.run([*command, "version"])).exit_code == 0:
                return output_of(await self._compartment.run(compose_argv(given.file or "", command=command)))
        raise ToolError(
            "not run: docker compose is not in this sandbox. Judge the file by reading it, and report the check as not run."
        )


def _told(finished: Finished) -> Output:
    ends = [part for part in (finished.note, f"exit code {finished.exit_code}" if finished.exit_code else "") if part]
    text = "\n".join([finished.log.rstrip() or "(no output)", *ends])
    return Output(content=cut(text), failed=bool(finished.exit_code), exit_code=finished.exit_code)
