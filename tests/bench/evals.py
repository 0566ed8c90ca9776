"""What evals cost: pure replays a second, overhead of a replay with live tools, memory over a thousand cases.

The case is the demonstration's: its sample repository and shipped recording, with scorers of nine kinds over it; then
every shipped recording, and inspect_ai over the same ones.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from agency_evals.agents import Choices
from agency_evals.attempt import Job, attempt
from agency_evals.case import Case, find_cases, read_case
from agency_evals.engine import Engine, Local, Serial
from agency_evals.record import refresh
from agency_evals.results import CaseResult, Evidence, Score
from agency_evals.run_folder import RunFolder
from agency_evals.suite import jobs_of, perform
from agency_runtime import demo
from agency_runtime.recording import read_recording

COPIES = 60
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


def live(cases: Sequence[Case], place: Path) -> None:
    """Print what a replay with live tools takes beyond its calls: workspace, sandboxes, runtime and scoring."""
    folder = RunFolder(place / "live")
    folder.begin({})
    found: list[float] = []
    for job in jobs_of(cases, Choices(sandbox="bwrap"), folder.path, recordings=["good"]):
        began = time.perf_counter()
        result = attempt(job)
        whole = time.perf_counter() - began
        assert result.fault is None, result.fault
        found.append(whole - spent(folder.path / (result.session or "")))
    print(
        f"replay with live tools on bwrap: {sorted(found)[len(found) // 2]:.2f} s a case over its calls, scoring included (median of {len(found)})"
    )


def spent(log: Path) -> float:
    """Seconds between a call's start and its end, over all calls."""
    total, started = 0.0, dict[str, str]()
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["type"] == "call.started":
            started[event["ref"]] = event["at"]
        elif event["type"] == "call.finished" and event["ref"] in started:
            total += clock(event["at"]) - clock(started[event["ref"]])
    return total


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


def memory(place: Path) -> None:
    folder = RunFolder(place / "many")
    first = Job(id="0", case=place, run=folder.path, digest="d", expected="passed", choices=Choices())
    sizes: list[int] = []
    for count in (100, 1000):
        folder.begin({})
        perform((replace(first, id=str(n)) for n in range(count)), Serial(told), folder, tell=lambda _: None)
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(f"memory: {sizes[0] / 1024:.0f} MB after 100 cases, {sizes[1] / 1024:.0f} MB after 1,000 more")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="agency-bench-") as folder:
        place = Path(folder)
        memory(place)
        case = made(place / "cases")
        done = refresh(read_case(case), "good", Choices(sandbox="bwrap"))
        print("the case:", ", ".join(f"{score.scorer} {score.outcome}" for score in done.scores))
        copies(case, COPIES)
        pure([read_case(each) for each in sorted((place / "cases").glob("demo-*"))], place / "copies", "copies of it")
        shipped = [each for each in find_cases([], start=Path(__file__).parent) if each.recordings]
        pure(shipped, place / "shipped", "the shipped recordings", rounds=2)
        beside(shipped)
        live(shipped[:4], place)


if __name__ == "__main__":
    main()
