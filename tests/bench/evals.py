"""What evals cost: pure replays a second, overhead of a replay with live tools, memory over a thousand cases.

The case is the demonstration's: its sample repository and shipped recording, with scorers of nine kinds over it; then
every shipped recording, and inspect_ai over the same ones.
"""

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from parts import shares, watched

from agency_evals import attempt as module_of_attempt
from agency_evals import fixture, verifier
from agency_evals.agents import Choices, Everything
from agency_evals.attempt import Job, attempt
from agency_evals.case import Case, find_cases, read_case
from agency_evals.engine import Engine, Local, Serial
from agency_evals.record import refresh
from agency_evals.results import CaseResult, Evidence, Score
from agency_evals.run_folder import RunFolder
from agency_evals.suite import jobs_of, perform
from agency_runtime import conduct, demo, review
from agency_runtime.answer import Answer
from agency_runtime.approval import nobody
from agency_runtime.recording import read_recording
from agency_runtime.session import Log, Session
from agency_runtime.wire import Call
from agency_tools import sandbox
from agency_tools.hosted import HostedWorkspace
from agency_tools.redaction import Redactor
from agency_tools.validators import Checker

COPIES = 60
LIVE = (
    "dockerfile-hardening",
    "github-actions-ci",
    "gitlab-ci-pipeline",
    "jenkins-pipeline",
    "prometheus-rules",
    "terraform-module",
)
TASK = '[agency]\n[agency.recordings]\ngood = "passed"\n'
SCORERS = """\
scorers:
  - {kind: tests}
  - {kind: files, created: ["Dockerfile"], unchanged: ["tests/test_tariffs.py"]}
  - {kind: documents, files: [Dockerfile], that: [{cel: 'docs[0].exists(i, i.instruction == "USER")', says: not root}]}
  - {kind: manifests, files: ["infrastructure/kubernetes/*.yaml"], checks: [probes, limits, no-latest, non-root]}
  - {kind: workflow, jobs: [test], checks: [pinned-actions, timeouts]}
  - {kind: gate, never_ran: [{tool: Bash, input: {command: destroy}}]}
  - {kind: trajectory, used: [Bash, Write], order: [{tool: Write}, {tool: Handoff}]}
  - {kind: usage, max_cost_usd: 5}
  - {kind: secrets}
  - {kind: first_time_success}
"""


def made(place: Path) -> Path:
    """The demonstration as a case."""
    home = Path(demo.__file__).parent
    case = place / "demo"
    shutil.copytree(home / "sample", case / "environment" / "workspace", ignore=shutil.ignore_patterns("__pycache__"))
    (case / "environment/workspace/gitignore").rename(case / "environment/workspace/dot_gitignore")
    header = read_recording(home / "recording.jsonl").header
    (case / "task.toml").write_text(TASK.replace("[agency]\n", f'[agency]\nfeature = "{header["feature"]}"\n', 1))
    (case / "instruction.md").write_text(header["issue"])
    (case / "scorers.yaml").write_text(SCORERS)
    (case / "tests").mkdir()
    (case / "tests" / "test.sh").write_text(
        "[ -f /workspace/Dockerfile ]; echo $((1 - $?)) > /logs/verifier/reward.txt\n"
    )
    (case / "recordings").mkdir()
    shutil.copy(home / "recording.jsonl", case / "recordings" / "good.jsonl")
    return case


def copies(case: Path, count: int) -> None:
    """The case, under other names."""
    for number in range(count):
        shutil.copytree(case, case.parent / f"demo-{number}")


def run(jobs: Iterable[Job], engine: Engine, folder: RunFolder) -> tuple[float, list[CaseResult]]:
    """Seconds it took, and what came of it."""
    results: list[CaseResult] = []
    folder.begin({})
    began = time.perf_counter()
    assert perform(jobs, engine, folder, tell=results.append)
    return time.perf_counter() - began, results


def pure(cases: Sequence[Case], place: Path, what: str, rounds: int = 1) -> None:
    """Print how many pure replays two workers make a second, and what one costs them."""
    folder = RunFolder(place)
    jobs = jobs_of(cases, Choices(tools="recorded", sandbox="bwrap"), folder.path, epochs=rounds)
    before = cpu()
    seconds, results = run(jobs, Local(2), folder)
    each = (cpu() - before) / len(jobs)
    bad = [result.id for result in results if result.outcome in ("error", "unscored")]
    print(
        f"pure replay, {what}: {len(jobs)} in {seconds:.1f} s, {len(jobs) / seconds:.1f} cases/s by two workers (load "
        f"{os.getloadavg()[0]:.0f}); {each * 1000:.0f} ms of processor a case, so {2 / each:.0f} cases/s on two free cores"
        + (f"; {len(bad)} not scored: {', '.join(sorted(set(bad)))}" if bad else "")
    )


def beside(cases: Sequence[Case]) -> None:
    """Print what inspect_ai takes for the same recordings."""
    script = str(Path(__file__).with_name("inspect_baseline.py"))
    paths = [str(path) for case in cases for path in case.recordings.values()]
    done = subprocess.run([sys.executable, script, *paths], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"inspect_ai over the same: {found['cases']:.0f} in {found['seconds']:.1f} s, {found['cases'] / found['seconds']:.1f} "
        f"cases/s, after {found['import_seconds']:.1f} s of imports; one scorer, which reads the last message, no handoff"
    )


def cpu() -> float:
    """Seconds of processor of this process and of those that have ended below it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


PARTS = (
    (verifier.Bench, "run", "the case's tests"),
    (Checker, "mark", "validators"),
    (Checker, "changed", "validators"),
    (Checker, "check", "validators"),
    (sandbox, "start", "sandboxes"),
    (verifier, "start", "sandboxes"),
    (HostedWorkspace, "close", "sandboxes"),
    (fixture, "lay_out", "fixture"),
    (review, "judge", "handoff"),
    (conduct, "hand_off", "handoff"),
    (module_of_attempt, "score_all", "scorers"),
)
"""What is timed of an attempt; of a moment that is of several, the part that stands first."""

OWN = ("calls", "the case's tests", "validators")
"""The parts that are programs at work for the case: no overhead. A validator's start is the validator's."""


def live(cases: Sequence[Case], place: Path) -> None:
    """Print what a replay with live tools takes, by parts, and how much of it is neither a call's, a test's nor a validator's."""
    folder = RunFolder(place / "live")
    folder.begin({})
    found: list[dict[str, float]] = []
    for job in jobs_of(cases, Choices(sandbox="bwrap"), folder.path, recordings=["good"]):
        with watched(PARTS) as spans:
            began = time.time()
            result = attempt(job)
            ended = time.time()
        assert result.fault is None, result.fault
        calls = {"calls": of_calls(folder.path / (result.session or ""))}
        found.append(shares((began, ended), calls | spans, "runtime"))
        print(f"  {job.id}: {told_parts(found[-1])}", file=sys.stderr)
    beyond = sorted(sum(seconds for part, seconds in each.items() if part not in OWN) for each in found)
    middle = {part: statistics.median(each[part] for each in found) for part in found[0]}
    print(
        f"replay with live tools on bwrap: {statistics.median(beyond):.2f} s a case beyond its calls, tests and validators "
        f"({beyond[0]:.2f} to {beyond[-1]:.2f}; median of {len(found)}, load {os.getloadavg()[0]:.0f}); medians of the parts: {told_parts(middle)}"
    )


def told_parts(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {seconds:.2f} s" for part, seconds in parts.items())


def of_calls(log: Path) -> list[tuple[float, float]]:
    """When each call ran, by the log; the Handoff call is the runtime's own work."""
    spans, started = list[tuple[float, float]](), dict[str, float]()
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["type"] == "call.started" and event["tool"] != "Handoff":
            started[event["ref"]] = clock(event["at"])
        elif event["type"] == "call.finished" and event["ref"] in started:
            spans.append((started[event["ref"]], clock(event["at"])))
    return spans


def clock(at: str) -> float:
    """Seconds of a time as the log has it."""
    from datetime import datetime

    return datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()


def told(job: Job) -> CaseResult:
    """A synthetic result of usual size."""
    scores = [
        Score(scorer=f"s{n}", value=True, outcome="passed", evidence=Evidence(excerpt="x" * 500)) for n in range(6)
    ]
    return CaseResult(id=job.id, digest=job.digest, outcome="passed", scores=scores)


JOB: Mapping[str, Any] = {"id": "0", "digest": "d", "expected": "passed", "choices": Choices()}


def memory(place: Path) -> None:
    folder = RunFolder(place / "many")
    first = Job(**JOB, case=place, run=folder.path)
    sizes: list[int] = []
    for count in (100, 1000):
        folder.begin({})
        perform((replace(first, id=str(n)) for n in range(count)), Serial(told), folder, tell=lambda _: None)
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(f"memory: {sizes[0] / 1024:.0f} MB after 100 cases, {sizes[1] / 1024:.0f} MB after 1,000 more")


EARLY, LATE = 100, 10_000
SIDE_BY_SIDE = 101  # appends to a short and to a long one in turn, so that what else the disk does falls on both


def appends(place: Path) -> None:
    """Print what an append costs after 10,000 against one after 100: to a run's results, a session's log and its calls."""
    with asyncio.Runner() as runner:
        kinds: Mapping[str, Callable[[Path], Callable[[int], object]]] = {
            "a result to a run": results,
            "an event to a session's log": events,
            "a call to a session": lambda folder: calls(folder, runner),
        }
        for what, kind in kinds.items():
            early, late = ratio(kind(place / f"{what}, short"), kind(place / f"{what}, long"))
            print(
                f"appending {what}: {late * 1e6:.0f} µs after {LATE:,}, {early * 1e6:.0f} µs after {EARLY}: {late / early:.2f} times"
            )


def ratio(short: Callable[[int], object], long: Callable[[int], object]) -> tuple[float, float]:
    """Seconds of an append, the median of many in turn, to one that has grown short and to one that has grown long."""
    for number in range(LATE):
        long(number)
        if number < EARLY:
            short(number)
    taken = [(took(short, EARLY + turn), took(long, LATE + turn)) for turn in range(SIDE_BY_SIDE)]
    return statistics.median(each[0] for each in taken), statistics.median(each[1] for each in taken)


def results(place: Path) -> Callable[[int], object]:
    folder = RunFolder(place)
    folder.begin({})
    result = told(Job(**JOB, case=place, run=place))
    return lambda _: folder.append(result)


def events(place: Path) -> Callable[[int], object]:
    session = Session(id="s", listeners=[Log(place, Redactor())])
    return lambda number: session.add("call.finished", ref=f"c{number}", text="x" * 2000)


def calls(place: Path, runner: asyncio.Runner) -> Callable[[int], object]:
    answer = Answer(session=Session(id=place.name), tools={}, gate=Everything(), approve=nobody)
    return lambda number: runner.run(answer(Call(id=f"t{number}", name="None", input={}), 1))


def took(act: Callable[[int], object], number: int) -> float:
    began = time.perf_counter()
    act(number)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="agency-bench-") as folder:
        place = Path(folder)
        memory(place)
        appends(place)
        case = made(place / "cases")
        done = refresh(read_case(case), "good", Choices(sandbox="bwrap"))
        print("the case:", ", ".join(f"{score.scorer} {score.outcome}" for score in done.scores))
        copies(case, COPIES)
        pure([read_case(each) for each in sorted((place / "cases").glob("demo-*"))], place / "copies", "copies of it")
        shipped = [each for each in find_cases([], start=Path(__file__).parent) if each.recordings]
        pure(shipped, place / "shipped", "the shipped recordings", rounds=2)
        beside(shipped)
        live([each for each in shipped if each.id in LIVE], place)


if __name__ == "__main__":
    main()
