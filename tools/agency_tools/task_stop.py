"""TaskStop: the end of a background command."""

from typing import ClassVar

from pydantic import Field

from agency_tools.task_output import told
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

SHOWN = 4000


class TaskStopInput(Input):
    """A background command."""

    task_id: str = Field(description="the task_id that Bash answered", min_length=1)


class TaskStop:
    """The TaskStop tool."""

    name: ClassVar[str] = "TaskStop"
    description: ClassVar[str] = "End a background command and all it started, and answer the last of what it wrote."
    input_type: ClassVar[type[Input]] = TaskStopInput
    read_only: ClassVar[bool] = False

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def run(self, given: TaskStopInput) -> Output:
        """End it. Raises ToolError for a task that does not exist."""
        return told(await self._workspace.call("task_stop", task_id=given.task_id, shown=SHOWN))
