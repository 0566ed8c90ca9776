"""The workspace image and the validators in it: their recipe, and how to make them on this machine."""

from agency_tools.image.recipe import COMMANDS, digest, local_places, reference, tool_paths

__all__ = ["COMMANDS", "digest", "local_places", "reference", "tool_paths"]
