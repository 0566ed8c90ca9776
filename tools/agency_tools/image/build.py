"""Making the workspace image: from a base image where one can be pulled, else from Debian's packages."""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from agency_tools.engine import Client, connect
from agency_tools.errors import WorkspaceError
from agency_tools.image.debian import archive
from agency_tools.image.programs import obtain, present
from agency_tools.image.recipe import FILES, HERE, LABEL, PROGRAMS, REPOSITORY, SUITE, digest, reference

Source: TypeAlias = Literal["auto", "debian-packages", "registry"]

PATH = "/opt/agency/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEVELOPMENT = "dev"
"""The tag that always names the newest build."""


def build(source: Source = "auto", tag: str | None = None) -> tuple[str, bool]:
    """Make the image of this recipe unless the engine has it; answers its reference and whether it was made.

    `auto` is from Debian's packages where mmdebstrap is there and this user may use it, else from the registry.
    Raises WorkspaceError when the engine, the registry or a package fails.
    """
    engine = connect()
    try:
        made = not _present(engine)
        if made:
            _make(engine, source)
        for name in filter(None, (DEVELOPMENT, tag)):
            repository, _, version = name.rpartition(":")
            engine.tag(reference(), repository or REPOSITORY, version)
        return reference(), made
    finally:
        engine.close()


def programs() -> list[str]:
    """Paths of the single-file programs this machine has; scripts and links to launchers are no use elsewhere."""
    ours = present()
    found = (str(ours[name]) if name in ours else shutil.which(name) for name in PROGRAMS)
    return [os.path.realpath(path) for path in found if path and _is_binary(path)]


def _is_binary(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _present(engine: Client) -> bool:
    from docker.errors import ImageNotFound

    try:
        engine.inspect_image(reference())
    except ImageNotFound:
        return False
    return True


def _make(engine: Client, source: Source) -> None:
    obtain()
    if source == "auto":
        source = "debian-packages" if shutil.which("mmdebstrap") and os.getuid() == 0 else "registry"
    if source == "debian-packages":
        _import(engine, archive(programs()))
    else:
        _build(engine)


def _import(engine: Client, files: Path) -> None:
    from docker.errors import APIError

    changes = [f"ENV PATH={PATH}", "WORKDIR /workspace", 'CMD ["bash"]', f"LABEL {LABEL}={digest()}"]
    try:
        answer = engine.import_image_from_file(str(files), REPOSITORY, digest()[:12], changes)
    except APIError as problem:
        raise WorkspaceError(f"the engine refused the image: {problem.explanation}") from problem
    finally:
        shutil.rmtree(files.parent, ignore_errors=True)
    if '"error"' in answer:
        raise WorkspaceError(f"the engine refused the image: {answer.strip()[-500:]}")


def _build(engine: Client) -> None:
    lines: Iterator[dict[str, str]] = engine.build(
        fileobj=context(),
        custom_context=True,
        tag=reference(),
        buildargs={"SUITE": SUITE},
        labels={LABEL: digest()},
        rm=True,
        decode=True,
    )
    for line in lines:
        if "error" in line:
            raise WorkspaceError(f"the image could not be built: {line['error'].strip()}")


def context() -> io.BytesIO:
    """The recipe's files and the machine's programs, as the engine takes them."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archived:
        for name in FILES:
            archived.add(HERE / name, arcname=name)
        folder = tarfile.TarInfo("programs")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archived.addfile(folder)
        for program in programs():
            archived.add(program, arcname=f"programs/{Path(program).name}")
    content.seek(0)
    return content


if __name__ == "__main__":
    build()
