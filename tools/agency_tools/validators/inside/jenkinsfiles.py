"""Jenkinsfiles: the outline that a declarative pipeline must have, read without Jenkins and its plugins."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from . import groovy
from .groovy import Statement
from .values import ERROR, WARNING, Finding, Said, Source, Validator

if TYPE_CHECKING:
    from .running import Runner

PIPELINE = frozenset({"agent", "stages", "environment", "options", "parameters", "triggers", "tools", "post", "libraries"})  # fmt: skip
WORK = ("steps", "stages", "parallel", "matrix")
STAGE = frozenset({*WORK, "agent", "environment", "tools", "options", "input", "post", "when", "failFast"})
POST = frozenset({"always", "changed", "fixed", "regression", "aborted", "failure", "success", "unstable", "unsuccessful", "cleanup", "notBuilt"})  # fmt: skip
MATRIX = frozenset({"axes", "excludes", "stages", "agent", "environment", "tools", "options", "input", "post", "when"})
AXIS = frozenset({"name", "values", "notValues"})
WHEN_OPTIONS = frozenset({"beforeAgent", "beforeInput", "beforeOptions"})
AGENTS = frozenset({"any", "none"})
NEVER_EMPTY = frozenset({"environment", "options", "parameters", "triggers", "tools", "post", "libraries", "when", "steps", "axes", "excludes"})  # fmt: skip
SCRIPT_ONLY = frozenset({"def", "if", "for", "while", "switch", "try", "return"})
SHELLS = frozenset({"sh", "bat", "powershell", "pwsh"})
VARIABLE = re.compile(r"^[A-Za-z_]\w*$")
CONDITIONS = frozenset({"branch", "buildingTag", "changelog", "changeset", "changeRequest", "environment", "equals", "expression", "tag", "triggeredBy", "isRestartedRun", "not", "allOf", "anyOf"})  # fmt: skip
HOLDING = frozenset({"not", "allOf", "anyOf"})
INPUT = frozenset({"message", "id", "ok", "submitter", "submitterParameter", "parameters"})
AGENT_TYPES = frozenset({"label", "node", "docker", "dockerfile", "kubernetes"})
KNOWN = {
    "options": frozenset({"buildDiscarder", "checkoutToSubdirectory", "disableConcurrentBuilds", "disableResume", "newContainerPerStage", "overrideIndexTriggers", "preserveStashes", "quietPeriod", "retry", "skipDefaultCheckout", "skipStagesAfterUnstable", "timeout", "timestamps", "ansiColor", "parallelsAlwaysFailFast", "lock", "disableRestartFromStage", "throttle", "rateLimitBuilds", "withCredentials", "copyArtifactPermission"}),
    "parameters": frozenset({"string", "text", "booleanParam", "choice", "password", "file", "run", "credentials", "base64File", "stashedFile", "gitParameter", "extendedChoice"}),
    "triggers": frozenset({"cron", "pollSCM", "upstream", "githubPush", "gitlab", "GenericTrigger", "parameterizedCron"}),
}  # fmt: skip
"""What comes with Jenkins and the usual plugins: other plugins bring more, so only a slip is told."""

STEPS = frozenset({"archiveArtifacts", "bat", "build", "catchError", "checkout", "cleanWs", "deleteDir", "dir", "echo", "emailext", "error", "fileExists", "git", "input", "junit", "library", "mail", "milestone", "node", "parallel", "powershell", "publishHTML", "pwsh", "readFile", "retry", "script", "sleep", "slackSend", "sshagent", "stash", "step", "timeout", "timestamps", "unstable", "unstash", "waitUntil", "warnError", "withCredentials", "withEnv", "withMaven", "withSonarQubeEnv", "writeFile", "publishChecks", "recordIssues", "readJSON", "readYaml", "writeJSON", "writeYaml", "archive", "tool", "tools", "wrap", "lock", "container", "label"})  # fmt: skip
"""Steps that come with Jenkins and the usual plugins: only a slip of one is told."""

STEPS_WITH_NAMES = frozenset({"timeout", "retry", "dir", "lock", "withEnv", "waitUntil", "catchError", "timestamps"})
SECRET = frozenset({"variable", "passwordVariable", "passphraseVariable", "tokenVariable", "secretKeyVariable"})


class _Here:
    def __init__(self, source: Source) -> None:
        self.source = source

    def found(self, at: int, rule: str, message: str, severity: str = ERROR) -> Finding:
        """A finding at an offset."""
        line = self.source.text.count("\n", 0, at) + 1
        column = at - (self.source.text.rfind("\n", 0, at) + 1) + 1
        return Finding(self.source.path, line, column, "jenkinsfile", rule, severity, message[:300])


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        here = _Here(source)
        try:
            statements = groovy.read(source.text)
        except groovy.Unbalanced as problem:
            yield here.found(problem.at, "syntax", str(problem))
            continue
        pipelines = [each for each in statements if each.name == "pipeline" and each.body is not None and len(each.head) == 1]  # fmt: skip
        yield from _misspelt(here, statements)
        for pipeline in pipelines:
            yield from _pipeline(here, pipeline)
            yield from _calls(here, pipeline)
        yield from _secrets(here, statements)


def _misspelt(here: _Here, statements: tuple[Statement, ...]) -> Iterator[Said]:
    """The outermost block or a step, told by what it is nearly called; the file's own functions are left alone."""
    own = {token.text for each in statements for token in each.head}
    for each in statements:
        if each.name != "pipeline" and {"stages", "agent"} <= {inner.name for inner in each.body or ()}:
            yield here.found(each.at, "section", f"{each.name!r} is no pipeline")
    for each in (inner for statement in statements if statement.name == "pipeline" for inner in statement.walk()):
        for step in each.body or () if each.name in ("steps", *POST) else ():
            near = difflib.get_close_matches(step.name, STEPS, n=1, cutoff=0.83)
            if near and step.name not in STEPS | own and step.head[0].kind == "name":
                yield here.found(step.at, "step", f"there is no step {step.name!r}; {near[0]!r} was meant?")


def _pipeline(here: _Here, pipeline: Statement) -> Iterator[Said]:
    body = pipeline.body or ()
    yield from _sections(here, body, PIPELINE, "pipeline")
    names = {each.name for each in body}
    for name in ("agent", "stages"):
        if name not in names:
            yield here.found(pipeline.at, "missing", f"the pipeline has no section {name!r}")
    for each in body:
        if each.name == "stages":
            yield from _stages(here, each, "stages", spread="")
        else:
            yield from _section(here, each)


def _calls(here: _Here, pipeline: Statement) -> Iterator[Said]:
    """What is wrong with a call wherever it stands."""
    for each in pipeline.walk():
        if each.head and each.head[-1].text == "$" and each.body is not None:
            yield here.found(each.at, "expression", "${…} stands only in double quotes")
        if each.body is not None and each.name in STEPS_WITH_NAMES:
            keys = [key.text for key, colon in zip(each.head, each.head[1:], strict=False) if key.kind == "name" and colon.text == ":"]  # fmt: skip
            for name in sorted({key for key in keys if keys.count(key) > 1}):
                yield here.found(each.at, "step", f"{each.name} is given {name} twice")


def _sections(here: _Here, body: Iterable[Statement], known: frozenset[str], what: str) -> Iterator[Said]:
    """Each section is one that there is, and there once."""
    seen: set[str] = set()
    for each in body:
        if each.name not in known:
            near = difflib.get_close_matches(each.name, known, n=1, cutoff=0.65)
            hint = f"; {near[0]!r} was meant?" if near else ""
            yield here.found(each.at, "section", f"{what} has no section {each.name!r}{hint}")
        elif each.name in seen:
            yield here.found(each.at, "section", f"{what} has the section {each.name!r} twice")
        seen.add(each.name)


def _section(here: _Here, section: Statement) -> Iterator[Said]:
    """A section that pipelines and stages share."""
    if section.name in NEVER_EMPTY:
        if section.body is None:
            yield here.found(section.at, "section", f"{section.name} must be a block")
            return
        if not section.body:
            yield here.found(section.at, "empty", f"{section.name} is empty")
    judge = SECTIONS.get(section.name)
    if judge is not None:
        yield from judge(here, section)


def _input(here: _Here, section: Statement) -> Iterator[Said]:
    if section.body is not None:
        yield from _sections(here, section.body, INPUT, "input")
        if "message" not in {each.name for each in section.body}:
            yield here.found(section.at, "missing", "input has no message")


def _when(here: _Here, when: Statement) -> Iterator[Said]:
    """Conditions that there are, within those that hold others, too."""
    conditions = [each for each in when.body or () if each.name not in WHEN_OPTIONS]
    if when.body and not conditions:
        yield here.found(when.at, "empty", f"{when.name} has no condition")
    for each in conditions:
        if each.name not in CONDITIONS:
            near = difflib.get_close_matches(each.name, CONDITIONS, n=1, cutoff=0.65)
            hint = f"; {near[0]!r} was meant?" if near else ""
            yield here.found(each.at, "when", f"when has no condition {each.name!r}{hint}")
        elif each.name in HOLDING:
            if not each.body:
                yield here.found(each.at, "empty", f"{each.name} holds no condition")
            elif each.name == "not" and len(each.body) > 1:
                yield here.found(each.body[1].at, "when", "not holds one condition only")
            yield from _when(here, each) if each.body else ()


def _declared(here: _Here, section: Statement) -> Iterator[Said]:
    """Options, parameters and triggers: calls, and of options and triggers each once."""
    seen: set[str] = set()
    for each in section.body or ():
        if each.head and each.head[0].kind != "name":
            yield here.found(each.at, "section", f"{section.name} holds calls, not {each.head[0].text[:40]!r}")
        elif each.body is not None and section.name != "options":
            yield here.found(each.at, "section", f"{each.name} in {section.name} takes no block")
        elif each.name in seen and section.name != "parameters":
            yield here.found(each.at, "section", f"{section.name} has {each.name} twice")
        near = difflib.get_close_matches(each.name, KNOWN[section.name], n=1, cutoff=0.85)
        if near and each.name not in KNOWN[section.name]:
            yield here.found(each.at, "section", f"{section.name}: {each.name!r} is unknown; {near[0]!r} was meant?")
        seen.add(each.name)


def _agent(here: _Here, agent: Statement) -> Iterator[Said]:
    words = [token for token in agent.head[1:] if token.kind != "mark"]
    if agent.body is None and len(words) == 1 and words[0].kind == "name" and words[0].text not in AGENTS:
        near = difflib.get_close_matches(words[0].text, AGENTS, n=1)
        hint = f"; {near[0]!r} was meant?" if near else ""
        yield here.found(agent.at, "agent", f"no agent {words[0].text!r}: any, none or a block{hint}")
    elif agent.body is None and not words:
        yield here.found(agent.at, "agent", "the agent names nothing")
    elif agent.body is None and words[0].kind in ("plain", "filled"):
        yield here.found(agent.at, "agent", "an agent is any, none or a block such as { label '…' }")
    elif agent.body is not None and not agent.body:
        yield here.found(agent.at, "agent", "the agent's block is empty")
    elif agent.body is not None and len(agent.body) == 1:
        yield from _agent_type(here, agent.body[0])
    elif agent.body is not None and len(agent.body) > 1:
        yield here.found(agent.body[1].at, "agent", "an agent has one type only")


def _agent_type(here: _Here, kind: Statement) -> Iterator[Said]:
    near = difflib.get_close_matches(kind.name, AGENT_TYPES, n=1, cutoff=0.75)
    if near and kind.name not in AGENT_TYPES:
        yield here.found(kind.at, "agent", f"no agent of type {kind.name!r}; {near[0]!r} was meant?")
    if kind.name == "docker" and kind.body is not None and "image" not in {each.name for each in kind.body}:
        yield here.found(kind.at, "agent", "docker has no image")
    if kind.name == "node" and kind.body is not None and "label" not in {each.name for each in kind.body}:
        yield here.found(kind.at, "agent", "node has no label")


def _post(here: _Here, post: Statement) -> Iterator[Said]:
    yield from _sections(here, post.body or (), POST, "post")
    for each in post.body or ():
        if each.name in POST and not each.body:
            yield here.found(each.at, "empty", f"{each.name} is empty")
        elif each.name in POST:
            yield from _steps(here, each)


def _environment(here: _Here, environment: Statement) -> Iterator[Said]:
    seen: set[str] = set()
    for each in environment.body or ():
        marks = [token.text for token in each.head]
        if len(marks) < 3 or marks[1] != "=":
            yield here.found(each.at, "environment", f"environment holds NAME = value, not {' '.join(marks)[:60]!r}")
        elif not VARIABLE.match(marks[0]):
            yield here.found(each.at, "environment", f"{marks[0]!r} is no name of a variable")
        elif marks[0] in seen:
            yield here.found(each.at, "environment", f"{marks[0]} is set twice")
        seen.add(marks[0] if marks else "")


def _steps(here: _Here, steps: Statement) -> Iterator[Said]:
    """Steps alone; whatever else Groovy has stands in a script block."""
    for each in steps.body or ():
        words = [token.text for token in each.head[:2]]
        if each.name in SCRIPT_ONLY and each.head[0].kind == "name":
            yield here.found(each.at, "step", f"{each.name!r} is no step; put it into script {{ }}")
        elif len(words) == 2 and words[1] == "=" and each.head[0].kind == "name":
            yield here.found(each.at, "step", f"an assignment is no step; put {words[0]} = … into script {{ }}")
        elif each.name == "stage" or (each.name == "parallel" and len(steps.body or ()) > 1):
            yield here.found(each.at, "step", f"{each.name} does not stand among steps")


def _stages(here: _Here, stages: Statement, what: str, *, spread: str) -> Iterator[Said]:
    """Stages one after the other or at once; `spread` names what around them already runs several at once."""
    if stages.body is None:
        yield here.found(stages.at, "section", f"{what} must be a block")
        return
    inner = [each for each in stages.body if each.name != "failFast"]
    if not inner:
        yield here.found(stages.at, "empty", f"{what} has no stage")
    for each in inner:
        if each.name == "stage" and each.body is not None:
            yield from _stage(here, each, spread=spread)
        elif each.name != "matrix" or what != "stages":
            yield here.found(each.at, "stages", f"{what} holds stages, not {each.name!r}")
    named = Counter(_title(each) for each in inner)
    for each in inner:
        title = _title(each)
        if title and named[title] > 1 and each is not next(other for other in inner if _title(other) == title):
            yield here.found(each.at, "duplicate", f"there are two stages {title}")


def _title(stage: Statement) -> str:
    words = [token.text for token in stage.head[1:] if token.kind in ("plain", "filled")]
    return words[0] if words else ""


def _stage(here: _Here, stage: Statement, *, spread: str) -> Iterator[Said]:
    body = stage.body or ()
    title = _title(stage) or "without a name"
    if len([token for token in stage.head[1:] if token.kind != "mark"]) == 0:
        yield here.found(stage.at, "stage", "the stage has no name")
    yield from _sections(here, body, STAGE, f"stage {title}")
    work = [each for each in body if each.name in WORK]
    if not work:
        yield here.found(stage.at, "missing", f"stage {title} has none of {', '.join(WORK)}")
    elif len({each.name for each in work}) > 1:
        yield here.found(work[1].at, "stage", f"stage {title} has more than one of {', '.join(WORK)}")
    at_once = next((each.name for each in work if each.name in ("parallel", "matrix")), "")
    for each in body:
        if each.name == at_once and spread:
            yield here.found(each.at, at_once, f"{at_once} does not stand within {spread}")
        elif each.name in ("agent", "tools") and at_once:
            yield here.found(each.at, "stage", f"a stage with {at_once} has no {each.name} of its own")
        if each.name in ("stages", "parallel"):
            yield from _stages(here, each, each.name, spread=spread or at_once)
        elif each.name == "matrix":
            yield from _matrix(here, each)
        else:
            yield from _section(here, each)


def _matrix(here: _Here, matrix: Statement) -> Iterator[Said]:
    body = matrix.body or ()
    yield from _sections(here, body, MATRIX, "matrix")
    for name in ("axes", "stages"):
        if name not in {each.name for each in body}:
            yield here.found(matrix.at, "missing", f"the matrix has no {name}")
    for each in body:
        if each.name == "stages":
            yield from _stages(here, each, "stages", spread="matrix")
        else:
            yield from _section(here, each)
        for axes in [each] if each.name == "axes" else each.body or () if each.name == "excludes" else ():
            if not axes.body:
                yield here.found(axes.at, "empty", f"{axes.name} is empty")
            for axis in axes.body or ():
                yield from _axis(here, axis)


def _axis(here: _Here, axis: Statement) -> Iterator[Said]:
    if axis.name != "axis" or axis.body is None:
        yield here.found(axis.at, "matrix", f"axes hold axis {{ }}, not {axis.name!r}")
        return
    names = {each.name for each in axis.body}
    yield from _sections(here, axis.body, AXIS, "axis")
    if "name" not in names or not names & {"values", "notValues"}:
        yield here.found(axis.at, "missing", "an axis has a name and values")


def _secrets(here: _Here, statements: tuple[Statement, ...]) -> Iterator[Said]:
    """Credentials that Groovy would write into a command line, where every process sees them."""
    every = [each for statement in statements for each in statement.walk()]
    names = {name for each in every for name in _bound(each)}
    if not names:
        return
    used = re.compile(r"(?<!\\)\$\{?(?:env\.)?(" + "|".join(sorted(map(re.escape, names))) + r")\b")
    for each in every:
        if each.name not in SHELLS:
            continue
        for token in each.head:
            match = used.search(token.text) if token.kind == "filled" else None
            if match:
                yield here.found(token.at + match.start(), "secret", f"${match[1]} is a credential; in double quotes Groovy writes it into the command, so use single ones", WARNING)  # fmt: skip


def _bound(statement: Statement) -> Iterator[str]:
    """The variables that hold a credential's secret part from here on."""
    words = statement.head
    if len(words) > 3 and words[1].text == "=" and words[2].text == "credentials":
        yield words[0].text
        yield f"{words[0].text}_PSW"
    if statement.name != "withCredentials":
        return
    for key, colon, value in zip(words, words[1:], words[2:], strict=False):
        if key.text in SECRET and colon.text == ":" and value.kind in ("plain", "filled"):
            yield value.text.strip("'\"")


SECTIONS: dict[str, Callable[[_Here, Statement], Iterator[Said]]] = {
    "agent": _agent,
    "post": _post,
    "environment": _environment,
    "steps": _steps,
    "when": _when,
    "options": _declared,
    "parameters": _declared,
    "triggers": _declared,
    "input": _input,
}

VALIDATORS = (Validator("jenkinsfile", frozenset({"jenkinsfile"}), _check),)
