"""The typed report that the model gives through the `Handoff` tool; its schema is what the model is shown."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agency_tools.tool import Input

Area = Literal["pipelines", "infrastructure", "monitoring", "security", "documentation", "other"]
Refs = Annotated[list[str], Field(description='references of calls in this session, for instance ["c7", "c12"]')]


class Part(BaseModel):
    """A part of the report; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkItem(Part):
    area: Area
    path: str = Field(default="", description="repository-relative path, where it is a file")
    what: str = Field(description="what it is and does; no results, no numbers that were measured")


class Detail(Part):
    topic: str
    text: str = Field(description="how it is built and why; results belong in claims")


class Row(Part):
    name: str = Field(description="the variable, trigger, address, dashboard, command or runbook")
    value: str = Field(description="what it is, or where it lies; never a secret's value")
    note: str = ""


class IntegrationPoint(Part):
    to: str = Field(description="backend-architect, senior-developer, ai-engineer, frontend-developer, orchestrator, …")
    text: str = Field(
        default="",
        description="what they need: paths, names of variables and secrets, ports, triggers, dashboards, runbooks",
    )
    rows: list[Row] = Field(default=[], description="the same as a table, where there are several")


class Criterion(Part):
    area: str
    criterion: str = Field(description="what a reviewer can check, with the command that checks it")


class Claim(Part):
    statement: str = Field(description="one fact that a call of this session showed, with the numbers it printed")
    calls: Refs
    about: str = Field(
        default="", description="repository-relative path or resource that it speaks of, where there is one"
    )


class Resource(Part):
    name: str
    state: Literal["defined", "provisioned"] = Field(
        description="defined in code, or really there; provisioned needs calls"
    )
    calls: Refs = Field(default=[])


class NotRun(Part):
    check: str
    why: str


class FilesClaimed(Part):
    created: list[str] = Field(default=[])
    modified: list[str] = Field(default=[])
    deleted: list[str] = Field(default=[])


class HandoffReport(Input):
    """What was done, what was shown, what was not run."""

    work_completed: list[WorkItem] = Field(min_length=1)
    implementation_details: list[Detail] = Field(default=[])
    integration_points: list[IntegrationPoint] = Field(default=[])
    verification_criteria: list[Criterion] = Field(default=[])
    claims: list[Claim] = Field(default=[], description="every check you ran and what it showed")
    resources: list[Resource] = Field(default=[])
    cost: list[Claim] = Field(default=[], description="costs or savings, only where a call computed them")
    not_run: list[NotRun] = Field(
        default=[], description="checks that could not be run here, with the reason; they do not count against you"
    )
    next_steps: list[str] = Field(default=[])
    files: FilesClaimed | None = Field(
        default=None, description="optional: which files you believe changed; compared with git"
    )
