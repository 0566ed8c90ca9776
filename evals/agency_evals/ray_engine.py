"""The Ray engine: attempts are made on the nodes of a cluster, which need no file in common with this machine.

A case travels to its node as an archive; result, log and workspace travel back with the answer, and only here are they
written. So an attempt that a dying node had half made, or made and could not deliver, has left nothing behind: it is a
fault of the infrastructure like any other, made again by the rules that hold for all engines, and never counted twice.
"""

import importlib
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agency_evals.attempt import Job, attempt, failed
from agency_evals.results import CaseResult, Cause
from agency_tools.errors import UsageError, WorkspaceError

PATIENCE = 60  # seconds without a node that could work, after which the run is given up
QUIET: Mapping[str, str] = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray would report its use to its makers, and warn of accelerators that nobody asked for."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a node sends back: the result, what the attempt left in the run's folder, and which version made it."""

    result: CaseResult
    files: Mapping[str, bytes]
    version: str


class Ray:
    """Attempts on a Ray cluster; `address` None starts one on this machine.

    Raises UsageError where Ray is not installed or nothing answers at the address.
    """

    def __init__(
        self, *, address: str | None = None, workers: int | None = None, make: Callable[[Job], CaseResult] = attempt
    ) -> None:
        self._ray = connected(address, workers)
        self._work = self._ray.remote(num_cpus=1, max_retries=0)(performed)
        self._make = make
        self._bundles: dict[Path, Any] = {}
        self._under_way: dict[Any, Job] = {}
        self.capacity = workers or max(1, self._cpus())

    def submit(self, job: Job) -> None:
        """Send it to whichever node has room; Ray lets it wait until one has."""
        if job.case not in self._bundles:
            self._bundles[job.case] = self._ray.put(packed(job.case))
        persona = job.choices.persona
        brought = Path(persona).read_bytes() if persona and Path(persona).is_file() else None
        self._under_way[self._work.remote(job, self._bundles[job.case], brought, self._make)] = job

    def next(self) -> tuple[Job, CaseResult]:
        """The next attempt to end. Raises WorkspaceError where no node is left that could make one."""
        reference = self._ready()
        job = self._under_way.pop(reference)
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.TaskCancelledError as error:
            return job, failed(job, Cause.CANCELLED, said(error))
        except self._ray.exceptions.RayTaskError as error:
            return job, failed(job, Cause.HARNESS, said(error))
        except self._ray.exceptions.RayError as error:
            return job, failed(job, Cause.SANDBOX, said(error))
        if answer.version != version("agency-runtime"):
            return job, failed(job, Cause.HARNESS, f"the node has agency {answer.version}; install the same everywhere")
        unpack_files(answer.files, job.run)
        return job, answer.result

    def close(self) -> None:
        """Interrupt what is under way, so that its sandboxes are closed, then let go of the cluster."""
        if not self._ray.is_initialized():
            return
        for reference in self._under_way:
            self._ray.cancel(reference, force=False)
        if self._under_way:
            self._ray.wait(list(self._under_way), num_returns=len(self._under_way), timeout=20)
        self._under_way.clear()
        self._ray.shutdown()

    def _ready(self) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=2)
            if ready:
                return ready[0]
            if self._cpus():
                deadline = time.monotonic() + PATIENCE
            elif time.monotonic() > deadline:
                raise WorkspaceError(f"for {PATIENCE} s the Ray cluster had no node to work on; what is done is kept")

    def _cpus(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))


def connected(address: str | None, workers: int | None) -> Any:
    """Ray, connected to the cluster at the address, or to a new one here. Raises UsageError."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: pip install 'agency-runtime[ray]'") from error
    settings: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(**settings, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"no Ray cluster at {address or 'this machine'}: {said(error)}") from error
    return ray


def performed(job: Job, bundle: bytes, persona: bytes | None, make: Callable[[Job], CaseResult]) -> Answer:
    """On the node: lay the case out, make the attempt, and take along what it left."""
    with tempfile.TemporaryDirectory(prefix="agency-ray-") as folder:
        place = Path(folder)
        (place / "run").mkdir()
        case = unpacked(bundle, place / "case" / job.case.name)
        choices = job.choices
        if persona is not None:
            own = place / Path(str(choices.persona)).name
            own.write_bytes(persona)
            choices = replace(choices, persona=str(own))
        result = make(replace(job, case=case, run=place / "run", choices=choices))
        return Answer(result=result, files=files_below(place / "run"), version=version("agency-runtime"))


def packed(folder: Path) -> bytes:
    """A folder as an archive, with modes and links."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        archive.add(folder, arcname=".")
    return stream.getvalue()


def unpacked(bundle: bytes, folder: Path) -> Path:
    """The folder of that archive, which we packed ourselves."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
        archive.extractall(folder, filter="fully_trusted")
    return folder


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path."""
    if not folder.is_dir():
        return {}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpack_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them, each whole or not at all."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.part")
        fresh.write_bytes(content)
        fresh.replace(path)


def said(error: BaseException) -> str:
    """What an error of Ray's says, in one line; its tracebacks run to pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines and "Error" in lines[-1] else lines[0] if lines else type(error).__name__)[:300]
