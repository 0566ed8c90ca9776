"""YAML, JSON and TOML as such: whether they can be read, and whether a key stands twice."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .document import NESTED, TEMPLATE, is_json_template, is_template, json_fault
from .values import ERROR, WARNING, Finding, NotRun, Said, Source, Unchecked, Validator, library

if TYPE_CHECKING:
    from .running import Runner

OWN_RULES = "rules: {key-duplicates: {forbid-duplicated-merge-keys: false}}"
"""What is always a fault; everything else is a matter of taste and belongs into the repository's own configuration."""

OWN_CONFIGURATIONS = (".yamllint", ".yamllint.yaml", ".yamllint.yml")


def _yamllint(sources: list[Source], runner: Runner) -> Iterator[Said]:
    linter, config = library("yamllint.linter", "yamllint"), library("yamllint.config", "yamllint")
    rules = _configuration(config, runner.root)
    for source in sources:
        if NESTED.search(source.text):
            yield Finding(source.path, 1, 1, "yamllint", "syntax", ERROR, str(source.documents.fault.message))
            continue
        if _has_duplicates_check_only(rules) and "yamllint" not in source.text and _unique(source):
            continue
        said = list(_problems(source, linter.run(source.text, rules, source.path)))
        yield from said
        fault = source.documents.fault
        if fault is not None and not any(isinstance(each, Unchecked) or each.rule == "syntax" for each in said):
            yield _template(source) or Finding(
                source.path, fault.line, fault.column, "yamllint", "syntax", ERROR, fault.message
            )


def _problems(source: Source, problems: Any) -> Iterator[Said]:
    for problem in problems:
        if problem.rule is None and (template := _template(source)):
            yield template
            return
        severity = ERROR if problem.rule in (None, "key-duplicates") else WARNING
        rule = problem.rule or "syntax"
        yield Finding(source.path, problem.line, problem.column, "yamllint", rule, severity, problem.desc)


def _template(source: Source) -> Unchecked | None:
    found = is_template(source.text, source.kinds)
    return Unchecked(source.path, "a template, which is no YAML before it is filled in") if found else None


def _has_duplicates_check_only(rules: Any) -> bool:
    return bool(getattr(rules, "own", False))


def _unique(source: Source) -> bool:
    """Whether libyaml, a hundred times as fast, reads the file and finds no key twice."""
    yaml = library("yaml", "PyYAML")
    if not hasattr(yaml, "CSafeLoader"):
        return False
    try:
        return all(_keys_once(yaml, node, set()) for node in yaml.compose_all(source.text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False


def _keys_once(yaml: Any, node: Any, seen: set[int]) -> bool:
    if isinstance(node, yaml.ScalarNode) or node is None or id(node) in seen:
        return True
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return all(_keys_once(yaml, each, seen) for each in node.value)
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    return len(keys) == len(set(keys)) and all(_keys_once(yaml, value, seen) for _, value in node.value)


def _configuration(config: Any, root: str) -> Any:
    """The repository's own rules where it has some, else ours. Raises NotRun where its own cannot be read."""
    for name in OWN_CONFIGURATIONS:
        path = os.path.join(root, name)
        if os.path.isfile(path):
            try:
                return config.YamlLintConfig(file=path)
            except config.YamlLintConfigError as problem:
                raise NotRun(f"{name}: {problem}") from problem
    found = config.YamlLintConfig(content=OWN_RULES)
    found.own = True
    return found


def _json(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        if not source.text.strip():
            continue
        fault = json_fault(source.text)
        if fault is None:
            continue
        if is_json_template(source.text):
            yield Unchecked(source.path, "a template, which is no JSON before it is filled in")
        elif re.search(r"^\s*//", source.text, re.MULTILINE):
            yield Unchecked(source.path, "JSON with comments")
        else:
            yield Finding(source.path, fault.line, fault.column, "json", "syntax", ERROR, fault.message)


def _toml(sources: list[Source], _: Runner) -> Iterator[Said]:
    try:
        tomllib: Any = importlib.import_module("tomllib")
    except ImportError as problem:
        raise NotRun("this Python has no tomllib; 3.11 has") from problem
    for source in sources:
        try:
            tomllib.loads(source.text)
        except ValueError as problem:
            if TEMPLATE.search(source.text):
                yield Unchecked(source.path, "a template, which is no TOML before it is filled in")
                continue
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(problem))
            line, column = (int(at[1]), int(at[2])) if at else (max(len(source.lines), 1), 1)
            message = re.sub(r" \(at .*\)$", "", str(problem))
            yield Finding(source.path, line, column, "toml", "syntax", ERROR, message)


VALIDATORS = (
    Validator("yamllint", frozenset({"yaml"}), _yamllint),
    Validator("json", frozenset({"json"}), _json),
    Validator("toml", frozenset({"toml"}), _toml),
)
