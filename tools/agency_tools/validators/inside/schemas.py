"""Checks by the published JSON Schemas that check-jsonschema carries, held warm."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .document import Document, is_placeholder
from .values import ERROR, Finding, Said, Source, Unchecked, Validator, is_table, library

if TYPE_CHECKING:
    from .running import Runner

SCHEMAS = {
    "github-workflow": "github-workflows",
    "github-action": "github-actions",
    "dependabot": "dependabot",
    "gitlab-ci": "gitlab-ci",
    "compose": "compose-spec",
    "circle-ci": "circle-ci",
    "azure-pipelines": "azure-pipelines",
    "bitbucket-pipelines": "bitbucket-pipelines",
    "cloudbuild": "cloudbuild",
    "drone-ci": "drone-ci",
    "buildkite": "buildkite",
    "travis": "travis",
}
"""The schema of each kind."""

LONGEST = 300
UNEXPECTED = re.compile(r"\((.*) (?:was|were) unexpected\)")


@functools.lru_cache(maxsize=64)
def validator(name: str) -> Any:
    """A validator of a schema that check-jsonschema carries. Raises NotRun where it is not installed."""
    package = library("check_jsonschema", "check-jsonschema")
    path = os.path.join(os.path.dirname(package.__file__), "builtin_schemas", "vendor", f"{name}.json")
    with open(path, encoding="utf-8") as file:
        return compiled(json.load(file))


def compiled(schema: Any) -> Any:
    """A validator for the schema, which is checked with the metaschema it names."""
    validators = library("jsonschema.validators", "jsonschema")
    return validators.validator_for(schema, default=validators.Draft202012Validator)(schema)


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    better = {"github-workflow"} if runner.has("actionlint") else set[str]()  # it knows what came after the schema
    for source in sources:
        for kind in sorted((source.kinds & set(SCHEMAS)) - better):
            yield from against(source, validator(SCHEMAS[kind]), "schema", kind)


def against(source: Source, schema: Any, name: str, rule: str) -> Iterator[Said]:
    """What the schema says of the file's documents; a file that cannot be read is the syntax check's."""
    if source.documents.fault is not None:
        yield Unchecked(source.path, "it cannot be read as YAML")
        return
    for document in source.documents.documents:
        if document.value is not None:
            yield from violations(source.path, document, schema.iter_errors(document.value), name, rule)


def violations(path: str, document: Document, errors: Any, name: str, rule: str) -> Iterator[Finding]:
    """Each violation at its place, except of values that something else will fill in."""
    for error in errors:
        deepest = _deepest(error)
        if is_placeholder(deepest.instance):
            continue
        place = document.place(_blamed(deepest))
        yield Finding(path, place.line, place.column, name, rule, ERROR, message(deepest))


def _blamed(error: Any) -> Sequence[Any]:
    """The path of what is wrong: of the key itself where a key is too many."""
    path = list(error.absolute_path)
    if error.validator in ("additionalProperties", "unevaluatedProperties") and is_table(error.instance):
        extra = _extra_keys(error)
        return [*path, extra[0]] if extra else path
    return path


def _extra_keys(error: Any) -> list[Any]:
    """The keys that are too many. Only the message says which, where they are judged by several schemas at once."""
    named = UNEXPECTED.search(str(error.message))
    return [key for key in error.instance if named and repr(key) in named[1]]


def _deepest(error: Any) -> Any:
    """Of an error with alternatives, the one in the alternative that the value came nearest to."""
    while error.context:
        best = library("jsonschema.exceptions", "jsonschema").best_match(error.context)
        if best is None or len(best.absolute_path) < len(error.absolute_path):
            return error
        if len(best.absolute_path) == len(error.absolute_path) and best.validator in ("type", "enum", "const"):
            return error
        error = best
    return error


def message(error: Any) -> str:
    """What is wrong and where in the document, in one line."""
    where = ".".join(str(part) for part in error.absolute_path)
    text = _said(error)
    return f"{where}: {text}"[:LONGEST] if where else text[:LONGEST]


def _said(error: Any) -> str:
    if error.validator in ("additionalProperties", "unevaluatedProperties") and is_table(error.instance):
        extra = _extra_keys(error)
        if extra:
            return f"unknown key {', '.join(repr(str(key)) for key in extra[:3])}"
    if error.validator in ("oneOf", "anyOf"):
        return f"{json.dumps(error.instance, default=str)[:120]} fits none of the forms allowed here"
    return str(error.message)


VALIDATORS = (Validator("schema", frozenset(SCHEMAS), _check),)
