"""The files a run is told in: options that name them, and writing them."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agency_evals.comparison import Comparison
from agency_evals.materials import Materials
from agency_evals.results import RESULT, Run
from agency_evals.verdict import Verdict
from agency_tools.errors import UsageError

OPTIONS: Mapping[str, str] = {
    "json": "everything as one JSON object",
    "jsonl": "one result a line as JSON",
    "junit": "JUnit XML, as CI systems show it",
    "html": "one HTML file with charts, transcripts and evidence",
    "markdown": "a summary; $GITHUB_STEP_SUMMARY is added to",
    "inspect": "a log that `inspect view` opens",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A run with everything that reports say of it."""

    run: Run
    materials: Materials
    verdict: Verdict
    comparison: Comparison | None = None
    against: str = "the baseline"


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare the options; `-` is standard output."""
    for name, words in OPTIONS.items():
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=words)
    parser.add_argument("--atif", type=Path, metavar="DIR", help="a trajectory of each attempt, as Harbor reads it")


def check_outputs(args: argparse.Namespace) -> None:
    """Raise UsageError for a file that could not be written at the end, before anything has begun."""
    for name in OPTIONS:
        path: Path | None = getattr(args, name)
        if path is not None and path.is_dir():
            raise UsageError(f"--{name} {path}: is a folder; give a file")
    if args.atif is not None and args.atif.exists() and not args.atif.is_dir():
        raise UsageError(f"--atif {args.atif}: is a file; give a folder")


def write_outputs(args: argparse.Namespace, told: Told) -> None:
    """Write what was asked for. Raises UsageError for the first that cannot be written, after all others."""
    failed: list[str] = []
    for name in OPTIONS:
        path: Path | None = getattr(args, name)
        if path is not None:
            failed += _written(name, path, WRITERS[name](told))
    if args.atif is not None:
        failed += _trajectories(args.atif, told)
    if failed:
        raise UsageError("; ".join(failed))


def _written(name: str, path: Path, text: str) -> list[str]:
    """Write one file; what went wrong."""
    try:
        if str(path) == "-":
            sys.stdout.write(text)
        elif name == "markdown" and str(path) == os.environ.get("GITHUB_STEP_SUMMARY"):
            with path.open("a", encoding="utf-8") as summary:
                summary.write(text)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        return [f"--{name} {path}: cannot be written: {error.strerror or error}"]
    return []


def json_text(told: Told) -> str:
    """The contract's object, with the verdict and the comparison beside it."""
    value = told.run.json() | {"verdict": told.verdict.json()}
    if told.comparison:
        value["comparison"] = told.comparison.json()
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _jsonl(told: Told) -> str:
    return "".join(RESULT.dump_json(result).decode() + "\n" for result in told.run.cases)


def _junit(told: Told) -> str:
    from agency_evals.junit_report import junit_report

    return junit_report(told.run)


def _html(told: Told) -> str:
    from agency_evals.html_report import html_report

    return html_report(told.run, told.materials, verdict=told.verdict, comparison=told.comparison, against=told.against)


def _markdown(told: Told) -> str:
    from agency_evals.markdown_report import markdown_report

    return markdown_report(told.run, verdict=told.verdict, comparison=told.comparison)


def _inspect(told: Told) -> str:
    from agency_evals.inspect_log import inspect_log

    return inspect_log(told.run, told.materials)


WRITERS: Mapping[str, Callable[[Told], str]] = {
    "json": json_text,
    "jsonl": _jsonl,
    "junit": _junit,
    "html": _html,
    "markdown": _markdown,
    "inspect": _inspect,
}


def _trajectories(folder: Path, told: Told) -> list[str]:
    from importlib.metadata import version

    from agency_evals.atif import trajectory
    from agency_evals.html_page import anchor

    failed: list[str] = []
    for result in told.run.cases:
        if transcript := told.materials(result).transcript:
            document = trajectory(result, transcript, version("agency-runtime"))
            text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
            failed += _written("atif", folder / f"{anchor(result.key)}.trajectory.json", text)
    return failed[:1]
