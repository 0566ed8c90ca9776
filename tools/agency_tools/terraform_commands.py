"""The Terraform tool's input, and the argument list that each action comes to."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from agency_tools.compartment import Inside, Name, Value, Word
from agency_tools.tool import Input

Action: TypeAlias = Literal[
    "fmt",
    "init",
    "validate",
    "plan",
    "show",
    "test",
    "output",
    "state_list",
    "state_show",
    "graph",
    "providers",
    "providers_lock",
    "version",
    "workspace_list",
    "workspace_show",
    "workspace_select",
    "workspace_new",
    "apply",
]

NEEDED: dict[Action, str] = {
    "state_show": "address",
    "apply": "plan",
    "workspace_select": "workspace",
    "workspace_new": "workspace",
}
"""Arguments an action cannot do without."""


class TerraformInput(Input):
    """One terraform action in one directory."""

    action: Action
    directory: Inside = Field(default=".", description="the root module, relative to the repository")
    check: bool = Field(default=False, description="fmt: report what is not formatted, write nothing")
    backend: bool = Field(default=True, description="init: false to validate without reaching the backend")
    upgrade: bool = Field(default=False, description="init: newer modules and providers than the lock file's")
    destroy: bool = Field(default=False, description="plan: what destroying everything would do")
    refresh: bool = Field(default=True, description="plan: false to compare with the state alone")
    plan: Word | None = Field(default=None, description="show, apply: the file that plan saved")
    address: Word | None = Field(default=None, description="state_show: the resource's address")
    workspace: Name | None = Field(default=None, description="workspace_select, workspace_new")
    target: Name | None = Field(default=None, description="which of the run's targets, by default the first")
    variables: dict[Name, Value] = Field(default_factory=dict, description="plan, test: input variables")
    var_files: tuple[Inside, ...] = Field(default=(), description="plan, test: .tfvars, relative to the directory")
    filters: tuple[Inside, ...] = Field(default=(), description="test: only these test files")

    @model_validator(mode="after")
    def _complete(self) -> "TerraformInput":
        needed = NEEDED.get(self.action)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"{self.action} needs {needed!r}" + (": run plan first" if needed == "plan" else ""))
        return self


def terraform_argv(given: TerraformInput, *, out: str | None = None, binary: str = "terraform") -> list[str]:
    """The command for `given`: never prompting, never approving by itself; `out` is where plan saves its plan."""
    return [binary, *_ARGUMENTS[given.action], *_options(given, out)]


_ARGUMENTS: dict[Action, Sequence[str]] = {
    "fmt": ("fmt", "-no-color", "-recursive"),
    "init": ("init", "-no-color", "-input=false"),
    "validate": ("validate", "-json"),
    "plan": ("plan", "-no-color", "-input=false", "-detailed-exitcode"),
    "show": ("show", "-no-color"),
    "test": ("test", "-no-color", "-json"),
    "output": ("output", "-no-color", "-json"),
    "state_list": ("state", "list", "-no-color"),
    "state_show": ("state", "show", "-no-color"),
    "graph": ("graph", "-no-color"),
    "providers": ("providers", "-no-color"),
    "providers_lock": ("providers", "lock", "-no-color"),
    "version": ("version",),
    "workspace_list": ("workspace", "list", "-no-color"),
    "workspace_show": ("workspace", "show", "-no-color"),
    "workspace_select": ("workspace", "select", "-no-color"),
    "workspace_new": ("workspace", "new", "-no-color"),
    "apply": ("apply", "-no-color", "-input=false"),
}


def _options(given: TerraformInput, out: str | None) -> list[str]:
    match given.action:
        case "fmt":
            return ["-check", "-diff"] if given.check else []
        case "init":
            return [*_flag("-backend=false", not given.backend), *_flag("-upgrade", given.upgrade)]
        case "plan":
            kind = [*_flag("-destroy", given.destroy), *_flag("-refresh=false", not given.refresh)]
            return [*_flag(f"-out={out}", out is not None), *kind, *_inputs(given)]
        case "test":
            return [*(f"-filter={file}" for file in given.filters), *_inputs(given)]
        case "show" | "apply":
            return [given.plan] if given.plan else []
        case "workspace_select" | "workspace_new":
            return [given.workspace] if given.workspace else []
        case "state_show":
            return [given.address] if given.address else []
        case _:
            return []


def _inputs(given: TerraformInput) -> list[str]:
    files = [f"-var-file={file}" for file in given.var_files]
    return [*files, *(f"-var={name}={value}" for name, value in given.variables.items())]


def _flag(flag: str, wanted: bool) -> list[str]:
    return [flag] if wanted else []
