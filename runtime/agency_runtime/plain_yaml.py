"""YAML read for its shape alone: every scalar is the string that was written, whatever it looks like.

`yes`, `2.0` and `2026-02-27` stay what the author typed; whoever needs a number asks for one. Built on the
parser's events with an explicit stack, because libyaml's own composer recurses and overruns the C stack on
deeply nested input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = str | Sequence["Value"] | Mapping[str, "Value"]

MAX_DEPTH = 16
MAX_NODES = 5_000


class PlainYamlError(Exception):
    """Not YAML, or YAML beyond the bounds; one line. `line` counts from 1, where known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A document's top-level mapping; `duplicates` are top-level keys given more than once (the last one counts)."""

    fields: Mapping[str, Value]
    duplicates: tuple[str, ...] = ()


@dataclass
class _Open:
    """A collection whose end has not been met."""

    value: "dict[str, Value] | list[Value]"
    anchor: str | None
    size: int = 1
    key: str | None = None
    duplicates: list[str] = field(default_factory=list[str])

    def take(self, item: Value, size: int) -> None:
        self.size += size
        if isinstance(self.value, list):
            self.value.append(item)
        elif self.key is None:
            self.key = _as_key(item)
        else:
            if self.key in self.value:
                self.duplicates.append(self.key)
            self.value[self.key] = item
            self.key = None


def _as_key(item: Value) -> str:
    if not isinstance(item, str):
        raise PlainYamlError("a key is a list or a mapping")
    return item


@dataclass
class _Composer:
    """Turns events into values, refusing what is too deep or, aliases expanded, too large."""

    stack: list[_Open] = field(default_factory=list[_Open])
    anchors: dict[str, tuple[Value, int]] = field(default_factory=dict[str, "tuple[Value, int]"])
    root: Value | None = None
    duplicates: tuple[str, ...] = ()
    nodes: int = 0

    def open(self, value: "dict[str, Value] | list[Value]", anchor: str | None) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise PlainYamlError(f"nested deeper than {MAX_DEPTH} levels")
        self.stack.append(_Open(value, anchor))

    def close(self) -> None:
        done = self.stack.pop()
        if not self.stack:
            self.duplicates = tuple(done.duplicates)
        self.add(done.value, done.anchor, done.size)

    def alias(self, name: str) -> None:
        if name not in self.anchors:
            raise PlainYamlError(f"alias *{name} refers to nothing")
        value, size = self.anchors[name]
        self.add(value, None, size)

    def add(self, value: Value, anchor: str | None, size: int = 1) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise PlainYamlError(f"more than {MAX_NODES} values, aliases expanded")
        if anchor:
            self.anchors[anchor] = (value, size)
        if self.stack:
            self.stack[-1].take(value, size)
        else:
            self.root = value


def parse(text: str) -> Parsed:
    """The one mapping that `text` is. Raises PlainYamlError."""
    import yaml

    composer = _Composer()
    try:
        _compose(_loader(text), composer)
    except yaml.MarkedYAMLError as error:
        raise PlainYamlError(error.problem or "not YAML", _line(error)) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise PlainYamlError("holds characters that YAML does not allow") from error
    if composer.root is None or composer.root == "":
        return Parsed(fields={})
    if not isinstance(composer.root, dict):
        raise PlainYamlError("not a list of `key: value` fields", 1)
    return Parsed(fields=composer.root, duplicates=composer.duplicates)


def _loader(text: str) -> Any:
    import yaml

    return getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text)


def _line(error: Any) -> int | None:
    return error.problem_mark.line + 1 if error.problem_mark else None


def _compose(loader: Any, composer: _Composer) -> None:
    import yaml

    documents = 0
    while loader.check_event():
        match loader.get_event():
            case yaml.ScalarEvent(value=str(text), anchor=anchor):
                composer.add(text, anchor)
            case yaml.MappingStartEvent(anchor=anchor):
                composer.open({}, anchor)
            case yaml.SequenceStartEvent(anchor=anchor):
                composer.open([], anchor)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                composer.close()
            case yaml.AliasEvent(anchor=str(name)):
                composer.alias(name)
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise PlainYamlError("more than one YAML document")
            case _:
                pass
