"""The kind `bwrap`: new namespaces on this machine's own system folders, without an engine."""

from dataclasses import replace

from agency_tools.availability import Availability, bwrap_availability
from agency_tools.bubblewrap import start_bubblewrap as start
from agency_tools.image import tool_paths
from agency_tools.workspace import Layout

__all__ = ["availability", "prepare", "start"]


def prepare(layout: Layout) -> Layout:
    """The layout with the validators' folders."""
    return replace(layout, tool_paths=[*layout.tool_paths, *tool_paths()])


def availability(image: str) -> Availability:
    """Whether it can be started here; it needs no image."""
    return bwrap_availability()
