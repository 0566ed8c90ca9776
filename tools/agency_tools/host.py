"""The tool host: runs inside a sandbox, answers framed JSON requests with commands run and files read and written.

One file, Python 3.9 or later, standard library only: its source travels into the sandbox as text, and any image with
a Python will do. Imports are few because every sandbox waits for them.
"""
# ruff: noqa: PTH103, PTH108, PTH109, PTH110, PTH112, PTH113, PTH115, PTH116, PTH118, PTH119, PTH120
# ruff: noqa: PTH123, PTH208
# Directories are open descriptors here, which pathlib cannot follow, and importing it costs every start.

from __future__ import annotations

import binascii
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import queue
import re
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import Protocol, TypeVar

    class Started(Protocol):
        """A child process that can be waited for."""

        @property
        def pid(self) -> int:
            """Its number."""
            ...

        def wait(self) -> int:
            """Its exit code, when it has ended."""
            ...

    AnyStarted = TypeVar("AnyStarted", bound=Started)

VERSION = 1
LARGEST = 16 << 20
PIECE = 256 << 10
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
F_SETPIPE_SZ = 1031


class Refused(Exception):
    """What was asked cannot be done; the text tells the caller what to mend."""


class Settings:
    """Where things are: the repository, the scratch directory, what may not be written, the children's environment."""

    def __init__(self) -> None:
        self.root = os.path.realpath(os.getcwd())
        self.scratch = "/tmp"
        self.readable: tuple[str, ...] = ("/skills",)
        self.protected: tuple[str, ...] = (".git",)
        self.env = dict(os.environ)

    def update(self, given: dict[str, Any]) -> None:
        """Take what `configure` sends."""
        self.root = os.path.realpath(given.get("root", self.root))
        self.scratch = os.path.realpath(given.get("scratch", self.scratch))
        self.protected = tuple(str(path).strip("/") for path in given.get("protected", self.protected))
        self.env = {str(name): str(value) for name, value in given.get("env", self.env).items()}

    def store(self) -> str:
        """The directory for long outputs, made if it is not there; a full disk is told of when one is written."""
        path = f"{self.scratch}/outputs"
        with contextlib.suppress(OSError):
            os.makedirs(path, mode=0o700, exist_ok=True)
        return path


# Processes


class Process(NamedTuple):
    """One line of the process table."""

    pid: int
    parent: int
    group: int
    session: int
    started: int
    state: str
    name: str


def processes() -> dict[int, Process]:
    """Every process that can be seen, by number."""
    found: dict[int, Process] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(entry)] = _process(int(entry))
    return found


def _process(pid: int) -> Process:
    with open(f"/proc/{pid}/stat", "rb") as file:
        line = file.read().decode("utf-8", "replace")
    name, _, rest = line.partition("(")[2].rpartition(")")
    words = rest.split()
    return Process(pid, int(words[1]), int(words[2]), int(words[3]), int(words[19]), words[0], name)


def descendants(table: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """The roots that exist and everything below them."""
    below: dict[int, list[int]] = {}
    for process in table.values():
        below.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid in table:
            found.add(pid)
            waiting.extend(below.get(pid, ()))
    return found


def send(pid: int, what: signal.Signals, *, group: bool = False) -> None:
    """Signal a process or a whole group; one that is gone, or is not ours, is no error."""
    with contextlib.suppress(OSError):
        (os.killpg if group else os.kill)(pid, what)


class Children:
    """The commands that are running, and the reaping of what they orphan; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commands: dict[int, Command | Search] = {}
        self._ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def watch(self) -> None:
        """Reap orphans from now on. SimpleQueue, because a signal handler may interrupt anything."""
        signal.signal(signal.SIGCHLD, self._note)
        threading.Thread(target=self._reap_forever, daemon=True).start()

    def _note(self, _number: int, _frame: object) -> None:
        self._ended.put(None)

    def start(self, command: Command | Search, begin: Callable[[], AnyStarted]) -> AnyStarted:
        """Start a command's process; under the lock, so that the reaper knows it before it can end."""
        with self._lock:
            process = begin()
            self._commands[process.pid] = command
            return process

    def forget(self, pid: int) -> None:
        """The command is over; its shell has been waited for."""
        with self._lock:
            self._commands.pop(pid, None)

    def commands(self) -> list[Command | Search]:
        """Those that are running."""
        with self._lock:
            return list(self._commands.values())

    def shells(self) -> set[int]:
        """The process numbers of those that are running."""
        with self._lock:
            return set(self._commands)

    def marks(self) -> set[str]:
        """What the environments of those that are running bear."""
        return {command.mark for command in self.commands() if isinstance(command, Command)}

    def _reap_forever(self) -> None:
        while True:
            self._ended.get()
            with contextlib.suppress(queue.Empty):
                while True:
                    self._ended.get_nowait()
            self.reap()

    def reap(self) -> None:
        """Collect the orphans that have ended."""
        me = os.getpid()
        with self._lock:
            for process in processes().values():
                if process.parent == me and process.state == "Z" and process.pid not in self._commands:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)


# Output


class Capture:
    """Output as it arrives: the first and last of it in memory, all of it in a file once it is long."""

    LARGEST_FILE = 64 << 20

    def __init__(self, shown: int, kept_above: int | None, path: str) -> None:
        """Hold `shown` characters; write a file at `path` for more than `kept_above` bytes (None: never)."""
        self.size = 0
        self.saved = 0
        self.path = path
        self.problem = ""
        self._held = 4 * shown
        self._kept_above = kept_above
        self._head = bytearray()
        self._tail = bytearray()
        self._file: int | None = None
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        with self._lock:
            self.size += len(data)
            self._keep(data)
            room = self._held - len(self._head)
            if room > 0:
                self._head += data[:room]
                data = data[room:]
            if data:
                self._tail += data[-self._held :]
                if len(self._tail) > 2 * self._held:
                    del self._tail[: -self._held]

    def _keep(self, data: bytes) -> None:
        if self._kept_above is None or self.size <= self._kept_above or self.problem:
            return
        try:
            if self._file is None:
                self._open()
                self._save(bytes(self._head))
            self._save(data)
        except OSError as problem:
            self.problem = f"the output could not be kept: {problem.strerror}"
            self._give_up()

    def _give_up(self) -> None:
        """Remove what was kept: a part of it is of less use than the room."""
        if self._file is not None:
            os.close(self._file)
            self._file, self.saved = None, 0
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _save(self, data: bytes) -> None:
        data = data[: max(0, self.LARGEST_FILE - self.saved)]
        while data and self._file is not None:
            written = os.write(self._file, data)
            self.saved += written
            data = data[written:]

    def begin(self) -> None:
        """Have the file there before there is any output."""
        with self._lock:
            self._open()

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    def close(self) -> None:
        """No more will come."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def text(self, shown: int) -> tuple[str, bool]:
        """The output, cut in the middle to `shown` characters; whether it was cut."""
        with self._lock:
            if self.size <= len(self._head) + len(self._tail):
                whole = (self._head + self._tail).decode("utf-8", "replace")
                if len(whole) <= shown:
                    return whole, False
                head, tail = whole, whole
            else:
                head, tail = self._head.decode("utf-8", "replace"), self._tail.decode("utf-8", "replace")
            return self._cut(head, tail, shown), True

    def _cut(self, head: str, tail: str, shown: int) -> str:
        half = shown // 2
        head, tail = head[:half], tail[-half:] if half else ""
        left_out = self.size - len(head.encode()) - len(tail.encode())
        where = f"; see {self.path}" if self.saved else ""
        return f"{head}\n\n[… {max(left_out, 0):,} of {self.size:,} bytes left out{where} …]\n\n{tail}"


# Commands

GENTLE = frozenset({"terraform", "tofu", "terragrunt", "helm", "pulumi"})
"""Programs that hold locks and give them back when interrupted; killed, they leave them."""

GRACE_S = 15.0
"""Seconds that GENTLE programs have to end after an interrupt."""

LINGER_S = 0.25
"""Seconds that a command's output may come after its shell has ended."""

KEPT = 512 << 20
"""Bytes of long outputs that are kept; the oldest go first."""

TASKS = 32
"""Background commands at once."""

TRACK = """\
trap '{ builtin pwd -P || builtin echo "$PWD"; } >|"$AGENCY_CWD_FILE" 2>/dev/null' EXIT
export -n AGENCY_CWD_FILE
unset BASH_ENV
"""
"""What a shell whose directory is to be told runs first, by BASH_ENV, so that the command itself stays as it was."""


class Wanted(NamedTuple):
    """What is to be run, and how."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    shown: int = 2 << 20
    shown_failed: int | None = None
    kept_above: int | None = None
    track: bool = False


class Command:
    """One shell command: its processes, its output, and how it ended."""

    def __init__(self, settings: Settings, children: Children, wanted: Wanted) -> None:
        self.wanted = wanted
        self.mark = binascii.hexlify(os.urandom(8)).decode()
        self.begun = time.monotonic()
        self.seconds = 0.0
        self.exit_code: int | None = None
        self.ended_by = ""
        self.left: tuple[str, ...] = ()
        self.survivors: tuple[str, ...] = ()
        self.locks: tuple[str, ...] = ()
        self._settings = settings
        self._children = children
        self._alarm, self._bell = os.pipe()
        self._stopped = False
        self.output = Capture(wanted.shown, wanted.kept_above, f"{settings.store()}/{self.mark}.txt")
        self._process = self._start()
        self.pid = self._process.pid
        with contextlib.suppress(OSError, IndexError):
            self._started = _process(self.pid).started

    _started = 0

    def _start(self) -> subprocess.Popen[bytes]:
        self._reading, writing = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._reading, F_SETPIPE_SZ, 1 << 20)
        os.set_blocking(self._reading, False)
        try:
            return self._children.start(self, lambda: self._shell(writing))
        except OSError as problem:
            self._close()
            raise Refused(f"the command could not be started: {problem.strerror}: {problem.filename}") from problem
        except ValueError as problem:
            self._close()
            raise Refused(f"the command could not be started: {problem}") from problem
        finally:
            os.close(writing)

    def _shell(self, writing: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.wanted.argv,
            cwd=self.wanted.cwd,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        env = {**self._settings.env, **self.wanted.env, "AGENCY_COMMAND": self.mark}
        if self.wanted.track:
            env["BASH_ENV"] = f"{self._settings.store()}/.track"
            env["AGENCY_CWD_FILE"] = self._cwd_file
            if not os.path.exists(env["BASH_ENV"]):
                with contextlib.suppress(OSError), open(env["BASH_ENV"], "w", encoding="utf-8") as file:
                    file.write(TRACK)
        return env

    @property
    def _cwd_file(self) -> str:
        return f"{self._settings.scratch}/outputs/.{self.mark}.cwd"

    def stop(self) -> None:
        """Have `run` end it soon; may be called from any thread, and twice."""
        if not self._stopped:
            self._stopped = True
            with contextlib.suppress(OSError):
                os.write(self._bell, b"x")

    def run(self, *, timeout: float | None, sweep: bool, grace: float) -> str:
        """Follow it to its end: "" if it came by itself, else "timeout" or "stopped".

        sweep: kill what it left in the background. grace: seconds that GENTLE programs get after an interrupt.
        """
        try:
            how = self._follow(timeout)
            if not how:
                how = self._linger()
            if how:
                self._end(grace)
            elif sweep:
                self._sweep()
            self.exit_code = self._process.wait()
            self._drain()
            self._children.reap()  # what has ended counts against the limit of processes until it is collected
        finally:
            self.seconds = time.monotonic() - self.begun
            self._children.forget(self.pid)
            self._close()
        return how

    def _follow(self, timeout: float | None) -> str:
        """Take its output until the shell ends, time is up or `stop` is called."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        ended = self._ended_fd()
        if ended is not None:
            poll.register(ended, select.POLLIN)
        try:
            while True:
                wait = None if timeout is None else self.begun + timeout - time.monotonic()
                if wait is not None and wait <= 0:
                    return "timeout"
                if ended is None:  # without pidfd the shell is asked now and then
                    wait = 0.02 if wait is None else min(wait, 0.02)
                ready = {fd for fd, _ in poll.poll(None if wait is None else max(1, int(wait * 1000)))}
                if self._alarm in ready:
                    return "stopped"
                if self._reading in ready and not self._take():
                    poll.unregister(self._reading)
                if (ended in ready or ended is None) and self._shell_is_over():
                    return ""
        finally:
            if ended is not None:
                os.close(ended)

    def _ended_fd(self) -> int | None:
        try:
            return os.pidfd_open(self.pid)
        except (OSError, AttributeError):
            return None

    def _shell_is_over(self) -> bool:
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _take(self) -> bool:
        """One piece of output; False at its end."""
        try:
            data = os.read(self._reading, PIECE)
        except BlockingIOError:
            return True
        self.output.add(data)
        return bool(data)

    def _linger(self) -> str:
        """Wait a little for what the shell did not, such as `> >(tee log)`; whoever holds the pipe may keep it."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        until = time.monotonic() + LINGER_S
        while (left := until - time.monotonic()) > 0:
            ready = {fd for fd, _ in poll.poll(int(left * 1000) + 1)}
            if self._alarm in ready:
                return "stopped"
            if self._reading in ready and not self._take():
                break
        return ""

    def _drain(self) -> None:
        """What is in the pipe already; whoever still holds its other end is not waited for."""
        for _ in range((4 << 20) // PIECE):
            try:
                data = os.read(self._reading, PIECE)
            except BlockingIOError:
                break
            if not data:
                break
            self.output.add(data)

    def members(self, table: dict[int, Process]) -> list[Process]:
        """Its living processes: the session and tree of its shell, and the orphans since that are no other command's."""
        others = self._children.shells() - {self.pid}
        foreign = descendants(table, others) | {os.getpid()}
        roots = {self.pid} | {found.pid for found in table.values() if found.session == self.pid}
        marks = self._children.marks() - {self.mark}
        for found in table.values():
            if found.parent == os.getpid() and found.pid not in foreign and self._is_mine(found, marks):
                roots.add(found.pid)
        mine = descendants(table, roots) - foreign
        return [table[pid] for pid in mine if table[pid].state not in "ZX"]

    def _is_mine(self, orphan: Process, others: Iterable[str]) -> bool:
        """It began after this command and does not bear another's mark: a mark can be dropped, so none frees nothing."""
        if orphan.started < self._started:
            return False
        try:
            with open(f"/proc/{orphan.pid}/environ", "rb") as file:
                environment = b"\0" + file.read()
        except OSError:
            return True
        return not any(f"\0AGENCY_COMMAND={mark}\0".encode() in environment for mark in others)

    def _sweep(self) -> None:
        if self._wait_until(lambda: not self.members(processes()), 0.02):
            return  # what has closed the pipe may take a moment to end
        found = self.members(processes())
        self.left = tuple(sorted(process.name for process in found))
        if found:
            self._kill()

    def _end(self, grace: float) -> None:
        """Interrupt what holds locks and wait for it, then ask all the rest to terminate, then kill."""
        self.ended_by = "SIGKILL"
        table = processes()
        mine = {process.pid: process for process in self.members(table)}
        gentle = [process for process in mine.values() if process.name in GENTLE]
        if gentle:
            self._interrupt(gentle, mine, grace)
        else:
            for group in {process.group for process in mine.values()}:
                send(group, signal.SIGTERM, group=True)
            self._wait_until(lambda: not self.members(processes()), 0.5)
        self._kill()

    def _interrupt(self, gentle: list[Process], mine: dict[int, Process], grace: float) -> None:
        """SIGINT, once, to the topmost of them; what started them is stopped, lest it go on to its next line."""
        pids = {process.pid for process in gentle}
        directories = {_directory_of(pid) for pid in pids}
        above = {process.pid: set(_ancestors(mine, process.pid)) for process in gentle}
        for pid in {pid for others in above.values() for pid in others} - pids:
            send(pid, signal.SIGSTOP)
        for pid in pids:
            if not above[pid] & pids:
                send(pid, signal.SIGINT)
        self.ended_by = "SIGINT"
        if not self._wait_until(lambda: self._gone(pids), grace):
            self.ended_by = "SIGKILL"
            for pid in pids:
                send(pid, signal.SIGTERM)
            self._wait_until(lambda: self._gone(pids), 2)
        self.locks = tuple(lock for directory in sorted(directories) for lock in state_locks(directory))

    def _gone(self, pids: set[int]) -> bool:
        table = processes()
        return all(pid not in table or table[pid].state in "ZX" for pid in pids)

    def _wait_until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait, and keep taking output so that nobody blocks on writing it."""
        until, pause = time.monotonic() + seconds, 0.002
        while True:
            self._drain()
            if true():
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def _kill(self) -> None:
        """Kill every process of it, group by group: a group dies at once, so it cannot outrun this by forking."""
        self._wait_until(self._kill_once, 5)
        self.survivors = tuple(sorted(process.name for process in self.members(processes())))

    def _kill_once(self) -> bool:
        """Kill those that are there; whether there were none."""
        found = self.members(processes())
        for group in {process.group for process in found} - {os.getpgrp(), 0}:
            send(group, signal.SIGKILL, group=True)
        for process in found:
            send(process.pid, signal.SIGKILL)
        return not found

    def _close(self) -> None:
        self.output.close()
        for fd in (self._reading, self._alarm, self._bell):
            os.close(fd)

    def directory(self) -> str | None:
        """Where the shell was when it ended, if that was asked for and it came to say so."""
        try:
            with open(self._cwd_file, "rb") as file:
                said = file.read(8192)
            os.unlink(self._cwd_file)
        except OSError:
            return None
        return os.fsdecode(said.rstrip(b"\n")) or None


def _directory_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def state_locks(directory: str) -> Iterator[str]:
    """The locks that Terraform holds on state files in a directory: each file and the lock's id."""
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(directory or "/nonexistent")):
            if name.startswith(".") and name.endswith(".lock.info"):
                yield f"{directory}/{name} (ID {_lock_id(f'{directory}/{name}')})"


def _lock_id(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return str(json.loads(file.read(65536))["ID"])
    except (OSError, ValueError, LookupError, TypeError):
        return "unknown"


class Background:
    """A command that runs on while others do, and what it has come to so far."""

    def __init__(self, number: int, command: Command) -> None:
        self.task_id = f"task-{number}"
        self.command = command
        self.over = threading.Event()
        self.stopped = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.stopped = self.command.run(timeout=None, sweep=True, grace=GRACE_S) == "stopped"
        finally:
            self.over.set()

    def wait(self, seconds: float, call: Call) -> None:
        """Wait for its end, for so long or until the call is cancelled."""
        until = time.monotonic() + seconds
        while not call.cancelled and not self.over.wait(min(0.1, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return

    def told(self, shown: int) -> dict[str, Any]:
        """Its state; the exit code is None while it runs."""
        text, cut = self.command.output.text(shown)
        over = self.over.is_set()
        return {
            "task_id": self.task_id,
            "output": text,
            "truncated": cut,
            "output_path": None if self.command.output.problem else self.command.output.path,
            "exit_code": _shell_code(self.command.exit_code or 0) if over else None,
            "stopped": self.stopped,
            "seconds": self.command.seconds if over else time.monotonic() - self.command.begun,
        }


def _ancestors(table: dict[int, Process], pid: int) -> Iterator[int]:
    while pid in table and table[pid].parent in table:
        pid = table[pid].parent
        yield pid


# Files


class Place:
    """Where a path leads, found without following a link out: an open directory, and a name in it."""

    def __init__(self, directory: int, path: str, missing: list[str], root: str) -> None:
        self.directory = directory
        self.path = path
        self.name = os.path.basename(path) if not missing else missing[-1]
        self.missing = missing
        self.relative = os.path.relpath(path, root) if _within(path, root) else None

    def status(self) -> os.stat_result | None:
        """What is there, if anything is."""
        if self.missing:
            return None
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self.name or ".", dir_fd=self.directory, follow_symlinks=False)
        return None

    def open(self) -> int:
        """The regular file that is there, open for reading; nothing else is, and nothing blocks."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        status = self.status()
        if status is None:
            raise Refused(f"{self.path}: no such file{self._alike()}")
        self._refuse_irregular(status.st_mode)
        try:
            opened = os.open(self.name, flags, dir_fd=self.directory)
        except OSError as problem:
            raise Refused(f"{self.path}: {_reason(problem)}") from problem
        try:
            self._refuse_irregular(os.fstat(opened).st_mode)
        except Refused:
            os.close(opened)
            raise
        return opened

    def _alike(self) -> str:
        """Names in the same directory that may have been meant."""
        if len(self.missing) > 1:
            return f"; there is no directory {self.missing[0]} either"
        stem = self.name.partition(".")[0].lower()
        with contextlib.suppress(OSError):
            opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
            try:
                names = sorted(name for name in os.listdir(opened) if name.partition(".")[0].lower() == stem)
            finally:
                os.close(opened)
            if names and stem:
                return f"; did you mean {', '.join(names[:5])}?"
        return ""

    def _refuse_irregular(self, mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise Refused(f"{self.path} is {_sort(mode)}, not a regular file")


SORTS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFLNK: "a symbolic link",
}


def _sort(mode: int) -> str:
    return SORTS.get(stat.S_IFMT(mode), "something")


def _reason(problem: OSError) -> str:
    return {errno.ENOENT: "no such file", errno.ELOOP: "is a symbolic link"}.get(
        problem.errno or 0, (problem.strerror or str(problem)).lower()
    )


def _within(path: str, base: str) -> bool:
    return path == base or path.startswith(base.rstrip("/") + "/")


class Walk:
    """One path followed name by name from an allowed directory, each step an open descriptor no rename can redirect."""

    LINKS = 40

    def __init__(self, bases: Iterable[str], asked: str) -> None:
        self._bases = sorted(bases, key=len, reverse=True)
        self._asked = asked
        self._open: list[int] = []
        self._names: list[str] = []
        self._base = ""
        self._left: deque[str] = deque()

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.pop())

    def to(self, path: str, root: str) -> Place:
        """The place that `path` names; the last names may be missing. Raises Refused when it lies elsewhere."""
        self._restart(os.path.join(root, path))
        links = 0
        while self._left:
            name = self._left.popleft()
            if name == "..":
                self._up()
            elif name not in ("", "."):
                target = self._link(name)
                if target is not None:
                    links += 1
                    self._redirect(target, links)
                elif not self._enter(name):
                    self._left.appendleft(name)
                    return self._place(root)
        return self._place(root)

    def _place(self, root: str) -> Place:
        left = [name for name in self._left if name not in ("", ".")]
        if ".." in left:
            raise Refused(f"{self._asked}: no such directory")
        here = os.path.join(self._base, *self._names)
        if len(left) > 1 or (left and not self._exists(left[0])):
            return Place(self._open[-1], os.path.join(here, *left), left, root)
        if left:
            return Place(self._open[-1], os.path.join(here, left[0]), [], root)
        place = Place(self._open[-1], here, [], root)
        place.name = "."
        return place

    def _restart(self, path: str) -> None:
        for base in self._bases:
            if _within(path, base):
                self.__exit__()
                self._base, self._names = base, []
                self._open.append(self._directory(base, None))
                self._left.extendleft(reversed(path[len(base) :].split("/")))
                return
        raise Refused(f"{self._asked} lies outside {' and '.join(sorted(self._bases))}")

    def _redirect(self, target: str, links: int) -> None:
        if links > self.LINKS:
            raise Refused(f"{self._asked}: too many symbolic links")
        if target.startswith("/"):
            self._restart(target)
        else:
            self._left.extendleft(reversed(target.split("/")))

    def _up(self) -> None:
        if not self._names:
            raise Refused(f"{self._asked} leads outside {self._base}")
        self._names.pop()
        os.close(self._open.pop())

    def _link(self, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self._open[-1])
        except OSError:
            return None

    def _exists(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._open[-1], follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as problem:
            raise Refused(f"{self._asked}: {_reason(problem)}") from problem
        return True

    def _enter(self, name: str) -> bool:
        """Step into a directory; False when there is none of that name, and the walk ends here."""
        try:
            self._open.append(self._directory(name, self._open[-1]))
        except (FileNotFoundError, NotADirectoryError):
            if any(left not in ("", ".") for left in self._left) and self._exists(name):
                raise Refused(f"{self._asked}: {name} is not a directory") from None
            return False
        except OSError as problem:
            raise Refused(f"{self._asked}: {_reason(problem)}") from problem
        self._names.append(name)
        return True

    def _directory(self, name: str, within: int | None) -> int:
        return os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)


# Text


class Text(NamedTuple):
    """A file's text and what it takes to write it back as it was."""

    text: str
    encoding: str
    errors: str
    bom: bytes

    def encode(self, text: str) -> bytes:
        """`text` in this file's encoding. Raises Refused for characters that it does not have."""
        try:
            return self.bom + text.encode(self.encoding, self.errors)
        except UnicodeEncodeError as problem:
            raise Refused(
                f"the file is {self.encoding}, which has no {text[problem.start]!r}; leave such characters out"
            ) from problem


BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def text_of(data: bytes) -> Text:
    """Text in UTF-8 or UTF-16 as its mark says, else UTF-8, else, where nothing in it is, Latin-1; bytes survive."""
    for bom, encoding in BOMS:
        if data.startswith(bom):
            with contextlib.suppress(UnicodeDecodeError):
                return Text(data[len(bom) :].decode(encoding), encoding, "strict", bom)
    try:
        return Text(data.decode("utf-8"), "utf-8", "strict", b"")
    except UnicodeDecodeError:
        loose = data.decode("utf-8", "surrogateescape")
    if re.search("[\x80-\ud7ff\ue000-\U0010ffff]", loose):
        return Text(loose, "utf-8", "surrogateescape", b"")
    return Text(data.decode("latin-1"), "latin-1", "strict", b"")


def sendable(text: str) -> str:
    """Bytes that are no text become U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def escaped(text: str) -> str:
    """Bytes that are no text are written as `\\xff`, which the shell takes in `$'…'`."""
    return re.sub("[\ud800-\udfff]", _escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def is_binary(data: bytes) -> bool:
    """A NUL near the start, in what does not say that it is UTF-16."""
    return b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def stamp_of(data: bytes) -> str:
    """What tells one content from another."""
    import hashlib  # a third of the start's time, for what only file operations need

    return hashlib.sha256(data).hexdigest()


HASHED = 32 << 20
"""Bytes up to which a file is known by its content; a larger one by its size and time, and it cannot be edited."""


def read_whole(opened: int) -> bytes | None:
    """The content, or None when it is too much to hold."""
    if os.fstat(opened).st_size > HASHED:
        return None
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = os.read(opened, 1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > HASHED:
            return None


def stamp_large(opened: int) -> str:
    """For what is too large to hold: size, time and number."""
    status = os.fstat(opened)
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"


class Files:
    """Reading and writing of files below the root and the scratch directory, and nowhere else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = threading.Lock()

    @contextlib.contextmanager
    def place(self, path: str, *, writing: bool = False) -> Generator[Place]:
        """Where `path` leads. Raises Refused when it may not be read, or, `writing`, not be written."""
        given = self._settings
        if not path or re.search("[\0\ud800-\udb7f]", path):
            raise Refused("the path is empty" if not path else "the path holds a character that no path can hold")
        bases = [given.root, given.scratch, *(() if writing else given.readable)]
        with Walk([base for base in bases if os.path.isdir(base)], path) as walk:
            place = walk.to(path, given.root)
            if writing:
                self._refuse_protected(place)
            yield place

    def _refuse_protected(self, place: Place) -> None:
        if place.relative is None:
            return
        for protected in self._settings.protected:
            if _within(place.relative, protected):
                raise Refused(f"{place.path} is protected: {protected} is read-only in this run; hand the change over")
        if ".git" in place.relative.split("/"):
            raise Refused(f"{place.path} is protected: git's own files are not written; use git")

    def stat(self, path: str) -> dict[str, Any]:
        """What is at a path, and the stamp of its content."""
        with self.place(path) as place:
            status = place.status()
            if status is None:
                return {"exists": False, "path": place.path}
            told: dict[str, Any] = {"exists": True, "path": place.path, "size": status.st_size}
            if stat.S_ISREG(status.st_mode):
                opened = place.open()
                try:
                    told["stamp"] = self._stamp(opened)
                finally:
                    os.close(opened)
            return told

    def _stamp(self, opened: int) -> str:
        data = read_whole(opened)
        return stamp_large(opened) if data is None else stamp_of(data)

    def part(self, path: str, start: int, count: int) -> dict[str, Any]:
        """`count` bytes from `start`, in base64."""
        with self.place(path) as place:
            opened = place.open()
            try:
                data = os.pread(opened, count, start)
                return {
                    "path": place.path,
                    "data": binascii.b2a_base64(data, newline=False).decode(),
                    "size": os.fstat(opened).st_size,
                    "stamp": self._stamp(opened) if start == 0 else "",
                }
            finally:
                os.close(opened)

    def read(self, path: str, offset: int, limit: int, width: int) -> dict[str, Any]:
        """`limit` lines from line `offset`, each cut at `width` characters; `total` lines, where they were counted."""
        with self.place(path) as place:
            opened = place.open()
            try:
                told = self._lines(place, opened, offset, limit, width)
            finally:
                os.close(opened)
            return {"path": place.path, **told}

    def _lines(self, place: Place, opened: int, offset: int, limit: int, width: int) -> dict[str, Any]:
        size = os.fstat(opened).st_size
        data = read_whole(opened)
        if is_binary(os.pread(opened, 8192, 0) if data is None else data):
            raise Refused(f"{place.path} is binary ({size:,} bytes); look at it with Bash: file, strings or xxd | head")
        if data is None:
            return {**_some_lines(opened, offset, limit, width), "size": size, "stamp": stamp_large(opened)}
        lines = text_of(data).text.split("\n")
        if lines[-1] == "":
            lines.pop()
        chosen = lines[offset - 1 : offset - 1 + limit]
        return {
            "lines": [_line(line, width) for line in chosen],
            "cut": sum(len(line.rstrip("\r")) > width for line in chosen),
            "total": len(lines),
            "size": len(data),
            "stamp": stamp_of(data),
        }

    def write(self, path: str, content: str, seen: str | None) -> dict[str, Any]:
        """Make `content` the file's whole text, keeping its encoding, line ends and mode if it is there."""
        with self._turn, self.place(path, writing=True) as place:
            if place.status() is None:
                data = Text("", "utf-8", "surrogateescape", b"").encode(content)
                self._put(place, data, None)
                return self._written(place, data, created=True)
            opened = place.open()
            try:
                before = self._seen(place, opened, seen, "write")
                mode = self._writable(place, opened)
            finally:
                os.close(opened)
            was = text_of(before) if before and not is_binary(before) else Text("", "utf-8", "surrogateescape", b"")
            crlf = _all_crlf(was.text) and "\r" not in content
            data = was.encode(content.replace("\n", "\r\n") if crlf else content)
            self._put(place, data, mode)
            return self._written(place, data, created=False, crlf=crlf)

    def edit(self, path: str, old: str, new: str, every: bool, seen: str | None) -> dict[str, Any]:
        """Replace `old` by `new`, which must be there once, or, `every`, at least once."""
        if not old or old == new:
            raise Refused(
                "the text to replace is empty" if not old else "old and new are the same: nothing would change"
            )
        with self._turn, self.place(path, writing=True) as place:
            opened = place.open()
            try:
                before = self._seen(place, opened, seen, "edit")
                mode = self._writable(place, opened)
            finally:
                os.close(opened)
            if before is None:
                raise Refused(f"{place.path} is larger than {HASHED >> 20} MiB; change it with sed in Bash")
            if is_binary(before):
                raise Refused(f"{place.path} is binary; Edit changes text")
            was = text_of(before)
            text, count, line = replaced(was.text, old, new, every=every, path=place.path)
            data = was.encode(text)
            self._put(place, data, mode)
            return {**self._written(place, data, created=False), "replacements": count, "line": line}

    def _seen(self, place: Place, opened: int, seen: str | None, act: str) -> bytes | None:
        """The content, if it is what the caller has seen."""
        if seen is None:
            raise Refused(f"{place.path} has not been read yet; Read it, then {act} it")
        data = read_whole(opened)
        if (stamp_large(opened) if data is None else stamp_of(data)) != seen:
            raise Refused(f"{place.path} has changed since it was read; Read it again, then {act} it")
        return data

    def _writable(self, place: Place, opened: int) -> int:
        """The mode of a file that its owner lets be written; a rename would not ask."""
        mode = os.fstat(opened).st_mode
        if not mode & 0o222:
            raise Refused(
                f"{place.path} is read-only (mode {stat.S_IMODE(mode):04o}), which somebody meant; "
                "if it has to change, run chmod u+w on it first"
            )
        return mode

    def _written(self, place: Place, data: bytes, *, created: bool, crlf: bool = False) -> dict[str, Any]:
        lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
        return {
            "path": place.path,
            "relative": place.relative,
            "bytes": len(data),
            "lines": lines,
            "created": created,
            "crlf": crlf,
            "stamp": stamp_of(data) if len(data) <= HASHED else None,
        }

    def _put(self, place: Place, data: bytes, mode: int | None) -> None:
        """Write beside, then rename over: whoever reads, or crashes, sees the old content or the new.

        mode: of the file that is replaced; None for a new one, which replaces nothing.
        """
        directory = self._parents(place)
        beside = f".{place.name[:100]}.{binascii.hexlify(os.urandom(6)).decode()}"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            opened = os.open(beside, flags, 0o666 if mode is None else 0o600, dir_fd=directory)
            try:
                _write_all(opened, data)
                if mode is not None:
                    os.fchmod(opened, stat.S_IMODE(mode))
                os.fsync(opened)
            finally:
                os.close(opened)
            if mode is None:
                _name_anew(beside, place.name, directory)
            else:
                os.replace(beside, place.name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError as problem:
            with contextlib.suppress(OSError):
                os.unlink(beside, dir_fd=directory)
            if isinstance(problem, FileExistsError):
                raise Refused(f"{place.path} has been created meanwhile; Read it, then write it") from problem
            raise Refused(f"{place.path} was not written: {_reason(problem)}") from problem
        finally:
            if directory != place.directory:
                os.close(directory)

    def _parents(self, place: Place) -> int:
        """The directory to write in, made if it is not there."""
        here = place.directory
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        for name in place.missing[:-1]:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=here)
                below = os.open(name, flags, dir_fd=here)
            except OSError as problem:
                raise Refused(f"{place.path}: {name}: {_reason(problem)}") from problem
            if here != place.directory:
                os.close(here)
            here = below
        return here


def _name_anew(beside: str, name: str, directory: int) -> None:
    """Give a file a name that nothing bears yet. Raises FileExistsError, also for a name taken just now."""
    try:
        os.link(beside, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken first, then filled
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory))
        os.replace(beside, name, src_dir_fd=directory, dst_dir_fd=directory)
    else:
        os.unlink(beside, dir_fd=directory)


def _write_all(opened: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(opened, view) :]


def _line(line: str, width: int) -> str:
    return sendable(line.rstrip("\r")[:width])


def _some_lines(opened: int, offset: int, limit: int, width: int) -> dict[str, Any]:
    """Lines of a file that is too large to hold; long ones pass by in pieces."""
    os.lseek(opened, 0, os.SEEK_SET)
    lines: list[str] = []
    cut = number = 0
    with os.fdopen(os.dup(opened), "rb", buffering=1 << 20) as file:
        for number, (start, whole) in enumerate(_long_lines(file, 4 * width), 1):
            if number >= offset + limit:
                return {"lines": lines, "cut": cut, "total": None}
            if number >= offset:
                text = start.decode("utf-8", "replace").rstrip("\r\n")
                cut += not whole or len(text) > width
                lines.append(text[:width])
    return {"lines": lines, "cut": cut, "total": number}


def _long_lines(file: Any, held: int) -> Iterator[tuple[bytes, bool]]:
    """Each line's first `held` bytes, and whether that is all of it."""
    while True:
        start = file.readline(held)
        if not start:
            return
        piece = start
        while len(piece) == held and not piece.endswith(b"\n"):
            piece = file.readline(held)
        yield start, piece is start


def _all_crlf(text: str) -> bool:
    return "\n" in text and text.count("\r\n") == text.count("\n")


def replaced(text: str, old: str, new: str, *, every: bool, path: str) -> tuple[str, int, int]:
    """The text after the replacement, how many there were, and the line of the first; line ends match either kind."""
    if "\r\n" not in text:
        found = [match.start() for match in re.finditer(re.escape(old), text)]
        _refuse_unless_clear(text, old, found, every=every, path=path)
        return text.replace(old, new), len(found), _line_number(text, found[0])
    pattern = re.compile("\r?\n".join(re.escape(part) for part in old.replace("\r\n", "\n").split("\n")))
    found = [match.start() for match in pattern.finditer(text)]
    _refuse_unless_clear(text, old, found, every=every, path=path)
    crlf = text.count("\r\n") * 2 >= text.count("\n")
    plain = new.replace("\r\n", "\n")

    def ends(match: re.Match[str]) -> str:
        windows = "\r\n" in match.group() if "\n" in match.group() else crlf
        return plain.replace("\n", "\r\n") if windows else plain

    return pattern.sub(ends, text), len(found), _line_number(text, found[0])


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _refuse_unless_clear(text: str, old: str, found: list[int], *, every: bool, path: str) -> None:
    if not found:
        raise Refused(f"old_string is not in {path}{_near(text, old)}")
    if len(found) > 1 and not every:
        lines = ", ".join(str(_line_number(text, position)) for position in found[:10])
        more = ", …" if len(found) > 10 else ""
        raise Refused(
            f"old_string is {len(found)} times in {path} (lines {lines}{more}); "
            "take in more of the text around the one you mean, or set replace_all to change every one"
        )


def _near(text: str, old: str) -> str:
    """Why it may not have matched."""
    if re.match(r"\s*\d+\t", old):
        return "; leave out the line numbers and the tab that Read puts before each line"
    loose = r"\s+".join(re.escape(word) for word in old.split()[:2000])
    match = re.search(loose, text) if loose else None
    if match:
        return f", but line {_line_number(text, match.start())} differs from it in white space only; copy it exactly"
    first = next((line.strip() for line in old.splitlines() if line.strip()), "")
    at = text.find(first) if first else -1
    if at >= 0:
        return f"; its first line is on line {_line_number(text, at)}, but what follows differs. Read that part again"
    return "; Read the file again and copy the text exactly"


# Searching

SEARCH_S = 30.0
"""Seconds that one search may take."""

HELD = 8 << 20
"""Bytes of results that are sorted; of more only the first by path are taken."""

COMMON = ("--no-config", "--no-messages", "--color=never", "--hidden", "--null", "--glob=!.git")


class Query(NamedTuple):
    """What to search for, and how to tell it."""

    pattern: str
    mode: str = "files_with_matches"
    glob: str | None = None
    type: str | None = None
    ignore_case: bool = False
    numbers: bool = True
    only: bool = False
    before: int = 0
    after: int = 0
    multiline: bool = False

    def globs(self) -> list[str]:
        """The globs given, apart at white space and at commas that are not in braces."""
        return re.findall(r"(?:\{[^}]*\}|\[[^\]]*\]|[^\s,])+", self.glob or "")

    def wanted(self) -> list[str]:
        """The globs of which a path has to match one, if there are any."""
        return [glob for glob in self.globs() if not glob.startswith("!")]

    def unwanted(self) -> list[str]:
        """The globs of which a path may match none."""
        return [glob[1:] for glob in self.globs() if glob.startswith("!")]

    def names(self) -> list[str]:
        """The wanted globs' last parts as a file type of ripgrep's: a glob option would bring ignored files back."""
        wanted = self.wanted()
        if not wanted or not all(_has_plain_end(glob) for glob in wanted):
            return []
        return [*(f"--type-add=agency:{glob.rpartition('/')[2]}" for glob in wanted), "--type=agency"]

    def filters(self) -> Callable[[str], bool]:
        """Whether a path relative to where the search starts is one the globs want."""
        wanted = [glob_pattern(glob) for glob in self.wanted()]
        unwanted = [glob_pattern(glob) for glob in self.unwanted()]

        def fits(path: str) -> bool:
            if any(glob.fullmatch(path) for glob in unwanted):
                return False
            return not wanted or any(glob.fullmatch(path) for glob in wanted)

        return fits


def _has_plain_end(glob: str) -> bool:
    """Its last part alone says what the file's name has to be, in a way that a file type of ripgrep's can."""
    return not re.search(r":|\{[^}]*/|(/|\*\*)$", glob)


WIDEST = 1000
"""Characters of a matching line that are shown."""


def rg_argv(rg: str, query: Query, target: str, *, by_path: bool) -> list[str]:
    """The search as ripgrep takes it."""
    argv = [rg, *COMMON, "--crlf", "--no-heading", "--with-filename", "--no-require-git", f"--regexp={query.pattern}"]
    if query.mode == "files_with_matches":
        argv.append("--files-with-matches")
    elif query.mode == "count":
        argv.append("--count")
    else:
        argv += [f"--max-columns={WIDEST}", "--max-columns-preview"]
        argv += ["--line-number" if query.numbers else "--no-line-number"]
        argv += [f"--before-context={query.before}", f"--after-context={query.after}"]
        argv += ["--only-matching"] if query.only else []
    argv += ["--ignore-case"] if query.ignore_case else []
    argv += ["--multiline", "--multiline-dotall"] if query.multiline else []
    argv += [f"--glob=!{glob}" for glob in query.unwanted()]
    argv += [f"--type={query.type}"] if query.type else query.names()
    argv += ["--sort=path"] if by_path else []
    return [*argv, "--", target]


class Found(NamedTuple):
    """What a search process wrote, whether that was all, and how it ended."""

    output: bytes
    whole: bool
    exit_code: int
    said: str


class Search:
    """One search process: ripgrep, or this program forked, which a bad pattern can hang without harm."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._alarm, self._bell = os.pipe()
        self._reading, self._writing = os.pipe()
        self._said, self._saying = os.pipe()
        self.pid = 0

    def stop(self) -> None:
        """Have it end soon."""
        with contextlib.suppress(OSError):
            os.write(self._bell, b"x")

    def run(self, begin: Callable[[int, int], Started], held: int) -> Found:
        """Follow the process to its end, or until it has written `held` bytes. Raises Refused when it takes too long."""
        try:
            process = self._children.start(self, lambda: begin(self._writing, self._saying))
            self.pid = process.pid
            try:
                self._shut("_writing", "_saying")
                output, said, whole = self._collect(held)
            finally:
                send(self.pid, signal.SIGKILL)
                code = process.wait()
                self._children.forget(self.pid)
            return Found(output, whole, code if whole else 0, said.decode("utf-8", "replace").strip())
        finally:
            self._shut("_writing", "_saying", "_reading", "_said", "_alarm", "_bell")

    def _shut(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)

    def _collect(self, held: int) -> tuple[bytes, bytes, bool]:
        until = time.monotonic() + SEARCH_S
        taken = {self._reading: bytearray(), self._said: bytearray()}
        poll = select.poll()
        for fd in (*taken, self._alarm):
            poll.register(fd, select.POLLIN)
        open_ones = set(taken)
        while open_ones:
            ready = [fd for fd, _ in poll.poll(max(0, int((until - time.monotonic()) * 1000)))]
            if not ready:
                raise Refused(f"the search took more than {SEARCH_S:.0f} s; narrow it by path, glob or pattern")
            if self._alarm in ready:
                raise Refused("the search was stopped")
            for fd in ready:
                piece = os.read(fd, PIECE)
                taken[fd] += piece
                if not piece:
                    poll.unregister(fd)
                    open_ones.discard(fd)
            if len(taken[self._reading]) > held:
                break
        return bytes(taken[self._reading]), bytes(taken[self._said][:8192]), not open_ones


class Forked:
    """A child of this very program, as subprocess would show it."""

    def __init__(self, act: Callable[[], bytes], writing: int, saying: int) -> None:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forking beside threads: the child runs no code of theirs
            self.pid = os.fork()
        if self.pid == 0:
            self._be_child(act, writing, saying)

    def _be_child(self, act: Callable[[], bytes], writing: int, saying: int) -> None:
        code = 2
        try:
            _write_all(writing, act())
            code = 0
        except Exception as problem:
            _write_all(saying, str(problem).encode("utf-8", "replace"))
        finally:
            os._exit(code)

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Searches:
    """Glob and grep, by ripgrep where it is, else by the equivalent here."""

    def __init__(self, settings: Settings, children: Children, files: Files) -> None:
        self._settings = settings
        self._children = children
        self._files = files

    def glob(self, call: Call, pattern: str, path: str | None, limit: int) -> dict[str, Any]:
        """Regular files whose path below `path` matches, newest first; `total` of them in all."""
        pattern, path = self._relative(pattern, path)
        here, _ = self._place(path, files=False)
        rg = self._rg()
        if rg:
            argv = [rg, "--files", "--no-ignore", *COMMON[:-1], f"--glob={_unbanged(pattern)}", COMMON[-1], "./"]
            found = self._rg_found(call, argv, here, held=256 << 20)
        else:
            found = self._forked(call, lambda: b"\0".join(glob_files(here, pattern)))
        names = [name[2:] if name.startswith(b"./") else name for name in found.output.split(b"\0") if name]
        newest = sorted((-_modified(here, name), name) for name in names)
        shown = [self._shown(here, name) for _, name in newest[:limit]]
        return {"paths": shown, "total": len(names)}

    def _relative(self, pattern: str, path: str | None) -> tuple[str, str | None]:
        """An absolute pattern below the root is one relative to it."""
        pattern = pattern[2:] if pattern.startswith("./") else pattern
        if pattern.startswith("/"):
            if not _within(pattern, self._settings.root):
                raise Refused(f"pattern {pattern} lies outside {self._settings.root}; give path and a pattern below it")
            pattern, path = pattern[len(self._settings.root) :].lstrip("/") or "**", None
        if ".." in pattern.split("/"):
            raise Refused(f"pattern {pattern} holds '..'; give path and a pattern below it")
        return pattern, path

    def grep(self, call: Call, query: Query, path: str | None, offset: int, limit: int) -> dict[str, Any]:
        """Result lines `offset` to `offset + limit` (0: all), sorted by path; `total` where all were counted."""
        here, target = self._place(path, files=True)
        fits = query.filters()
        rg = self._rg()
        if rg:
            found = self._rg_found(call, rg_argv(rg, query, target, by_path=False), here, HELD)
            if not found.whole:
                found = self._rg_found(call, rg_argv(rg, query, target, by_path=True), here, HELD)
        else:
            found = self._forked(call, lambda: search(here, target, query))
        lines = self._by_path(found.output, here, query, fits if target == "./" else None)
        chosen = lines[offset : offset + limit] if limit else lines[offset:]
        return {"lines": chosen, "total": len(lines) if found.whole else None, "matched": len(lines)}

    def _place(self, path: str | None, *, files: bool) -> tuple[str, str]:
        """The directory to search from, and what in it."""
        with self._files.place(path or self._settings.root) as place:
            status = place.status()
            if status is None:
                raise Refused(f"{place.path}: no such file or directory")
            if stat.S_ISDIR(status.st_mode):
                return place.path, "./"
            if not files or not stat.S_ISREG(status.st_mode):
                raise Refused(f"{place.path} is {_sort(status.st_mode)}{'' if files else ', not a directory'}")
            return os.path.dirname(place.path), f"./{os.path.basename(place.path)}"

    def _rg(self) -> str | None:
        return search_path("rg", self._settings.env.get("PATH", ""))

    def _rg_found(self, call: Call, argv: list[str], here: str, held: int) -> Found:
        def begin(writing: int, saying: int) -> Started:
            return subprocess.Popen(
                argv,
                cwd=here,
                env=self._settings.env,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=saying,
                start_new_session=True,
            )

        return self._done(call, begin, held)

    def _forked(self, call: Call, act: Callable[[], bytes]) -> Found:
        return self._done(call, lambda writing, saying: Forked(act, writing, saying), 256 << 20)

    def _done(self, call: Call, begin: Callable[[int, int], Started], held: int) -> Found:
        running = Search(self._children)
        call.runs(running)
        try:
            found = running.run(begin, held)
        except (OSError, ValueError) as problem:
            raise Refused(f"the search could not be done: {problem}") from problem
        if found.exit_code not in (0, 1) and found.said:
            raise Refused(found.said)
        return found

    def _by_path(self, output: bytes, here: str, query: Query, fits: Callable[[str], bool] | None) -> list[str]:
        """Result lines, file by file in order of path."""
        if query.mode == "files_with_matches":
            files: dict[bytes, list[bytes]] = {_plain(name): [] for name in output.split(b"\0") if name}
        else:
            files = _lines_by_file(output)
        names = sorted(name for name in files if fits is None or fits(os.fsdecode(name)))
        if query.mode == "files_with_matches":
            return [self._shown(here, name) for name in names]
        apart = query.mode == "content" and bool(query.before or query.after)
        told: list[str] = []
        for name in names:
            told += ["--"] if apart and told else []
            told += _told(self._shown(here, name), files[name], apart=apart)
        return told

    def _shown(self, here: str, name: bytes) -> str:
        """The path as the caller may use it: relative to the root, or absolute outside it."""
        path = os.path.normpath(os.path.join(here, os.fsdecode(name)))
        if _within(path, self._settings.root):
            path = os.path.relpath(path, self._settings.root)
        return re.sub("[\0-\x1f]", lambda found: f"\\x{ord(found.group()):02x}", escaped(path))


def _lines_by_file(output: bytes) -> dict[bytes, list[bytes]]:
    """What ripgrep wrote about each file; a name may hold line feeds, and ends with NUL."""
    files: dict[bytes, list[bytes]] = {}
    name = begun = b""
    for line in output.split(b"\n"):
        path, separator, rest = line.partition(b"\0")
        if separator:
            name = _plain(begun + path)
            files.setdefault(name, []).append(rest)
            begun = b""
        elif line in (b"--", b"--\r") and name and not begun:
            files[name].append(b"--")
        elif not re.search(rb": (WARNING: stopped searching binary|binary) file ", line):
            begun += line + b"\n"
    return files


def _told(path: str, lines: list[bytes], *, apart: bool) -> Iterator[str]:
    """A file's result lines with its path before each; lines that only surround a match are joined by dashes."""
    if lines and lines[-1] == b"--":
        lines.pop()
    for line in lines:
        if line == b"--":
            yield "--"
        else:
            sign = "-" if apart and re.match(rb"\d+-", line) else ":"
            yield f"{path}{sign}{line.rstrip(bytes([13])).decode('utf-8', 'replace')}"


def _plain(name: bytes) -> bytes:
    return name[2:] if name.startswith(b"./") else name


def _unbanged(pattern: str) -> str:
    return "\\" + pattern if pattern.startswith("!") else pattern


def _modified(here: str, name: bytes) -> int:
    try:
        return os.stat(os.fsencode(here) + b"/" + name, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


# Searching without ripgrep

TYPES = {
    "c": "*.{c,h}",
    "cpp": "*.{cc,cpp,cxx,h,hh,hpp,hxx}",
    "css": "*.{css,scss}",
    "docker": "*Dockerfile*",
    "go": "*.go",
    "hcl": "*.hcl",
    "html": "*.{htm,html,ejs}",
    "java": "*.{java,jsp}",
    "js": "*.{js,jsx,cjs,mjs,vue}",
    "json": "*.json",
    "make": "{[Mm]akefile,GNUmakefile,*.mk,*.mak}",
    "markdown": "*.{md,markdown,mdown,mkd,mdx}",
    "md": "*.{md,markdown,mdown,mkd,mdx}",
    "php": "*.php",
    "py": "*.{py,pyi}",
    "python": "*.{py,pyi}",
    "rb": "*.{rb,gemspec}",
    "ruby": "*.{rb,gemspec}",
    "rust": "*.rs",
    "sh": "*.{sh,bash,zsh,ksh}",
    "sql": "*.sql",
    "terraform": "*.{tf,tf.json,tfvars,tfvars.json}",
    "tf": "*.{tf,tf.json,tfvars,tfvars.json}",
    "toml": "*.toml",
    "ts": "*.{ts,tsx,cts,mts}",
    "txt": "*.txt",
    "xml": "*.{xml,xsl,xsd}",
    "yaml": "*.{yaml,yml}",
}

CLASSES = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:xdigit:]": "0-9a-fA-F",
    "[:word:]": r"\w",
    "[:punct:]": r"!-/:-@\[-`{-~",
}


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as git and ripgrep mean it: without a slash it matches at any depth; `*` stays within a directory."""
    anchored = "/" in glob.rstrip("/")
    body = "".join(_glob_parts(glob.strip("/"), glob))
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{body}", re.DOTALL)


def _glob_parts(text: str, glob: str) -> Iterator[str]:
    at, depth = 0, 0
    while at < len(text):
        taken, part, depth = _glob_part(text, at, depth, glob)
        at += taken
        yield part
    if depth:
        raise Refused(f"error parsing glob '{glob}': unclosed alternate group; missing '}}'")


def _glob_part(text: str, at: int, depth: int, glob: str) -> tuple[int, str, int]:
    """How much of the text the next part takes, what it matches, and how deep in braces it leaves."""
    here = text[at]
    if text.startswith("**", at) and (at == 0 or text[at - 1] in "/{,"):
        return (3, "(?:[^/]+/)*", depth) if text.startswith("**/", at) else (2, ".*", depth)
    if here == "[":
        return (*_glob_class(text, at, glob), depth)
    if here == "\\" and at + 1 < len(text):
        return 2, re.escape(text[at + 1]), depth
    if here == "{" or (here in ",}" and depth):
        part, deeper = {"{": ("(?:", 1), ",": ("|", 0), "}": (")", -1)}[here]
        return 1, part, depth + deeper
    return 1, {"*": "[^/]*", "?": "[^/]"}.get(here, re.escape(here)), depth


def _glob_class(text: str, at: int, glob: str) -> tuple[int, str]:
    match = re.match(r"\[([!^]?)(\]?[^\]]*)\]", text[at:])
    if not match:
        raise Refused(f"error parsing glob '{glob}': unclosed character class; missing ']'")
    inside = match[2].replace("\\", "\\\\").replace("[", "\\[")
    return match.end(), f"[{'^' if match[1] else ''}{inside}]"


class Ignored:
    """The rules of the .gitignore and .ignore files from the top down to one directory."""

    def __init__(self, above: Ignored | None, directory: str, at: str) -> None:
        self._above = above
        self._at = at
        self._rules: list[tuple[re.Pattern[str], bool, bool]] = []
        for name in (".gitignore", ".ignore"):
            with contextlib.suppress(OSError), open(f"{directory}/{name}", encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._add(line.rstrip("\n"))

    def _add(self, line: str) -> None:
        line = re.sub(r"(?<!\\)\s+$", "", line)
        if line and not line.startswith("#"):
            negated = line.startswith("!")
            with contextlib.suppress(Refused, re.error):
                glob = line[1:] if negated else line
                self._rules.append((glob_pattern(glob), negated, glob.endswith("/")))

    def drops(self, path: str, *, directory: bool) -> bool:
        """Whether `path` is ignored; the last rule that matches decides."""
        within = path[len(self._at) :]
        for pattern, negated, only_directories in reversed(self._rules):
            if (directory or not only_directories) and pattern.fullmatch(within):
                return not negated
        return self._above.drops(path, directory=directory) if self._above else False


def _rules_above(here: str) -> Ignored | None:
    """The rules that hold in `here` itself: its own and those of every directory above it."""
    rules: Ignored | None = None
    parts = here.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        above = "/" + "/".join(parts[:count])
        rules = Ignored(rules, above, f"{above}/")
    return rules


def regular_files(here: str, rules: Ignored | None) -> Iterator[str]:
    """The absolute path of each regular file below `here` that the rules leave."""
    waiting = [(here, rules)]
    while waiting:
        directory, rules = waiting.pop()
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name == ".git" or entry.is_symlink():
                continue
            below = entry.is_dir(follow_symlinks=False)
            if rules and rules.drops(entry.path, directory=below):
                continue
            if below:
                waiting.append((entry.path, Ignored(rules, entry.path, f"{entry.path}/") if rules else None))
            elif entry.is_file(follow_symlinks=False):
                yield entry.path


def glob_files(here: str, glob: str) -> Iterator[bytes]:
    """The files that match, relative to `here`."""
    pattern = glob_pattern(glob)
    for path in regular_files(here, None):
        name = path[len(here.rstrip("/")) + 1 :]
        if pattern.fullmatch(name):
            yield os.fsencode(name)


def search_pattern(query: Query) -> re.Pattern[str]:
    """The pattern as Python's engine takes it. Raises Refused with the engine's words."""
    text = re.sub(r"\(\?<(?![=!])", "(?P<", query.pattern).replace(r"\z", r"\Z")
    for name, inside in CLASSES.items():
        text = text.replace(name, inside)
    flags = re.MULTILINE | (re.IGNORECASE if query.ignore_case else 0) | (re.DOTALL if query.multiline else 0)
    try:
        return re.compile(text, flags)
    except (re.error, RecursionError, OverflowError) as problem:
        raise Refused(f"regex parse error: {problem}") from problem


def search(here: str, target: str, query: Query) -> bytes:
    """What ripgrep would write, in order of path."""
    pattern = search_pattern(query)
    fits, kind = query.filters(), glob_pattern(_type_glob(query.type))
    paths = regular_files(here, _rules_above(here)) if target == "./" else iter([os.path.join(here, target[2:])])
    found: list[bytes] = []
    for path in paths:
        name = path[len(here.rstrip("/")) + 1 :]
        if target != "./" or (fits(name) and kind.fullmatch(name)):
            found += _search_file(path, os.fsencode(name), pattern, query)
    return b"".join(found)


def _type_glob(name: str | None) -> str:
    if name and name not in TYPES:
        raise Refused(f"unrecognized file type: {name}; there are {', '.join(sorted(TYPES))}")
    return TYPES[name] if name else "**"


def _search_file(path: str, name: bytes, pattern: re.Pattern[str], query: Query) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            data = file.read(HELD_FILE)
    except OSError:
        return
    if is_binary(data):
        return
    text = text_of(data).text.replace("\r\n", "\n")
    spans = list(_spans(text, pattern, query))
    if not spans:
        return
    if query.mode == "files_with_matches":
        yield name + b"\0"
    elif query.mode == "count":
        yield b"%s\0%d\n" % (name, len(spans) if query.multiline else len({line for line, _, _ in spans}))
    else:
        yield from (name + b"\0" + line if line != b"--\n" else line for line in _content(text, spans, query))


HELD_FILE = 256 << 20


def _spans(text: str, pattern: re.Pattern[str], query: Query) -> Iterator[tuple[int, int, str]]:
    """First line, last line and text of each match."""
    if query.multiline:
        for match in pattern.finditer(text):
            first = _line_number(text, match.start())
            yield first, first + match.group().rstrip("\n").count("\n"), match.group()
        return
    if not re.search(r"\\[AZ]|\(\?|\^\$", pattern.pattern) and not pattern.search(text):
        return
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, 1):
        for match in pattern.finditer(line):
            yield number, number, match.group()
            if not query.only:
                break


def _content(text: str, spans: list[tuple[int, int, str]], query: Query) -> Iterator[bytes]:
    if query.only:
        for first, _, match in spans:
            for number, line in enumerate(match.split("\n"), first):
                yield _numbered(number, ":", line, query)
        return
    lines = text.split("\n")
    matched = {number for first, last, _ in spans for number in range(first, last + 1)}
    wanted = {near for number in matched for near in range(number - query.before, number + query.after + 1)}
    before = 0
    for number in sorted(near for near in wanted if 1 <= near <= len(lines) - (lines[-1] == "")):
        if before and number > before + 1 and (query.before or query.after):
            yield b"--\n"
        yield _numbered(number, ":" if number in matched else "-", lines[number - 1], query)
        before = number


def _numbered(number: int, sign: str, line: str, query: Query) -> bytes:
    if len(line) > WIDEST:
        line = f"{line[:WIDEST]} [... omitted end of long line]"
    text = f"{number}{sign}{line}\n" if query.numbers else f"{line}\n"
    return text.encode("utf-8", "surrogateescape")


# The protocol


class Forwarder:
    """Passes connections to a port of this sandbox's loopback on to a socket, whose other end judges what they ask."""

    AT_ONCE = 48  # two threads each, and threads count as processes

    def __init__(self, port: int, path: str) -> None:
        import socket  # costs every start, and few sandboxes have a network

        self._socket = socket
        self._path = path
        self._room = threading.BoundedSemaphore(self.AT_ONCE)
        self._outside().close()
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _outside(self) -> socket.socket:
        outside = self._socket.socket(self._socket.AF_UNIX)
        try:
            outside.connect(self._path)
        except OSError:
            outside.close()
            raise
        return outside

    def _serve(self) -> None:
        while True:
            self._room.acquire()
            try:
                client, _ = self._listener.accept()
            except OSError:  # no descriptor is free
                self._room.release()
                time.sleep(0.05)
                continue
            try:
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()
            except RuntimeError:  # no thread is
                client.close()
                self._room.release()

    def _pass(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError, RuntimeError), self._outside() as outside:
                back = threading.Thread(target=self._back, args=(outside, client), daemon=True)
                back.start()
                self._pump(client, outside)
                self._end(outside, self._socket.SHUT_WR)
                back.join()
        finally:
            self._room.release()

    def _back(self, outside: socket.socket, client: socket.socket) -> None:
        """The answer; when it is over so is the connection, even to a client that would keep it."""
        self._pump(outside, client)
        self._end(client, self._socket.SHUT_RDWR)
        self._end(outside, self._socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(64 << 10):
                sink.sendall(piece)

    def _end(self, side: socket.socket, how: int) -> None:
        with contextlib.suppress(OSError):
            side.shutdown(how)


class Wire:
    """Frames in and out on descriptors that no child inherits."""

    def __init__(self) -> None:
        self._reading = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        self._writing = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for number in (0, 1):
            os.dup2(nothing, number)
        os.close(nothing)
        self._turn = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        """The next frame, or None at the end. Raises ValueError for what is no frame."""
        head = self._take(4)
        if not head:
            return None
        size = int.from_bytes(head, "big")
        if len(head) < 4 or size > LARGEST:
            raise ValueError(f"a frame of {size:,} bytes" if len(head) == 4 else "a part of a frame's length")
        body = self._take(size)
        if len(body) < size:
            raise ValueError(f"{len(body):,} of a frame's {size:,} bytes")
        frame: dict[str, Any] = dict(json.loads(body))
        if (type(frame.get("id")), type(frame.get("op"))) != (int, str):
            raise ValueError("a frame without a number or an operation")
        return frame

    def _take(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count:
            piece = os.read(self._reading, min(count, 1 << 20))
            if not piece:
                break
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def send(self, frame: dict[str, Any]) -> None:
        """Write a frame; one that is too large becomes an error of its call. Bytes of names that are no text survive."""
        text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "backslashreplace")  # of a lone surrogate: JSON's own escape
        if len(body) > LARGEST:
            message = f"the answer is {len(body):,} bytes, more than the {LARGEST:,} that fit; ask for less"
            return self.send({"id": frame.get("id"), "error": {"kind": "tool", "message": message}})
        with self._turn:
            _write_all(self._writing, len(body).to_bytes(4, "big") + body)
        return None


class Call:
    """One request under way."""

    def __init__(self) -> None:
        self.cancelled = False
        self.command: Command | Search | None = None

    def cancel(self) -> None:
        """Have it end soon."""
        self.cancelled = True
        if self.command:
            self.command.stop()

    def runs(self, command: Command | Search) -> None:
        """`command` is what cancelling has to stop."""
        self.command = command
        if self.cancelled:
            command.stop()


class Host:
    """The operations, each in its own thread, answered in whatever order they end."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._settings = Settings()
        self._children = Children()
        self._files = Files(self._settings)
        self._calls: dict[int, Call] = {}
        self._tasks: dict[str, Background] = {}
        self._outputs: deque[Capture] = deque()
        self._search = Searches(self._settings, self._children, self._files)
        self._operations: dict[str, Callable[..., dict[str, Any]]] = {
            "configure": self.configure,
            "ping": self.ping,
            "exec": self.exec,
            "forward": self.forward,
            "kill_all": self.kill_all,
            "stat": self.stat,
            "read": self.read,
            "bytes": self.bytes,
            "write": self.write,
            "edit": self.edit,
            "glob": self.glob,
            "grep": self.grep,
            "task_start": self.task_start,
            "task_output": self.task_output,
            "task_stop": self.task_stop,
        }

    def serve(self) -> None:
        """Answer until the pipe ends, then kill everything."""
        self._children.watch()
        rg = search_path("rg", self._settings.env.get("PATH", ""))
        self._wire.send({"hello": VERSION, "python": sys.version.split()[0], "pid": os.getpid(), "rg": rg})
        try:
            while True:
                frame = self._wire.receive()
                if frame is None:
                    break
                self._take(frame)
        finally:
            self.kill_all(Call())

    def _take(self, frame: dict[str, Any]) -> None:
        number, op = frame.pop("id"), frame.pop("op")
        if op == "cancel":
            call = self._calls.get(number)
            if call:
                call.cancel()
            return
        call = self._calls[number] = Call()
        if op in ("configure", "ping"):
            self._answer(number, call, op, frame)
        else:
            self._answer_aside(number, call, op, frame)

    def _answer_aside(self, number: int, call: Call, op: str, parameters: dict[str, Any]) -> None:
        try:
            threading.Thread(target=self._answer, args=(number, call, op, parameters), daemon=True).start()
        except RuntimeError:
            self._calls.pop(number, None)
            message = "the sandbox has as many processes as it may have; end some with TaskStop"
            self._wire.send({"id": number, "error": {"kind": "tool", "message": message}})

    def _answer(self, number: int, call: Call, op: str, parameters: dict[str, Any]) -> None:
        try:
            answer: dict[str, Any] = {"id": number, "result": self._perform(call, op, parameters)}
        except Refused as problem:
            answer = {"id": number, "error": {"kind": "tool", "message": escaped(str(problem))}}
        except Exception as problem:  # whatever went wrong, the caller has to hear of it
            message = f"{op}: {type(problem).__name__}: {problem}"
            answer = {"id": number, "error": {"kind": "internal", "message": message}}
        if call.cancelled:
            answer = {"id": number, "error": {"kind": "cancelled", "message": f"{op} was cancelled"}}
        self._calls.pop(number, None)
        with contextlib.suppress(OSError):
            self._wire.send(answer)

    def _perform(self, call: Call, op: str, parameters: dict[str, Any]) -> dict[str, Any]:
        operation = self._operations.get(op)
        if operation is None:
            raise ValueError("there is no such operation")
        return operation(call, **parameters)

    def configure(self, _: Call, **given: Any) -> dict[str, Any]:
        """Say where things are."""
        self._settings.update(given)
        return {"rg": search_path("rg", self._settings.env.get("PATH", ""))}

    def ping(self, _: Call) -> dict[str, Any]:
        """Answer."""
        return {}

    def forward(self, _: Call, *, port: int, path: str) -> dict[str, Any]:
        """Let programs reach the proxy at `path` by a port of the loopback."""
        Forwarder(port, path)
        return {}

    def kill_all(self, _: Call) -> dict[str, Any]:
        """Stop every command and kill every process that came of them."""
        for command in self._children.commands():
            command.stop()
        until = time.monotonic() + 8
        while time.monotonic() < until and not self._kill_below():
            time.sleep(0.01)
        return {}

    def _kill_below(self) -> bool:
        """Kill everything below this process; whether there was nothing."""
        table = processes()
        found = [
            table[pid] for pid in descendants(table, [os.getpid()]) - {os.getpid()} if table[pid].state not in "ZX"
        ]
        for process in found:
            send(process.pid, signal.SIGKILL)
        return not found

    def exec(
        self,
        call: Call,
        *,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_s: float = 120,
        interrupt_first: bool = False,
        grace_s: float | None = None,
        partial: bool = False,
        sweep: bool = False,
        **how: Any,
    ) -> dict[str, Any]:
        """Run a shell command to its end and tell what came of it.

        partial: an overdue command is answered with what it wrote, not with an error.
        interrupt_first: it may take longer to give back its locks; grace_s: just so long.
        sweep: what it left in the background is killed and told of; else it lives on.
        """
        wanted = Wanted(("bash", "-c", command), self._directory(cwd, how), dict(env or {}), **how)
        running = Command(self._settings, self._children, wanted)
        call.runs(running)
        grace = GRACE_S * (2 if interrupt_first else 1) if grace_s is None else grace_s
        ended = running.run(timeout=timeout_s, sweep=sweep, grace=grace)
        if ended == "timeout" and not partial:
            text, _ = running.output.text(4000)
            raise Refused(
                f"not finished within {timeout_s:g} s and ended by {running.ended_by}: {command:.500}\n{text}"
            )
        return self._outcome(running, ended)

    def _directory(self, cwd: str | None, how: dict[str, Any]) -> str:
        """Where to start; a kept directory that has gone meanwhile is the root again."""
        path = os.path.join(self._settings.root, cwd) if cwd else self._settings.root
        if os.path.isdir(path):
            return path
        if how.get("track"):
            return self._settings.root
        raise Refused(f"cwd {path} is not a directory")

    def _outcome(self, command: Command, ended: str) -> dict[str, Any]:
        code = 124 if ended == "timeout" else _shell_code(command.exit_code or 0)
        shown = command.wanted.shown_failed if code and command.wanted.shown_failed else command.wanted.shown
        text, cut = command.output.text(shown)
        self._make_room(command.output)
        told = {
            "exit_code": code,
            "output": text,
            "truncated": cut,
            "output_path": command.output.path if command.output.saved else None,
            "saved": command.output.saved,
            "size": command.output.size,
            "problem": command.output.problem,
            "seconds": round(command.seconds, 6),
            "timed_out": ended == "timeout",
            "stopped": ended == "stopped",
            "ended_by": command.ended_by,
            "left": list(command.left),
            "survivors": list(command.survivors),
            "locks": list(command.locks),
        }
        return {**told, **self._whereabouts(command)} if command.wanted.track else told

    def _make_room(self, output: Capture) -> None:
        """Remove the oldest long outputs when all of them together are too much for the scratch directory."""
        if output.saved:
            self._outputs.append(output)
        while len(self._outputs) > 1 and sum(kept.saved for kept in self._outputs) > KEPT:
            with contextlib.suppress(OSError, IndexError):
                os.unlink(self._outputs.popleft().path)

    def _whereabouts(self, command: Command) -> dict[str, Any]:
        """The directory the next command starts in: where this one ended, if that is inside the root."""
        ended_in = command.directory()
        if ended_in is None:
            return {"cwd": command.wanted.cwd, "cwd_reset": False}
        inside = os.path.isdir(ended_in) and _within(os.path.realpath(ended_in), self._settings.root)
        return {"cwd": ended_in if inside else self._settings.root, "cwd_reset": not inside}

    def stat(self, _: Call, *, path: str) -> dict[str, Any]:
        """What is at a path."""
        return self._files.stat(path)

    def read(self, _: Call, *, path: str, offset: int = 1, limit: int = 2000, width: int = 2000) -> dict[str, Any]:
        """Lines of a text file."""
        return self._files.read(path, offset, limit, width)

    def bytes(self, _: Call, *, path: str, start: int = 0, count: int = 8 << 20) -> dict[str, Any]:
        """A part of a file, as it is."""
        return self._files.part(path, start, count)

    def write(self, _: Call, *, path: str, content: str, seen: str | None = None) -> dict[str, Any]:
        """Write a whole file."""
        return self._files.write(path, content, seen)

    def edit(
        self, _: Call, *, path: str, old: str, new: str, every: bool = False, seen: str | None = None
    ) -> dict[str, Any]:
        """Replace text in a file."""
        return self._files.edit(path, old, new, every, seen)

    def task_start(self, _: Call, *, command: str, cwd: str | None = None) -> dict[str, Any]:
        """Start a command and answer at once."""
        running = [task for task in self._tasks.values() if not task.over.is_set()]
        if len(running) >= TASKS:
            raise Refused(f"{TASKS} background commands are running; end one with TaskStop first")
        how = {"track": True}
        wanted = Wanted(("bash", "-c", command), self._directory(cwd, how), {}, 30_000, None, 0)
        started = Command(self._settings, self._children, wanted)
        with contextlib.suppress(OSError):
            started.output.begin()
        task = Background(len(self._tasks) + 1, started)
        self._tasks[task.task_id] = task
        return {"task_id": task.task_id, "output_path": started.output.path}

    def _task(self, task_id: str) -> Background:
        if task_id not in self._tasks:
            there = ", ".join(self._tasks) or "none; start one with run_in_background"
            raise Refused(f"there is no task {task_id!r}; there are: {there}")
        return self._tasks[task_id]

    def task_output(self, call: Call, *, task_id: str, wait_s: float, shown: int) -> dict[str, Any]:
        """What a background command has come to, at its end or when the wait is over."""
        task = self._task(task_id)
        task.wait(wait_s, call)
        return task.told(shown)

    def task_stop(self, call: Call, *, task_id: str, shown: int) -> dict[str, Any]:
        """End a background command."""
        task = self._task(task_id)
        task.command.stop()
        task.wait(60, call)
        return task.told(shown)

    def glob(self, call: Call, *, pattern: str, path: str | None = None, limit: int = 100) -> dict[str, Any]:
        """Files whose path matches, newest first."""
        return self._search.glob(call, pattern, path, limit)

    def grep(
        self, call: Call, *, path: str | None = None, offset: int = 0, limit: int = 0, **what: Any
    ) -> dict[str, Any]:
        """Lines, files or counts of what matches, by path."""
        return self._search.grep(call, Query(**what), path, offset, limit)


def _shell_code(code: int) -> int:
    return 128 - code if code < 0 else code


def search_path(name: str, path: str) -> str | None:
    """Where on `path` the program is."""
    for directory in path.split(":"):
        candidate = f"{directory}/{name}"
        if directory and os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return None


LEFT_ALONE = frozenset(
    {
        *(signal.SIGKILL, signal.SIGSTOP),  # cannot be taken
        *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),  # a fault would come again for ever
        *(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores these two, and subprocess gives them back to the children
        signal.SIGCHLD,
    }
)


def close_to_children() -> None:
    """Let no child trace this process, and become the parent of those whose own has gone; as far as the kernel does."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in signal.valid_signals() - LEFT_ALONE:
        signal.signal(number, _nothing)


def _nothing(_number: int, _frame: object) -> None:
    """Take a signal and go on; SIG_IGN would be inherited by the children."""


def main() -> None:
    """Serve the pipe this process was started with; what is outside the protocol ends it with exit code 1."""
    close_to_children()
    threading.stack_size(1 << 20)
    code = 1
    try:
        Host(Wire()).serve()
        code = 0
    except (OSError, TypeError, ValueError, RecursionError) as problem:
        with contextlib.suppress(OSError):
            os.write(2, f"tool host: {type(problem).__name__}: {problem}\n".encode("utf-8", "replace"))
    finally:
        os._exit(code)  # threads that still wait on something are not waited for


if __name__ == "__main__":
    main()
