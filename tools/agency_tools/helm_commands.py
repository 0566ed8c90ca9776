"""The Helm tool's input, and the argument list that each action comes to."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from agency_tools.compartment import Inside, Name, Value, Word
from agency_tools.tool import Input

Offline: TypeAlias = Literal["template", "lint"]
Reading: TypeAlias = Literal["diff", "list", "history", "status"]
Changing: TypeAlias = Literal["upgrade", "rollback"]
Action: TypeAlias = Literal[Offline, Reading, Changing]

NEEDED: Mapping[Action, Sequence[str]] = {
    "template": ("release", "chart"),
    "lint": ("chart",),
    "diff": ("release", "chart"),
    "history": ("release",),
    "status": ("release",),
    "upgrade": ("diff",),
    "rollback": ("release", "revision"),
}
"""Arguments an action cannot do without."""


class HelmInput(Input):
    """One helm action."""

    action: Action
    release: Name | None = None
    chart: Inside | None = Field(default=None, description="the chart's folder, relative to the repository")
    values_files: tuple[Inside, ...] = Field(default=(), description="relative to the repository")
    values: dict[Name, Value] = Field(default_factory=dict, description="single values, as of --set-string")
    kube_version: Name | None = Field(default=None, description="template: the version to render for, such as v1.32")
    strict: bool = Field(default=False, description="lint: a warning fails")
    diff: Word | None = Field(default=None, description="upgrade: the id that a diff answered")
    revision: int | None = Field(default=None, ge=1, description="rollback")
    seconds: int = Field(default=120, ge=1, le=600, description="how long a change has to become healthy")
    target: Name | None = Field(default=None, description="one of the run's targets; default the first")
    namespace: Name | None = Field(default=None, description="one that the target allows; default its first")

    @model_validator(mode="after")
    def _complete(self) -> "HelmInput":
        missing = [field for field in NEEDED.get(self.action, ()) if getattr(self, field) is None]
        if missing:
            raise ValueError(f"{self.action} needs {', '.join(missing)}")
        return self


def helm_argv(given: HelmInput, *, namespace: str | None = None) -> list[str]:
    """The command of an offline or reading action, other than diff; `namespace` is one that the target allows."""
    scope = [f"--namespace={namespace}"] if namespace and given.action not in get_args(Offline) else []
    return ["helm", *_verb(given), *scope]


def _verb(given: HelmInput) -> list[str]:
    release, chart = given.release or "", f"./{given.chart}"
    match given.action:
        case "template":
            version = [f"--kube-version={given.kube_version}"] if given.kube_version else []
            return ["template", release, chart, *values_argv(given.values_files, given.values), *version]
        case "lint":
            return [
                "lint",
                chart,
                *values_argv(given.values_files, given.values),
                *(["--strict"] if given.strict else []),
            ]
        case "history":
            return ["history", release, "--output=json"]
        case "status":
            return ["status", release]
        case _:
            return ["list", "--output=json"]


def upgrade_argv(
    release: str, folder: str, given: HelmInput, *, namespace: str | None, dry_run: bool, seconds: int = 120
) -> tuple[str, ...]:
    """Installing or upgrading from the copy of the chart and its values in `folder`; watching it is left to others."""
    files = [f"{folder}/values-{number}.yaml" for number, _ in enumerate(given.values_files, 1)]
    how = ["--dry-run=server", "--output=json"] if dry_run else []
    scope = [f"--namespace={namespace}"] if namespace else []
    words = ["helm", "upgrade", release, f"{folder}/chart", "--install", *values_argv(files, given.values)]
    return (*words, f"--timeout={seconds}s", *how, *scope)


def values_argv(files: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Values as helm takes them; a comma in one starts no other."""
    single = (f"--set-string={name}={value.replace(',', chr(92) + ',')}" for name, value in values.items())
    return [*(f"--values={file}" for file in files), *single]
