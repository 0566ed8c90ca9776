"""Which kinds of sandbox this machine can run, and what would help where it cannot."""

import http.client
import shutil
import subprocess
import urllib.parse
from dataclasses import dataclass
from typing import Literal

from agency_tools.engine import address, ask
from agency_tools.errors import WorkspaceError
from agency_tools.image import reference

PROBE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether one kind of sandbox can be started here; if not, `why` and the `remedy`."""

    kind: str
    ready: bool
    why: str = ""
    remedy: str = ""


def choose(image: str) -> Literal["docker", "bwrap"]:
    """The kind that `auto` means here. Raises WorkspaceError where there is neither."""
    docker = docker_availability(image)
    if docker.ready:
        return "docker"
    if shutil.which("bwrap"):
        return "bwrap"
    raise WorkspaceError(
        f"no sandbox can be started: {docker.why} ({docker.remedy}); "
        "bubblewrap is not installed (`apt-get install bubblewrap`)"
    )


def available(image: str | None = None) -> tuple[Availability, ...]:
    """Every kind of sandbox, and whether it can be started here; bubblewrap is tried, not only looked for."""
    return docker_availability(image or reference()), bwrap_availability()


def docker_availability(image: str) -> Availability:
    """Asks the engine for the image."""
    engine = address()
    try:
        status, _ = ask(f"/images/{urllib.parse.quote(image, safe='/:@')}/json")
    except (OSError, ValueError) as problem:
        remedy = "install docker.io and start dockerd, or set DOCKER_HOST"
        if isinstance(problem, PermissionError):
            remedy = "join the group docker, whose members are as good as root, or set DOCKER_HOST"
        return Availability(kind="docker", ready=False, why=f"no engine answers at {engine}: {problem}", remedy=remedy)
    if status == http.client.OK:
        return Availability(kind="docker", ready=True)
    why = f"the engine at {engine} has no image {image}"
    return Availability(kind="docker", ready=False, why=why, remedy="agency image build")


def bwrap_availability() -> Availability:
    """Starts the smallest sandbox there is, since many systems refuse user namespaces."""
    remedy = "apt-get install bubblewrap, or your system's equivalent"
    if shutil.which("bwrap") is None:
        return Availability(kind="bwrap", ready=False, why="bubblewrap is not installed", remedy=remedy)
    argv = ["bwrap", "--unshare-all", "--unshare-user", "--dev-bind", "/", "/", "true"]
    tried = subprocess.run(argv, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    if tried.returncode == 0:
        return Availability(kind="bwrap", ready=True)
    remedy = "allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces"
    return Availability(kind="bwrap", ready=False, why=tried.stderr.strip(), remedy=remedy)
