"""The cloud command lines (aws, gcloud, az): reading, and changing by CloudFormation's change sets; the run's target only."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from agency_tools.cloud_identity import Identity, aws_identity
from agency_tools.cloudformation import QUIET, ChangeSet, Order, Stacks
from agency_tools.compartment import Inside, Name, Value, Word, absolute, cut, output_of, present
from agency_tools.errors import ToolError
from agency_tools.prospect import Prospect
from agency_tools.reach import Reach, Targets
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


CHANGE_SETS: Mapping[str, Sequence[str]] = {
    "create-change-set": ("stack", "template"),
    "execute-change-set": ("stack", "change_set"),
}
"""The operations that change an account, each with the fields it needs."""

Capability: TypeAlias = Literal["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
StackName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,127}$")]
Words = Annotated[str, AfterValidator(_words)]
Option = Annotated[str, AfterValidator(_option)]
Literally = Annotated[Value, AfterValidator(_literal)]


class CloudInput(Input):
    """One call of a cloud's command line: it reads, or it makes or carries out a change set."""

    provider: Provider
    service: Words = Field(description="such as ec2, cloudformation, 'compute instances', vm")
    operation: Words = Field(description="such as describe-instances, list, show, validate-template")
    parameters: dict[Option, tuple[Literally, ...]] = Field(
        default_factory=dict, description='such as {"instance-ids": ["i-0abc"]}; no values for a bare option'
    )
    template: Inside | None = Field(
        default=None, description="cloudformation: the template, relative to the repository"
    )
    stack: StackName | None = Field(default=None, description="create-change-set, execute-change-set")
    change_set: StackName | None = Field(
        default=None, description="execute-change-set: the name create-change-set gave"
    )
    stack_parameters: dict[Name, Literally] = Field(default_factory=dict, description="create-change-set")
    capabilities: tuple[Capability, ...] = Field(default=(), description="create-change-set")
    target: Word | None = Field(default=None, description="one of the run's targets; by default its first")

    @property
    def changes(self) -> bool:
        """Whether it makes or carries out a change set."""
        return (self.provider, self.service) == ("aws", "cloudformation") and self.operation in CHANGE_SETS

    @property
    def region(self) -> str | None:
        """The region it names."""
        return next(iter(self.parameters.get("region", ())), None)

    @model_validator(mode="after")
    def _complete(self) -> "CloudInput":
        needed = CHANGE_SETS.get(self.operation, ()) if self.changes else ()
        for name in needed:
            if getattr(self, name) is None:
                raise ValueError(f"{self.operation} needs {name!r}")
        if self.changes and set(self.parameters) - {"region"}:
            raise ValueError(f"{self.operation} takes no parameters but region: use the fields of their own")
        return self

    @model_validator(mode="after")
    def _reads(self) -> "CloudInput":
        if not self.changes and not reads(self):
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
    "aws": ("--output=json",),
    "gcloud": ("--format=json", "--quiet"),
    "az": ("--output=json", "--only-show-errors"),
}


class Cloud:
    """The Cloud tool."""

    name: ClassVar[str] = "Cloud"
    description: ClassVar[str] = (
        "Read a cloud account with aws, gcloud or az: operations that list, describe, show or validate, none that answer "
        "with secrets. Change it by CloudFormation alone: aws cloudformation create-change-set (stack, template) says what "
        "would be added, modified, replaced and removed; execute-change-set carries out exactly that, once it is approved. "
        "Every call needs a target; account and project are the target's, and shown."
    )
    input_type: ClassVar[type[Input]] = CloudInput
    read_only: ClassVar[bool] = False

    def __init__(self, *, targets: Targets | None = None) -> None:
        """Reach the `targets`, and nothing where there is none."""
        self._targets = targets or Targets()
        self._made = 0
        self._seen: dict[str, Identity] = {}

    async def run(self, given: CloudInput) -> Output:
        """Make the call. Raises ToolError without a target, of another account, or where the command line is absent."""
        reach = self._reach(given)
        identity = await self._identity(given, reach) if given.provider == "aws" else None
        if given.changes and identity is not None:
            return await self._change(given, reach, identity)
        ran = await reach.compartment.run(cloud_argv(given), env=QUIET, timeout_s=120)
        output = output_of(present(ran, given.provider, "Report what you could not look up as not checked."))
        return output if identity is None else replace(output, content=f"{identity.line}\n{output.text}")

    async def _identity(self, given: CloudInput, reach: Reach) -> Identity:
        """Who the credentials are; asked once for reading, and anew for every change."""
        name = reach.target.name
        if given.changes or name not in self._seen:
            self._seen[name] = await aws_identity(reach)
        return self._seen[name]

    def _reach(self, given: CloudInput) -> Reach:
        reach = self._targets.of(f"Cloud {given.provider} {given.service} {given.operation}", given.target)
        if given.changes and reach.target.aws_account is None:
            raise ToolError(
                f"not run: target {reach.target.name!r} names no aws_account, so nothing tells whether its credentials are of "
                "the account that is meant. A person adds aws_account to its entry in .agency/policy.yaml"
            )
        return reach

    async def _change(self, given: CloudInput, reach: Reach, identity: Identity) -> Output:
        stacks = Stacks(compartment=reach.compartment, region=given.region)
        if given.operation == "execute-change-set":
            return await self._execute(given, reach, stacks, identity)
        self._made += 1
        order = Order(
            stack=given.stack or "",
            template=given.template or "",
            parameters=given.stack_parameters,
            capabilities=given.capabilities,
            region=given.region,
        )
        made = await stacks.prepare(order, name=f"agency-{self._made}-{secrets.token_hex(4)}")
        kept = self._targets.ledger.keep(self._prospect(made, given, reach, identity))
        told = [f"{identity.line}", f"Change set: {made.name}", kept.summary, *kept.lines, *kept.warnings]
        return Output(content=cut("\n".join(told)), exit_code=0)

    async def _execute(self, given: CloudInput, reach: Reach, stacks: Stacks, identity: Identity) -> Output:
        prospect = self._found(given, reach)
        made = await stacks.describe(given.stack or "", given.change_set or "")
        self._targets.ledger.unchanged(prospect, self._prospect(made, given, reach, identity).binding)
        by = self._targets.ledger.take(prospect)
        good, told = await stacks.execute(made)
        if good:
            self._targets.ledger.prove(prospect)
        text = f"{identity.line}\napproved by {by}\n{told}"
        return Output(content=cut(text), failed=not good, exit_code=0 if good else 1)

    async def prospect(self, given: CloudInput) -> Prospect | None:
        """What executing a change set would change, as it is now; None for every other call.

        Raises ToolError where it was not made in this run, or is different from what was shown.
        """
        if not given.changes or given.operation != "execute-change-set":
            return None
        reach = self._reach(given)
        kept = self._found(given, reach)
        identity = await aws_identity(reach)
        stacks = Stacks(compartment=reach.compartment, region=given.region)
        made = await stacks.describe(given.stack or "", given.change_set or "")
        self._targets.ledger.unchanged(kept, self._prospect(made, given, reach, identity).binding)
        return kept

    def _found(self, given: CloudInput, reach: Reach) -> Prospect:
        return self._targets.ledger.find(given.change_set or "", target=reach.target.name, noun="change set")

    def _prospect(self, made: ChangeSet, given: CloudInput, reach: Reach, identity: Identity) -> Prospect:
        grants = [f"it may change IAM: {', '.join(given.capabilities)}"] if given.capabilities else []
        return Prospect(
            id=made.name,
            tool=self.name,
            action="execute-change-set",
            target=reach.target.name,
            kind=made.kind,
            noun="change set",
            summary=f"{made.summary}, in {identity.line}",
            lines=made.lines,
            warnings=tuple(grants),
            binding={**made.binding, "identity": identity.line, "region": given.region or "the target's"},
            content=made.content,
            expires=self._targets.ledger.expiry(),
        )
