"""`agency demo [DIR]`: the whole of `work` on a sample repository, from a shipped recording: no key, no network."""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from agency_runtime.commands import Subparsers
from agency_tools.errors import UsageError

NAME = "parcels"
DATE = "2026-01-01T00:00:00Z"


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="the whole of `work` on a sample repository, replayed: no key, no network",
        description="A small web service without any delivery set-up gets one. The model's replies come from a recording; "
        "the tools run for real, in a sandbox.",
    )
    parser.add_argument(
        "dir", nargs="?", metavar="DIR", help=f"where to put the repository (default: a new temporary folder/{NAME})"
    )
    parser.add_argument("--sandbox", default=None, help="auto (default), docker or bwrap")
    parser.add_argument("--output", default=None, help="text (default), json or stream-json")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """The exit code of what came of it. Raises UsageError before anything has begun."""
    from agency_runtime.assembly import start

    recording = Path(__file__).parent.parent / "demo" / "recording.jsonl"
    folder = Path(args.dir) if args.dir else Path(tempfile.mkdtemp(prefix="agency-demo-")) / NAME
    lay_out(folder)
    if args.output in (None, "text"):
        print(f"A sample repository lies in {folder}.\n")
    given = {
        "repo": str(folder),
        "replay": str(recording),
        "drift": "warn",
        "sandbox": args.sandbox,
        "output": args.output,
    }
    return start("work", None, given)


def lay_out(folder: Path) -> None:
    """A fresh repository with the sample application and one commit. Raises UsageError where something is in the way."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: not a folder; name another, or leave it out")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: not empty; name a folder that is, or leave it out")
    sample = Path(__file__).parent.parent / "demo" / "sample"
    try:
        shutil.copytree(sample, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    (folder / "gitignore").rename(folder / ".gitignore")
    author = ["-c", "user.name=Parcels", "-c", "user.email=parcels@example.invalid", "-c", "core.hooksPath=/dev/null"]
    dates = {
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Quote the price of a parcel"]):
        git(folder, [*author, *words], dates)


def git(folder: Path, words: list[str], dates: dict[str, str]) -> None:
    """Run git in the sample. Raises UsageError where it fails or is not there."""
    from agency_runtime.host_git import environment

    variables = {**environment(), **dates}
    try:
        done = subprocess.run(["git", *words], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UsageError("git: not found on PATH; install it") from error
    if done.returncode:
        raise UsageError(f"git {words[-1]} failed in {folder}: {done.stderr.strip()}")
