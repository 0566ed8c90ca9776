"""The policy file's shape; imported only where a file is read."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agency_runtime.ci_paths import Guard
from agency_runtime.gate import Mode, Verdict
from agency_runtime.hook_file import HooksEntry


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetEntry(_Strict):
    """One environment that infrastructure tools may touch."""

    kube_context: str | None = None
    namespaces: tuple[str, ...] = ()
    terraform_workspace: str | None = None
    aws_profile: str | None = None
    aws_account: str | None = Field(default=None, pattern=r"^(\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:\S+)$")
    protected: bool = False
    description: str | None = None
    kubeconfig: str | None = None
    endpoints: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    files: dict[str, str] = {}
    terraform_state: str | None = None


class TestEntry(_Strict):
    """One self-test: `command`, or `tool` and `input`."""

    __test__ = False

    command: str | None = None
    tool: str | None = None
    input: dict[str, Any] | None = None
    verdict: Verdict
    mode: Mode | None = None
    target: str | None = None

    @model_validator(mode="after")
    def _one_call(self) -> "TestEntry":
        if (self.command is None) == (self.tool is None):
            raise ValueError("give either command, or tool and input")
        return self

    def case(self) -> dict[str, Any]:
        """What a Case is made of."""
        call = (
            {"tool": "Bash", "given": {"command": self.command}}
            if self.command is not None
            else {"tool": self.tool, "given": self.input or {}}
        )
        circumstances: dict[str, Any] = {"mode": self.mode} if self.mode else {}
        return {**call, "verdict": self.verdict, "target": self.target, **circumstances}


class PolicyFile(_Strict):
    """All of `.agency/policy.yaml`."""

    version: Literal[1] = 1
    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    targets: dict[str, TargetEntry] = {}
    tests: tuple[TestEntry, ...] = ()
    ci: Guard = "secrets"
    hooks: HooksEntry = HooksEntry()

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError("the file is not a mapping of allow, ask, deny, targets and tests")  # noqa: TRY004 - pydantic's form
        empty: dict[str, Any] = {"targets": {}, "hooks": {}, "ci": "secrets"}
        return {key: empty.get(key, []) if entry is None else entry for key, entry in value.items()}  # pyright: ignore


KEYS = tuple(dict.fromkeys([*PolicyFile.model_fields, *TargetEntry.model_fields, *TestEntry.model_fields]))
"""Every key the file may hold, for the remedy of a mistyped one."""
