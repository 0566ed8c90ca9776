"""What no schema says of a GitHub workflow: whether what it refers to is there. actionlint says it too, and stops at the first fault of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import Document
from .expressions import Reference, Unreadable, embedded, references
from .values import ERROR, Finding, Said, Source, Validator, is_rows, is_table, rows, table, texts

if TYPE_CHECKING:
    from .running import Runner

NAME = "workflow-references"
ALWAYS_EXPRESSIONS = ("if",)


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        if source.documents.fault is None:
            for document in source.documents.mappings():
                yield from _Workflow(source, document).findings()


class _Scope(NamedTuple):
    """What may be referred to at one place; None is "anything"."""

    steps: frozenset[str] | None
    matrix: frozenset[str] | None
    needs: frozenset[str] | None


class _Workflow:
    """One workflow under examination."""

    def __init__(self, source: Source, document: Document) -> None:
        self._path = source.path
        self._document = document
        self._jobs = table(document.value.get("jobs"))
        self._inputs = self._declared_inputs()

    def findings(self) -> Iterator[Said]:
        """Everything that is referred to and is not there."""
        for name, job in self._jobs.items():
            if is_table(job):
                yield from self._needs(name, job)
                yield from self._steps(name, job)
                yield from self._job_expressions(name, job)
        yield from self._circles()
        top = {key: value for key, value in self._document.value.items() if key not in ("jobs", "on")}
        yield from self._expressions(top, (), _Scope(None, None, None))

    def _say(self, path: Sequence[Any], rule: str, message: str) -> Finding:
        place = self._document.place(path)
        return Finding(self._path, place.line, place.column, NAME, rule, ERROR, message[:300])

    def _declared_inputs(self) -> frozenset[str] | None:
        on = self._document.value.get("on")
        found: set[str] = set()
        for event in ("workflow_call", "workflow_dispatch"):
            found |= {str(name).lower() for name in table(table(table(on).get(event)).get("inputs"))}
        return frozenset(found) if self._jobs else None

    def _needs(self, name: Any, job: dict[Any, Any]) -> Iterator[Said]:
        known = {str(each).lower() for each in self._jobs}
        for need in texts(job.get("needs")):
            if need.lower() not in known and "${{" not in need:
                yield self._say(
                    ("jobs", name, "needs"), "needs", f"job {name!r} needs {need!r}, and there is no such job"
                )

    def _circles(self) -> Iterator[Said]:
        for name, job in self._jobs.items():
            if str(name).lower() in self._reached(texts(table(job).get("needs"))):
                yield self._say(("jobs", name, "needs"), "needs-circle", f"job {name!r} needs itself, by way of others")
                return

    def _reached(self, names: list[str]) -> set[str]:
        lowered = {str(name).lower(): table(job) for name, job in self._jobs.items()}
        found: set[str] = set()
        waiting = [name.lower() for name in names]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [each.lower() for each in texts(lowered.get(name, {}).get("needs"))]
        return found

    def _steps(self, name: Any, job: dict[Any, Any]) -> Iterator[Said]:
        seen: set[str] = set()
        for number, step in enumerate(rows(job.get("steps"))):
            identity = table(step).get("id")
            path = ("jobs", name, "steps", number)
            yield from self._expressions(step, path, self._scope(job, frozenset(seen)))
            if not isinstance(identity, str):
                continue
            if identity.lower() in seen:
                yield self._say((*path, "id"), "step-id", f"the step id {identity!r} stands twice in job {name!r}")
            seen.add(identity.lower())

    def _scope(self, job: dict[Any, Any], steps: frozenset[str] | None) -> _Scope:
        needs = frozenset(each.lower() for each in texts(job.get("needs")))
        return _Scope(steps, matrix_keys(job), needs)

    def _job_expressions(self, name: Any, job: dict[Any, Any]) -> Iterator[Said]:
        ids = frozenset(str(table(step).get("id", "")).lower() for step in rows(job.get("steps")))
        for key, value in job.items():
            if key == "steps":
                continue
            steps = ids if key == "outputs" else frozenset[str]() if key in ("if", "env", "name") else None
            matrix = None if key in ("outputs", "strategy") else matrix_keys(job)
            scope = _Scope(steps, matrix, frozenset(each.lower() for each in texts(job.get("needs"))))
            yield from self._expressions(value, ("jobs", name, key), scope)

    def _expressions(self, value: Any, path: tuple[Any, ...], scope: _Scope) -> Iterator[Said]:
        if is_table(value):
            for key, each in value.items():
                yield from self._expressions(each, (*path, key), scope)
        elif is_rows(value):
            for number, each in enumerate(value):
                yield from self._expressions(each, (*path, number), scope)
        elif isinstance(value, str):
            yield from self._text(value, path, scope)

    def _text(self, text: str, path: tuple[Any, ...], scope: _Scope) -> Iterator[Said]:
        try:
            bare = bool(path) and path[-1] in ALWAYS_EXPRESSIONS and "${{" not in text
            for expression in [text] if bare else [each for each, _ in embedded(text)]:
                for reference in references(expression):
                    problem = self._problem(reference, scope)
                    if problem:
                        yield self._say(path, "reference", problem)
        except Unreadable as problem:
            yield self._say(path, "expression", str(problem))

    def _problem(self, reference: Reference, scope: _Scope) -> str | None:
        """Why the reference leads nowhere; None where it does not."""
        if len(reference.parts) < 2 or "*" in reference.parts[:2]:
            return None
        context, name = reference.parts[0], reference.parts[1].lower()
        if context == "steps" and scope.steps is not None and name not in scope.steps:
            return f"steps.{reference.parts[1]}: no earlier step of this job has that id"
        if context == "matrix" and scope.matrix is not None and name not in scope.matrix:
            return f"matrix.{reference.parts[1]}: the matrix has no such key"
        if context == "needs" and scope.needs is not None:
            return self._need(reference, scope.needs)
        if context == "inputs" and self._inputs is not None and name not in self._inputs:
            return f"inputs.{reference.parts[1]}: no such input is declared"
        return None

    def _need(self, reference: Reference, needs: frozenset[str]) -> str | None:
        name = reference.parts[1]
        if name.lower() not in needs:
            return f"needs.{name}: this job does not name {name!r} under needs"
        job = table(next((job for key, job in self._jobs.items() if str(key).lower() == name.lower()), None))
        if len(reference.parts) < 4 or reference.parts[2].lower() != "outputs" or "uses" in job or not job:
            return None
        outputs = {str(each).lower() for each in table(job.get("outputs"))}
        output = reference.parts[3]
        return None if output == "*" or output.lower() in outputs else f"needs.{name}.outputs.{output}: job {name!r} has no such output"  # fmt: skip


def matrix_keys(job: dict[Any, Any]) -> frozenset[str] | None:
    """The keys of the job's matrix; None where only the run knows them."""
    strategy = job.get("strategy")
    if isinstance(strategy, str):
        return None
    matrix = table(strategy).get("matrix")
    if isinstance(matrix, str):
        return None
    found = {str(key).lower() for key in table(matrix) if key not in ("include", "exclude")}
    include = table(matrix).get("include")
    if isinstance(include, str):
        return None
    for each in rows(include):
        if not is_table(each):
            return None
        found |= {str(key).lower() for key in each}
    return frozenset(found)


VALIDATORS = (Validator(NAME, frozenset({"github-workflow"}), _check),)
