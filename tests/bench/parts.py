"""Where the time of one attempt goes: named functions of the program are timed while it runs, and no moment counts twice."""

import functools
import inspect
import itertools
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Interval = tuple[float, float]
Timed = tuple[object, str, str]
"""An owner, the name of a function of it, and the part that its time is."""


@contextmanager
def watched(timed: Sequence[Timed]) -> Generator[dict[str, list[Interval]]]:
    """Meanwhile, when each of the functions ran, by part."""
    found: dict[str, list[Interval]] = {part: [] for _, _, part in timed}
    former = [(owner, name, getattr(owner, name)) for owner, name, _ in timed]
    for (owner, name, function), (_, _, part) in zip(former, timed, strict=True):
        setattr(owner, name, _noting(function, found[part]))
    try:
        yield found
    finally:
        for owner, name, function in former:
            setattr(owner, name, function)


def _noting(function: Callable[..., Any], into: list[Interval]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def waited(*given: Any, **named: Any) -> Any:
        began = time.time()
        try:
            return await function(*given, **named)
        finally:
            into.append((began, time.time()))

    @functools.wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        began = time.time()
        try:
            return function(*given, **named)
        finally:
            into.append((began, time.time()))

    return waited if inspect.iscoroutinefunction(function) else called


def shares(whole: Interval, parts: Mapping[str, Sequence[Interval]], rest: str) -> dict[str, float]:
    """Seconds of the whole that belong to each part; a moment of several is the first part's, one of none the rest's."""
    edges = sorted({edge for spans in parts.values() for span in spans for edge in span} | set(whole))
    found = dict.fromkeys([*parts, rest], 0.0)
    for begin, end in itertools.pairwise(edges):
        if whole[0] <= begin and end <= whole[1]:
            middle = (begin + end) / 2
            part = next((name for name, spans in parts.items() if any(a <= middle <= b for a, b in spans)), rest)
            found[part] += end - begin
    return found
