"""Helm: charts offline in the run's sandbox, releases only through the run's target."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from agency_tools.compartment import Compartment, Inside, Name, Value, output_of, present
from agency_tools.reach import Targets, unprepared
from agency_tools.tool import Input, Output

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
    "upgrade": ("release", "chart"),
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
    revision: int | None = Field(default=None, ge=1, description="rollback")

    @model_validator(mode="after")
    def _complete(self) -> "HelmInput":
        missing = [field for field in NEEDED.get(self.action, ()) if getattr(self, field) is None]
        if missing:
            raise ValueError(f"{self.action} needs {', '.join(missing)}")
        return self


def helm_argv(given: HelmInput, *, namespace: str | None = None) -> list[str]:
    """The command for `given`; the namespace is the target's."""
    scope = [f"--namespace={namespace}"] if namespace else []
    return ["helm", *_verb(given), *scope]


def _verb(given: HelmInput) -> list[str]:
    release, chart = given.release or "", f"./{given.chart}"
    match given.action:
        case "template":
            version = [f"--kube-version={given.kube_version}"] if given.kube_version else []
            return ["template", release, chart, *_values(given), *version]
        case "lint":
            return ["lint", chart, *_values(given), *(["--strict"] if given.strict else [])]
        case "diff":
            return ["upgrade", release, chart, *_values(given), "--install", "--dry-run=server", "--hide-secret"]
        case "upgrade":
            return ["upgrade", release, chart, *_values(given), "--install", "--atomic"]
        case "rollback":
            return ["rollback", release, str(given.revision), "--wait"]
        case "list":
            return ["list", "--output=json"]
        case "history" | "status":
            return [given.action, release, "--output=json"]


def _values(given: HelmInput) -> list[str]:
    files = [f"--values={file}" for file in given.values_files]
    return [
        *files,
        *(f"--set-string={name}={value.replace(',', chr(92) + ',')}" for name, value in given.values.items()),
    ]


class Helm:
    """The Helm tool."""

    name: ClassVar[str] = "Helm"
    description: ClassVar[str] = (
        "Run helm. Offline, in the sandbox: template (render a chart), lint. Every other action needs a target: "
        "diff (what an upgrade would send), list, history, status read it; upgrade, rollback change it."
    )
    input_type: ClassVar[type[Input]] = HelmInput
    read_only: ClassVar[bool] = False

    def __init__(self, compartment: Compartment, *, targets: Targets | None = None) -> None:
        """Work offline in `compartment`, and on `targets` in the namespace of each."""
        self._compartment = compartment
        self._targets = targets or Targets()

    async def run(self, given: HelmInput) -> Output:
        """Do the action. Raises ToolError where helm is absent, or the action needs a target."""
        where, namespace = self._where(given)
        ran = await where.run(helm_argv(given, namespace=namespace), timeout_s=300, interrupt_first=True)
        return output_of(present(ran, "helm", "Judge the chart by reading it, and report the check as not run."))

    def _where(self, given: HelmInput) -> tuple[Compartment, str | None]:
        if given.action in get_args(Offline):
            return self._compartment, None
        reach = self._targets.of(f"Helm {given.action}")
        if given.action in get_args(Changing):
            raise unprepared(f"Helm {given.action}", reach.target.name)
        return reach.compartment, next(iter(reach.target.namespaces), None)
