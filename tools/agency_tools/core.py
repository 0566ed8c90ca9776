"""The tools every persona works with, over one sandbox."""

import os

from agency_tools.bash import Bash
from agency_tools.bash_bounds import bounds_of
from agency_tools.edit import Edit
from agency_tools.glob import Glob
from agency_tools.grep import Grep
from agency_tools.read import Read
from agency_tools.seen import Seen
from agency_tools.task_output import TaskOutput
from agency_tools.task_stop import TaskStop
from agency_tools.todo_write import TodoWrite
from agency_tools.tool import Tool
from agency_tools.workspace import Workspace
from agency_tools.write import Write


def core_tools(workspace: Workspace) -> list[Tool]:
    """One of each; they share what has been read, so that nothing is changed unseen."""
    seen = Seen()
    return [
        Read(workspace, seen),
        Write(workspace, seen),
        Edit(workspace, seen),
        Grep(workspace),
        Glob(workspace),
        Bash(workspace, seen, bounds_of(os.environ)),
        TaskOutput(workspace),
        TaskStop(workspace),
        TodoWrite(),
    ]
