"""CloudFormation change sets: prepared, read back, and carried out as they were shown or not at all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from agency_tools.compartment import Compartment, Ran, absolute, present
from agency_tools.errors import ToolError
from agency_tools.prospect import Grave, digest_of

Json: TypeAlias = dict[str, Any]
Making: TypeAlias = Literal["CREATE", "UPDATE"]

JSON_OUT = ("--output=json",)
QUIET = {"AWS_PAGER": ""}
"""The environment in which aws answers without a pager; its first version knows no option for that."""
WAITED_S = 900
"""Seconds that a stack may take to settle."""
DRAFTS = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
"""States of a stack that was never made, or is gone."""
SETTLING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
UNMADE = ("FAILED", "DELETE_COMPLETE")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A change set to be made: the stack, its template in the repository, parameters and capabilities."""

    stack: str
    template: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: Sequence[str] = ()
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    """A change set as the service describes it, with the stack as it stands and the digest of the template it holds.

    sent: digest of the template's text as it was sent, where it was made in this run.
    """

    name: str
    stack: str
    making: Making
    status: str
    reason: str
    changes: Sequence[Json]
    described: Json
    stack_now: Json
    template: str
    sent: str = ""

    @property
    def kind(self) -> Grave:
        """`destroy` as soon as one resource would be removed, or replaced, or may be."""
        return "destroy" if any(map(_destroys, self.changes)) else "change"

    @property
    def summary(self) -> str:
        """One line of counts."""
        verbs = [_verb(change) for change in self.changes]
        counts = [f"{verbs.count(verb)} to {verb}" for verb in ("add", "modify", "import", "replace", "remove")]
        return f"stack {self.stack}: " + ", ".join(count for count in counts if not count.startswith("0 "))

    @property
    def lines(self) -> tuple[str, ...]:
        """What would become of each resource."""
        return tuple(f"{_verb(change)} {change.get('LogicalResourceId')} ({change.get('ResourceType')})" for change in self.changes)  # fmt: skip

    @property
    def content(self) -> str:
        """Digest of the change alone, the same on every target."""
        changes = [[_verb(change), change.get("LogicalResourceId"), change.get("ResourceType")] for change in self.changes]  # fmt: skip
        return digest_of(
            {
                "stack": self.stack,
                "template": self.sent,
                "parameters": self.described.get("Parameters"),
                "changes": changes,
            }
        )

    @property
    def binding(self) -> dict[str, str]:
        """What it holds for: the change set itself, its template, and the stack as it stands."""
        return {
            "change set": digest_of({"changes": self.changes, **{name: self.described.get(name) for name in ("Parameters", "Capabilities")}}),
            "template": self.template,
            "stack": digest_of(self.stack_now),
        }  # fmt: skip


def _destroys(change: Json) -> bool:
    return _verb(change) in ("remove", "replace")


def _verb(change: Json) -> str:
    """What becomes of a resource; one that may be replaced counts as replaced."""
    action = str(change.get("Action"))
    if action == "Modify":
        return "modify" if change.get("Replacement", "True") == "False" else "replace"
    return {"Add": "add", "Remove": "remove", "Import": "import"}.get(action, "replace")


def aws_argv(*words: str, region: str | None = None) -> list[str]:
    """An aws command that answers in JSON and never prompts."""
    return ["aws", *words, *([f"--region={region}"] if region else []), *JSON_OUT]


def create_argv(order: Order, *, name: str, making: Making) -> list[str]:
    """The command that makes a change set, which changes no resource."""
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in order.parameters.items()]
    return aws_argv(
        "cloudformation", "create-change-set", f"--stack-name={order.stack}", f"--change-set-name={name}",
        f"--change-set-type={making}", f"--template-body=file://{absolute(order.template)}",
        *([f"--parameters={json.dumps(given)}"] if given else []),
        *(["--capabilities", *order.capabilities] if order.capabilities else []),
        region=order.region,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """CloudFormation of one target."""

    compartment: Compartment
    region: str | None = None

    async def prepare(self, order: Order, *, name: str) -> ChangeSet:
        """Make a change set and read it back. Raises ToolError where the service made none, with its reason."""
        making: Making = "UPDATE" if (await self.stack(order.stack)) else "CREATE"
        await self._ask(create_argv(order, name=name, making=making))
        made = await self.describe(order.stack, name)
        if made.status in SETTLING:
            await self._settle("change-set-create-complete", stack=order.stack, name=name)
            made = await self.describe(order.stack, name)
        if made.status in UNMADE:
            await self._run("cloudformation", "delete-change-set", f"--stack-name={order.stack}", f"--change-set-name={name}")  # fmt: skip
            raise ToolError(f"no change set: {made.reason or made.status}")
        summed = await self.compartment.run(["sha256sum", absolute(order.template)])
        return replace(made, sent=summed.output.split(" ")[0])

    async def stack(self, name: str) -> Json:
        """The stack as it stands; empty where there is none."""
        found = await self._ask(aws_argv("cloudformation", "list-stacks", region=self.region))
        every: list[Json] = found.get("StackSummaries") or []
        none: Json = {}
        mine = (each for each in every if each.get("StackName") == name and each.get("StackStatus") not in DRAFTS)
        there = next(mine, none)
        names = ("StackId", "StackStatus", "LastUpdatedTime", "CreationTime")
        return {key: there[key] for key in names if key in there}

    async def describe(self, stack: str, name: str) -> ChangeSet:
        """The change set as it is now. Raises ToolError where there is none of that name."""
        words = (f"--stack-name={stack}", f"--change-set-name={name}")
        described = await self._ask(aws_argv("cloudformation", "describe-change-set", *words, region=self.region))
        now = await self.stack(stack)
        changes: list[Json] = described.get("Changes") or []
        return ChangeSet(
            name=str(described.get("ChangeSetName") or name),
            stack=stack,
            making="UPDATE" if now else "CREATE",
            status=str(described.get("Status")),
            reason=str(described.get("StatusReason") or ""),
            changes=[change.get("ResourceChange") or {} for change in changes],
            described=described,
            stack_now=now,
            template=await self._template(words),
        )

    async def _template(self, words: Sequence[str]) -> str:
        """sha256 of the template that the change set holds."""
        held = await self._ask(aws_argv("cloudformation", "get-template", *words, region=self.region))
        body = held.get("TemplateBody")
        text = body if isinstance(body, str) else json.dumps(body, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    async def execute(self, change: ChangeSet) -> tuple[bool, str]:
        """Carry the change set out and wait until the stack settles: whether it came to a good end, and its events."""
        words = (f"--stack-name={change.stack}", f"--change-set-name={change.name}")
        await self._ask(aws_argv("cloudformation", "execute-change-set", *words, region=self.region))
        waits = "stack-create-complete" if change.making == "CREATE" else "stack-update-complete"
        good = (await self._settle(waits, stack=change.stack)).exit_code == 0
        status = (await self.stack(change.stack)).get("StackStatus", "no stack")
        events = await self._run("cloudformation", "describe-stack-events", f"--stack-name={change.stack}", "--max-items=20", "--query=StackEvents[].[LogicalResourceId,ResourceStatus,ResourceStatusReason]")  # fmt: skip
        return good, f"{change.stack}: {status}\n{events.output.strip()}"

    async def _settle(self, what: str, *, stack: str, name: str | None = None) -> Ran:
        named = (f"--change-set-name={name}",) if name else ()
        return await self._run("cloudformation", "wait", what, f"--stack-name={stack}", *named)

    async def _run(self, *words: str) -> Ran:
        return await self.compartment.run(
            aws_argv(*words, region=self.region), env=QUIET, timeout_s=WAITED_S, interrupt_first=True
        )

    async def _ask(self, argv: Sequence[str]) -> Json:
        """The command's answer. Raises ToolError with what it said where it failed."""
        ran = present(
            await self.compartment.run(argv, env=QUIET, timeout_s=120), "aws", "Report the change as not made."
        )
        if ran.exit_code != 0:
            raise ToolError(f"{' '.join(argv[:3])} failed with exit code {ran.exit_code}: {ran.output.strip()[-2000:]}")
        answer: Json = json.loads(ran.output or "{}")
        return answer
