"""Hooks as they are written: Claude Code's `hooks: {PreToolUse: [...]}`, in the policy or in the user's own file."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from agency_runtime.hooks import SECONDS, Hook
from agency_tools.errors import UsageError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CommandEntry(_Strict):
    """One program, as words or as one text that is split as a shell splits it; no shell runs it."""

    type: Literal["command"] = "command"
    command: str | tuple[str, ...]
    timeout: float = Field(default=SECONDS, gt=0, le=600)

    @field_validator("command")
    @classmethod
    def _some(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not value or not (value if isinstance(value, tuple) else shlex.split(value)):
            raise ValueError("the command is empty")
        return value

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words, `~` and the program's name resolved where that is certain."""
        given = self.command if isinstance(self.command, tuple) else tuple(shlex.split(self.command))
        program, *rest = (os.path.expanduser(word) for word in given)  # noqa: PTH111 - words, not paths
        return (shutil.which(program) or program, *rest)


class MatcherEntry(_Strict):
    """Programs for the tools that `matcher` names; an empty one or `*` names all."""

    matcher: str = ""
    hooks: tuple[CommandEntry, ...] = Field(min_length=1)

    @field_validator("matcher")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value if value != "*" else "")
        except re.error as error:
            raise ValueError(f"matcher {value!r} is no regular expression: {error}") from None
        return value

    def each(self) -> Iterator[Hook]:
        """Its hooks."""
        pattern = ".*" if self.matcher in ("", "*") else self.matcher
        for entry in self.hooks:
            yield Hook(command=entry.words, matcher=pattern, seconds=entry.timeout)


class HooksEntry(_Strict):
    """By event; there is one, since hooks here only guard."""

    PreToolUse: tuple[MatcherEntry, ...] = ()

    def each(self) -> tuple[Hook, ...]:
        """Every hook, in the order in which they are asked."""
        return tuple(hook for matcher in self.PreToolUse for hook in matcher.each())


class HooksFile(_Strict):
    """All of the user's own file."""

    hooks: HooksEntry = HooksEntry()


def users_file(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CONFIG_HOME/agency/hooks.yaml`."""
    config = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "agency" / "hooks.yaml"


def users_hooks(path: Path | None = None) -> tuple[Hook, ...]:
    """The user's own hooks. Raises UsageError for a file that cannot be understood: a guard that is not there is no guard."""
    path = path or users_file()
    if not path.exists():
        return ()
    import yaml

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return HooksFile.model_validate(content or {}).hooks.each()
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise UsageError(f"{path}: {where}: {fault['msg'].removeprefix('Value error, ')}") from None
