"""What a runner such as make or npm would run, as shell text."""

from collections.abc import Sequence
from dataclasses import dataclass

from agency_runtime.gate.files import Reader

DOUBT = "$__unknown"
"""A shell line that no reader can resolve, for what a recipe leaves open."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a runner would run. missing: the file that could not be read. alone: the runner itself does nothing else."""

    text: str = ""
    missing: str = ""
    alone: bool = True


def first_of(names: Sequence[str], folder: str, read: Reader) -> str | None:
    """The text of the first of the files that is there."""
    paths = (name if name.startswith("/") or name == "-" else f"{folder}/{name}" for name in names)
    return next((text for path in paths if (text := read(path)) is not None), None)
