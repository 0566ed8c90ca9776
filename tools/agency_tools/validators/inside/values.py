"""What a check reads and what it says."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Union

if TYPE_CHECKING:
    from typing import TypeGuard

    from .running import Runner

LARGEST = 2 << 20
"""Bytes of a file that is still read; what is larger is data, not configuration."""


class Finding(NamedTuple):
    """One fault at one place; line and column count from 1."""

    path: str
    line: int
    column: int
    validator: str
    rule: str
    severity: str
    message: str


class Unchecked(NamedTuple):
    """A file that a validator could not judge, and why."""

    path: str
    why: str


Said = Union[Finding, Unchecked]  # noqa: UP007 - evaluated, by a Python that may be 3.9

ERROR, WARNING, INFO = "error", "warning", "info"


class NotRun(Exception):
    """The validator could not be run at all; the text says why."""


class Source:
    """One file as it was read."""

    def __init__(self, root: str, path: str, text: str) -> None:
        self.root = root
        self.path = path
        self.text = text
        self.kinds: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path without its last part."""
        return self.path.rpartition("/")[0]

    @functools.cached_property
    def lines(self) -> list[str]:
        """The text's lines, without their ends."""
        return self.text.splitlines()

    @functools.cached_property
    def documents(self) -> Any:
        """The file as YAML or JSON; see `document.Parsed`."""
        from .document import parsed

        return parsed(self.text)

    def line_of(self, text: str, default: int = 1) -> int:
        """The first line that holds `text`."""
        return next((number for number, line in enumerate(self.lines, 1) if text in line), default)


class Validator(NamedTuple):
    """A check by name, the kinds of file it applies to, and the act.

    slow: left out after a single change, done in the background and at the end.
    instead_of: validators whose findings on the same line say the same less well.
    """

    name: str
    kinds: frozenset[str]
    check: Callable[[list[Source], Runner], Iterable[Said]]
    slow: bool = False
    instead_of: tuple[str, ...] = ()


def read(root: str, path: str) -> Source | None:
    """The file, or None where it is no regular text file of a bearable size."""
    whole = os.path.join(root, path)
    try:
        if os.path.islink(whole) or not os.path.isfile(whole) or os.path.getsize(whole) > LARGEST:
            return None
        with open(whole, "rb") as file:
            data = file.read()
    except OSError:
        return None
    if b"\0" in data[:8192]:
        return None
    return Source(root, path, data.decode("utf-8-sig", "replace").replace("\r\n", "\n"))


def library(name: str, package: str) -> Any:
    """A module of a validator's package. Raises NotRun where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise NotRun(f"{package} is not in this sandbox") from problem


def is_table(value: Any) -> TypeGuard[dict[Any, Any]]:
    """Whether the value is a mapping."""
    return isinstance(value, dict)


def is_rows(value: Any) -> TypeGuard[list[Any]]:
    """Whether the value is a list."""
    return isinstance(value, list)


def table(value: Any) -> dict[Any, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if is_table(value) else {}


def rows(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if is_rows(value) else []


def texts(value: Any) -> list[str]:
    """One name or several as a list of names."""
    return [value] if isinstance(value, str) else [each for each in rows(value) if isinstance(each, str)]
