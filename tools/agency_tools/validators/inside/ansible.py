"""Ansible's playbooks and task files: keywords, modules and their arguments, handlers and the files they name."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import ansible_modules as modules
from .document import Document
from .jinja import broken
from .values import ERROR, Finding, Said, Source, Unchecked, Validator, is_rows, is_table, rows, table, texts

if TYPE_CHECKING:
    from .running import Runner

Path = tuple[Any, ...]

COMMON = frozenset({"any_errors_fatal", "become", "become_exe", "become_flags", "become_method", "become_user", "check_mode", "collections", "connection", "debugger", "diff", "environment", "ignore_errors", "ignore_unreachable", "module_defaults", "name", "no_log", "port", "remote_user", "run_once", "tags", "throttle", "timeout", "vars", "sudo", "sudo_user", "su", "su_user"})  # fmt: skip
PLAY = COMMON | {"fact_path", "force_handlers", "gather_facts", "gather_subset", "gather_timeout", "handlers", "hosts", "max_fail_percentage", "order", "post_tasks", "pre_tasks", "roles", "serial", "strategy", "tasks", "vars_files", "vars_prompt", "validate_argspec", "accelerate", "accelerate_port", "include", "when", "user"}  # fmt: skip
TASK = COMMON | {"action", "args", "async", "changed_when", "delay", "delegate_facts", "delegate_to", "failed_when", "local_action", "loop", "loop_control", "notify", "poll", "register", "retries", "until", "when", "listen", "always_run", "first_available_file", "static", "with_"}  # fmt: skip
BLOCK = COMMON | {"block", "rescue", "always", "when", "delegate_to", "delegate_facts", "notify", "listen"}
IMPORT = frozenset({"import_playbook", "ansible.builtin.import_playbook"})
CONDITIONS = ("when", "until", "changed_when", "failed_when")
TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers")
PARTS = ("block", "rescue", "always")
FILES = frozenset({"include_tasks", "import_tasks"})
ROLES = frozenset({"include_role", "import_role"})
MORE = ROLES | {"include_tasks", "import_tasks", "include"}
DEEPEST = 20
PAIR = re.compile(r"""\s*(\w+)=(?:"[^"]*"|'[^']*'|(?:\{\{.*?\}\}|[^\s"'{])*)""")


class _Here:
    def __init__(self, source: Source, document: Document) -> None:
        self.source, self.document = source, document

    def found(self, path: Path, rule: str, message: str) -> Finding:
        """A finding at a value."""
        place = self.document.place(path)
        return Finding(self.source.path, place.line, place.column, "ansible", rule, ERROR, message[:300])


def _check(sources: list[Source], _: Runner) -> Iterator[Said]:
    modules.home()
    for source in sources:
        if source.documents.fault is not None:
            yield Unchecked(source.path, "it cannot be read as YAML")
            continue
        for document in source.documents.documents:
            here = _Here(source, document)
            if "ansible-playbook" in source.kinds:
                for number, play in enumerate(rows(document.value)):
                    yield from _play(here, (number,), play)
            else:
                yield from _tasks(here, (), document.value, 0)


def _play(here: _Here, path: Path, play: Any) -> Iterator[Said]:
    if not is_table(play):
        yield here.found(path, "play", "a play must be a mapping")
        return
    if play.keys() & IMPORT or "include" in play or {"sources", "rules"} <= play.keys():
        return  # of an event-driven rulebook, the last
    for key in play:
        if key not in PLAY:
            yield here.found((*path, key), "key", f"a play has no key {key!r}{_near(key, PLAY)}")
    if "hosts" not in play:
        yield here.found(path, "hosts", "the play names no hosts")
    yield from _roles(here, path, play)
    for part in TASK_LISTS:
        yield from _tasks(here, (*path, part), play.get(part), 0)
    yield from _notified(here, path, play)


def _roles(here: _Here, path: Path, play: dict[Any, Any]) -> Iterator[Said]:
    roles = play.get("roles")
    if roles is not None and not is_rows(roles) and "{{" not in str(roles):
        yield here.found((*path, "roles"), "type", "roles must be a list")
    folder = os.path.join(here.source.root, here.source.folder, "roles")
    there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for number, each in enumerate(rows(roles)):
        name = each if isinstance(each, str) else table(each).get("role") or table(each).get("name")
        if not isinstance(name, str):
            yield here.found((*path, "roles", number), "role", "a role has no name")
        elif name not in there and not set(name) & set("./{"):
            near = difflib.get_close_matches(name, there, n=1, cutoff=0.8)
            if near:
                yield here.found((*path, "roles", number), "role", f"there is no role {name!r}{_meant(near)}")


def _tasks(here: _Here, path: Path, tasks: Any, depth: int) -> Iterator[Said]:
    if tasks is None or (isinstance(tasks, str) and "{{" in tasks):
        return
    if not is_rows(tasks):
        yield here.found(path, "type", "tasks must be a list")
        return
    for number, task in enumerate(tasks):
        if is_table(task) and depth < DEEPEST:
            yield from _task(here, (*path, number), task, depth)
        elif not is_table(task) and task is not None:
            yield here.found((*path, number), "type", f"a task must be a mapping, not {str(task)[:40]!r}")


def _task(here: _Here, path: Path, task: dict[Any, Any], depth: int) -> Iterator[Said]:
    yield from _conditions(here, path, task)
    if "block" in task:
        for key in task:
            if key not in BLOCK:
                yield here.found((*path, key), "key", f"a block has no key {key!r}{_near(key, BLOCK)}")
        for part in PARTS:
            yield from _tasks(here, (*path, part), task.get(part), depth + 1)
        return
    actions = [str(key) for key in task if key not in TASK and not str(key).startswith("with_")]
    if task.keys() & {"action", "local_action"}:
        if actions:
            yield here.found((*path, actions[0]), "key", f"a task has no key {actions[0]!r}{_near(actions[0], TASK)}")
        return
    known = [each for each in actions if _exists(here, each)]
    chosen = known[:1] or actions[:1]
    if not chosen:
        yield here.found(path, "action", "the task names no module")
        return
    for extra in actions:
        if extra not in chosen:
            yield here.found((*path, extra), "key", f"a task has no key {extra!r} beside the module {chosen[0]}{_near(extra, TASK)}")  # fmt: skip
    yield from _module(here, path, task, chosen[0])


def _conditions(here: _Here, path: Path, task: dict[Any, Any]) -> Iterator[Said]:
    for key in CONDITIONS:
        for each in rows(task.get(key)) if is_rows(task.get(key)) else [task.get(key)]:
            said = broken(each, bare=True)
            if said:
                yield here.found((*path, key), "expression", f"{key}: {said}")
    for key, value in task.items():
        if key not in (*CONDITIONS, *PARTS):
            said = next((said for each in _texts(value, 0) if (said := broken(each, bare=False))), None)
            if said:
                yield here.found((*path, key), "expression", f"{key}: {said}")


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < DEEPEST:
        for each in value.values() if is_table(value) else rows(value):
            yield from _texts(each, depth + 1)


def _exists(here: _Here, name: str) -> bool:
    """Whether there is such a module, or may be: of a collection, or beside the playbook or the role."""
    if name.startswith(modules.OWN):
        return modules.short(name) in modules.names()
    if "." in name or name in modules.names():
        return True
    folder = here.source.folder
    places = [os.path.join(here.source.root, part, "library") for part in (folder, os.path.dirname(folder), "")]
    return any(os.path.exists(os.path.join(place, name + end)) for place in places for end in (".py", ".sh", ""))


def _module(here: _Here, path: Path, task: dict[Any, Any], name: str) -> Iterator[Said]:
    if not _exists(here, name):
        near = difflib.get_close_matches(modules.short(name), modules.own_names() | TASK, n=1, cutoff=0.65)
        if near or name.startswith(modules.OWN):
            yield here.found((*path, name), "module", f"there is no module {name!r}{_meant(near)}")
        return
    if modules.short(name) in FILES:
        yield from _file(here, (*path, name), task[name])
    accepted = modules.accepted(name)
    given = _given(task[name], modules.short(name))
    if accepted is not None and given is not None:
        yield from _arguments(here, (*path, name), task, given, accepted)


def _arguments(
    here: _Here, path: Path, task: dict[Any, Any], given: dict[str, Any], accepted: modules.Accepted
) -> Iterator[Said]:
    name = path[-1]
    lenient = modules.short(name) in modules.PASSED_ON
    for key, value in given.items():
        if key in accepted.options:
            yield from _choice(here, (*path, key), name, key, value, accepted.options[key])
        elif not lenient:
            yield here.found((*path, key), "argument", f"{name} has no argument {key!r}{_near(key, accepted.options)}")
    if isinstance(task[name], str) or task.keys() & {"args", "module_defaults"}:
        return
    absent = [each[0] for each in accepted.required if not {*given} & {*each}]
    if absent and (lenient or given.keys() <= accepted.options.keys()):
        yield here.found(path, "required", f"{name} lacks {', '.join(absent)}")


def _given(value: Any, module: str) -> dict[str, Any] | None:
    """A module's arguments, where they can be told."""
    if is_table(value):
        return {str(key): each for key, each in value.items()}
    if not isinstance(value, str) or module in modules.FREE:
        return None
    found: dict[str, Any] = {}
    at = 0
    while at < len(value.rstrip()):
        pair = PAIR.match(value, at)
        if pair is None:
            return None
        found[pair[1]] = None
        at = pair.end()
    return found


def _choice(here: _Here, path: Path, name: str, key: str, value: Any, option: dict[str, Any]) -> Iterator[Said]:
    known = modules.choices(option)
    if not known or not isinstance(value, str) or "{{" in value or "{%" in value or option.get("type") == "bool":
        return
    if option.get("type") == "list" or value in known or value.lower() in ("yes", "no", "true", "false", "on", "off"):
        return
    yield here.found(path, "value", f"{name}: {key} is one of {', '.join(known[:12])}, not {value!r}")


def _file(here: _Here, path: Path, value: Any) -> Iterator[Said]:
    """A task file that is named as it stands is there."""
    name = value if isinstance(value, str) else table(value).get("file")
    if not isinstance(name, str) or "{{" in name or not re.fullmatch(r"[\w./-]+\.ya?ml", name):
        return
    parts = here.source.folder.split("/")
    above = [os.path.join(here.source.root, *parts[:number]) for number in range(len(parts) + 1)]
    places = [*above, *(os.path.join(place, "tasks") for place in above)]
    if not any(os.path.exists(os.path.join(place, name)) for place in places):
        yield here.found(path, "file", f"there is no file {name}")


def _notified(here: _Here, path: Path, play: dict[Any, Any]) -> Iterator[Said]:
    """Every handler that is notified is there, where all of the play is in this file."""
    listed = [*_all(play, 0)]
    handlers = [task for task in rows(play.get("handlers")) if is_table(task)]
    foreign = any(modules.short(str(key)) in ROLES for task in listed for key in task)
    if play.get("roles") or foreign or any(modules.short(str(key)) in MORE for task in handlers for key in task):
        return
    names = {str(name) for task in handlers for key in ("name", "listen") for name in texts(task.get(key))}
    for part in TASK_LISTS:
        for number, task in enumerate(rows(play.get(part))):
            for name in texts(table(task).get("notify")):
                if name not in names and "{{" not in name and not any("{{" in each for each in names):
                    yield here.found((*path, part, number, "notify"), "handler", f"the play has no handler {name!r}{_near(name, names)}")  # fmt: skip


def _all(part: Any, depth: int) -> Iterator[dict[Any, Any]]:
    """All tasks and blocks within."""
    for key in (*TASK_LISTS, *PARTS):
        for task in rows(table(part).get(key)):
            if is_table(task) and depth < DEEPEST:
                yield task
                yield from _all(task, depth + 1)


def _near(name: object, names: Iterable[str]) -> str:
    return _meant(difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.65))


def _meant(near: list[str]) -> str:
    return f"; {near[0]!r} was meant?" if near else ""


VALIDATORS = (Validator("ansible", frozenset({"ansible-playbook", "ansible-tasks"}), _check),)
