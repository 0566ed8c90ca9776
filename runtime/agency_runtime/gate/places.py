"""Paths as the gate sees them: absolute names, and the places that are guarded whatever the rules say."""

import posixpath
import re
from typing import Literal, TypeAlias

from agency_runtime.gate.words import UNKNOWN

Place: TypeAlias = Literal["inside", "scratch", "protected", "outside", "system", "unknown"]

PROTECTED_FOLDERS = (".git", ".claude", ".agents", ".vscode", ".idea", ".husky", ".devcontainer",
                     ".agency/personas", ".agency/skills", ".agency/hooks")  # fmt: skip
PROTECTED_FILES = ("policy.yaml", "config.yaml")
"""In `.agency`: what the agent itself is ruled by."""
PROTECTED_NAMES = frozenset({
    ".gitconfig", ".gitmodules", ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc",
    ".zprofile", ".zshenv", ".zlogin", ".envrc", ".mcp.json", ".claude.json", ".ripgreprc", ".netrc", ".pgpass",
})  # fmt: skip
"""Files that other programs run or trust, wherever they lie."""
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")
DEVICES = ("/dev/sd", "/dev/nvme", "/dev/vd", "/dev/hd", "/dev/xvd", "/dev/mmcblk", "/dev/loop", "/dev/dm-", "/dev/mapper",
           "/dev/disk", "/dev/mem", "/dev/kmem", "/dev/port")  # fmt: skip
HOSTILE = re.compile(r"docker\.sock|containerd\.sock|crio\.sock|podman\.sock|\b169\.254\.169\.254\b|\b169\.254\.170\.2\b"
                     r"|\b100\.100\.100\.200\b|metadata\.google\.internal|fd00:ec2::254|\[fd00:ec2")  # fmt: skip
"""Sockets that own the machine, and the addresses where clouds hand out credentials."""


def absolute(path: str, cwd: str) -> str:
    """The path from the root of the sandbox, `~` kept as it is, without following links."""
    if path.startswith("~"):
        return posixpath.normpath(path) if path != "~" else path
    if cwd == UNKNOWN and not path.startswith("/"):
        return UNKNOWN + "/" + path
    joined = posixpath.normpath(posixpath.join(cwd, path))
    return "/" + joined.lstrip("/") if joined.startswith("/") else joined


def place(path: str, root: str) -> Place:
    """Where an absolute path lies."""
    if UNKNOWN in path.partition("/")[0] or UNKNOWN in path:
        return "unknown"
    if path.startswith(DEVICES):
        return "system"
    name = path.rpartition("/")[2]
    if path == root or path.startswith(root + "/"):
        return "protected" if _protected(path[len(root) + 1 :]) or name in PROTECTED_NAMES else "inside"
    if path in SCRATCH or path.startswith(tuple(folder + "/" for folder in SCRATCH)):
        return "scratch"
    return "outside"


def _protected(relative: str) -> bool:
    lowered = relative.lower()
    if lowered.startswith(".agency/") and lowered[8:] in PROTECTED_FILES:
        return True
    return any(lowered == folder or lowered.startswith(folder + "/") or (f"/{folder}/" in f"/{lowered}/" and folder == ".git")
               for folder in PROTECTED_FOLDERS)  # fmt: skip


def wiped(path: str, root: str) -> tuple[Literal["deny", "ask"], str] | None:
    """What removing or changing everything below an absolute path would destroy beyond repair, or None."""
    if UNKNOWN in path:
        return "ask", "its path is not known before it runs"
    bare = path.rstrip("*").rstrip("/") or "/"
    if bare == root or (bare.startswith(root) and path.rstrip("/*?.[]!{}") in (root, root + "/")):
        return "ask", "it would wipe the whole workspace"
    if bare == "~" or (path.startswith("~") and "/" not in bare) or bare in ("/tmp", "/home", "/root"):
        return ("ask", "it would wipe all scratch files") if bare == "/tmp" else ("deny", "it would wipe a home folder")
    if root.startswith(bare.rstrip("/") + "/") or (bare.count("/") == 1 and not path.startswith("~")):
        return "deny", "it would wipe the system"
    if place(bare, root) == "protected" or f"{bare}/".startswith(f"{root}/.git/"):
        return "ask", "it would wipe a protected folder"
    return None
