"""Kustomizations: built by `kubectl kustomize`, and what comes of it judged by the Kubernetes schemas."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .document import parsed
from .kubernetes import objects_said
from .values import ERROR, Finding, Said, Source, Unchecked, Validator, rows, texts

if TYPE_CHECKING:
    from .running import Runner

REMOTE = re.compile(r"^(?:https?|ssh|git)::?|^git@|^github\.com/|\?ref=|^[\w.-]+\.[a-z]{2,}/")
LARGEST = 500_000
"""Characters of a build's result that are still judged as a whole."""

LISTS = (
    "resources",
    "bases",
    "components",
    "crds",
    "transformers",
    "generators",
    "patchesStrategicMerge",
    "configurations",
)


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    for source in sources:
        if source.documents.fault is not None:
            yield Unchecked(source.path, "it cannot be read as YAML")
            continue
        found = list(_missing(source, runner.root))
        yield from found
        if not found:
            yield from _built(source, runner)


def _missing(source: Source, root: str) -> Iterator[Said]:
    """Files that it names and that are not there."""
    for document in source.documents.mappings():
        for name in LISTS:
            for number, each in enumerate(rows(document.value.get(name))):
                if not isinstance(each, str) or REMOTE.search(each) or "\n" in each or "${" in each:
                    continue
                if not os.path.exists(os.path.join(root, source.folder, each)):
                    place = document.place((name, number))
                    yield Finding(source.path, place.line, place.column, "kustomize", "missing", ERROR, f"{name}: there is no {each}")  # fmt: skip


def remote(source: Source) -> bool:
    """Whether it takes something from elsewhere, which a sandbox without network cannot."""
    return any(
        REMOTE.search(each)
        for document in source.documents.mappings()
        for name in LISTS
        for each in texts(document.value.get(name))
    ) or any("helmCharts" in document.value for document in source.documents.mappings())


def _built(source: Source, runner: Runner) -> Iterator[Said]:
    program = ["kustomize", "build"] if runner.has("kustomize") else ["kubectl", "kustomize"]
    runner.need(program[0])
    if remote(source):
        yield Unchecked(source.path, "it takes parts from elsewhere, and there is no network here")
        return
    ran = runner.run([*program, f"./{source.folder or '.'}"])
    if ran.code == 0:
        if len(ran.out) > LARGEST:
            return  # its parts are judged by themselves
        for said in objects_said(source, parsed(ran.out)):
            if isinstance(said, Finding):
                yield said._replace(line=1, column=1, message=f"built: {said.message}")
        return
    text = " ".join(ran.err.split())
    if re.search(
        r"git (?:fetch|clone)|dial tcp|no such host|hit \d+s timeout|security; file .* is not in or below", text
    ):
        yield Unchecked(source.path, f"a part of it could not be taken: {text[-160:]}")
    elif not re.search(r"kind: Component", source.text):
        yield Finding(source.path, 1, 1, "kustomize", "build", ERROR, text.removeprefix("error: ")[:400])


VALIDATORS = (Validator("kustomize", frozenset({"kustomization"}), _check),)
