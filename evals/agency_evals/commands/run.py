"""`agency eval run`: make attempts at cases and score them."""

import argparse
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agency_evals.commands import Subparsers

if TYPE_CHECKING:
    from agency_evals.agents import Choices
    from agency_evals.attempt import Job
    from agency_evals.case import Case
    from agency_evals.gate import Gate
    from agency_evals.run_folder import RunFolder

INTERRUPTED = 130
REQUEST = (
    "agent", "cases", "divergence", "epochs", "failed_from", "image", "model", "persona", "provider", "recordings",
    "sandbox", "shard", "source", "tag", "tools",
)  # fmt: skip
"""The options that make a command the same command: which attempts it makes, and how."""


def add(subparsers: Subparsers) -> None:
    """Declare the subcommand."""
    from agency_evals.gate import add_gate
    from agency_evals.outputs import add_outputs

    parser = subparsers.add_parser(
        "run",
        help="run cases and score them",
        description="Run cases and score them. By default every recording of every case is replayed, with the tools run "
        "for real in a sandbox; no key is needed. The same command goes on with what an interrupted run left undone.",
        epilog="Exit codes: 0 good, 1 not, 2 usage, 4 no sandbox, 130 interrupted.",
    )
    add_selection(parser)
    add_choices(parser)
    add = parser.add_argument
    add("--epochs", type=positive, default=1, metavar="N", help="how often each case is run (default 1)")
    add("-j", "--jobs", type=positive, metavar="N", help="attempts side by side (default: what cores and memory bear)")
    add(
        "--retries",
        type=whole,
        default=1,
        metavar="N",
        help="further attempts after a fault of the infrastructure (default 1)",
    )
    add(
        "--failed-from",
        metavar="RUN",
        help="only what did not come out as expected in that run (an id, a folder, last)",
    )
    add("--out", metavar="DIR", help="where to keep the run (default: the state folder)")
    add("--fresh", action="store_true", help="begin anew, even where the same command was interrupted")
    add("--shard", metavar="I/N", help="only the I-th of N parts; `agency eval merge` puts them together")
    add("--engine", choices=("local", "ray"), default="local", help="this machine (default), or a Ray cluster")
    add("--ray-address", metavar="ADDRESS", help="the cluster's; without it one is started here")
    add_outputs(parser)
    add_gate(parser)
    parser.set_defaults(run=run)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which cases."""
    add = parser.add_argument
    add("cases", nargs="*", metavar="CASE", help="an id, a glob of ids, or a folder (default: all)")
    add("--tag", action="append", default=[], help="only cases with this tag (a glob); repeatable, all must match")
    add("--recordings", action="append", metavar="GLOB", help="only recordings of these names (default: all)")


def add_choices(parser: argparse.ArgumentParser) -> None:
    """How attempts are made."""
    add = parser.add_argument
    add(
        "--agent",
        choices=("replay", "live", "oracle", "nop", "cheat"),
        default="replay",
        help="who acts (default replay)",
    )
    add(
        "--tools",
        choices=("live", "recorded"),
        default="live",
        help="in a replay: run the tools (default), or execute nothing",
    )
    add(
        "--divergence",
        choices=("ignore", "warn", "fail"),
        default="warn",
        help="what a live result other than the recorded one means",
    )
    add("--sandbox", choices=("auto", "docker", "bwrap"), default="auto", help="as for `agency work`")
    add("--image", metavar="REF", help="another workspace image")
    add("--persona", metavar="NAME|PATH", help="in place of the cases' own")
    add("--model", metavar="ID", help="for --agent live")
    add("--provider", help="for --agent live")
    add("--source", choices=("api", "relay", "authored"), help="how the replies of --agent live come about")
    add("--keep", action="store_true", help="leave the workspaces lying in the temporary folder")


def run(args: argparse.Namespace) -> int:
    """The verdict's exit code, or that of an interruption. Raises UsageError before anything has begun."""
    from agency_evals.case import Unread, find_cases
    from agency_evals.gate import gate_of
    from agency_evals.outputs import check_outputs
    from agency_evals.run_folder import find_run
    from agency_evals.suite import jobs_of, missing

    check_outputs(args)
    gate, choices = gate_of(args), choices_of(args)
    other = find_run(args.failed_from) if args.failed_from else None
    unread: list[Unread] = []
    cases = find_cases(args.cases, tags=args.tag, unread=unread)
    request = request_of(args)
    folder, resumed = where(args, request)
    every = jobs_of(cases, choices, folder.path, recordings=args.recordings or ["*"], epochs=args.epochs, unread=unread)
    jobs = chosen(args, every, other)
    todo = missing(jobs, folder.results())
    begin(folder, cases, jobs, choices, lock_more(args, every, request, folder, resumed=resumed))
    say(
        f"run {folder.id}: {len(todo)} of {len(jobs)} attempts to make{', the others are done' * (len(todo) < len(jobs))}"
    )
    if not carried_out(args, choices, folder, todo, total=len(jobs)):
        done = len(jobs) - len(missing(jobs, folder.results()))
        say(f"interrupted: {done} of {len(jobs)} are done and kept in {folder.path}; the same command goes on")
        return INTERRUPTED
    return conclusion(args, gate, folder, jobs)


def carried_out(
    args: argparse.Namespace, choices: "Choices", folder: "RunFolder", todo: "list[Job]", *, total: int
) -> bool:
    """Make the attempts; False where they were interrupted."""
    from agency_evals.progress import Progress
    from agency_evals.suite import perform

    progress = Progress(out=sys.stderr, total=total, done=total - len(todo))
    try:
        return perform(todo, engine_of(args, choices), folder, retries=args.retries, tell=progress)
    finally:
        progress.end()


def conclusion(args: argparse.Namespace, gate: "Gate", folder: "RunFolder", jobs: "tuple[Job, ...]") -> int:
    """Tell of the run; only of what this command chose."""
    from dataclasses import replace

    from agency_evals.commands.conclusion import conclude
    from agency_evals.resume import finish

    found, keys = folder.read(), {job.key for job in jobs}
    finish(folder)
    mine = replace(found, cases=[result for result in found.cases if result.key in keys])
    partial = args.cases or args.tag or args.recordings or args.failed_from or args.shard
    code = conclude(args, mine, gate, folder=folder.path, whole=not partial)
    say(f"kept in {folder.path}")
    return code


def chosen(args: argparse.Namespace, jobs: "tuple[Job, ...]", other: "RunFolder | None") -> "tuple[Job, ...]":
    """The attempts of this command's shard, of those that failed in the other run. Raises UsageError where none did."""
    from agency_evals.shards import shard

    if other is not None:
        jobs = only_failed(jobs, other)
    return shard(args.shard).of_all(jobs) if args.shard else jobs


def lock_more(
    args: argparse.Namespace,
    every: "tuple[Job, ...]",
    request: Mapping[str, Any],
    folder: "RunFolder",
    *,
    resumed: bool,
) -> dict[str, Any]:
    """What the lock says of this command. A resumed run's says so: what is made from now on rests on the new one."""
    from agency_evals.shards import shard, shard_lock

    more: dict[str, Any] = {"request": dict(request)}
    if resumed:
        more["resumes"] = folder.lock()["created"]
    if args.shard:
        more["shard"] = shard_lock(shard(args.shard), {f"{job.id}.{job.epoch}": job.digest for job in every})
    return more


def choices_of(args: argparse.Namespace) -> "Choices":
    """The choices that were given."""
    from agency_evals.agents import Choices

    persona = str(Path(args.persona).resolve()) if args.persona and Path(args.persona).is_file() else args.persona
    return Choices(
        agent=args.agent, tools=args.tools if args.agent == "replay" else "live", sandbox=args.sandbox, image=args.image,
        persona=persona, model=args.model, provider=args.provider, source=args.source, divergence=args.divergence,
        keep=args.keep,
    )  # fmt: skip


def request_of(args: argparse.Namespace) -> dict[str, Any]:
    """What makes a command the same command: which attempts it makes, and how."""
    return {name: getattr(args, name) for name in REQUEST}


def where(args: argparse.Namespace, request: Mapping[str, Any]) -> "tuple[RunFolder, bool]":
    """The run's folder, and whether it is one that the same command left undone."""
    from agency_evals.resume import unfinished
    from agency_evals.run_folder import RunFolder, new_run_id, runs_folder

    if args.out:
        folder = RunFolder(Path(args.out).resolve())
        return folder, not args.fresh and (folder.path / "lock.json").is_file()
    left = None if args.fresh else unfinished(request)
    return (left, True) if left else (RunFolder(runs_folder() / new_run_id()), False)


def only_failed(jobs: "tuple[Job, ...]", other: "RunFolder") -> "tuple[Job, ...]":
    """The attempts that did not come out as expected in another run. Raises UsageError where all did."""
    from agency_evals.run_folder import latest
    from agency_tools.errors import UsageError

    bad = {result.key for result in latest(other.results()) if not result.as_expected}
    chosen = tuple(job for job in jobs if job.key in bad)
    if not chosen:
        raise UsageError(f"--failed-from {other.id}: nothing there failed that was chosen here")
    return chosen


def begin(
    folder: "RunFolder", cases: "tuple[Case, ...]", jobs: "tuple[Job, ...]", choices: "Choices", more: dict[str, Any]
) -> None:
    """Write the lock."""
    from agency_evals.lock import lock_of

    folder.begin(lock_of(cases, jobs, choices) | more)


def engine_of(args: argparse.Namespace, choices: "Choices") -> Any:
    """The engine that was asked for."""
    if args.engine == "ray":
        engine: Any = importlib.import_module("agency_evals.ray_engine")
        return engine.Ray(address=args.ray_address, workers=args.jobs)
    from agency_evals.engine import Local, Serial, fitting

    executes = choices.agent != "replay" or choices.tools == "live"
    workers = fitting(args.jobs, executes=executes)
    return Local(workers) if workers > 1 else Serial()


def say(text: str) -> None:
    """A line for a person, beside the results."""
    print(text, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """A count above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a number above 0")
    return value


def whole(text: str) -> int:
    """A count, 0 included."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: give 0 or a number above")
    return value
