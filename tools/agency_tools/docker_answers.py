"""The engine's answers about images and containers: the part of its JSON that is used, as values."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.alias_generators import to_pascal

LABEL = "agency.feature"
"""The label by which images and containers of a feature are known, listed and cleaned up."""

STARTER = "agency.started-by"
"""The label that says which process made them, as `running.starter` names it."""


class _Answer(BaseModel):
    """The engine writes null where it means empty, so nulls give way to the defaults."""

    model_config = ConfigDict(alias_generator=to_pascal, frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _never_null(cls, value: Any, info: ValidationInfo) -> Any:
        return cls.model_fields[str(info.field_name)].get_default(call_default_factory=True) if value is None else value


class Config(_Answer):
    """How an image is run."""

    labels: dict[str, str] = Field(default_factory=dict)
    on_build: list[str] = Field(default_factory=list)
    env: list[str] = Field(default_factory=list)
    user: str = ""
    entrypoint: list[str] = Field(default_factory=list)
    cmd: list[str] = Field(default_factory=list)
    working_dir: str = ""
    exposed_ports: dict[str, Any] = Field(default_factory=dict)
    volumes: dict[str, Any] = Field(default_factory=dict)


class Image(_Answer):
    """One image, inspected; `config` stays empty in a listing."""

    id: str
    repo_tags: list[str] = Field(default_factory=list)
    size: int = 0
    architecture: str = ""
    config: Config = Field(default_factory=Config)

    @property
    def feature(self) -> str | None:
        """The feature that built it, if one did."""
        return self.config.labels.get(LABEL)

    @property
    def line(self) -> str:
        """The image in a listing."""
        return f"{', '.join(self.repo_tags) or '(no tag)'}  {self.id[:19]}  {self.size} bytes"

    @property
    def facts(self) -> str:
        """What the model is shown: how it is run, how large it is; of its variables only the names."""
        config = self.config.model_dump(exclude_defaults=True, exclude={"env", "on_build"})
        known = self.model_dump(exclude_defaults=True, exclude={"config"})
        names = [entry.partition("=")[0] for entry in self.config.env]
        return json.dumps({**known, **config, "variables": names}, indent=2)


class State(_Answer):
    """How a container is, or how it ended."""

    exit_code: int = 0
    out_of_memory: bool = Field(default=False, alias="OOMKilled")


class Container(_Answer):
    """One container, inspected."""

    id: str
    state: State
    config: Config = Field(default_factory=Config)
