"""The validators on this machine, for sandboxes that have no image: a virtual environment of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from agency_tools.errors import WorkspaceError
from agency_tools.image.programs import provide
from agency_tools.image.recipe import HERE, digest, local_places

STAMP = "recipe"


def install_local(place: Path | None = None) -> Path:
    """Install the validators unless this recipe's are there; answers where. Raises WorkspaceError when pip fails."""
    place = place or local_places()[0]
    stamp = place / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    done = subprocess.run(
        [str(HERE / "install-validators"), str(place)],
        env={**os.environ, "PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise WorkspaceError(f"the validators could not be installed in {place}: {done.stderr.strip()[-500:]}")
    provide(place / "bin", lambda line: print(f"setup: {line}", file=sys.stderr))  # noqa: T201 - setup is a command
    stamp.write_text(digest(), encoding="utf-8")
    return place
