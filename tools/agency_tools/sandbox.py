"""Starting a sandbox: the kind that was asked for, or the best this machine has. There is never none."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from agency_tools.addresses import Resolve, lookup
from agency_tools.availability import Availability, available, choose
from agency_tools.hosted import open_workspace
from agency_tools.image import reference
from agency_tools.mounts import owner
from agency_tools.starters import starter_of
from agency_tools.workspace import Layout, Workspace

__all__ = ["Availability", "Kind", "available", "start"]

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
    from agency_tools.egress import Networked, open_egress  # few sandboxes have a network

    egress = await open_egress(
        layout.network,
        resolve=resolve,
        hear=lambda decision: hear and hear(str(decision)),
        private=layout.private_names,
    )
    try:
        return Networked(await _start(kind, dataclasses.replace(layout, egress=egress.socket)), egress)
    except BaseException:
        await egress.close()
        raise


async def _start(kind: Kind, layout: Layout) -> Workspace:
    chosen = await asyncio.to_thread(choose, layout.image or reference()) if kind == "auto" else kind
    starter = starter_of(chosen)  # the other kinds' needs are not loaded
    layout = starter.prepare(layout)
    return await open_workspace(await starter.start(layout), layout, *owner(layout))
