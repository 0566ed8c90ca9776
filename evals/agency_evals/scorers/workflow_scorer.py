"""`workflow`: the structure of a CI workflow, of GitHub Actions or GitLab CI."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agency_evals.finished import Finished
from agency_evals.globs import pattern
from agency_evals.results import Score
from agency_evals.scorer_file import Workflow, name_of
from agency_evals.scorers.documents_scorer import given_of, judged, read
from agency_evals.scorers.verdict import asserted
from agency_runtime.wire import Json, json_object

PLACES = {"github": (".github/workflows/*.yml", ".github/workflows/*.yaml"), "gitlab": (".gitlab-ci.yml",)}
PINNED = re.compile(r"@[0-9a-f]{40}$|^\./|^docker://.*@sha256:")
INJECTABLE = re.compile(
    r"\$\{\{[^}]*github\.(?:head_ref|event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits)\b[^}]*"
    r"\.(?:title|body|message|name|email|ref|label|default_branch))"
)
SECRET = re.compile(r"(?i)(?:password|token|secret|api_?key)\w*\s*[:=]\s*[\"']?(?!\$|\s|[\"'])[\w+/=-]{8,}")
GITLAB_WORDS = frozenset(
    {
        "stages",
        "variables",
        "include",
        "default",
        "workflow",
        "image",
        "services",
        "cache",
        "before_script",
        "after_script",
    }
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job. steps: what each does, as text. needs: ids of jobs that come before it."""

    id: str
    value: Json
    needs: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One workflow, whatever the system. triggers: names of events."""

    path: str
    value: Json
    triggers: tuple[str, ...] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict[str, Job])

    def before(self, name: str) -> set[str]:
        """Every job that comes before one, at any distance."""
        found: set[str] = set()
        waiting = list(self.jobs[name].needs)
        while waiting:
            each = waiting.pop()
            if each not in found and each in self.jobs:
                found.add(each)
                waiting += self.jobs[each].needs
        return found


Check: TypeAlias = Callable[[Flow], Iterator[str]]


def score(spec: Workflow, finished: Finished) -> Score:
    """Passed where there is a workflow, every file can be read, and everything asked of them holds."""
    name = name_of(spec)
    files, problems = read(finished, spec.files or PLACES[spec.system], "yaml")
    make = _github if spec.system == "github" else _gitlab
    flows = [make(path, json_object(document)) for path, documents in files.items() for document in documents]
    if not flows:
        problems.append(f"no workflow is in {', '.join(spec.files or PLACES[spec.system])}")
    problems += _problems(spec, flows) if flows else []
    if problems:
        return asserted(name, problems)
    return judged(name, finished, given_of(files, finished), spec.that, ())


def _problems(spec: Workflow, flows: list[Flow]) -> list[str]:
    triggers = {trigger for flow in flows for trigger in flow.triggers}
    jobs = [job for flow in flows for job in flow.jobs.values()]
    found = [f"nothing starts on {trigger}" for trigger in spec.triggers if trigger not in triggers]
    found += [
        f"no job is named {glob}" for glob in spec.jobs if not any(pattern(glob).fullmatch(job.id) for job in jobs)
    ]
    for glob, wanted in spec.needs.items():
        found += _unordered(glob, wanted, flows)
    for expression in spec.runs:
        if not any(re.search(expression, step) for job in jobs for step in job.steps):
            found.append(f"no step runs {expression!r}")
    checks = CHECKS if spec.system == "github" else GITLAB_CHECKS
    for check in spec.checks:
        if check in checks:
            found += [f"{flow.path}: {fault}" for flow in flows for fault in checks[check](flow)]
    return found


def _unordered(glob: str, wanted: tuple[str, ...], flows: list[Flow]) -> Iterator[str]:
    matching = [(flow, job) for flow in flows for job in flow.jobs if pattern(glob).fullmatch(job)]
    if not matching:
        yield f"no job is named {glob}"
    for flow, job in matching:
        before = flow.before(job)
        yield from (
            f"{flow.path}: {job} does not wait for {each}"
            for each in wanted
            if not any(pattern(each).fullmatch(other) for other in before)
        )


def _github(path: str, value: Json) -> Flow:
    on: Any = value.get("on")
    triggers = (on,) if isinstance(on, str) else tuple(str(each) for each in on or ())
    jobs = {name: _github_job(name, json_object(job)) for name, job in json_object(value.get("jobs")).items()}
    return Flow(path=path, value=value, triggers=triggers, jobs=jobs)


def _github_job(name: str, value: Json) -> Job:
    steps = [json_object(step) for step in value.get("steps") or ()]
    uses = [str(step["uses"]) for step in steps if "uses" in step] + ([str(value["uses"])] if "uses" in value else [])
    return Job(
        id=name,
        value=value,
        needs=_names(value.get("needs")),
        steps=tuple(str(step.get("run") or step.get("uses") or "") for step in steps),
        uses=tuple(uses),
    )


def _gitlab(path: str, value: Json) -> Flow:
    """Without `needs`, a job waits for every job of the stages before its own."""
    stages = _names(value.get("stages")) or (".pre", "build", "test", "deploy", ".post")
    found = {
        name: json_object(job) for name, job in value.items() if name not in GITLAB_WORDS and not name.startswith(".")
    }
    found = {name: job for name, job in found.items() if job}
    place = {name: _place(stages, str(job.get("stage") or "test")) for name, job in found.items()}
    jobs: dict[str, Job] = {}
    for name, job in found.items():
        earlier = tuple(other for other in found if place[other] < place[name])
        needs = tuple(_needed(each) for each in job["needs"] or ()) if "needs" in job else earlier
        script = [str(line) for part in ("before_script", "script") for line in _lines(job.get(part))]
        jobs[name] = Job(id=name, value=job, needs=needs, steps=tuple(script))
    triggers = ("merge_request_event", "push") if "workflow" not in value else (str(value["workflow"]),)
    return Flow(path=path, value=value, triggers=triggers, jobs=jobs)


def _place(stages: tuple[str, ...], stage: str) -> int:
    return stages.index(stage) if stage in stages else len(stages)


def _needed(value: Any) -> str:
    return value if isinstance(value, str) else str(json_object(value).get("job"))


def _lines(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value or ())


def _pinned(flow: Flow) -> Iterator[str]:
    for job in flow.jobs.values():
        yield from (
            f"{job.id} uses {each}, which is not pinned to a commit" for each in job.uses if not PINNED.search(each)
        )


def _least(flow: Flow) -> Iterator[str]:
    """Permissions are given, and none is `write-all`; a workflow whose jobs each have their own needs none on top."""
    top: Any = flow.value.get("permissions")
    own = [job.value.get("permissions") for job in flow.jobs.values() if "uses" not in job.value]
    if top is None and any(each is None for each in own):
        yield "has no permissions, so that its token has the repository's default ones"
    if "write-all" in (top, *own):
        yield "gives its token write-all"
    if "write" in json_object(top).values() and len(flow.jobs) > 1:
        yield "gives every job a token that may write; give it to the job that needs it"


def _timeouts(flow: Flow) -> Iterator[str]:
    for job in flow.jobs.values():
        if "uses" not in job.value and "timeout-minutes" not in job.value:
            yield f"{job.id} has no timeout-minutes"


def _injection(flow: Flow) -> Iterator[str]:
    for job in flow.jobs.values():
        yield from (
            f"{job.id} runs text that anybody may write: {found.group()}…"
            for step in job.steps
            if (found := INJECTABLE.search(step))
        )


def _concurrency(flow: Flow) -> Iterator[str]:
    if "concurrency" not in flow.value and not any("concurrency" in job.value for job in flow.jobs.values()):
        yield "has no concurrency, so that runs overtake each other"


def _clear(flow: Flow) -> Iterator[str]:
    for job in flow.jobs.values():
        env = "\n".join(
            f"{key}: {value}" for key, value in json_object(job.value.get("env") or job.value.get("variables")).items()
        )
        for text in (env, *job.steps):
            if SECRET.search(text):
                yield f"{job.id} holds a secret in clear"


def _gitlab_timeouts(flow: Flow) -> Iterator[str]:
    default = "timeout" in json_object(flow.value.get("default"))
    yield from (f"{job.id} has no timeout" for job in flow.jobs.values() if "timeout" not in job.value and not default)


CHECKS: Mapping[str, Check] = {
    "pinned-actions": _pinned,
    "least-permissions": _least,
    "timeouts": _timeouts,
    "no-script-injection": _injection,
    "concurrency": _concurrency,
    "no-plain-secrets": _clear,
}
GITLAB_CHECKS: Mapping[str, Check] = {"timeouts": _gitlab_timeouts, "no-plain-secrets": _clear}
