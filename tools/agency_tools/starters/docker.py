"""The kind `docker`: a container of the workspace image."""

from dataclasses import replace

from agency_tools.availability import docker_availability as availability
from agency_tools.docker_sandbox import start_docker as start
from agency_tools.image import reference
from agency_tools.workspace import Layout

__all__ = ["availability", "prepare", "start"]


def prepare(layout: Layout) -> Layout:
    """The layout with this version's image, where it names none."""
    return replace(layout, image=layout.image or reference())
