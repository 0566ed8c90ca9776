"""Starting a sandbox: the kind that was asked for, or the best this machine has. There is never none."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from agency_tools.addresses import Resolve, lookup
from agency_tools.availability import Availability, available, choose
from agency_tools.hosted import open_workspace
from agency_tools.image import reference
from agency_tools.mounts import owner
from agency_tools.starters import Starter, starter_of
from agency_tools.workspace import Layout, Workspace

if TYPE_CHECKING:
    from agency_tools.egress import Egress

__all__ = ["Availability", "Kind", "available", "chosen", "opened", "start"]

Kind: TypeAlias = str
"""`auto`, or one of `starters.kinds()`."""


async def start(
    kind: Kind, layout: Layout, *, hear: Callable[[str], None] | None = None, resolve: Resolve = lookup
) -> Workspace:
    """Start a sandbox. `auto` is Docker if its engine answers and has the image, else bubblewrap.

    hear: told, in one line, of every connection that the sandbox's network opened or refused.
    resolve: finds the addresses of a host that is open.
    Raises WorkspaceError when the kind asked for cannot be started, saying what would help; UsageError when an entry
    of the layout's network is malformed.
    """
    if not layout.network:
        return await _start(kind, layout)
    from agency_tools.egress import Networked  # few sandboxes have a network

    egress = await opened(layout, hear=hear, resolve=resolve)
    try:
        return Networked(await _start(kind, dataclasses.replace(layout, egress=egress.socket)), egress)
    except BaseException:
        await egress.close()
        raise


async def opened(layout: Layout, *, hear: Callable[[str], None] | None, resolve: Resolve = lookup) -> "Egress":
    """The way out to the layout's network, not yet led into any sandbox."""
    from agency_tools.egress import open_egress

    return await open_egress(
        layout.network,
        resolve=resolve,
        hear=lambda decision: hear and hear(str(decision)),
        private=layout.private_names,
    )


async def chosen(kind: Kind, layout: Layout) -> Starter:
    """The starter of a kind, of the best one where that is `auto`."""
    found = await asyncio.to_thread(choose, layout.image or reference()) if kind == "auto" else kind
    return starter_of(found)  # the other kinds' needs are not loaded


async def _start(kind: Kind, layout: Layout) -> Workspace:
    starter = await chosen(kind, layout)
    layout = starter.prepare(layout)
    return await open_workspace(await starter.start(layout), layout, *owner(layout))
