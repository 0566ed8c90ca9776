"""What processes inside a sandbox find around them, in every kind of it: environment, identity files, limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from agency_tools.allowed_hosts import proxy_environment
from agency_tools.workspace import SCRATCH, Layout, Limits

HOME = f"{SCRATCH}/home"
HOSTNAME = "sandbox"
PROXY_PORT = 3128
SYSTEM_PATH = ("/opt/agency/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

ENVIRONMENT: Mapping[str, str] = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "LOGNAME": "agent",
    "TERM": "dumb",
    "TMPDIR": SCRATCH,
    "USER": "agent",
    # nothing waits for a person
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "PAGER": "cat",
    "AWS_PAGER": "",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "PIP_NO_INPUT": "1",
    "TF_INPUT": "0",
    "TF_IN_AUTOMATION": "1",
    # nothing waits for a network that is not there
    "AWS_EC2_METADATA_DISABLED": "true",
    "CHECKPOINT_DISABLE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "NPM_CONFIG_AUDIT": "false",
    "NPM_CONFIG_FUND": "false",
    "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    # a run leaves no caches in the user's tree
    "PYTHONDONTWRITEBYTECODE": "1",
    "MYPY_CACHE_DIR": f"{HOME}/.cache/mypy",
    "RUFF_CACHE_DIR": f"{HOME}/.cache/ruff",
    # the repository may belong to another user than the one git sees
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whom the processes inside run as."""

    uid: int
    gid: int


def environment(layout: Layout) -> dict[str, str]:
    """The whole environment inside; nothing of the host's goes in."""
    proxy = proxy_environment(layout.network, f"http://127.0.0.1:{PROXY_PORT}")
    return {**ENVIRONMENT, **(layout.variables or {}), **proxy, "PATH": ":".join([*layout.tool_paths, *SYSTEM_PATH])}


def identity_files(who: Identity) -> dict[str, str]:
    """The files under /etc that name users and hosts, with nobody and nothing of the host in them."""
    root = "" if who.uid == 0 else "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
    root_group = "" if who.gid == 0 else "root:x:0:\n"
    return {
        "/etc/passwd": f"{root}agent:x:{who.uid}:{who.gid}:agent:{HOME}:/bin/bash\n",
        "/etc/group": f"{root_group}agent:x:{who.gid}:\n",
        "/etc/hosts": f"127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def process_limits(limits: Limits, *, together: bool) -> dict[str, int]:
    """Limits of each process, by their names in Python's `resource`.

    together: memory and processes are already bounded for all of them at once. Where they are not, each process is
    bounded by itself, and the number of processes by user, which the kernel does not apply to root.
    """
    each = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": limits.open_files, "RLIMIT_FSIZE": limits.file_size}
    if together:
        return each
    return {**each, "RLIMIT_DATA": limits.memory, "RLIMIT_NPROC": limits.processes}
