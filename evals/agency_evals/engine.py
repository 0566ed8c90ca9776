"""Engines: they make attempts side by side. The local one has a process for each attempt under way."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from agency_evals.attempt import Job, attempt, failed
from agency_evals.results import CaseResult, Cause

GIB = 1 << 30
EACH = 3 * GIB // 2
"""Memory that one attempt with its sandbox is reckoned with."""


class Engine(Protocol):
    """Makes attempts. `capacity`: how many may be submitted before one is taken."""

    capacity: int

    def submit(self, job: Job) -> None:
        """Begin an attempt, or let it wait its turn."""
        ...

    def next(self) -> tuple[Job, CaseResult]:
        """The next attempt to end, in whatever order."""
        ...

    def close(self) -> None:
        """End what is under way and let go of everything; safe to call twice."""
        ...


class Serial:
    """One attempt after the other, in this process."""

    capacity = 1

    def __init__(self, make: Callable[[Job], CaseResult] = attempt) -> None:
        self._jobs: deque[Job] = deque()
        self._make = make

    def submit(self, job: Job) -> None:
        """Let it wait until it is asked for."""
        self._jobs.append(job)

    def next(self) -> tuple[Job, CaseResult]:
        """Make the attempt that has waited longest."""
        job = self._jobs.popleft()
        return job, self._make(job)

    def close(self) -> None:
        """Nothing is under way."""
        self._jobs.clear()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: "Connection[Any, Any]"
    job: Job | None = None


class Local:
    """Worker processes of this machine, each making one attempt at a time; one that dies is replaced.

    An attempt whose worker died is a sandbox fault: it may be made again, and is never counted twice.
    """

    def __init__(self, workers: int, make: Callable[[Job], CaseResult] = attempt) -> None:
        self.capacity = workers
        self._make = make
        # a fork costs a hundredth of a fresh start, but is safe only while there is one thread
        self._context: Any = multiprocessing.get_context("fork" if threading.active_count() == 1 else "spawn")
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def submit(self, job: Job) -> None:
        """Hand it to an idle worker, or to a new one."""
        worker = self._idle.pop() if self._idle else self._begin()
        worker.job = job
        worker.pipe.send(job)
        self._busy.append(worker)

    def next(self) -> tuple[Job, CaseResult]:
        """The next result of any worker."""
        ready = wait([worker.pipe for worker in self._busy])
        worker = next(worker for worker in self._busy if worker.pipe in ready)
        job = worker.job
        assert job is not None
        self._busy.remove(worker)
        try:
            result: CaseResult = worker.pipe.recv()
        except (EOFError, OSError):
            return job, failed(job, Cause.SANDBOX, _how_it_ended(worker.process))
        self._idle.append(worker)
        return job, result

    def close(self) -> None:
        """Interrupt what is under way, so that its sandboxes are closed, then wait for every worker's end."""
        for worker in self._busy:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid or 0, signal.SIGINT)
        for worker in (*self._busy, *self._idle):
            worker.pipe.close()
        for worker in (*self._busy, *self._idle):
            worker.process.join(20)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._idle, self._busy = [], []

    def _begin(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        others = [worker.pipe for worker in (*self._idle, *self._busy)]
        process = self._context.Process(target=_serve, args=(theirs, [ours, *others], self._make), daemon=False)
        process.start()
        theirs.close()
        return _Worker(process=process, pipe=ours)


def _serve(
    pipe: "Connection[Any, Any]", inherited: "list[Connection[Any, Any]]", make: Callable[[Job], CaseResult]
) -> None:
    """A worker's life: one attempt after the other until the pipe is closed."""
    for each in inherited:
        each.close()  # else no worker would see the end of another's pipe
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send(make(pipe.recv()))


def _how_it_ended(process: BaseProcess) -> str:
    process.join(5)
    code = process.exitcode
    if code is not None and code < 0:
        return f"the worker was ended by {signal.Signals(-code).name}"
    return f"the worker ended with exit code {code}"


def fitting(asked: int | None, *, executes: bool) -> int:
    """How many attempts may run side by side: as many as were asked for, else what cores and memory bear."""
    if asked is not None:
        return asked
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, free_memory() // EACH)) if executes else cores


def free_memory() -> int:
    """Bytes that can be had without swapping."""
    with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 - not a file of anybody's
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 4 * GIB
