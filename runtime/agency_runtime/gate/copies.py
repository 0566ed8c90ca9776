"""What becomes of files that a command writes, copies or changes, as far as a later command of the same text runs them."""

import shlex
from collections.abc import Sequence

from agency_runtime.gate.argv import program_of
from agency_runtime.gate.files import Files
from agency_runtime.gate.programs import GUARDED, classify
from agency_runtime.gate.programs.local import WRITERS
from agency_runtime.gate.words import FETCHED, UNKNOWN, known

_COPIES = frozenset({"cp", "mv", "ln", "install"})
_KEEPS = frozenset({"mkdir", "touch", "chmod", "chown", "chgrp", "rmdir", "mkfifo", "mknod", "dd"})
"""Writers that leave what is in a file."""
_FETCHERS = frozenset({"curl", "wget"})


def after(argv: Sequence[str], stdin: str | None, cwd: str, files: Files) -> Files:
    """The files once the command has run: copies hold what their sources hold, changed ones are uncertain."""
    program = program_of(argv[0]) if argv else ""
    if program in _COPIES:
        return _copied(argv, cwd, files)
    if program not in _FETCHERS and (program not in WRITERS or program in _KEEPS):
        return files
    text = FETCHED if program in _FETCHERS else stdin if program == "tee" and stdin is not None else UNKNOWN
    for path in classify(argv).writes:
        if known(path) and path:
            files = files.after(path, cwd, text)
    return files


def _copied(argv: Sequence[str], cwd: str, files: Files) -> Files:
    """One source and one copy; a copy into a folder keeps its name there."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    if len(words) < 2:
        return files
    *sources, target = words
    for source in sources:
        held = _held(source, cwd, files)
        for path in dict.fromkeys((target, f"{target.rstrip('/')}/{source.rpartition('/')[2]}")):
            if known(path) and (held != UNKNOWN or path == target):
                files = files.after(path, cwd, held)
    return files


def _held(source: str, cwd: str, files: Files) -> str:
    """A program that the gate knows becomes a script that runs it."""
    text = files.text(source, cwd)
    if text is not None:
        return text
    guarded = known(source) and program_of(source) in GUARDED
    return f'{shlex.quote(source)} "$@"\n' if guarded else UNKNOWN
