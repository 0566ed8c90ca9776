"""Validators that are programs of their own and are on no Python index: built from Go modules, taken from Debian packages.

Both are optional. What cannot be had here is absent from the sandbox, and the checks that need it are not run.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from agency_tools.image.recipe import HERE, SUITE

MODULE = HERE / "go"
"""The Go module that pins, with their sums, the programs it names as its tools."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ASKED = "$(REPO_URI) $(COMPONENT) $(CODENAME)"
DEBIAN = {"promtool": "usr/bin/promtool"}
"""Packages of the image's own suite, and the program of each that runs on any machine."""

PATIENCE = 1800.0
"""Seconds that a build may take where nothing is cached."""


def cache() -> Path:
    """Where the programs of this recipe are kept, outside of any checkout."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agency" / "programs"
    whole = hashlib.sha256(SUITE.encode())
    for name in ("go.mod", "go.sum", "ldflags"):
        whole.update((MODULE / name).read_bytes())
    return folder / whole.hexdigest()[:16]


def present() -> dict[str, Path]:
    """The programs that are there, by name."""
    folder = cache()
    return {path.name: path for path in sorted(folder.glob("*")) if os.access(path, os.X_OK) and path.is_file()}


def obtain(say: Callable[[str], object] = lambda _: None) -> dict[str, Path]:
    """Make what is not there yet, as far as this machine can; `say` is told what could not be had, and why."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True)
    for act, wanted in ((_build, tools()), (_unpack, list(DEBIAN))):
        if set(wanted) - set(present()):
            why = act(folder)
            if why:
                say(f"{', '.join(sorted(set(wanted) - set(present())))}: not installed: {why}")
    return present()


def tools() -> list[str]:
    """The names of the programs that the Go module is for."""
    lines = (line.strip() for line in (MODULE / "go.mod").read_text(encoding="utf-8").splitlines())
    return [line.rpartition("/")[2] for line in lines if "/cmd/" in line]


def build_argv(go: str) -> list[str]:
    """The command that builds the module's tools, from the sums it pins and no others.

    What helm takes for the cluster's version without one is set when it is linked; unset, it is years old.
    """
    flags = " ".join((MODULE / "ldflags").read_text(encoding="utf-8").split())
    return [go, "install", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={flags}", "tool"]


def _build(folder: Path) -> str:
    """Build into `folder`; why that cannot be done, or nothing."""
    go = shutil.which("go")
    if go is None:
        return "there is no Go here; install Go, then run setup again"
    with tempfile.TemporaryDirectory(dir=folder) as made:
        env = {**os.environ, "CGO_ENABLED": "0", "GOBIN": made, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
        why = _run(build_argv(go), cwd=MODULE, env=env)
        for path in Path(made).iterdir():
            path.rename(folder / path.name)
    return why


def _unpack(folder: Path) -> str:
    """Take Debian's programs out of their packages, without installing anything; why not, or nothing."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.is_file()):
        return "only Debian's apt-get can fetch it"
    mirror = _mirror()
    if not mirror:
        return "apt-get names no archive of Debian's; run apt-get update"
    with tempfile.TemporaryDirectory(dir=folder) as made:
        place = Path(made)
        (place / "lists" / "partial").mkdir(parents=True)
        (place / "archives" / "partial").mkdir(parents=True)
        (place / "sources").write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n", encoding="utf-8")
        for words in (["update"], ["download", *DEBIAN]):
            if why := _run(apt_argv(place, words), cwd=place):
                return why
        for package, program in DEBIAN.items():
            for file in place.glob(f"{package}_*.deb"):
                if why := _run(["dpkg-deb", "-x", str(file), "unpacked"], cwd=place):
                    return why
            (place / "unpacked" / program).rename(folder / package)
    return ""


def _mirror() -> str:
    """The archive from which this machine takes Debian's own packages, for whichever suite; empty where it has none."""
    argv = ["apt-get", "indextargets", "--format", ASKED, "Created-By: Packages"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    rows = (line.split() for line in done.stdout.splitlines())
    return next((row[0] for row in rows if row[1:2] == ["main"] and row[2:] and "-" not in row[2]), "")


def apt_argv(place: Path, words: Sequence[str]) -> list[str]:
    """apt-get with sources, lists and cache of its own, so that the machine's stay as they are."""
    settings = {
        "Dir::Etc::SourceList": str(place / "sources"),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": str(place / "lists"),
        "Dir::State::status": "/dev/null",
        "Dir::Cache": str(place),
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
    }
    return ["apt-get", "--quiet=2", *(f"-o{name}={value}" for name, value in settings.items()), *words]


def _run(argv: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run it; the last line it said where it failed."""
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return "" if done.returncode == 0 else f"{Path(argv[0]).name}: {said[-1][:300]}"


def provide(folder: Path, say: Callable[[str], object] = lambda _: None) -> None:
    """Put the programs into `folder`, beside the other validators' commands."""
    for name, path in obtain(say).items():
        target = folder / name
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:  # another file system
            shutil.copy2(path, target)
