"""What a run saw of the tree, kept beside its log: as it was before any call, and as the run left it.

A resumed run lists what both parts changed, and can tell what somebody else changed in between. Paths and digests only:
contents may be secret.
"""

import json
import os
from pathlib import Path
from typing import Literal

from agency_runtime.snapshots import Snapshot
from agency_runtime.wire import json_object
from agency_tools.errors import UsageError

Moment = Literal["before", "after"]


def keep(folder: Path, moment: Moment, tree: Snapshot) -> None:
    """Write it, whole or not at all; it is on the disk when this returns."""
    path = folder / f"{moment}.json"
    partial = path.with_suffix(".partial")
    named = {os.fsdecode(name): digest for name, digest in tree.digests.items()}
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        json.dump(named, out, ensure_ascii=True)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def kept(folder: Path, moment: Moment) -> Snapshot | None:
    """What was kept; None where the run ended before it was. Raises UsageError for a file that is none of ours."""
    path = folder / f"{moment}.json"
    try:
        named = json_object(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}); start the work anew") from error
    return Snapshot({os.fsencode(name): str(digest) for name, digest in named.items()})
