"""What a run needs of the machine: each thing looked at, with its version, or how to get it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from agency_tools.availability import bwrap_availability, docker_availability
from agency_tools.engine import address, ask
from agency_tools.image import COMMANDS, reference, tool_paths
from agency_tools.image.programs import MODULE
from agency_tools.image.recipe import HERE
from agency_tools.leftovers import leftovers

State: TypeAlias = Literal["ok", "missing", "broken"]
VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
PATIENCE = 5.0

PROGRAMS: Mapping[str, tuple[Sequence[str], str]] = {
    "git": (("git", "--version"), "apt-get install git"),
    "rg": (("rg", "--version"), "apt-get install ripgrep; without it Grep and Glob are slower"),
    "terraform": (("terraform", "version", "-json"), "https://developer.hashicorp.com/terraform/install"),
    "kubectl": (("kubectl", "version", "--client", "-o", "json"), "https://kubernetes.io/docs/tasks/tools/"),
    "helm": (("helm", "version", "--short"), "https://helm.sh/docs/intro/install/"),
}

OWN_PROGRAMS: Mapping[str, tuple[str, str]] = {
    "actionlint": ("github.com/rhysd/actionlint", "install Go 1.25"),
    "amtool": ("github.com/prometheus/alertmanager", "install Go 1.25"),
    "promtool": ("", "its package is Debian's"),
}
"""Validators that setup builds from Go modules or unpacks where it can: the module, and what is needed for that."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing a run may need. `remedy` says how to get it, or what stands in for it."""

    name: str
    state: State
    version: str | None = None
    remedy: str | None = None


Look: TypeAlias = Callable[[], Sequence[Item]]


@dataclass(frozen=True, kw_only=True)
class Health:
    """Every item; `ok` when a run can start."""

    items: tuple[Item, ...]

    @property
    def ok(self) -> bool:
        """A sandbox can be started, and git is there."""
        fine = {item.name for item in self.items if item.state == "ok"}
        return "git" in fine and ("bwrap" in fine or {"engine", "workspace image"} <= fine)

    def json(self) -> str:
        """As other programs read it."""
        return json.dumps({"ok": self.ok, "items": [asdict(item) for item in self.items]}, indent=2)


def examine(environment: Mapping[str, str] = os.environ) -> Health:
    """Look at everything, side by side, since each look is mostly waiting."""
    looks: list[Look] = [
        lambda: [engine()],
        lambda: [workspace_image()],
        lambda: [bwrap()],
        *(partial(_program, name) for name in PROGRAMS),
        validators,
        *(partial(_own_program, name) for name in OWN_PROGRAMS),
        lambda: [left_behind()],
        lambda: [api_key(environment)],
    ]
    with ThreadPoolExecutor(len(looks)) as pool:
        found = [pool.submit(look) for look in looks]
        return Health(items=tuple(item for answer in found for item in answer.result()))


def _program(name: str) -> list[Item]:
    return [program(name)]


def engine() -> Item:
    """The Docker engine."""
    try:
        status, body = ask("/version")
    except (OSError, ValueError) as problem:
        remedy = "install docker.io and start dockerd, or set DOCKER_HOST; bubblewrap does without"
        state: State = "missing" if isinstance(problem, FileNotFoundError) else "broken"
        return Item(name="engine", state=state, remedy=f"{address()}: {problem}; {remedy}")
    if status != 200:
        return Item(name="engine", state="broken", remedy=f"{address()} answers {status}; look at dockerd's log")
    return Item(name="engine", state="ok", version=str(json.loads(body).get("Version")))


def workspace_image() -> Item:
    """The image of this version's recipe."""
    name = reference()
    found = docker_availability(name)
    if found.ready:
        return Item(name="workspace image", state="ok", version=name)
    return Item(name="workspace image", state="missing", version=name, remedy=found.remedy)


def bwrap() -> Item:
    """bubblewrap, by starting it."""
    found = bwrap_availability()
    if found.ready:
        return Item(name="bwrap", state="ok", version=version_of(("bwrap", "--version")))
    state: State = "broken" if shutil.which("bwrap") else "missing"
    return Item(name="bwrap", state=state, remedy=f"{found.why}; {found.remedy}")


def program(name: str) -> Item:
    """One program, on the host's PATH or beside the validators."""
    argv, remedy = PROGRAMS[name]
    found = shutil.which(name) or _beside_validators(name)
    if found is None:
        return Item(name=name, state="missing", remedy=remedy)
    version = version_of((found, *argv[1:]))
    if version is None:
        return Item(name=name, state="broken", remedy=f"`{' '.join(argv)}` fails; {remedy}")
    return Item(name=name, state="ok", version=version)


def _own_program(name: str) -> list[Item]:
    return [own_program(name)]


def own_program(name: str) -> Item:
    """One validator that is a program of its own, as sandboxes without an image find it."""
    found = _beside_validators(name) or shutil.which(name)
    again = f"remove {Path(tool_paths()[0]).parent}, then " if tool_paths() else ""
    module, needed = OWN_PROGRAMS[name]
    remedy = f"its checks are not run; {needed}, {again}agency image build --local"
    if found is None:
        return Item(name=name, state="missing", remedy=remedy)
    version = version_of((found, "--version"))
    if version is None:
        return Item(name=name, state="broken", remedy=remedy)
    return Item(name=name, state="ok", version=_module_version(module) or version)


def _module_version(module: str) -> str | None:
    """The pinned version: amtool built from its module names only that of Go."""
    pinned = re.search(
        rf"^\s*{re.escape(module)} v(\S+)", (MODULE / "go.mod").read_text(encoding="utf-8"), re.MULTILINE
    )
    return pinned[1] if module and pinned else None


def _beside_validators(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join(tool_paths())) if tool_paths() else None


def version_of(argv: Sequence[str]) -> str | None:
    """The first version number a command prints, or None where it fails."""
    env = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = VERSION.search(done.stdout)
    return found[0].strip('",') if done.returncode == 0 and found else None


def validators() -> list[Item]:
    """Each validator as sandboxes without an image find it; the image has all of them."""
    places = tool_paths()
    pins = _pins()
    return [_validator(name, places, pins) for name in COMMANDS]


def _validator(name: str, places: Sequence[str], pins: Mapping[str, str]) -> Item:
    version = pins.get(name) or pins.get(f"{name}-bin") or pins.get(f"{name}_py")
    if not places:
        return Item(name=name, state="missing", remedy="agency image build --local")
    if not os.access(Path(places[0], name), os.X_OK):
        return Item(name=name, state="broken", remedy=f"remove {Path(places[0]).parent}; agency image build --local")
    return Item(name=name, state="ok", version=version)


def _pins() -> dict[str, str]:
    texts = [(HERE / name).read_text(encoding="utf-8") for name in ("policies.txt", "validators.txt")]
    return dict(line.split("==", 1) for text in texts for line in text.splitlines() if "==" in line)


def left_behind() -> Item:
    """Containers and control groups of runs that were killed."""
    if found := leftovers():
        return Item(name="left behind", state="broken", version=str(len(found)), remedy="agency session gc")
    return Item(name="left behind", state="ok", version="nothing")


def api_key(environment: Mapping[str, str]) -> Item:
    """Whether there is a key; never which."""
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        if environment.get(name):
            return Item(name="API key", state="ok", version=f"from {name}")
    remedy = "export ANTHROPIC_API_KEY=…; replays, `agency demo` and `agency eval` need none"
    return Item(name="API key", state="missing", remedy=remedy)
