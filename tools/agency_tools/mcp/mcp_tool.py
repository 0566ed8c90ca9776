"""A pinned tool of a server, as any tool of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import ConfigDict

from agency_tools.mcp.offer import Offer
from agency_tools.mcp.results import output_of
from agency_tools.redaction import Redactor
from agency_tools.tool import Input, Output, Tool
from agency_tools.workspace import SCRATCH, Workspace


class Arguments(Input):
    """Whatever the server's schema asks for; the server judges it."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Answer(Protocol):
    """What a call came to, as the SDK has it."""

    def model_dump(self, *, by_alias: bool, exclude_none: bool, mode: str) -> dict[str, Any]: ...


class Callee(Protocol):
    """A server under way."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Raises ToolError."""
        ...


@dataclass
class _Calling:
    """What all of them do."""

    offer: Offer
    server: Callee
    workspace: Workspace
    redact: Redactor
    kept: int = 0

    async def run(self, given: Any) -> Output:
        """Call it. Raises ToolError where the server fails."""
        answer = await self.server.call(self.offer.tool, given.model_extra or {})
        plain = answer.model_dump(by_alias=True, exclude_none=True, mode="json")
        return await output_of(plain, source=self.offer.name, redact=self.redact, keep=self._keep)

    async def _keep(self, text: str) -> str:
        self.kept += 1
        path = f"{SCRATCH}/outputs/{self.offer.name}-{self.kept}.txt"
        await self.workspace.call("write", path=path, content=text, seen=None)
        return path


def mcp_tool(offer: Offer, server: Callee, workspace: Workspace, redact: Redactor) -> Tool:
    """The tool. Only one of a trusted server that says so counts as reading, and runs beside its neighbours.

    workspace: where long results are kept. redact: masks what the servers were given.
    """

    class McpTool(_Calling):
        name: ClassVar[str] = offer.name
        description: ClassVar[str] = offer.description
        input_type: ClassVar[type[Input]] = Arguments
        read_only: ClassVar[bool] = offer.hints.only_reads
        schema: ClassVar[Mapping[str, Any]] = offer.schema

    return McpTool(offer, server, workspace, redact)
