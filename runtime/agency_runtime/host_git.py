"""The one door through which the host runs git, with everything off that could run a program of the repository's choosing.

git is started directly. GitPython merges the caller's whole environment into every command (GIT_DIR, GIT_EXTERNAL_DIFF
and GIT_CONFIG_COUNT included), which cannot be switched off, and its import costs as much as the rest of a start.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agency_tools.errors import UsageError

SWITCHES: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "false",
    "core.gitProxy": "",
    "core.askPass": "false",
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.external": "",
    "gpg.program": "false",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
"""Settings that would start a program, or write in passing, and the value that keeps them from it."""

KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "LC_ALL", "TMPDIR")
"""All that git's environment keeps of ours."""

VARIABLES: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}

NEVER_CONVERTS = frozenset({"rev-parse", "symbolic-ref", "config", "ls-files", "check-attr", "cat-file"})
"""Commands that, as they are used here, look at no file's content, so that no filter can come into play."""

PROGRAMS = ("clean", "smudge", "process", "textconv", "command", "driver")
"""What a filter, diff or merge driver is configured by; each is the command line of a program."""

TIMEOUT = 120  # seconds


class GitError(UsageError):
    """A git command that failed, with its own last words."""


@dataclass(frozen=True)
class Git:
    """git in one folder. `trusted` is the folder whose owner need not be us; `*` while it is still being looked for."""

    folder: Path
    trusted: str = ""

    def __call__(self, *words: str, given: bytes = b"", check: bool = True) -> bytes:
        """The command's output. Raises GitError when it fails, unless `check` is off."""
        done = self._run(self.argv(*words), given)
        if check and done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise GitError(f"git {words[0]} failed in {self.folder}: {reason[-1] if reason else done.returncode}")
        return done.stdout

    def argv(self, *words: str) -> list[str]:
        """The command line: the switches first, then every filter emptied, then the command."""
        emptied = {} if words[0] in NEVER_CONVERTS else self.filters()
        return argv(words, {**SWITCHES, **emptied, "safe.directory": self.trusted or str(self.folder)})

    def filters(self) -> dict[str, str]:
        """Every configured filter and driver with an empty command, read anew each time.

        Raises UsageError for a name that git's command line cannot express, and so cannot switch off.
        """
        listed = self(
            "config", "--includes", "--name-only", "--null", "--get-regexp", r"^(filter|diff|merge)\.", check=False
        )
        names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
        odd = next((name for name in names if "=" in name or "\n" in name), None)
        if odd is not None:
            raise UsageError(f"{self.folder}: git configuration {odd!r} cannot be switched off; remove it")
        emptied = {name: "" for name in names if name.rpartition(".")[2] in PROGRAMS}
        return {**emptied, **{name: "false" for name in names if name.endswith(".required")}}

    def _run(self, line: Sequence[str], given: bytes) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                line, cwd=self.folder, env=environment(), input=given, capture_output=True, timeout=TIMEOUT, check=False
            )
        except FileNotFoundError:
            raise GitError("git: not found on PATH; install it") from None
        except PermissionError:
            raise GitError(f"{self.folder}: cannot be read; check its permissions") from None
        except subprocess.TimeoutExpired:
            raise GitError(f"git in {self.folder}: no answer in {TIMEOUT} seconds") from None


def argv(words: Sequence[str], settings: Mapping[str, str]) -> list[str]:
    """git's command line with settings that outrank every configuration file."""
    switches = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
    return ["git", "--no-optional-locks", "--no-pager", *switches, *words]


def environment() -> dict[str, str]:
    """git's environment: no variable that redirects it, no prompt, no network."""
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **VARIABLES}
