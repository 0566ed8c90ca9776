"""Public tasks' Dockerfiles, where they need only files: what is copied where, and the variables that are set."""

import os
import posixpath
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agency_evals.dockerfile_text import Instruction, instructions
from agency_tools.errors import UsageError

HARMLESS = (
    "EXPOSE",
    "LABEL",
    "MAINTAINER",
    "CMD",
    "ENTRYPOINT",
    "HEALTHCHECK",
    "STOPSIGNAL",
    "SHELL",
    "USER",
    "VOLUME",
    "ARG",
)
"""Instructions without a file in them."""

IMAGES_OWN = re.compile(
    r"^(apt-get|apt|apk|pip3?|python3? -m pip|uv|npm|curl|rm -rf /var/lib/apt/lists|useradd|groupadd|chown)\b"
)
"""Commands that bring programs; those of the workspace image stand in for them."""


@dataclass
class Container:
    """What a Dockerfile comes to. workdir: where the agent stands. files: folder below `place` for each path inside."""

    place: Path
    workdir: str = "/"
    variables: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    touched: set[str] = field(default_factory=set[str])

    def inside(self, path: str) -> Path:
        """The host's path for a path in the image."""
        full = posixpath.normpath(posixpath.join(self.workdir, path))
        return self.place / full.lstrip("/")


def build(dockerfile: Path, place: Path) -> Container:
    """Perform the Dockerfile's file instructions below `place`.

    Raises UsageError for an instruction that needs more than files, naming its line.
    """
    container = Container(place=place)
    for each in instructions(dockerfile.read_text(encoding="utf-8", errors="replace")):
        _perform(container, each, dockerfile)
    return container


def _perform(container: Container, each: Instruction, dockerfile: Path) -> None:
    match each.name:
        case "WORKDIR":
            container.workdir = posixpath.normpath(posixpath.join(container.workdir, each.value.strip()))
            container.inside(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            container.variables |= variables(each.value)
        case "COPY" | "ADD":
            _copy(container, each, dockerfile)
        case "RUN":
            _run(container, each, dockerfile)
        case "FROM":
            container.notes.append(f"{each.value.split()[0]} is not pulled; the workspace image stands in for it")
        case name if name not in HARMLESS:
            raise UsageError(f"{dockerfile}:{each.line}: {name} is not understood; only files can be taken over")
        case _:
            pass


def variables(text: str) -> dict[str, str]:
    """The variables of an ENV, in either form."""
    words = shlex.split(text)
    if words and "=" not in words[0]:
        return {words[0]: text.split(None, 1)[1].strip() if " " in text.strip() else ""}
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}


def _copy(container: Container, each: Instruction, dockerfile: Path) -> None:
    words = [word for word in _words(each.value) if not word.startswith("--")]
    if any(word.startswith("--from") for word in _words(each.value)) or len(words) < 2:
        raise UsageError(f"{dockerfile}:{each.line}: copies from another image; only files can be taken over")
    *sources, target = words
    context = dockerfile.parent
    for source in sources:
        if "://" in source:
            raise UsageError(f"{dockerfile}:{each.line}: fetches {source}; only files can be taken over")
        found = (
            sorted(context.glob(source.lstrip("/").removeprefix("./") or "*"))
            if source not in (".", "./")
            else [context]
        )
        if not found:
            raise UsageError(f"{dockerfile}:{each.line}: copies {source}, which is not there")
        for path in found:
            _place(container, path, target, several=len(sources) > 1 or len(found) > 1)


def _place(container: Container, path: Path, target: str, *, several: bool) -> None:
    where = container.inside(target)
    if path.is_dir():
        shutil.copytree(path, where, symlinks=True, dirs_exist_ok=True, ignore=_not_the_recipe)
        return
    if several or target.endswith("/") or target == "." or where.is_dir():
        where = where / path.name
    where.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, where)


def _not_the_recipe(folder: str, names: Sequence[str]) -> list[str]:
    return [
        name for name in names if name in ("Dockerfile", "docker-compose.yaml", "docker-compose.yml", ".dockerignore")
    ]


def _run(container: Container, each: Instruction, dockerfile: Path) -> None:
    """`mkdir`, `touch`, `chmod` and `ln -s` are done; what installs programs is left to the image."""
    for command in re.split(r"\s*(?:&&|;|\n)\s*", each.value):
        words = _words(command)
        if not words:
            continue
        if words[0] in ("mkdir", "touch"):
            _make(container, words)
        elif words[0] == "chmod" and len(words) > 2 and words[1] in ("+x", "755", "a+x", "u+x"):
            for path in words[2:]:
                _make_executable(container.inside(path))
        elif words[0] == "ln" and len(words) == 4 and words[1] in ("-s", "-sf", "-fs", "-sfn"):
            _link(container, words[2], words[3], each.line)
        elif IMAGES_OWN.match(command.strip()):
            container.notes.append(
                f"line {each.line}: not run: {command.strip()[:80]}; the workspace image's programs stand in"
            )
        elif words[0] not in ("cd", "true", ":", "echo"):
            raise UsageError(f"{dockerfile}:{each.line}: runs {command.strip()[:80]!r}; only files can be taken over")


def _make(container: Container, words: Sequence[str]) -> None:
    for path in (word for word in words[1:] if not word.startswith("-")):
        where = container.inside(path)
        (where if words[0] == "mkdir" else where.parent).mkdir(parents=True, exist_ok=True)
        if words[0] == "touch":
            where.touch()


def _link(container: Container, target: str, link: str, line: int) -> None:
    """Make a symbolic link; among the system's own programs there is none to be made."""
    where = container.inside(link)
    if where.relative_to(container.place).parts[0] in SYSTEMS:
        container.notes.append(f"line {line}: {link} is not made; the workspace image's programs stand in")
        return
    where = where / posixpath.basename(target) if where.is_dir() else where
    where.parent.mkdir(parents=True, exist_ok=True)
    where.unlink(missing_ok=True)
    where.symlink_to(target)


def _make_executable(path: Path) -> None:
    for each in path.parent.glob(path.name):
        each.chmod(each.stat().st_mode | 0o111)


def _words(text: str) -> list[str]:
    try:
        if text.strip().startswith("["):
            return [part.strip().strip('"') for part in text.strip()[1:-1].split(",")]
        return shlex.split(text)
    except ValueError:
        return text.split()


def mounts_of(container: Container, workdir: str) -> Mapping[str, str]:
    """Host folders beside the workspace that the sandbox needs: {host path: path inside}.

    Only top-level folders that no system has: what was copied to `/etc` or `/usr` cannot be there.
    """
    found: dict[str, str] = {}
    top = workdir.strip("/").split("/")[0]
    for path in sorted(container.place.iterdir()):
        if path.name == top or not path.is_dir():
            continue
        if path.name in SYSTEMS:
            if any(os.scandir(path)):
                container.notes.append(f"/{path.name} is the sandbox's own; what was copied there is not")
            continue
        found[str(path)] = f"/{path.name}"
    return found


SYSTEMS = frozenset(
    {
        "bin",
        "boot",
        "dev",
        "etc",
        "lib",
        "lib64",
        "proc",
        "root",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr",
        "var",
        "workspace",
    }
)
