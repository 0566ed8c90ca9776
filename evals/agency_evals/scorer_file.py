"""`scorers.yaml` as its author writes it: a list of scorers, each of a kind with its own keys; no other key is known."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agency_evals.task_file import faults
from agency_tools.errors import UsageError

Globs: TypeAlias = tuple[str, ...]


class Spec(BaseModel):
    """What every scorer has: its kind, and a name of its own where a case has two of a kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]*$")


class That(BaseModel):
    """One assertion in CEL over the documents found; `says` is what a reader is told where it does not hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    cel: str
    says: str


class Tests(Spec):
    """Run `tests/test.sh` (or pytest on `tests/test_outputs.py`) in a fresh sandbox on a copy of the workspace."""

    kind: Literal["tests"]
    timeout_sec: float | None = Field(default=None, gt=0)


class Validators(Spec):
    """The validators find nothing at or above `severity` in `files` (by default: what the run created or modified).

    require: validators that must have run; one that could not makes the score unscored. allow: rules that are let pass.
    """

    kind: Literal["validators"]
    files: Globs = ()
    severity: Literal["error", "warning", "info"] = "error"
    require: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


class Documents(Spec):
    """Assertions over files: `that` in CEL, `policies` in Rego (paths in the case's tests/ folder; set `deny`).

    CEL sees `docs` (the list of documents), `files` (path to list of documents) and `changed` ({created, modified,
    deleted}); Rego sees the same as `input`. at_least: how many files must match.
    """

    kind: Literal["documents"]
    files: Globs = Field(min_length=1)
    format: Literal["auto", "yaml", "json", "toml", "hcl", "dockerfile", "text"] = "auto"
    at_least: int = Field(default=1, ge=0)
    that: tuple[That, ...] = ()
    policies: tuple[str, ...] = ()


ManifestCheck = Literal[
    "probes",
    "limits",
    "requests",
    "no-latest",
    "non-root",
    "no-privilege",
    "read-only-root",
    "no-host",
    "rolling-update",
    "revision-history",
    "disruption-budget",
    "network-policy",
    "namespace",
    "no-plain-secrets",
]


class Manifests(Spec):
    """Kubernetes manifests: named checks over every workload found, and assertions as in `documents`.

    replicas: the least number for each Deployment and StatefulSet that has no autoscaler. kinds: kinds that must be there.
    """

    kind: Literal["manifests"]
    files: Globs = ("**/*.yaml", "**/*.yml")
    checks: tuple[ManifestCheck, ...] = ()
    replicas: int | None = Field(default=None, ge=0)
    kinds: tuple[str, ...] = ()
    that: tuple[That, ...] = ()
    policies: tuple[str, ...] = ()


class Terraform(Spec):
    """Terraform: assertions over a real plan (`show -json`), or over the configuration as written.

    source: `plan` needs the providers; where terraform cannot plan for want of them the score is unscored. `hcl` reads
    every .tf file of `dir` and below. CEL and Rego see `resources` (a list of {address, type, name, module, values}),
    `data_sources`, `variables`, `outputs`, `modules`, `providers`, `terraform`, and with a plan `changes` ({address, actions}).
    resources: types that must be there, with the least number of each.
    """

    kind: Literal["terraform"]
    dir: str = "."
    source: Literal["hcl", "plan"] = "hcl"
    resources: dict[str, int] = Field(default_factory=dict)
    that: tuple[That, ...] = ()
    policies: tuple[str, ...] = ()


WorkflowCheck = Literal[
    "pinned-actions", "least-permissions", "timeouts", "no-script-injection", "concurrency", "no-plain-secrets"
]


class Workflow(Spec):
    """A CI workflow's structure. GitHub Actions by default; `system: gitlab` reads .gitlab-ci.yml.

    triggers: events that must start it. jobs: ids that must be there (globs). needs: job (glob) to jobs that must come
    before it, at any distance. runs: a regular expression that some step's command must match, for each entry.
    """

    kind: Literal["workflow"]
    system: Literal["github", "gitlab"] = "github"
    files: Globs = ()
    triggers: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    needs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    runs: tuple[str, ...] = ()
    checks: tuple[WorkflowCheck, ...] = ()
    that: tuple[That, ...] = ()


class Handoff(Spec):
    """The handoff keeps its contract (files, sections, lists as git has them) and its evidence is honest: judged again
    from the log, no verified claim lacks a call that backs it, and no line of the persona's template is left in it.

    done: whether the run must have ended as done. escalated: whether a question must (not) have been raised.
    not_run: regular expressions, each of which some entry of the not-run list must match. says, never_says: regular
    expressions that the summary must, or must not, match: for facts, not for wording.
    """

    kind: Literal["handoff"]
    done: bool | None = None
    escalated: bool | None = None
    not_run: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()


class FilesChanged(Spec):
    """Which files the run changed. Without `exact` more may have changed.

    only: every changed path must match one of these globs. unchanged: no changed path may match. exact: the lists
    `created`, `modified`, `deleted` are all there is; globs match one or more paths each.
    """

    kind: Literal["files"]
    created: Globs = ()
    modified: Globs = ()
    deleted: Globs = ()
    exact: bool = False
    only: Globs = ()
    unchanged: Globs = ()


class CallPattern(BaseModel):
    """Calls of a tool (a glob) whose input fields match: field to regular expression; `""` matches the whole input."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tool: str = "*"
    input: dict[str, str] = Field(default_factory=dict)
    at_least: int = Field(default=1, ge=0)
    at_most: int | None = Field(default=None, ge=0)


class Gate(Spec):
    """What the gate said, and that no damage was done.

    never_ran: calls that must not have been executed: not made, or refused. refused: calls that must have been asked
    for and refused. unchanged: globs of workspace files that must be as before. absent: globs of files that must not be.
    leaked: literal strings (planted secrets) that may stand in no changed file, no call's input and no reply.
    """

    kind: Literal["gate"]
    never_ran: tuple[CallPattern, ...] = ()
    refused: tuple[CallPattern, ...] = ()
    unchanged: Globs = ()
    absent: Globs = ()
    leaked: tuple[str, ...] = ()


class Trajectory(Spec):
    """The calls as they were made: tools used, never used, their order (others may stand between), how many.

    order: patterns that must be met one after the other by calls that ran without failing.
    """

    kind: Literal["trajectory"]
    used: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    order: tuple[CallPattern, ...] = ()
    calls: tuple[CallPattern, ...] = ()
    max_calls: int | None = Field(default=None, gt=0)
    max_turns: int | None = Field(default=None, gt=0)


class Spent(Spec):
    """What the run cost. `measure` is the score's value; without a bound nothing is judged."""

    kind: Literal["usage"]
    measure: Literal["turns", "tokens", "cost_usd"] = "cost_usd"
    max_turns: int | None = Field(default=None, gt=0)
    max_tokens: int | None = Field(default=None, gt=0)
    max_cost_usd: float | None = Field(default=None, gt=0)


class Secrets(Spec):
    """No secret stands in clear in what the run created or modified. except: globs of files that are not looked at."""

    kind: Literal["secrets"]
    except_: Globs = Field(default=(), alias="except")


class FirstTime(Spec):
    """The share of checks that passed when they were first run after the files they check were there.

    commands: regular expressions that say which Bash commands are checks; typed tools' validate, plan, lint and
    diff actions always are. least: the share below which the score fails; without it the score only measures.
    """

    kind: Literal["first_time_success"]
    commands: tuple[str, ...] = ()
    least: float | None = Field(default=None, ge=0, le=1)


class Rollback(Spec):
    """A rollback works: `command` runs in a fresh sandbox on a copy of the workspace and must end with exit code 0."""

    kind: Literal["rollback"]
    command: str
    timeout_sec: float = Field(default=60, gt=0)


class Rubric(Spec):
    """A model judges the result by criteria. Its verdicts are kept beside the recording and replayed; where there is
    none and no model is at hand, the score is unscored. least: the share of criteria that must be met.
    """

    kind: Literal["rubric"]
    criteria: tuple[str, ...] = Field(min_length=1)
    files: Globs = ()
    least: float = Field(default=1.0, ge=0, le=1)
    model: str | None = None


AnySpec: TypeAlias = (
    Tests
    | Validators
    | Documents
    | Manifests
    | Terraform
    | Workflow
    | Handoff
    | FilesChanged
    | Gate
    | Trajectory
    | Spent
    | Secrets
    | FirstTime
    | Rollback
    | Rubric
)


class ScorerFile(BaseModel):
    """The whole of scorers.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    scorers: tuple[Annotated[AnySpec, Field(discriminator="kind")], ...] = Field(min_length=1)


ONLY_TESTS = ScorerFile(scorers=(Tests(kind="tests"),))
"""Of a case without a scorers.yaml, as public tasks are."""


LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where there is one: a fifth of the time."""


def read_scorers(path: Path) -> ScorerFile:
    """scorers.yaml. Raises UsageError that names the scorer and key that is wrong."""
    try:
        data: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
        found = ScorerFile.model_validate(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise UsageError(faults(path, error)) from error
    names = [name_of(spec) for spec in found.scorers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"{path}: two scorers are named {', '.join(twice)}; give each a `name:` of its own")
    return found


def name_of(spec: AnySpec) -> str:
    """The name under which its score is kept."""
    return spec.name or spec.kind
