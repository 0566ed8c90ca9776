"""A run on a Ray cluster of two raylets, of which one is killed half way, and a worker with it. Prints what came of it."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from agency_evals.agents import Choices
from agency_evals.attempt import Job
from agency_evals.engine import Serial
from agency_evals.ray_engine import Ray
from agency_evals.results import CaseResult, Score
from agency_evals.run_folder import RunFolder
from agency_evals.suite import perform

COUNT = 14


def make(job: Job) -> CaseResult:
    """An attempt of half a second; the first at case-05 kills its own worker."""
    diary = Path(os.environ["DIARY"])
    with diary.open("a", encoding="utf-8") as lines:
        lines.write(f"{job.id}\n")
    if job.id == "case-05" and not job.earlier and os.environ.get("SUICIDE") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(os.environ["PAUSE"]))
    log = job.run / "sessions" / job.stem / "events.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text((job.case / "instruction.md").read_text(encoding="utf-8"), encoding="utf-8")
    outcome: Any = "failed" if job.id.endswith("3") else "passed"
    score = Score(scorer="tests", value=outcome == "passed", outcome=outcome)
    return CaseResult(id=job.id, digest=job.digest, outcome=outcome, scores=[score], earlier=tuple(job.earlier))


def jobs_in(place: Path, run: Path) -> list[Job]:
    """As many cases, each in a folder of its own."""
    jobs: list[Job] = []
    for number in range(COUNT):
        case = place / f"case-{number:02}"
        case.mkdir(parents=True, exist_ok=True)
        (case / "instruction.md").write_text(f"issue {number}\n", encoding="utf-8")
        jobs.append(Job(id=case.name, case=case, run=run, digest=f"d{number}", expected="passed", choices=Choices()))
    return jobs


def told(folder: Path) -> dict[str, Any]:
    """Every line of the log and every file beside it."""
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    files = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.glob("sessions/*/*")}
    return {"lines": lines, "files": files}


def main(place: Path) -> None:
    """Once serially, once on a cluster that loses a node and a worker."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingTypeStubs]

    os.environ |= {"DIARY": str(place / "serial.txt"), "PAUSE": "0"}
    serial = RunFolder(place / "serial")
    serial.begin({})
    perform(jobs_in(place / "cases", serial.path), Serial(make), serial, tell=lambda _: None)
    os.environ |= {"DIARY": str(place / "ray.txt"), "PAUSE": "0.5", "SUICIDE": "1"}
    settings: dict[str, Any] = {"object_store_memory": 100 << 20, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **settings})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(2)]
    cluster.wait_for_nodes()
    folder = RunFolder(place / "ray")
    folder.begin({})
    seen: list[str] = []

    def tell(result: CaseResult) -> None:
        seen.append(result.id)
        if len(seen) == 4:
            cluster.remove_node(nodes[0], allow_graceful=False)

    engine = Ray(address=cluster.address, workers=2, make=make)
    whole = perform(jobs_in(place / "cases", folder.path), engine, folder, retries=2, tell=tell)
    cluster.shutdown()
    diaries = {name: (place / f"{name}.txt").read_text(encoding="utf-8").split() for name in ("serial", "ray")}
    found = {"whole": whole, "seen": seen, "diaries": diaries, "serial": told(serial.path), "ray": told(folder.path)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
