"""TaskOutput: what a background command has written, and how it ended."""

from typing import Any, ClassVar

from pydantic import Field

from agency_tools.plain import terminal_text
from agency_tools.tool import Input, Output
from agency_tools.workspace import Workspace

SHOWN = 30_000
LONGEST_MS = 600_000


class TaskOutputInput(Input):
    """A background command, and whether to wait for it."""

    task_id: str = Field(description="the task_id that Bash answered", min_length=1)
    block: bool = Field(default=True, description="wait for its end; false answers what there is now")
    timeout: int = Field(default=30_000, description="milliseconds to wait at most", ge=0, le=LONGEST_MS)


class TaskOutput:
    """The TaskOutput tool."""

    name: ClassVar[str] = "TaskOutput"
    description: ClassVar[str] = (
        "Answer what a background command has written so far, whether it is still running, and its exit code when it has "
        "ended. By default waits up to `timeout` milliseconds for its end."
    )
    input_type: ClassVar[type[Input]] = TaskOutputInput
    read_only: ClassVar[bool] = True

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def run(self, given: TaskOutputInput) -> Output:
        """Answer it. Raises ToolError for a task that does not exist."""
        wait = given.timeout / 1000 if given.block else 0
        return told(await self._workspace.call("task_output", task_id=given.task_id, wait_s=wait, shown=SHOWN))


def told(task: dict[str, Any]) -> Output:
    """A background command's state as a tool's result."""
    text = terminal_text(task["output"]).rstrip()
    state = "still running" if task["exit_code"] is None else f"ended, exit code {task['exit_code']}"
    if task["stopped"]:
        state = f"stopped, exit code {task['exit_code']}"
    where = f"output in {task['output_path']}" if task["output_path"] else "its output could not be kept"
    head = f"Task {task['task_id']}: {state} after {task['seconds']:.1f} s; {where}"
    return Output(
        content=f"{head}\n\n{text or '(no output)'}",
        failed=task["exit_code"] not in (None, 0) and not task["stopped"],
        exit_code=task["exit_code"],
        truncated=task["truncated"],
        output_path=task["output_path"],
    )
