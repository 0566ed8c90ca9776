"""What go-task would run: the commands of its tasks and of all they depend on."""

import re
from collections.abc import Iterator, Mapping, Sequence

from agency_runtime.gate.recipe import DOUBT
from agency_runtime.plain_yaml import PlainYamlError, Value, parse


def task_recipe(text: str, targets: Sequence[str]) -> str:
    """The shell lines of the tasks; of every task when one cannot be found."""
    try:
        fields = parse(text).fields
    except PlainYamlError:
        return DOUBT
    tasks = _mapping(fields.get("tasks"))
    lost = any(name not in tasks for name in targets)
    wanted = list(tasks if lost else targets)
    for name in wanted:
        wanted += [need for need in _needs(tasks.get(name)) if need in tasks and need not in wanted]
    lines = [line for name in wanted for line in _lines(tasks.get(name))]
    included = [DOUBT] if lost and "includes" in fields else []
    return "\n".join([*included, *(re.sub(r"\{\{.*?\}\}", DOUBT, line) for line in lines)])


def _mapping(value: Value | None) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}


def _parts(task: Value | None, key: str) -> list[Value]:
    """A task's commands or needs, whichever of its short forms they are written in."""
    if not isinstance(task, Mapping):
        whole: list[Value] = [task] if isinstance(task, str) else list(task or ())
        return whole if key == "cmds" else []
    value = task.get(key) or (task.get("cmd") if key == "cmds" else None)
    return [value] if isinstance(value, str | Mapping) else list(value or ())


def _lines(task: Value | None) -> Iterator[str]:
    for part in _parts(task, "cmds"):
        line = part if isinstance(part, str) else _mapping(part).get("cmd")
        if isinstance(line, str):
            yield line
    for variable in _mapping(_mapping(task).get("vars")).values():
        line = _mapping(variable).get("sh")
        if isinstance(line, str):
            yield line


def _needs(task: Value | None) -> Iterator[str]:
    for part in [*_parts(task, "deps"), *_parts(task, "cmds")]:
        name = part if isinstance(part, str) and part in _parts(task, "deps") else _mapping(part).get("task")
        if isinstance(name, str):
            yield name.lstrip(":")
