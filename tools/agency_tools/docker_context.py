"""A build context as a tar, read from the repository without following a link out of it."""

import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from agency_tools.errors import ToolError

LARGEST = 512 << 20
"""Bytes of a context; more is a forgotten .dockerignore."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_sent(tar: IO[bytes], name: str) -> str:
    """The text of a file as the context holds it: what is checked is what is sent. Raises ToolError where it is absent."""
    with tarfile.open(fileobj=tar, mode="r") as archive:
        entry = next((member for member in archive if member.name == name and member.isreg()), None)
        file = archive.extractfile(entry) if entry else None
        if file is None:
            raise ToolError(f"there is no file {name!r} in the build context (a link is not followed)")
        text = file.read().decode(errors="replace")
    tar.seek(0)
    return text


def context(
    repository: Path, path: str, *, dockerfile: str = "Dockerfile", hidden: Sequence[str] = (), largest: int = LARGEST
) -> IO[bytes]:
    """The folder `path` of `repository` as a tar, less what its .dockerignore and `hidden` leave out; with `dockerfile`.

    Links are sent as links, so the engine resolves them inside the context; devices, sockets and pipes are left out.
    Raises ToolError where the folder is absent or the context grows beyond `largest` bytes.
    """
    with closing_on_error(tempfile.TemporaryFile()) as tar:
        _fill(tar, repository, path, [f"!{dockerfile}", *hidden], largest)
    tar.seek(0)
    return tar


@contextmanager
def closing_on_error(file: IO[bytes]) -> Generator[IO[bytes]]:
    """`file`, closed only if the block raises; else it is the caller's."""
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _fill(tar: IO[bytes], repository: Path, path: str, patterns: Sequence[str], largest: int) -> None:
    folder = _folder(repository, path)
    try:
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for name, within in _kept(folder, [*_ignored(folder), *patterns]):
                _put(archive, name, within)
                _check_size(archive.offset, path, largest)
    finally:
        os.close(folder)


def _check_size(size: int, path: str, largest: int) -> None:
    if size > largest:
        raise ToolError(
            f"the build context {path!r} is over {largest >> 20} MB: add what the image does not need to .dockerignore"
        )


def _folder(repository: Path, path: str) -> int:
    """A descriptor of the folder, opened step by step so that no step can be a link."""
    here = os.open(repository, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in [part for part in path.split("/") if part not in ("", ".")]:
        try:
            below = os.open(step, _FOLDER, dir_fd=here)
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}; folders are read without following links") from error
        finally:
            os.close(here)
        here = below
    return here


def _ignored(folder: int) -> list[str]:
    try:
        with _regular(".dockerignore", folder) as file:
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _kept(folder: int, patterns: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Path and folder descriptor of everything that the patterns leave in, in a steady order."""
    from docker.utils.build import PatternMatcher

    matcher = PatternMatcher(patterns)
    for root, folders, files, within in os.fwalk(".", dir_fd=folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.normpath(f"{root}/{name}")
            if not matcher.matches(cast("os.PathLike[str]", path)):  # a str is what its own walk gives it
                yield path, within


def _put(archive: tarfile.TarFile, path: str, within: int) -> None:
    name = path.rpartition("/")[2]
    seen = os.stat(name, dir_fd=within, follow_symlinks=False)
    entry = tarfile.TarInfo(path)
    entry.mode, entry.mtime = stat.S_IMODE(seen.st_mode), int(seen.st_mtime)
    if stat.S_ISDIR(seen.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(seen.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=within)
    elif stat.S_ISREG(seen.st_mode):
        _put_file(archive, entry, name, within)
        return
    else:
        return
    archive.addfile(entry)


def _put_file(archive: tarfile.TarFile, entry: tarfile.TarInfo, name: str, within: int) -> None:
    with _regular(name, within) as file:
        entry.size = os.fstat(file.fileno()).st_size
        archive.addfile(entry, file)


def _regular(name: str, folder: int) -> io.BufferedReader:
    descriptor = os.open(name, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file")
    return os.fdopen(descriptor, "rb")
