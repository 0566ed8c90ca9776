"""What a process that was killed left behind: containers and control groups whose starter is gone."""

import json
import os
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agency_tools.cgroups import MOUNT, PREFIX, Groups
from agency_tools.docker_answers import STARTER
from agency_tools.docker_sandbox import LABEL
from agency_tools.engine import ask
from agency_tools.running import starter_is_gone


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One thing nobody will clean up; `name` is the container's or image's id, or the group's folder.

    starter: the label of the process that left it.
    """

    kind: Literal["container", "control group", "image"]
    name: str
    starter: str = field(default="", compare=False)

    def remove(self) -> None:
        """Take it away; what is gone already is no fault."""
        if self.kind == "image":
            ask(f"/images/{self.name}?force=1", method="DELETE")
        elif self.kind == "container":
            ask(f"/containers/{self.name}?force=1&v=1", method="DELETE")
        else:
            Groups(folders=(self.name,)).remove()


def leftovers() -> list[Leftover]:
    """Everything left behind on this machine that can be found."""
    return [*_containers(), *_groups()]


def built_images() -> list[Leftover]:
    """The images that the Docker tool built in runs which have ended."""
    found = _labelled("/images/json?all=0", STARTER)
    return [Leftover(kind="image", name=name, starter=by) for name, by in found.items()]


def _containers() -> list[Leftover]:
    found = {name: by for label in (LABEL, STARTER) for name, by in _labelled("/containers/json?all=1", label).items()}
    return [Leftover(kind="container", name=name, starter=by) for name, by in found.items()]


def _labelled(path: str, label: str) -> dict[str, str]:
    """The ids of what bears a label that names a process which is gone, with the label."""
    filters = urllib.parse.quote(json.dumps({"label": [label]}))
    try:
        status, body = ask(f"{path}&filters={filters}")
    except (OSError, ValueError):
        return {}
    found: list[dict[str, Any]] = json.loads(body) if status == 200 else []
    by = {str(each["Id"]): str(each["Labels"][label]) for each in found}
    return {name: starter for name, starter in by.items() if starter_is_gone(starter)}


def _groups() -> list[Leftover]:
    by = {path: path.name.removeprefix(PREFIX).partition("-")[0] for path in sorted(_group_folders())}
    return [
        Leftover(kind="control group", name=str(path), starter=starter)
        for path, starter in by.items()
        if starter_is_gone(starter)
    ]


def _group_folders() -> list[Path]:
    found: list[Path] = []
    for folder, names, _ in os.walk(MOUNT):
        found += [Path(folder, name) for name in names if name.startswith(PREFIX)]
    return found
