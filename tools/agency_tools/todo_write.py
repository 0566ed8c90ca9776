"""TodoWrite: the model's own list of what is to be done."""

from typing import ClassVar, Literal

from pydantic import Field

from agency_tools.tool import Input, Output

SIGNS = {"pending": "[ ]", "in_progress": "[>]", "completed": "[x]"}


class Todo(Input):
    """One thing to do."""

    content: str = Field(description="what is to be done", min_length=1)
    status: Literal["pending", "in_progress", "completed"]
    activeForm: str = Field(description="the same while it is being done, such as: Running tests", min_length=1)


class TodoWriteInput(Input):
    """The whole list."""

    todos: list[Todo] = Field(description="the whole list; it replaces the one before")


class TodoWrite:
    """The TodoWrite tool."""

    name: ClassVar[str] = "TodoWrite"
    description: ClassVar[str] = (
        "Keep a list of the steps of a longer task. Each call gives the whole list; have one step in_progress at a time, "
        "and mark it completed as soon as it is."
    )
    input_type: ClassVar[type[Input]] = TodoWriteInput
    read_only: ClassVar[bool] = False

    def __init__(self) -> None:
        self.todos: tuple[Todo, ...] = ()

    async def run(self, given: TodoWriteInput) -> Output:
        """Take the list."""
        self.todos = tuple(given.todos)
        if not self.todos:
            return Output(content="The list is empty")
        return Output(content="\n".join(f"{SIGNS[todo.status]} {_words(todo)}" for todo in self.todos))


def _words(todo: Todo) -> str:
    return todo.activeForm if todo.status == "in_progress" else todo.content
