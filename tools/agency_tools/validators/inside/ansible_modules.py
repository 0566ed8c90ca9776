"""What Ansible's own modules accept, as their documentation in ansible-core says it; nothing of them is imported."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from typing import Any, NamedTuple

from .values import NotRun, is_rows, is_table, library, rows, table, texts

OWN = ("ansible.builtin.", "ansible.legacy.")
DOCUMENTATION = re.compile(r"^\s*(?P<name>[A-Z_]+)\s*=\s*r?(?P<quote>\"\"\"|''')(?P<text>.*?)(?P=quote)", re.MULTILINE | re.DOTALL)  # fmt: skip
ANYTHING = frozenset({"set_fact", "add_host", "meta", "include", "include_role", "import_role", "set_stats", "gather_facts", "setup"})  # fmt: skip
"""Modules whose arguments are names that the author chooses, or that differ from what is documented."""

FREE = frozenset({"command", "shell", "raw", "script", "include_vars", "include_tasks", "import_tasks", "include", "meta", "win_command", "win_shell", "import_playbook", "group_by"})  # fmt: skip
"""Modules that take a line of text."""

PASSED_ON = frozenset({"service", "package"})
"""Modules that hand what they do not know to the one that the system has."""

GONE = frozenset({"include", "docker", "ec2_facts", "accelerate", "fireball", "letsencrypt"})
"""Modules of older releases; good playbooks of that time have them."""


class Accepted(NamedTuple):
    """A module's options by name and alias, and the names of which one each must be given."""

    options: dict[str, Any]
    required: tuple[tuple[str, ...], ...]


@functools.lru_cache(maxsize=1)
def home() -> str:
    """The folder of ansible-core. Raises NotRun where it is not installed."""
    found = importlib.util.find_spec("ansible")
    if found is None or not found.submodule_search_locations:
        raise NotRun("ansible-core is not in this sandbox")
    return next(iter(found.submodule_search_locations))


@functools.lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """The short names of ansible-core's modules, and of those that it once had and now finds in collections."""
    own = {name[:-3] for name in os.listdir(os.path.join(home(), "modules")) if name.endswith(".py")}
    own |= {name[:-3] for name in os.listdir(os.path.join(home(), "plugins", "action")) if name.endswith(".py")}
    routed = table(table(_yaml(_text("config", "ansible_builtin_runtime.yml"))).get("plugin_routing"))
    moved = {str(name) for kind in ("modules", "action") for name in table(routed.get(kind))}
    return frozenset(own | moved | GONE) - {"__init__", "normal"}


@functools.lru_cache(maxsize=1)
def own_names() -> frozenset[str]:
    """The short names of the modules that ansible-core itself has."""
    return frozenset(name[:-3] for name in os.listdir(os.path.join(home(), "modules")) if name.endswith(".py")) | {"gather_facts"}  # fmt: skip


def short(name: str) -> str:
    """The name without the prefix of ansible-core's own collection."""
    return next((name[len(prefix) :] for prefix in OWN if name.startswith(prefix)), name)


@functools.lru_cache(maxsize=256)
def accepted(name: str) -> Accepted | None:
    """What one of ansible-core's modules accepts; None where that is not told."""
    name = short(name)
    if name in ANYTHING or name not in own_names():
        return None
    said = table(_yaml(_documentation(_text("modules", f"{name}.py"), "DOCUMENTATION")))
    options = dict(table(said.get("options")))
    for fragment in texts(said.get("extends_documentation_fragment")):
        options = {**_fragment(fragment), **options}
    if not options:
        return None
    return _accepted(options)


def _accepted(options: dict[str, Any]) -> Accepted:
    found: dict[str, Any] = {}
    required: list[tuple[str, ...]] = []
    for name, option in options.items():
        every = (str(name), *texts(table(option).get("aliases")))
        found.update(dict.fromkeys(every, table(option)))
        if table(option).get("required") is True:
            required.append(every)
    return Accepted(found, tuple(required))


@functools.lru_cache(maxsize=64)
def _fragment(name: str) -> dict[str, Any]:
    """The options of a documentation fragment, such as `files` or `url.windows`."""
    module, _, part = name.removeprefix("ansible.builtin.").partition(".")
    text = _text("plugins", "doc_fragments", f"{module}.py")
    return dict(table(table(_yaml(_documentation(text, part.upper() or "DOCUMENTATION"))).get("options")))


def _documentation(text: str, name: str) -> str:
    return next((found["text"] for found in DOCUMENTATION.finditer(text) if found["name"] == name), "")


def _text(*path: str) -> str:
    try:
        with open(os.path.join(home(), *path), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _yaml(text: str) -> Any:
    yaml = library("yaml", "PyYAML")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def choices(option: dict[str, Any]) -> list[str]:
    """The values an option may have; empty where it may have any."""
    given = option.get("choices")
    return [str(each) for each in (rows(given) if is_rows(given) else given if is_table(given) else [])]
