"""Arguments of Terraform's resources against their providers' schemas, without terraform and without a download."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from . import hcl
from .modules import Module, module_of
from .providers import BOOL, LIST, MAPPING, NUMBER, SORTS, TEXT, Block, Provider, bounds, providers
from .removed import LATER_MAJORS, is_removed
from .values import ERROR, INFO, Finding, NotRun, Said, Source, Unchecked, Validator

if TYPE_CHECKING:
    from .running import Runner

META = frozenset({"count", "for_each", "provider", "depends_on", "lifecycle", "connection", "provisioner", "dynamic"})
OWN = frozenset({"terraform"})
"""Prefixes of what terraform itself brings."""

NUMERIC = re.compile(r"^-?\d+(?:\.\d+)?$")


class _Here:
    """The resource that is judged: where findings are, and what its provider may be."""

    def __init__(self, source: Source, what: str, provider: Provider, constraint: str) -> None:
        self.source, self.what, self.provider = source, what, provider
        self.oldest, self.before = bounds(constraint)

    @property
    def is_later(self) -> bool:
        """Whether the module asks for a provider that is newer than the table."""
        return self.oldest > self.provider.version

    def found(self, at: int, rule: str, message: str, severity: str = ERROR) -> Finding:
        """A finding at an offset."""
        line, column = hcl.place(self.source.text, at)
        return Finding(self.source.path, line, column, "terraform-schema", rule, severity, message)

    def unknown(self, at: int, rule: str, name: str, message: str, known: Iterable[str]) -> Finding:
        """What the table does not have; advice only, where an older provider that is allowed may have had it."""
        near = difflib.get_close_matches(name or self.what, list(known), n=1, cutoff=0.65)
        message = f"{message}; {near[0]!r} was meant?" if near else message
        removed = is_removed(self.what, name)
        if removed and self.oldest < (removed,):
            return self.found(at, rule, f"{message}; version {removed} of the provider removed it", INFO)
        strange = set((name or self.what).split("_")) - self.provider.words()
        return self.found(
            at, rule, message, INFO if (self.may_be_older or self.may_be_newer) and not strange else ERROR
        )

    @property
    def may_be_newer(self) -> bool:
        """Whether a newer major version than the table's is allowed."""
        major = self.provider.version[0]
        return self.provider.name in LATER_MAJORS and (self.before is None or self.before > (major + 1,))

    @property
    def may_be_older(self) -> bool:
        """Whether an older major version is allowed of which it is not known here what the newer one removed."""
        major = self.provider.version[:1]
        known = self.provider.name == "hashicorp/aws" and (self.before is None or self.before > major)
        return not known and self.oldest < major


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    known = providers()
    if not known:
        raise NotRun("no provider's table is installed")
    for source in sources:
        try:
            items = hcl.read(source.text)
        except hcl.Unreadable:
            yield Unchecked(source.path, "it cannot be read as HCL")
            continue
        missing = {_prefix(each) for each in items if each.name in ("resource", "data") and len(each.labels) == 2}
        missing -= {*known, *OWN}
        if missing:
            yield Unchecked(source.path, f"no table for the provider {', '.join(sorted(missing))}")
        module = module_of(source)
        for item in items:
            if item.name in ("resource", "data") and len(item.labels) == 2 and _prefix(item) in known:
                yield from _resource(source, item, known[_prefix(item)], module)


def _prefix(item: hcl.Item) -> str:
    return item.labels[0].partition("_")[0]


def _resource(source: Source, item: hcl.Item, provider: Provider, module: Module) -> Iterator[Said]:
    kind, (name, label) = item.name, item.labels
    other = item.argument("provider")
    if other and "-beta" in "".join(token.text for token in other.expression):
        return  # has more than the provider whose table this is
    here = _Here(source, name, provider, module.constraint(_prefix(item)))
    types = provider.types(kind)
    if name not in types:
        if not here.is_later:
            yield here.unknown(item.at, "type", "", f"{provider.name} has no {kind} {name!r}", types)
        return
    yield from _body(here, item, types[name], f"{name}.{label}", outermost=True)


def _body(here: _Here, item: hcl.Item, number: int, what: str, *, outermost: bool = False) -> Iterator[Said]:
    block = here.provider.block(number)
    given: set[str] = set()
    for each in item.body or ():
        name = each.labels[0] if each.name == "dynamic" and each.labels else each.name
        given.add(name)
        if outermost and each.name in META and each.name != "dynamic":
            continue
        if name not in block.accepted:
            if not here.is_later:
                sort = "argument" if each.body is None else "block"
                yield here.unknown(each.at, "argument", name, f"{what} has no {sort} {name!r}", block.accepted)
            continue
        yield from _value(here, each, name, block.accepted[name], what)
    yield from _missing(here, item, block, given, what)


def _missing(here: _Here, item: hcl.Item, block: Block, given: set[str], what: str) -> Iterator[Said]:
    absent = [name for name in block.required if name not in given]
    if absent:
        severity = INFO if here.may_be_older and here.oldest + (here.before or ()) else ERROR
        yield here.found(item.at, "required", f"{what} lacks the required {', '.join(map(repr, absent))}", severity)


def _value(here: _Here, each: hcl.Item, name: str, sort: int, what: str) -> Iterator[Said]:
    if each.body is None:
        wrong = _wrong(each.expression, sort)
        if wrong:
            yield here.found(each.at, "value", f"{what}: {name} must be {SORTS[sort]}, not {wrong}")
        return
    if sort in (TEXT, NUMBER, BOOL, MAPPING):
        yield here.found(each.at, "block", f"{what}: {name} is an argument ({SORTS[sort]}), not a block")
    if sort < 0:
        return
    inner = each
    if each.name == "dynamic":
        contents = each.blocks("content")
        if not contents:
            return
        inner = contents[0]
    yield from _body(here, inner, sort, f"{what}.{name}")


def _wrong(expression: tuple[hcl.Token, ...], sort: int) -> str:
    """What a literal is that cannot be of the sort; nothing where it can, or where it is no literal."""
    if not expression or sort not in SORTS:
        return ""
    first = expression[0]
    if len(expression) == 1 and first.kind == "text":
        fits = {BOOL: first.text in ("true", "false"), NUMBER: NUMERIC.match(first.text) is not None}
        return "" if fits.get(sort, sort == TEXT) else f"the text {first.text[:40]!r}"
    whole = _closes_at_end(expression)
    if whole and first.text == "[" and sort not in (LIST,):
        return "a list"
    if whole and first.text == "{" and sort != MAPPING:
        return "a mapping"
    return ""


def _closes_at_end(expression: tuple[hcl.Token, ...]) -> bool:
    """Whether the bracket that opens the expression is closed by its last token."""
    depth = 0
    for number, token in enumerate(expression):
        if token.kind == "mark":
            depth += (token.text in hcl.OPENING) - (token.text in hcl.CLOSING)
        if depth == 0:
            return number == len(expression) - 1 and number > 0
    return False


VALIDATORS = (Validator("terraform-schema", frozenset({"terraform"}), _check),)
