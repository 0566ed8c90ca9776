"""Helm charts by `helm lint`, and what they render to by the Kubernetes schemas."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .document import parsed
from .kubernetes import VERSION, objects_said
from .values import ERROR, WARNING, Finding, Said, Source, Unchecked, Validator, rows, table

if TYPE_CHECKING:
    from .running import Runner

CLUSTER = ("--kube-version", f"{VERSION}.0")
"""A chart may ask for a version of Kubernetes: the one whose schemas judge what it renders."""

LINTED = re.compile(
    r"^\[(?P<level>ERROR|WARNING|INFO)\] (?P<path>[^\s:]*)(?::(?P<line>\d+))?:? ?(?P<what>.*)$", re.MULTILINE
)
AT = re.compile(
    r"(?:\(|template: |: )[\w.-]+/(?P<path>(?:templates|charts|values)[^:\s)]*):(?P<line>\d+)(?::(?P<column>\d+))?"
)
MISSING = re.compile(r"found in Chart\.yaml, but missing in charts/|missing dependencies|dependency update")
NOT_OURS = re.compile(
    r"icon is recommended|directory not found|chart directory is missing|nil pointer evaluating interface|required|must be set|execution error at"
)
"""What says that the chart needs values or charts that are not here, not that it is wrong."""


def _check(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("helm")
    for folder in sorted({chart_of(runner.root, source) for source in sources} - {None}, key=str):
        yield from _chart(folder or ".", runner)


def chart_of(root: str, source: Source) -> str | None:
    """The outermost chart that the file belongs to."""
    parts = source.path.split("/")[:-1]
    for size in range(len(parts) + 1):
        if os.path.isfile(os.path.join(root, *parts[:size], "Chart.yaml")):
            return "/".join(parts[:size]) or "."
    return None


def _chart(folder: str, runner: Runner) -> Iterator[Said]:
    at = "" if folder == "." else f"{folder}/"
    with runner.scratch() as home:
        env = {f"HELM_{name}_HOME": home for name in ("CACHE", "CONFIG", "DATA")}
        linted = runner.run(["helm", "lint", *CLUSTER, f"./{folder}"], env=env)
        text = linted.out + linted.err
        if MISSING.search(text):
            yield Unchecked(f"{at}Chart.yaml", "the charts it depends on are not here")
            return
        found = list(_linted(at, text))
        yield from found
        if not any(isinstance(each, Finding) for each in found):
            yield from _rendered(folder, at, runner, env)


def _linted(at: str, text: str) -> Iterator[Said]:
    for each in LINTED.finditer(text):
        what = each["what"].strip()
        if each["level"] == "INFO":
            continue
        if NOT_OURS.search(what) or ("missing these dependencies" in text and "no template " in what):
            if each["level"] == "ERROR":
                yield Unchecked(f"{at}Chart.yaml", f"it needs values that are not given: {what[:160]}")
            continue
        place = AT.search(what)
        path = f"{at}{place['path']}" if place else f"{at}{each['path'].strip('/') or 'Chart.yaml'}"
        path = f"{at}Chart.yaml" if path in (f"{at}templates", at, f"{at}.") else path
        line = int(place["line"]) if place else int(each["line"] or 1)
        severity = ERROR if each["level"] == "ERROR" else WARNING
        yield Finding(path, line, int(place["column"] or 1) if place else 1, "helm", "lint", severity, what[:400])


def _rendered(folder: str, at: str, runner: Runner, env: dict[str, str]) -> Iterator[Said]:
    """The manifests that the chart makes with its own values; a fault is told at the template's first line."""
    ran = runner.run(["helm", "template", "release", *CLUSTER, f"./{folder}"], env=env)
    if ran.code != 0:
        yield Unchecked(f"{at}Chart.yaml", f"it does not render with its own values: {ran.err.strip()[-160:]}")
        return
    for part in re.split(r"^---\s*$", ran.out, flags=re.MULTILINE):
        named = re.search(r"^# Source: [^/\s]+/(\S+)", part, re.MULTILINE)
        document = parsed(part)
        if named and document.fault is None:
            for said in objects_said(Source(runner.root, f"{at}{named[1]}", part), document):
                if isinstance(said, Finding):
                    yield said._replace(line=1, column=1, message=f"rendered: {said.message}")


def _described(sources: list[Source], _: Runner) -> Iterator[Said]:
    """What a Chart.yaml must say, where helm is not there to ask."""
    for source in sources:
        for document in source.documents.mappings():
            for name in ("apiVersion", "name", "version"):
                if not document.value.get(name):
                    yield Finding(source.path, 1, 1, "chart", "missing", ERROR, f"{name} is missing")
            version = document.value.get("version")
            if version and not re.match(r"^v?\d+(?:\.\d+){0,2}(?:[-+][\w.+-]+)?$", str(version)):
                place = document.place(("version",))
                yield Finding(source.path, place.line, place.column, "chart", "version", ERROR, f"{version!r} is no semantic version")  # fmt: skip
            for number, each in enumerate(rows(document.value.get("dependencies"))):
                if not table(each).get("name"):
                    place = document.place(("dependencies", number))
                    yield Finding(source.path, place.line, place.column, "chart", "dependency", ERROR, "a dependency without a name")  # fmt: skip


VALIDATORS = (
    Validator("helm", frozenset({"chart", "helm-template", "helm-values"}), _check),
    Validator("chart", frozenset({"chart"}), _described),
)
