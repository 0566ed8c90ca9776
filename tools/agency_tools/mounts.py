"""What of the host appears inside a sandbox, and where: the same list for every starter, with what is refused."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agency_tools.errors import WorkspaceError
from agency_tools.workspace import ROOT, Layout

SOCKETS = (
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd",
    "/run/podman",
    "/run/crio",
    "/run/dbus",
    "/run/systemd",
    "/run/user",
)
"""Whoever can speak to these is root on the host, or the user."""

CREDENTIALS = (
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".config/op",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".ssh",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
)
"""Below the user's home; never inside a sandbox, whole or in part."""


EGRESS = "/run/agency/egress.sock"
"""Where the proxy's socket is, in a sandbox that has a network."""


def port_socket(port: int) -> str:
    """Where the socket behind a port of the loopback is."""
    return f"/run/agency/port-{port}.sock"


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One host path, and where it appears inside."""

    source: str
    target: str
    writable: bool = False


def mounts(layout: Layout) -> tuple[Mount, ...]:
    """Everything of the host that the layout asks for, parents before children.

    Raises WorkspaceError when a path is missing, or when it would let the host's engine, credentials or git
    configuration be reached from inside.
    """
    repository = resolved(layout.repository, what="repository")
    found = [Mount(source=repository, target=ROOT, writable=layout.writable)]
    found += _git(repository, layout.writable)
    if layout.writable:
        found += _protected(repository, layout.protected)
    found += [
        replace(mount, target=alias + mount.target.removeprefix(ROOT))
        for alias in layout.aliases
        for mount in found
        if mount.target == ROOT or mount.target.startswith(f"{ROOT}/")
    ]
    for given, writable in ((layout.read_only, False), (layout.read_write, True)):
        for source, target in (given or {}).items():
            found.append(Mount(source=resolved(source, what="mount"), target=target, writable=writable))
    for path in layout.tool_paths:
        found += _tools(path)
    for mount in found:
        refuse_dangerous(mount.source)
    if layout.egress:
        refuse_secret(layout.egress)
        found.append(Mount(source=layout.egress, target=EGRESS))
    for port, socket in layout.loopback.items():
        refuse_secret(socket)
        found.append(Mount(source=socket, target=port_socket(port)))
    return tuple(dict.fromkeys(found))


def owner(layout: Layout) -> tuple[int, int]:
    """The uid and gid every process inside runs as, so that nothing it writes belongs to anyone else."""
    status = Path(resolved(layout.repository, what="repository")).stat()
    return status.st_uid, status.st_gid


def resolved(path: str, *, what: str) -> str:
    """The path without symbolic links. Raises WorkspaceError when nothing is there."""
    if not os.path.exists(path):  # noqa: PTH110 - takes any str
        raise WorkspaceError(f"the {what} {path} does not exist")
    return os.path.realpath(path)


def refuse_dangerous(source: str) -> None:
    """Raises WorkspaceError for what cannot be reached, for a socket, or for a path that is, holds or lies within a secret."""
    try:
        mode = Path(source).stat().st_mode
    except OSError as problem:
        raise WorkspaceError(f"{source} cannot be mounted: {problem.strerror}") from problem
    if stat.S_ISSOCK(mode):
        raise WorkspaceError(f"{source} is a socket; no socket of the host is mounted into a sandbox")
    refuse_secret(source)


def refuse_secret(source: str) -> None:
    """Raises WorkspaceError for a path that is, holds or lies within a secret."""
    for secret in _dangerous():
        if _overlap(source, secret):
            raise WorkspaceError(f"{source} cannot be mounted: it would expose {secret}; mount a narrower path")


def _dangerous() -> Iterator[str]:
    yield from SOCKETS
    engine = os.environ.get("DOCKER_HOST", "")
    if engine.startswith("unix://"):
        yield os.path.realpath(engine.removeprefix("unix://"))
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111 - as the shell does
    for name in CREDENTIALS:
        yield f"{home}/{name}"


def _overlap(source: str, secret: str) -> bool:
    """The one is the other, or holds it and it exists, or lies within it."""
    if source == secret or source.startswith(f"{secret}/"):
        return True
    return (source == "/" or secret.startswith(f"{source}/")) and os.path.lexists(secret)


def _git(repository: str, writable: bool) -> Iterator[Mount]:
    """`.git` read-only; for a worktree or a submodule also the folder that its `.git` file names."""
    git = Path(repository, ".git")
    if git.is_symlink() and writable:
        raise WorkspaceError(
            f"{git} is a symbolic link, which cannot be kept read-only; "
            f"`git init --separate-git-dir=$(readlink -f {git})` after removing the link makes it a file"
        )
    if git.exists():
        yield Mount(source=str(git.resolve()), target=f"{ROOT}/.git")
    if git.is_file():
        yield from _git_elsewhere(repository, git)


def _git_elsewhere(repository: str, git: Path) -> Iterator[Mount]:
    named = git.read_text(encoding="utf-8", errors="replace").removeprefix("gitdir:").strip()
    folder = Path(repository, named)
    common = folder / "commondir"
    whole = Path(folder, common.read_text(encoding="utf-8").strip()) if common.is_file() else folder
    if not (folder / "HEAD").is_file() or not (whole / "objects").is_dir():
        raise WorkspaceError(f"{git} names {named}, which is not a git folder")
    inside = os.path.normpath(Path(ROOT, named, os.path.relpath(whole, folder)))
    yield Mount(source=str(whole.resolve()), target=inside)


def _protected(repository: str, paths: Iterable[str]) -> Iterator[Mount]:
    """Each path read-only, and the folders above it pinned: a folder that is a mount cannot be moved aside."""
    done: list[Path] = []
    for path in sorted(set(paths) - {".git"}):
        source = Path(repository, path)
        if not source.exists() or not source.resolve().is_relative_to(repository):
            continue
        within = source.resolve().relative_to(repository)
        if any(within.is_relative_to(above) for above in done):
            continue
        done.append(within)
        for above in reversed(within.parents[:-1]):
            yield Mount(source=str(Path(repository, above)), target=f"{ROOT}/{above}", writable=True)
        yield Mount(source=str(Path(repository, within)), target=f"{ROOT}/{within}")


def _tools(path: str) -> Iterator[Mount]:
    """A folder of programs at its own path; beside a virtual environment that too, and the Python it is of."""
    folder = resolved(path, what="tool path")
    parent = Path(path).parent
    for settings in (parent / "pyvenv.cfg", parent / "venv" / "pyvenv.cfg"):
        if settings.is_file():
            yield Mount(source=str(parent.resolve()), target=str(parent))
            base = _base_python(settings)
            if base != "/usr":
                yield Mount(source=base, target=base)
            return
    yield Mount(source=folder, target=path)


def _base_python(settings: Path) -> str:
    """The prefix of the Python installation that a virtual environment names in its `pyvenv.cfg`."""
    for line in settings.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home":
            return str(Path(os.path.realpath(value.strip())).parent)
    raise WorkspaceError(f"{settings} names no home")
