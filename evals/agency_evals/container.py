"""Public tasks' Dockerfiles, where they need only files: what is copied where, and the variables that are set."""

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from agency_evals.dockerfile_text import Instruction, instructions
from agency_evals.dockerignore import ignoring
from agency_evals.image_tree import ImageTree
from agency_evals.run_step import run_step
from agency_tools.errors import UsageError
from agency_tools.workspace import ROOT

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
)
"""Instructions without a file in them."""

REMEDY = "only files can be taken over"
RECIPE = ("Dockerfile", "docker-compose.yaml", "docker-compose.yml", ".dockerignore")
START_UP = frozenset({".bashrc", ".bash_profile", ".profile", ".bash_logout", ".inputrc", ".vimrc", ".tmux.conf"})
"""Files of a shell that a person sits at; no agent's shell reads them."""

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
    }
)
"""Folders that every sandbox has of its own."""

SHARED = frozenset({"home", "media", "mnt", "opt", "srv"})
"""Folders in which several things lie side by side, the sandbox's among them."""

OURS = frozenset({"tests", "solution", "logs"})
"""Folders that belong to scoring; an image's are not taken over."""


def build(dockerfile: Path, place: Path) -> ImageTree:
    """Perform the Dockerfile's file instructions below `place`.

    Raises UsageError for an instruction that needs more than files, naming its line.
    """
    image = ImageTree(place=place)
    place.mkdir(parents=True, exist_ok=True)
    for each in wanted(instructions(dockerfile.read_text(encoding="utf-8", errors="replace"))):
        try:
            _perform(image, each, dockerfile)
        except OSError as error:
            raise UsageError(f"{dockerfile}:{each.line}: {each.name}: {error.strerror}: {error.filename}") from error
    _check_systems(image, dockerfile)
    return image


def wanted(found: Sequence[Instruction]) -> Iterator[Instruction]:
    """The instructions of the last stage and of those it is built upon; another stage's files are not in the image."""
    bases = {each.stage: _from(each.value) for each in found if each.name == "FROM"}
    names = {name: stage for stage, (_, name) in bases.items() if name}
    chain, stage = {-1}, max(bases, default=-1)
    while stage not in chain:
        chain.add(stage)
        stage = names.get(bases[stage][0].lower(), -1)
    return (each for each in found if each.stage in chain)


def _from(value: str) -> tuple[str, str]:
    """A FROM's image, and the name it is given."""
    words = [word for word in value.split() if not word.startswith("--")]
    named = len(words) == 3 and words[1].lower() == "as"
    return (words[0] if words else "", words[2].lower() if named else "")


def _perform(image: ImageTree, each: Instruction, dockerfile: Path) -> None:
    match each.name:
        case "WORKDIR":
            image.workdir = image.full(image.expanded(each.value.strip().strip("\"'")))
            image.folder(".", each.line)
        case "ENV":
            image.variables |= {name: image.expanded(value) for name, value in variables(each.value).items()}
        case "ARG":
            _argue(image, each)
        case "COPY" | "ADD":
            _copy(image, each, dockerfile)
        case "RUN":
            run_step(image, each, refusing(dockerfile, each))
        case "FROM":
            image.workdir, image.variables = (image.workdir, image.variables) if image.made else ("/", {})
            image.notes.append(f"{_from(each.value)[0]} is not pulled; the workspace image stands in for it")
        case name if name not in HARMLESS:
            raise UsageError(f"{dockerfile}:{each.line}: {name} is not understood; {REMEDY}")
        case _:
            pass


def refusing(dockerfile: Path, each: Instruction) -> Callable[[str], UsageError]:
    """The refusal of an instruction, with its place and what could be had instead."""
    return lambda what: UsageError(f"{dockerfile}:{each.line}: {what}; {REMEDY}")


def variables(text: str) -> dict[str, str]:
    """The variables of an ENV, in either form."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    if words and "=" not in words[0]:
        return {words[0]: text.split(None, 1)[1].strip() if " " in text.strip() else ""}
    pairs = (word.partition("=") for word in words if "=" in word)
    return {name: value for name, _, value in pairs}


def _argue(image: ImageTree, each: Instruction) -> None:
    """A build's arguments are never given: their defaults stand."""
    for name, value in variables(each.value if "=" in each.value else f"{each.value.strip()}=").items():
        image.arguments[name] = image.expanded(value) or image.arguments.get(name, "")


def _copy(image: ImageTree, each: Instruction, dockerfile: Path) -> None:
    refuse = refusing(dockerfile, each)
    flags, words = _flags(image.expanded(each.head) if each.head else "")
    if "from" in flags:
        raise refuse(f"copies from another image ({flags['from']})")
    if "parents" in flags or len(words) < 2:
        raise refuse(f"{each.name} {each.head[:60]!r} is not understood")
    *sources, target = words
    bodies = {body.word: body for body in each.bodies}
    for source in sources:
        if source.startswith("<<"):
            body = bodies[source.lstrip("<-").strip("\"'")]
            name = f"{target}{body.word}" if target.endswith("/") else target
            text = body.text if body.literal else image.expanded(body.text)
            image.write(name, f"{text}\n".encode(), each.line)
            _chmod(image, name, flags)
            continue
        _copy_source(image, each, dockerfile, source, target, flags, several=len(sources) > 1)


def _copy_source(
    image: ImageTree, each: Instruction, dockerfile: Path, source: str, target: str, flags: dict[str, str], *, several: bool
) -> None:  # fmt: skip
    refuse, context = refusing(dockerfile, each), dockerfile.parent
    if "://" in source or source.startswith("git@"):
        raise refuse(f"fetches {source}")
    if each.name == "ADD" and re.search(r"\.(tar|tgz|tar\.\w+|tbz2|txz)$", source):
        raise refuse(f"unpacks {source}")
    pattern = posixpath.normpath(source.lstrip("/"))
    if pattern.split("/")[0] == "..":
        raise refuse(f"copies {source}, which is outside of {context.name}/")
    ignored = ignoring(context, [flags["exclude"]] if "exclude" in flags else [])
    found = [context] if pattern == "." else sorted(context.glob(pattern))
    found = [path for path in found if path == context or not ignored(path.relative_to(context).as_posix())]
    if not found:
        raise refuse(f"copies {source}, which is not there")
    for path in found:
        many = several or len(found) > 1
        for name in _place(image, path, context, target, each.line, ignored, many=many):
            _chmod(image, name, flags)


def _place(
    image: ImageTree, path: Path, context: Path, target: str, line: int, ignored: Callable[[str], bool], *, many: bool
) -> Iterator[str]:  # fmt: skip
    """Copy one source; a folder's contents, a file under its own name where the target is a folder. The paths made."""
    if path.is_dir():
        image.folder(target, line)
        for below in sorted(path.rglob("*")):
            if ignored(below.relative_to(context).as_posix()) or (path == context and below.name in RECIPE):
                continue
            name = f"{target.rstrip('/')}/{below.relative_to(path).as_posix()}"
            if below.is_dir() and not below.is_symlink():
                image.folder(name, line)
            else:
                image.copy(below, name, line)
                yield name
        return
    folder = many or target.endswith(("/", "/.")) or target == "." or image.inside(target).is_dir()
    name = f"{target.rstrip('/')}/{path.name}" if folder else target
    image.copy(path.resolve() if path.resolve().is_relative_to(context.resolve()) else path, name, line)
    yield name


def _chmod(image: ImageTree, name: str, flags: dict[str, str]) -> None:
    mode = flags.get("chmod", "")
    if re.fullmatch(r"[0-7]{3,4}", mode) and not image.inside(name, follow=False).is_symlink():
        image.inside(name).chmod(int(mode, 8) & 0o777)


def _flags(text: str) -> tuple[dict[str, str], list[str]]:
    """The flags of a COPY, and its words in either form."""
    flags: dict[str, str] = {}
    while found := re.match(r"\s*--([\w-]+)(?:=(\S+))?\s+", text):
        flags[found.group(1)] = found.group(2) or ""
        text = text[found.end() :]
    if text.startswith("["):
        try:
            return flags, [str(word) for word in cast("list[object]", json.loads(text))]
        except ValueError:
            pass
    return flags, [word.strip("\"'") for word in text.split()]


def _check_systems(image: ImageTree, dockerfile: Path) -> None:
    """Files among the system's own cannot be had: the sandbox's are its own, and the same for every case."""
    place = placing(image)
    tops = {path.name for path in image.place.iterdir()} & (SYSTEMS if place.alias == ROOT else {*SYSTEMS, "workspace"})
    for path in (path for top in sorted(tops) for path in image.files(top)):
        if path.startswith(f"{place.alias}/"):
            continue
        if posixpath.basename(path) in START_UP or path.startswith("/var/lib/apt/"):
            image.notes.append(f"{path} is not taken over")
            continue
        whose = "where the working folder is seen" if path.startswith(f"{ROOT}/") else "among the system's own files"
        raise UsageError(f"{dockerfile}:{image.line_of(path)}: puts {path} {whose}, which cannot be had here; {REMEDY}")


@dataclass(frozen=True, kw_only=True)
class Placing:
    """What of an image becomes the repository: the host's folder, the path it stands for, and where one works in it."""

    root: Path
    alias: str
    start: str


def placing(image: ImageTree, workdir: str | None = None) -> Placing:
    """The folder at the top in which one works, whole; below those that are shared, only the working folder itself."""
    start = image.full(workdir or image.workdir)
    if start == "/":
        start = ROOT if any(image.files("workspace")) else "/app"
    top = start.split("/")[1]
    alias = start if top in SYSTEMS or top in SHARED else f"/{top}"
    return Placing(root=image.inside(alias), alias=alias, start=start)


def mounts_of(image: ImageTree, alias: str) -> dict[str, str]:
    """Host folders beside the repository that the sandbox needs: {host path: path inside}.

    Only folders that no system has, and none that scoring has of its own; below shared ones each by itself.
    """
    found: dict[str, str] = {}
    for path in sorted(image.place.iterdir()):
        if not path.is_dir() or path.is_symlink():
            image.notes.append(f"/{path.name} is not taken over: it lies at the very top")
        elif path.name in OURS and alias != f"/{path.name}":
            image.notes.append(f"/{path.name} of the image is not taken over: it belongs to scoring")
        elif path.name in SHARED:
            found |= {str(each): f"/{path.name}/{each.name}" for each in sorted(path.iterdir()) if each.is_dir()}
        elif path.name not in (*SYSTEMS, "workspace"):
            found[str(path)] = f"/{path.name}"
    return {host: inside for host, inside in found.items() if inside != alias}
