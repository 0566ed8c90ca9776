"""The cloud command lines (aws, gcloud, az): reading, through the run's target only."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from agency_tools.compartment import Inside, Value, absolute, output_of, present
from agency_tools.reach import Targets
from agency_tools.tool import Input, Output

Provider: TypeAlias = Literal["aws", "gcloud", "az"]

READS: Mapping[Provider, Sequence[str]] = {
    "aws": (
        "describe-",
        "list-",
        "get-",
        "head-",
        "lookup-",
        "validate-template",
        "estimate-template-cost",
        "simulate-",
        "ls",
    ),
    "gcloud": ("list", "describe", "get-iam-policy", "get-server-config", "read"),
    "az": ("list", "show", "list-sizes", "list-skus", "list-usage", "check-name"),
}
"""The operations that only read: of aws the beginnings, of gcloud and az the last word."""

SECRETS = (
    "secret",
    "password",
    "token",
    "credential",
    "get-parameter",
    "get-function",
    "authorization",
    "keys",
    "get-object",
    "key-pair",
    "console-output",
)
"""Words of operations that would answer with a secret or write a file; refused although they read."""

OWN = ("configure", "config", "auth")
"""Services that are the command line's own settings and credentials, no part of an account."""

PINNED = (
    "profile",
    "endpoint-url",
    "ca-bundle",
    "no-verify-ssl",
    "cli-input-json",
    "cli-input-yaml",
    "debug",
    "account",
    "project",
    "configuration",
    "impersonate-service-account",
    "access-token-file",
    "flags-file",
    "subscription",
    "with-decryption",
    "log-http",
)
"""Options that would turn a call to another account or endpoint, or print credentials: the target's, not the model's."""


def _words(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*( [a-z0-9][a-z0-9-]*)*", text):
        raise ValueError("is lower-case words, such as 'ec2' or 'compute instances'")
    return text


def _option(text: str) -> str:
    name = text.removeprefix("--")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError("is an option's name, such as 'instance-ids'")
    if name in PINNED:
        raise ValueError("is pinned by the target")
    return name


def _literal(text: str) -> str:
    if re.match(r"(fileb?|https?)://|@|-", text):
        raise ValueError("is taken literally: no option, file or address to read it from")
    return text


Words = Annotated[str, AfterValidator(_words)]
Option = Annotated[str, AfterValidator(_option)]
Literally = Annotated[Value, AfterValidator(_literal)]


class CloudInput(Input):
    """One reading call of a cloud's command line."""

    provider: Provider
    service: Words = Field(description="such as ec2, cloudformation, 'compute instances', vm")
    operation: Words = Field(description="such as describe-instances, list, show, validate-template")
    parameters: dict[Option, tuple[Literally, ...]] = Field(
        default_factory=dict, description='such as {"instance-ids": ["i-0abc"]}; no values for a bare option'
    )
    template: Inside | None = Field(
        default=None, description="cloudformation: the template, relative to the repository"
    )

    @model_validator(mode="after")
    def _reads(self) -> "CloudInput":
        if not reads(self):
            verbs = ", ".join(READS[self.provider])
            raise ValueError(
                f"{self.provider} {self.service} {self.operation} is not among the reading operations: {verbs}"
            )
        return self


def reads(given: CloudInput) -> bool:
    """Whether the operation is known to read, and to answer with no secret."""
    verb = given.operation.split()[-1]
    if given.provider == "aws" and " " in f"{given.service}{given.operation}":
        return False
    if given.service.split()[0] in OWN or any(word in f"{given.service} {given.operation}" for word in SECRETS):
        return False
    if given.provider == "aws":
        return any(verb.startswith(known) if known.endswith("-") else verb == known for known in READS["aws"])
    return verb in READS[given.provider]


def cloud_argv(given: CloudInput) -> list[str]:
    """The command for `given`, answering in JSON, never prompting."""
    options = [word for name, values in given.parameters.items() for word in (f"--{name}", *values)]
    template = [f"--template-body=file://{absolute(given.template)}"] if given.template else []
    return [
        given.provider,
        *given.service.split(),
        *given.operation.split(),
        *options,
        *template,
        *_MANNERS[given.provider],
    ]


_MANNERS: Mapping[Provider, Sequence[str]] = {
    "aws": ("--output=json", "--no-cli-pager"),
    "gcloud": ("--format=json", "--quiet"),
    "az": ("--output=json", "--only-show-errors"),
}


class Cloud:
    """The Cloud tool."""

    name: ClassVar[str] = "Cloud"
    description: ClassVar[str] = (
        "Read a cloud account with aws, gcloud or az (CloudFormation through aws): operations that list, describe, show or "
        "validate, none that change or answer with secrets. Every call needs a target; account and project are the target's."
    )
    input_type: ClassVar[type[Input]] = CloudInput
    read_only: ClassVar[bool] = True

    def __init__(self, *, targets: Targets | None = None) -> None:
        """Read the first of `targets`, and nothing where there is none."""
        self._targets = targets or Targets()

    async def run(self, given: CloudInput) -> Output:
        """Make the call. Raises ToolError without a target, or where the command line is absent."""
        where = self._targets.of(f"Cloud {given.provider} {given.service} {given.operation}").compartment
        ran = await where.run(cloud_argv(given), timeout_s=120)
        return output_of(present(ran, given.provider, "Report what you could not look up as not checked."))
