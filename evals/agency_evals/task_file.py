"""`task.toml` and `task.yaml` as their authors write them: Harbor's tables, ours in `[agency]`, and the older shape.

A key that nobody knows is refused in a case that has an `[agency]` table; in a public task it is only noted.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agency_tools.errors import UsageError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$")]


class Table(BaseModel):
    """A table in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metadata(BaseModel):
    """Free, but for what selects cases."""

    model_config = ConfigDict(extra="allow", frozen=True)
    author_name: str = ""
    author_email: str = ""
    difficulty: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()


class Networked(Table):
    """What a role may reach."""

    user: str | int | None = None
    network_mode: Literal["public", "no-network", "allowlist", "none"] | None = None
    allowed_hosts: tuple[str, ...] = ()


class Verifier(Networked):
    """How the tests run; seconds. Here they always run apart from the agent."""

    timeout_sec: Positive = 600.0
    env: dict[str, str] = Field(default_factory=dict)
    environment_mode: Literal["shared", "separate"] | None = None
    environment: dict[str, Any] | None = None
    collect: tuple[dict[str, Any], ...] = ()


class Agent(Networked):
    """How long the agent may take; seconds."""

    timeout_sec: Positive | None = None


class Solution(Table):
    """Variables for the reference solution."""

    env: dict[str, str] = Field(default_factory=dict)


class Environment(Networked):
    """Harbor's description of the container; here only memory, cpus, env and network count."""

    build_timeout_sec: Positive = 600.0
    docker_image: str | None = None
    cpus: Positive = 2
    memory_mb: Count | None = None
    storage_mb: Count | None = None
    memory: str | None = None
    storage: str | None = None
    gpus: int = 0
    gpu_types: tuple[str, ...] | None = None
    tpu: dict[str, Any] | None = None
    os: str | None = None
    workdir: str | None = None
    allow_internet: bool = True
    mcp_servers: tuple[dict[str, Any], ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    skills_dir: str | None = None
    healthcheck: dict[str, Any] | None = None

    @property
    def memory_bytes(self) -> int | None:
        """The memory, from either key; None where neither says anything that can be read."""
        if self.memory_mb:
            return self.memory_mb << 20
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMG])i?B?", (self.memory or "").strip().upper())
        return int(float(found[1]) * (1 << {"K": 10, "M": 20, "G": 30}[found[2]])) if found else None


class Limits(Table):
    """What one attempt may spend; reaching one is recorded, and what was done until then is scored."""

    turns: Count = 60
    tokens: Count | None = None
    minutes: Positive = 30.0
    cost_usd: Positive = 5.0


class Files(Table):
    """How the workspace differs from a plain copy of its files.

    commit: make a git repository with one commit. untracked, staged: globs of what that commit leaves out; what is
    staged is added to the index after it. modes: octal permissions by path, for what git does not keep.
    """

    commit: bool = True
    message: str = "The state before"
    branch: str = "main"
    untracked: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    modes: dict[str, Mode] = Field(default_factory=dict)


class Agency(Table):
    """Our own table: what is run, with what, and what each recording should come to.

    version: moves when scoring changes, so that results of before and after are not compared unawares.
    feature: names the handoff; with `.agency/handoff/FEATURE/devops-automator/plan.md` in the workspace the run is in
    handoff mode. plan: for `implement`, the plan's path in the workspace; for it instruction.md only tells readers.
    requires: programs without which the tests can judge nothing; where one is not in the sandbox they are unscored.
    recordings: name of a file in recordings/ (without .jsonl) to its expected outcome; the first is the case's own.
    """

    version: Count = 1
    command: Literal["work", "implement", "plan"] = "work"
    persona: str = "devops-automator"
    feature: Name | None = None
    plan: str | None = None
    target: str | None = None
    network: tuple[str, ...] = ()
    permission_mode: Literal["default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"] | None = None
    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    requires: tuple[Annotated[str, Field(pattern=r"^[\w.+-]+$")], ...] = ()
    limits: Limits = Limits()
    workspace: Files = Files()
    recordings: dict[Name, Literal["passed", "failed"]] = Field(default_factory=dict)


class Task(Table):
    """The whole of task.toml."""

    schema_version: str = "1.1"
    version: str | None = None
    task: dict[str, Any] | None = None
    source: str | None = None
    metadata: Metadata = Metadata()
    verifier: Verifier = Verifier()
    agent: Agent = Agent()
    environment: Environment = Environment()
    solution: Solution = Solution()
    steps: tuple[dict[str, Any], ...] = ()
    multi_step_reward_strategy: str | None = None
    artifacts: tuple[str | dict[str, Any], ...] = ()
    agency: Agency | None = None

    @property
    def public(self) -> bool:
        """Whether it was written for others: it has no table of ours."""
        return self.agency is None

    def beyond(self) -> str | None:
        """What the task asks for that cannot be had here, in words; None where it asks for nothing of the kind."""
        if self.steps:
            return "steps: it has several steps, and only tasks of one step can be run"
        if (self.environment.os or "linux").lower() != "linux":
            return f"environment.os: {self.environment.os} cannot be had here; the sandbox is Linux"
        return None


def resolved(env: Mapping[str, str]) -> dict[str, str]:
    """Harbor's variables without this machine's: `${NAME:-other}` is its default, `${NAME}` is left out.

    A public task must not read what the person who runs it has in the environment.
    """
    found = {name: TEMPLATE.sub(lambda match: match[2] or "", value) for name, value in env.items()}
    return {name: value for name, value in found.items() if value or not TEMPLATE.search(env[name])}


TEMPLATE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class OlderTask(BaseModel):
    """terminal-bench's task.yaml."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    instruction: str
    author_name: str = ""
    author_email: str = ""
    difficulty: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    max_agent_timeout_sec: Positive | None = None
    max_test_timeout_sec: Positive = 600.0

    def task(self) -> Task:
        """The same as Harbor writes it."""
        return Task(
            metadata=Metadata(
                author_name=self.author_name,
                author_email=self.author_email,
                difficulty=self.difficulty,
                category=self.category,
                tags=self.tags,
            ),
            verifier=Verifier(timeout_sec=self.max_test_timeout_sec),
            agent=Agent(timeout_sec=self.max_agent_timeout_sec),
        )


def read_task(path: Path) -> tuple[Task, tuple[str, ...]]:
    """task.toml, and the unknown keys of a public task. Raises UsageError that names the key or line that is wrong."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {getattr(error, 'strerror', None) or error}") from error
    ignored: list[str] = []
    while True:
        try:
            return Task.model_validate(data), tuple(ignored)
        except ValidationError as error:
            unknown = [fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"]
            if "agency" in data or len(unknown) != error.error_count():
                raise UsageError(faults(path, error)) from error
            for keys in unknown:
                ignored.append(".".join(map(str, keys)))
                _drop(data, keys)


def read_older_task(path: Path) -> OlderTask:
    """task.yaml. Raises UsageError that names what is wrong."""
    try:
        data: object = yaml.safe_load(path.read_text(encoding="utf-8"))
        return OlderTask.model_validate(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise UsageError(faults(path, error)) from error


def faults(path: Path, error: ValidationError) -> str:
    """What is wrong with a file, key by key, in one line."""
    said = [f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {_words(fault)}" for fault in error.errors()[:8]]
    return f"{path}: {'; '.join(said)}"


def _words(fault: Any) -> str:
    return "unknown key" if fault["type"] == "extra_forbidden" else str(fault["msg"])


def _drop(data: dict[str, Any], keys: tuple[int | str, ...]) -> None:
    table: Any = data
    for key in keys[:-1]:
        table = table[key]
    cast("dict[Any, Any]", table).pop(keys[-1])
