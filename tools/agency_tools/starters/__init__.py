"""The kinds of sandbox. A new kind is one file: a module of this package, or one named by the entry point
group `agency.sandboxes` of another distribution. Its name is what `--sandbox` takes.
"""

import importlib
import pkgutil
from typing import Protocol, cast

from agency_tools.availability import Availability
from agency_tools.errors import UsageError
from agency_tools.running import Running
from agency_tools.workspace import Layout

BUILT_IN = ("docker", "bwrap")
"""In the order in which `auto` prefers them; `auto` takes no other kind."""

GROUP = "agency.sandboxes"


class Starter(Protocol):
    """What the module of a kind holds."""

    def prepare(self, layout: Layout) -> Layout:
        """The layout with what this kind adds to it."""
        ...

    async def start(self, layout: Layout) -> Running:
        """Start the first process, `python3 -I -S -c STARTER`, with pipes. Raises WorkspaceError when it cannot be."""
        ...

    def availability(self, image: str) -> Availability:
        """Whether it can be started on this machine, and what would help."""
        ...


def kinds() -> tuple[str, ...]:
    """Every kind that can be named, those that are built in first."""
    from importlib.metadata import entry_points  # slow, so only where another kind may be meant

    found = {module.name for module in pkgutil.iter_modules(__path__)} | {
        each.name for each in entry_points(group=GROUP)
    }
    return (*BUILT_IN, *sorted(found - {*BUILT_IN}))


def starter_of(kind: str) -> Starter:
    """The starter of a kind. Raises UsageError for a kind that is none."""
    if kind in BUILT_IN:
        return cast("Starter", importlib.import_module(f"{__name__}.{kind}"))
    if kind not in kinds():
        raise UsageError(f"no sandbox {kind!r}; there are auto, {', '.join(kinds())}")
    from importlib.metadata import entry_points

    named = next(iter(entry_points(group=GROUP, name=kind)), None)
    return cast("Starter", named.load() if named else importlib.import_module(f"{__name__}.{kind}"))
