"""Prometheus: rules by promtool, or by promql-parser where there is none; the tests that lie beside them; configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import Document, is_placeholder
from .values import ERROR, Finding, Said, Source, Unchecked, Validator, is_table, library, rows, table

if TYPE_CHECKING:
    from .running import Runner

NEWER = re.compile(r"field (\w+) not found")
FAILED = re.compile(r"^FAILED: (?:parsing YAML file [^:]+: )?(?=.)")
"""What stands before the first fault of a configuration, on the same line."""

AT_LINE = re.compile(r"(?:^|\s)(?:yaml: )?(?:line )?(\d+):(?:(\d+):)?\s*(.*)$")


def _expressions(document: Document) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Each rule's name, expression and place in the document, of rule files and of PrometheusRule objects."""
    root: tuple[Any, ...] = ()
    value = document.value
    if value.get("kind") == "PrometheusRule":
        root, value = ("spec",), value.get("spec")
    for at, group in enumerate(rows(table(value).get("groups"))):
        for number, rule in enumerate(rows(table(group).get("rules"))):
            if is_table(rule):
                name = rule.get("alert") or rule.get("record") or "rule"
                yield str(name), rule.get("expr", ""), (*root, "groups", at, "rules", number)


def _promql(sources: list[Source], _: Runner) -> Iterator[Said]:
    parser = library("promql_parser", "promql-parser")
    for source in sources:
        if "prometheus-rules" not in source.kinds and "kind: PrometheusRule" not in source.text:
            continue
        if source.documents.fault is not None:
            yield Unchecked(source.path, "it cannot be read as YAML")
            continue
        for document in source.documents.mappings():
            for name, expression, path in _expressions(document):
                yield from _expression(source, document, parser, name, expression, path)


def _expression(
    source: Source, document: Document, parser: Any, name: str, expression: Any, path: tuple[Any, ...]
) -> Iterator[Said]:
    if not isinstance(expression, str) or is_placeholder(expression) or _is_other_language(expression):
        return
    try:
        parser.parse(expression)
    except ValueError as problem:
        place = document.place((*path, "expr"))
        text = " ".join(str(problem).split())[:250]
        yield Finding(source.path, place.line, place.column, "promql", "expression", ERROR, f"{name}: {text}")


def _is_other_language(expression: str) -> bool:
    """Loki's rule files look the same and hold LogQL."""
    return re.search(r"\|[=~>]|!~?\s*`|\|\s*(?:json|logfmt|unwrap|line_format|pattern)\b|\{[^}]*\}\s*(?:\|=|!=\s*\")", expression) is not None  # fmt: skip


def _rules(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("promtool")
    kept: list[Source] = []
    for source in sources:
        if source.documents.fault is not None or _foreign(source):
            yield Unchecked(source.path, "no Prometheus rules that can be read")
        else:
            kept.append(source)
    yield from _judged(kept, runner)


def _foreign(source: Source) -> bool:
    """Whether an expression is in another language."""
    return any(
        _is_other_language(str(expression))
        for document in source.documents.mappings()
        for _, expression, _ in _expressions(document)
    )


def _judged(sources: list[Source], runner: Runner) -> Iterator[Said]:
    """Many files in one call, as long as they pass; those that do not are found by halves."""
    if not sources:
        return
    ran = runner.run(["promtool", "check", "rules", "--lint=none", *(f"./{source.path}" for source in sources)])
    if ran.code == 0:
        return
    if len(sources) == 1:
        yield from _complaints(sources[0], ran.err + ran.out, "promtool")
        return
    half = len(sources) // 2
    yield from _judged(sources[:half], runner)
    yield from _judged(sources[half:], runner)


def _complaints(source: Source, text: str, name: str) -> Iterator[Said]:
    """Promtool's lines of complaint, each at its line where it names one."""
    for line in text.splitlines():
        line = FAILED.sub("", line.strip())
        if (
            not line
            or line.startswith(("Checking", "FAILED", "SUCCESS", "Unit Testing"))
            or line.endswith("unmarshal errors:")
        ):
            continue
        line = line.removeprefix("./").removeprefix(source.path).lstrip(": ")
        at = AT_LINE.search(line)
        number, column, said = (int(at[1]), int(at[2] or 1), at[3]) if at else (1, 1, line)
        rule = re.search(r'group "[^"]*", rule \d+, "([^"]*)"', line)
        number = source.line_of(rule[1], number) if rule else number
        newer = NEWER.search(line)
        if newer and newer[1] not in ("rule", "group", "alerts"):
            number = source.line_of(newer[1], number)
        yield Finding(source.path, max(number, 1), column, name, "syntax", ERROR, (said or line)[:300])


def _tests(sources: list[Source], runner: Runner) -> Iterator[Said]:
    """Unit tests of rules, run; and those beside a rule file that was given alone."""
    for source in sources:
        path = os.path.join(runner.root, source.path)
        ran = runner.run(["promtool", "test", "rules", os.path.basename(path)], cwd=os.path.dirname(path))
        if ran.code != 0:
            text = " ".join((ran.out + ran.err).split())
            yield Finding(source.path, 1, 1, "promtool-test", "test", ERROR, text[:600])


def _configuration(sources: list[Source], runner: Runner) -> Iterator[Said]:
    runner.need("promtool")
    for source in sources:
        if source.documents.fault is not None:
            yield Unchecked(source.path, "it cannot be read as YAML")
            continue
        ran = runner.run(["promtool", "check", "config", "--syntax-only", f"./{source.path}"])
        if ran.code == 0:
            continue
        text = ran.err + ran.out
        newer = [name for name in NEWER.findall(text) if _is_known_later(name)]
        if newer:
            yield Unchecked(source.path, f"this promtool does not know {', '.join(sorted(set(newer)))}")
            continue
        yield from _complaints(source, text, "promtool")


LATER = frozenset({"otlp", "scrape_native_histograms", "convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms", "metric_name_validation_scheme", "metric_name_escaping_scheme", "scrape_failure_log_file", "scrape_fallback_protocol", "fallback_scrape_protocol", "extra_scrape_metrics", "label_name_length_limit", "query_offset"})  # fmt: skip
"""Fields that came after the promtool of the image."""


def _is_known_later(name: str) -> bool:
    """Whether a field that promtool misses is one of a later release, or of a discovery that Debian leaves out."""
    return name in LATER or name.endswith("_sd_configs")


VALIDATORS = (
    Validator("promtool", frozenset({"prometheus-rules"}), _rules, instead_of=("promql",)),
    Validator("promql", frozenset({"prometheus-rules", "kubernetes"}), _promql),
    Validator("promtool-test", frozenset({"prometheus-tests"}), _tests),
    Validator("promtool-config", frozenset({"prometheus-config"}), _configuration),
)
