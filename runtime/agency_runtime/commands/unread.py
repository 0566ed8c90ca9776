"""Files that were named to be checked and are none that a validator reads; an unread file is never a pass."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from agency_tools.validators import Report
from agency_tools.validators.finding import Validated

LARGEST = 2 << 20  # as the validators have it


def with_unread(report: Report, root: Path, named: Iterable[str]) -> Report:
    """The report, which says "not run" of the named files that nothing read, and why."""
    found = tuple((path, why) for path in named for why in _why(root / path))
    if not found:
        return report
    told = "; ".join(f"{path}: {why}" for path, why in found)
    unread = Validated(name="reading", files=0, outcome="not_run", why=told, unchecked=found)
    return replace(report, validators=(*report.validators, unread))


def _why(path: Path) -> Iterator[str]:
    """Why a file is not read; nothing for a folder, and for a file that is."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            yield "a link; name the file that it leads to"
        elif stat.S_ISDIR(found.st_mode):
            return
        elif not stat.S_ISREG(found.st_mode):
            yield "no regular file"
        elif found.st_size > LARGEST:
            yield f"{found.st_size:,} bytes; files of up to {LARGEST >> 20} MiB are read"
        elif not os.access(path, os.R_OK):
            yield "it may not be read"
        else:
            with path.open("rb") as file:
                if b"\0" in file.read(8192):
                    yield "no text"
    except OSError as error:
        yield str(error.strerror or error)
