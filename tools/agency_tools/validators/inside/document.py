"""YAML and JSON with the place of every value, read as YAML 1.2's core schema, as the tools that use the files do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .values import is_table, library

MOST_ALIASES = 200
DEEPEST = 100


class Place(NamedTuple):
    """Where a value, or the key that names it, stands; counted from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """Why the text cannot be read."""

    line: int
    column: int
    message: str


class Document(NamedTuple):
    """One document: its value, and the place of every value in it by path."""

    value: Any
    places: dict[tuple[Any, ...], Place]
    line: int

    def place(self, path: Sequence[Any]) -> Place:
        """Where the value stands, or the nearest one around it."""
        parts = tuple(path)
        while parts and parts not in self.places:
            parts = parts[:-1]
        return self.places.get(parts, Place(self.line, 1))


class Parsed(NamedTuple):
    """All documents of a file, and why it stops where it does."""

    documents: tuple[Document, ...]
    fault: Fault | None

    def mappings(self) -> Iterator[Document]:
        """The documents that are mappings."""
        return (document for document in self.documents if is_table(document.value))


_RESOLVERS = (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$")),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")),
    ("int", re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")),
    ("float", re.compile(r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")),
)  # fmt: skip


def scalar(text: str) -> Any:
    """A plain scalar's value."""
    kind = next((name for name, pattern in _RESOLVERS if pattern.match(text)), "str")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if kind == "float":
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".nan", "nan").replace(".NaN", "nan").replace(".NAN", "nan"))  # fmt: skip
    return text


UNQUOTED = "{{ … }}"
"""What `{{ name }}` without quotes stands for, which YAML reads as a mapping with a mapping as its key; and `!reference`,
which GitLab replaces by a value from elsewhere."""

QUOTED = ("'", '"', "|", ">")
"""The styles of scalars that are text whatever they look like; a plain one has none, or an empty one by libyaml."""


class _Reader:
    """Turns one composed document into values and places."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        self.places: dict[tuple[Any, ...], Place] = {}
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: Any, path: tuple[Any, ...]) -> Any:
        """The node's value; what nests or repeats without end is None."""
        self._count += 1
        if len(path) > DEEPEST or id(node) in self._open or self._count > 500_000:
            return None
        self.places.setdefault(path, Place(node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, self._yaml.ScalarNode):
            return self._scalar(node)
        if node.tag == "!reference":
            return UNQUOTED
        self._open.add(id(node))
        try:
            if isinstance(node, self._yaml.SequenceNode):
                return [self.value(each, (*path, number)) for number, each in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: Any) -> Any:
        if node.style in QUOTED:
            return node.value
        if node.tag == "!" or (node.tag and not node.tag.startswith("tag:yaml.org,2002:")):
            return node.value
        return scalar(node.value)

    def _mapping(self, node: Any, path: tuple[Any, ...]) -> Any:
        if node.flow_style and any(not isinstance(key, self._yaml.ScalarNode) for key, _ in node.value):
            return UNQUOTED
        found: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node) if isinstance(key_node, self._yaml.ScalarNode) else None
            if key == "<<" and key_node.style not in QUOTED:
                for each in value_node.value if isinstance(value_node, self._yaml.SequenceNode) else [value_node]:
                    more = self.value(each, (*path, "<<"))
                    merged.update(more if is_table(more) else {})
                continue
            if isinstance(key, float) and key != key:
                key = key_node.value
            self.places[(*path, key)] = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            found[key] = self.value(value_node, (*path, key))
        return {**merged, **found}


NESTED = re.compile(r"(?:[\[{]\s*){1000}")
"""More than any reader takes; each further bracket costs PyYAML as much as all before it."""


def parsed(text: str) -> Parsed:
    """The documents of a YAML or JSON text. Raises NotRun where PyYAML is not installed."""
    yaml = library("yaml", "PyYAML")
    if NESTED.search(text):
        return Parsed((), Fault(1, 1, "it nests deeper than 1,000"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents: list[Document] = []
    try:
        for node in yaml.compose_all(text, Loader=loader):
            reader = _Reader(yaml)
            value = reader.value(node, ())
            documents.append(Document(value, reader.places, node.start_mark.line + 1))
    except yaml.YAMLError as problem:
        return Parsed(tuple(documents), _fault(problem))
    except (ValueError, RecursionError) as problem:
        return Parsed(tuple(documents), Fault(1, 1, f"cannot be read: {problem}"))
    return Parsed(tuple(documents), None)


def _fault(problem: Any) -> Fault:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    parts = [getattr(problem, "context", None), getattr(problem, "problem", None)]
    message = ", ".join(str(part) for part in parts if part) or str(problem).splitlines()[0]
    return Fault(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message)


def json_fault(text: str) -> Fault | None:
    """Why the text is no JSON; None where it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as problem:
        return Fault(problem.lineno, problem.colno, problem.msg)
    except (ValueError, RecursionError) as problem:
        return Fault(1, 1, str(problem))
    return None


TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{\{|\[\[ ?[.$]|^\s*#\{|@@[A-Z_]+@@|^%\w", re.MULTILINE)
"""What only a template engine's input holds."""

CONTROL = re.compile(
    r"^\s*(?:- )?(?:\{\{-?\s*(?:if|range|with|end|define|template|include|else|block|toYaml|/\*|\.|\$\w+ :?=)|\{%|<%|#\{|\[\[ ?[.$]|%\w)"
    r"|@@[A-Z_]+@@",
    re.MULTILINE,
)
"""A line that only a template engine understands."""

BARE = re.compile(r"""^\s*(?:- )?[\w./-]+:\s+(?![|>"'])[^"'#\n]*(?<!\$)\{\{""", re.MULTILINE)
"""A value without quotes that a template engine fills in."""

FILLED_LATER = frozenset({"ansible-playbook", "ansible-tasks", "github-workflow", "github-action", "prometheus-rules", "alertmanager", "gitlab-ci", "azure-pipelines"})  # fmt: skip
"""Kinds that are YAML before their {{ … }} are filled in."""

STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def is_template(text: str, kinds: frozenset[str]) -> bool:
    """Whether the text becomes YAML only when a template engine has filled it in."""
    return CONTROL.search(text) is not None or (not kinds & FILLED_LATER and BARE.search(text) is not None)


def is_json_template(text: str) -> bool:
    """Whether a template engine's input stands outside of the strings."""
    return TEMPLATE.search(STRING.sub('""', text)) is not None


PLACEHOLDER = re.compile(r"\{\{|\{%|\$\{|\$\(|\$[A-Z_]|<[A-Za-z][\w .-]*>|^__\w+__$|%[A-Z_]+%|@@?[A-Z_]+@@?|#\{")
"""A value that something else will replace before the file is used."""


def is_placeholder(value: Any) -> bool:
    """Whether the value stands for another that is filled in later."""
    return isinstance(value, str) and PLACEHOLDER.search(value) is not None
