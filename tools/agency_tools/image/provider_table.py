#!/usr/bin/env python3
"""What a Terraform provider accepts, read from the signatures of the Python package that is generated from its schema.

    provider_table.py PACKAGE.whl TABLE.json.gz

The table: "resources" and "data" name for each type its block; "blocks" holds each distinct block once, as the names
it requires and, for every name it accepts, the number of the block that the name holds, or of the sort of value: -1 any,
-2 text, -3 a number, -4 true or false, -5 a list, -6 a mapping;
"exports" holds for each type what may be read of it.
"""

import ast
import gzip
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

CLASS = re.compile(r"^class (?P<name>\w+)(?:\((?P<bases>.*?)\))?:\n(?P<body>.*?)(?=^class |^__all__|\Z)", re.MULTILINE | re.DOTALL)  # fmt: skip
SIGNATURE = re.compile(
    r"    def __init__\(\n(?P<signature>.*?)\n    \) -> None:\n(?P<doc>        '''.*?''')?", re.DOTALL
)
TYPE = re.compile(r"/docs/(?:resources|data-sources)/\w+ (?P<type>\w+)\}")
DOC = re.compile(r":param (?P<parameter>\w+):.*?\{@link \S+/providers/(?P<provider>[\w-]+/[\w-]+)/(?P<version>[\d.]+)/docs\S*?#(?P<name>\w+) ")  # fmt: skip
GETTER = re.compile(r'@jsii\.member\(jsii_name="\w+"\)\n    def (\w+)\(self\) -> (?!None)')
DEEPEST = 8
"""Blocks within blocks that are read; what lies deeper is taken for anything."""

META = frozenset({"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"})  # fmt: skip
NOT_EXPORTED = re.compile(r"_input$|^_|^(?:cdktf_stack|node|fqn|friendly_unique_id|raw_overrides)$|^terraform_(?:meta|resource_type|generator)")  # fmt: skip


ANY, TEXT, NUMBER, BOOL, LIST, MAPPING = range(-1, -7, -1)


class Made(NamedTuple):
    """One class: the names it requires, and for every name the class it holds, or nothing."""

    required: tuple[str, ...]
    accepted: dict[str, str | int]


def classes(text: str) -> Iterator[tuple[str, str, str]]:
    """The name, bases and body of each class of a generated module."""
    for found in CLASS.finditer(text):
        yield found["name"], found["bases"] or "", found["body"]


def read(body: str) -> Made | None:
    """What the class's constructor takes, by the provider's own names."""
    found = SIGNATURE.search(body)
    if found is None:
        return None
    made = ast.parse(f"def made(\n{found['signature']}\n): pass").body[0]
    assert isinstance(made, ast.FunctionDef)
    names = {each["parameter"]: each["name"] for each in DOC.finditer(found["doc"] or "")}
    required: list[str] = []
    accepted: dict[str, str | int] = {}
    for parameter, default in zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True):
        if parameter.arg in META:
            continue
        name = names.get(parameter.arg, parameter.arg.rstrip("_"))
        accepted[name] = _held(parameter.annotation)
        if default is None:
            required.append(name)
    return Made(tuple(sorted(required)), accepted)


PLAIN = {"str": TEXT, "Number": NUMBER, "bool": BOOL, "Sequence": LIST, "Mapping": MAPPING}


def _held(annotation: ast.expr | None) -> str | int:
    """The class that a value of this type is or is a list of, else the sort of plain value."""
    nodes = list(ast.walk(annotation)) if annotation else []
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
    names = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    if "Any" in names:
        return ANY
    return next((PLAIN[name] for name in names if name in PLAIN), ANY)


class Table:
    """Collects the types of a provider; equal blocks are kept once."""

    def __init__(self) -> None:
        self.resources: dict[str, int] = {}
        self.data: dict[str, int] = {}
        self.exports: dict[str, list[str]] = {}
        self._blocks: dict[str, int] = {}
        self.provider = ""
        self.version = ""

    def add(self, text: str) -> None:
        """Take in one generated module."""
        found = {name: (bases, body) for name, bases, body in classes(text)}
        made = {name: read(body) for name, (_, body) in found.items()}
        for bases, body in found.values():
            kind = self._kind(bases)
            named = TYPE.search(body[:2000])
            if kind is None or named is None:
                continue
            this = read(body)
            if this is None:
                continue
            whole = DOC.search(body)
            if whole:
                self.provider, self.version = whole["provider"], whole["version"]
            kind[named["type"]] = self._number(this, made, 0)
            prefix = "data." if kind is self.data else ""
            self.exports[prefix + named["type"]] = sorted(
                {name.rstrip("_") for name in GETTER.findall(body) if not NOT_EXPORTED.search(name)}
                | set(this.accepted)
            )

    def _kind(self, bases: str) -> dict[str, int] | None:
        if "TerraformResource," in bases:
            return self.resources
        return self.data if "TerraformDataSource," in bases else None

    def _number(self, made: Made, all_made: dict[str, Made | None], depth: int) -> int:
        accepted: dict[str, int] = {}
        for name, held in made.accepted.items():
            inner = all_made.get(held) if isinstance(held, str) else None
            value = held if isinstance(held, int) else ANY
            accepted[name] = self._number(inner, all_made, depth + 1) if inner and depth < DEEPEST else value
        key = json.dumps([made.required, accepted], sort_keys=True)
        return self._blocks.setdefault(key, len(self._blocks))

    def value(self) -> dict[str, Any]:
        """As it is written."""
        return {
            "provider": self.provider,
            "version": self.version,
            "resources": self.resources,
            "data": self.data,
            "exports": self.exports,
            "blocks": [json.loads(key) for key in self._blocks],
        }


def table(package: str) -> dict[str, Any]:
    """The table of a package's file."""
    found = Table()
    with zipfile.ZipFile(package) as wheel:
        for name in sorted(wheel.namelist()):
            if name.count("/") == 2 and name.endswith("/__init__.py") and "/_jsii/" not in name:
                found.add(wheel.read(name).decode())
    return found.value()


def main() -> None:
    """Write the table of the package."""
    package, target = sys.argv[1:]
    value = table(package)
    with gzip.GzipFile(target, "wb", mtime=0) as file:
        file.write(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()
