"""A Terraform module as a whole: what its files declare, and whether what they refer to is declared."""

from __future__ import annotations

import difflib
import functools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from . import hcl
from .providers import providers
from .removed import is_removed
from .values import ERROR, LARGEST, Finding, Said, Source, Unchecked, Validator

if TYPE_CHECKING:
    from .running import Runner

BLOCKS = frozenset({"resource", "data", "variable", "output", "locals", "module", "provider", "terraform", "moved", "import", "removed", "check", "ephemeral", "action"})  # fmt: skip
VARIABLE = frozenset({"type", "default", "description", "validation", "sensitive", "nullable", "ephemeral", "deprecated", "const"})  # fmt: skip
OUTPUT = frozenset({"value", "description", "sensitive", "depends_on", "precondition", "postcondition", "ephemeral", "deprecated", "type"})  # fmt: skip
TERRAFORM = frozenset({"required_version", "required_providers", "backend", "cloud", "experiments", "provider_meta", "language"})  # fmt: skip
DEMAND = frozenset({"source", "version", "configuration_aliases"})
CALL = frozenset({"source", "version", "providers", "count", "for_each", "depends_on", "enabled", "lifecycle"})
LABELS = {"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1, "provider": 1, "locals": 0, "terraform": 0, "moved": 0, "import": 0, "removed": 0, "check": 1, "ephemeral": 2}  # fmt: skip
LOCAL = ("./", "../")


class Module(NamedTuple):
    """What all files of one folder declare; partial where one of them cannot be read."""

    items: tuple[hcl.Item, ...]
    partial: bool

    def named(self, *names: str) -> dict[str, hcl.Item]:
        """The blocks of these names by their labels, joined by dots."""
        return {".".join(item.labels): item for item in self.items if item.name in names and item.body is not None}

    def locals(self) -> set[str]:
        """The names of its local values."""
        return {each.name for item in self.items if item.name == "locals" for each in item.body or ()}

    def required(self) -> set[str]:
        """The variables without a default."""
        return {name for name, item in self.named("variable").items() if item.argument("default") is None}

    def constraint(self, provider: str) -> str:
        """What versions of a provider it allows; empty where it does not say."""
        for item in self.items:
            for block in item.blocks("required_providers") if item.name == "terraform" else ():
                argument = block.argument(provider)
                words = [token.text for token in argument.expression if token.kind != "newline"] if argument else []
                if "version" in words[:-2]:
                    return words[words.index("version") + 2]
                if len(words) == 1:
                    return words[0]
            if item.name == "provider" and item.labels == (provider,) and (version := item.argument("version")):
                return version.expression[0].text if version.expression else ""
        return ""


def module_of(source: Source) -> Module:
    """The module that the file belongs to, with the file as it was read."""
    return folder(os.path.join(source.root, source.folder))


def folder(path: str) -> Module:
    """The module in a folder."""
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith((".tf", ".tofu", ".tf.json", ".tofu.json")))
        stamps = tuple((name, os.stat(os.path.join(path, name)).st_mtime_ns) for name in names)
    except OSError:
        return Module((), True)
    return _folder(path, stamps)


@functools.lru_cache(maxsize=512)
def _folder(path: str, stamps: tuple[tuple[str, int], ...]) -> Module:
    items: list[hcl.Item] = []
    partial = any(name.endswith(".json") for name, _ in stamps)
    for name, _ in stamps:
        whole = os.path.join(path, name)
        try:
            with open(whole, encoding="utf-8-sig", errors="replace") as file:
                items += hcl.read(file.read(LARGEST).replace("\r\n", "\n"))
        except (OSError, hcl.Unreadable):
            partial = True
    return Module(tuple(items), partial)


class _Here:
    """The file that is judged, within its module."""

    def __init__(self, source: Source, module: Module) -> None:
        self.source, self.module = source, module
        self.declared = {
            "var": set(module.named("variable")),
            "local": module.locals(),
            "module": set(module.named("module")),
            "data": set(module.named("data")),
            "": set(module.named("resource")),
        }
        self.prefixes = {name.partition("_")[0] for name in (*self.declared[""], *self.declared["data"])} | set(
            providers()
        )

    def found(self, at: int, rule: str, message: str) -> Finding:
        """A finding at an offset."""
        line, column = hcl.place(self.source.text, at)
        return Finding(self.source.path, line, column, "terraform-module", rule, ERROR, message[:300])


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    for source in sources:
        try:
            items = hcl.read(source.text)
        except hcl.Unreadable:
            yield Unchecked(source.path, "it cannot be read as HCL")
            continue
        module = module_of(source)
        here = _Here(source, module)
        yield from _declarations(here, items)
        if module.partial:
            yield Unchecked(source.path, "its module has a file that cannot be read, so what it refers to may be there")
            continue
        for item in items:
            yield from _references(here, item)


def _declarations(here: _Here, items: Iterable[hcl.Item]) -> Iterator[Said]:
    override = re.search(r"(?:^|_)override\.tf$", here.source.name)
    all_names = Counter((item.name, item.labels) for item in here.module.items if item.name in ("resource", "data", "variable", "output", "module"))  # fmt: skip
    for item in items:
        if item.body is None or item.name not in BLOCKS:
            near = _near(item.name, BLOCKS)
            yield here.found(item.at, "block", f"terraform has no block {item.name!r}{near}")
            continue
        if len(item.labels) != LABELS.get(item.name, len(item.labels)):
            yield here.found(item.at, "labels", f"{item.name} takes {LABELS[item.name]} labels, not {len(item.labels)}")
        elif all_names[(item.name, item.labels)] > 1 and not override and not _overridden(here):
            yield here.found(item.at, "duplicate", f"{item.name} {'.'.join(item.labels)} is declared more than once")
        yield from _own(here, item)


def _overridden(here: _Here) -> bool:
    folder_path = os.path.join(here.source.root, here.source.folder)
    return any(name.endswith("override.tf") for name in os.listdir(folder_path))


def _own(here: _Here, item: hcl.Item) -> Iterator[Said]:
    """The arguments of terraform's own blocks."""
    known = {"variable": VARIABLE, "output": OUTPUT, "terraform": TERRAFORM}.get(item.name)
    for each in item.body or ():
        if known is not None and each.name not in known:
            yield here.found(each.at, "argument", f"{item.name} has no argument {each.name!r}{_near(each.name, known)}")
    for block in item.blocks("required_providers") if item.name == "terraform" else ():
        yield from _demands(here, block)
    if item.name == "output" and item.argument("value") is None and item.labels:
        yield here.found(item.at, "required", f"output {item.labels[0]} has no value")
    if item.name == "module" and item.labels:
        yield from _call(here, item)


def _demands(here: _Here, block: hcl.Item) -> Iterator[Said]:
    """What is demanded of each provider."""
    for each in block.body or ():
        words = [token for token in each.expression if token.kind != "newline"]
        for key, sign in zip(words, words[1:], strict=False):  # noqa: RUF007 - not in 3.9
            if key.kind == "name" and sign.text in ("=", ":") and key.text not in DEMAND:
                yield here.found(key.at, "argument", f"{each.name} demands no {key.text!r}{_near(key.text, DEMAND)}")


def _call(here: _Here, item: hcl.Item) -> Iterator[Said]:
    """A module's call: of one that lies in the repository, also what is handed over."""
    source = item.argument("source")
    if source is None:
        yield here.found(item.at, "required", f"module {item.labels[0]} has no source")
        return
    called = _called(here, item)
    if called is None:
        return
    if not called.items:
        yield here.found(source.at, "source", f"module {item.labels[0]}: no module at {source.expression[0].text!r}")
        return
    if called.partial:
        return
    variables, given = set(called.named("variable")), {each.name for each in item.body or ()}
    for each in item.body or ():
        if each.name not in variables | CALL:
            yield here.found(each.at, "argument", f"module {item.labels[0]} has no variable {each.name!r}{_near(each.name, variables)}")  # fmt: skip
    absent = called.required() - given
    if absent:
        yield here.found(item.at, "required", f"module {item.labels[0]} lacks {', '.join(sorted(absent))}")


def _called(here: _Here, item: hcl.Item) -> Module | None:
    """The module that is called, where it lies in the repository; without any item where there is none."""
    source = item.argument("source")
    if source is None or len(source.expression) != 1 or source.expression[0].kind != "text":
        return None
    text = source.expression[0].text
    if not text.startswith(LOCAL) and text not in (".", ".."):
        return None
    path = os.path.normpath(os.path.join(here.source.root, here.source.folder, text))
    if not os.path.isdir(path):
        return Module((), False)
    found = folder(path)
    return found if found.items else Module((), False)


def _references(here: _Here, item: hcl.Item, *, holder: hcl.Item | None = None) -> Iterator[Said]:
    outer = holder or item
    bound = _bound(outer)
    if item.body is None:
        for parts, at in hcl.references(item.expression):
            yield from _reference(here, parts, at, bound, outer)
        return
    for each in item.body:
        if not (each.name in ("ignore_changes", "from", "to", "type", "providers") and each.body is None):
            yield from _references(here, each, holder=outer)


@functools.lru_cache(maxsize=1024)
def _bound(item: hcl.Item) -> frozenset[str]:
    """The names that `for` and `dynamic` bind somewhere within."""
    found: set[str] = set()
    for each in item.body or ():
        if each.name == "dynamic":
            found |= set(each.labels)
            iterator = each.argument("iterator")
            found |= {token.text for token in iterator.expression} if iterator else set()
        words = [token.text for token in each.expression]
        for number, word in enumerate(words):
            if word == "for":
                found |= set(words[number + 1 : number + 4])
        found |= _bound(each) if each.body is not None else set()
    return frozenset(found)


def _reference(here: _Here, parts: tuple[str, ...], at: int, bound: frozenset[str], outer: hcl.Item) -> Iterator[Said]:
    first, rest = parts[0], list(parts[1:])
    if not rest or first in bound:
        return
    if first in ("var", "local", "module") and rest[0] not in here.declared[first]:
        what = {"var": "variable", "local": "local value", "module": "module"}[first]
        yield here.found(at, "reference", f"there is no {what} {rest[0]!r} in this module{_near(rest[0], here.declared[first])}")  # fmt: skip
    elif first == "module" and len(rest) > 1:
        called = _called(here, here.module.named("module")[rest[0]])
        outputs = set(called.named("output")) if called and called.items and not called.partial else None
        if outputs is not None and rest[1] not in outputs:
            yield here.found(at, "reference", f"module {rest[0]} has no output {rest[1]!r}{_near(rest[1], outputs)}")
    elif first == "each" and outer.name in ("resource", "data", "module") and not any(x.name == "for_each" for x in outer.body or ()):  # fmt: skip
        yield here.found(at, "reference", f"each.{rest[0]} needs for_each")
    elif first == "count" and outer.name in ("resource", "data", "module") and not any(x.name == "count" for x in outer.body or ()):  # fmt: skip
        yield here.found(at, "reference", f"count.{rest[0]} needs count")
    elif first == "data" and len(rest) > 1:
        yield from _object(here, "data", parts[1:], at)
    elif "_" in first and first.partition("_")[0] in here.prefixes:
        yield from _object(here, "", parts, at)


def _object(here: _Here, kind: str, parts: tuple[str, ...], at: int) -> Iterator[Said]:
    """A reference to a resource or a data source, and what is read of it."""
    name, what = ".".join(parts[:2]), "data source" if kind else "resource"
    if name not in here.declared[kind]:
        yield here.found(at, "reference", f"there is no {what} {name} in this module{_near(name, here.declared[kind])}")
        return
    provider = providers().get(parts[0].partition("_")[0])
    exported = provider.exports("data" if kind else "resource", parts[0]) if provider else set[str]()
    if exported and len(parts) > 2 and parts[2] not in exported:
        squeezed = {each.replace("_", "") for each in exported}
        if parts[2].replace("_", "") not in squeezed and not is_removed(parts[0], parts[2]):
            yield here.found(at, "attribute", f"{parts[0]} has no attribute {parts[2]!r}{_near(parts[2], exported)}")


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.65)
    return f"; {near[0]!r} was meant?" if near else ""


VALIDATORS = (Validator("terraform-module", frozenset({"terraform"}), _check, instead_of=("terraform-validate",)),)
