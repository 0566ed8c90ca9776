"""What the runtime costs: start-up, first turn, and the gap between a reply's end and the next request.

`python tests/bench/overhead.py` prints a Markdown table of medians; each ratio is to a baseline measured beside it.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO

HERE = Path(__file__).parent
AGENCY = Path(sys.executable).parent / "agency"
PASS = [sys.executable, "-c", "pass"]
TURNS = 200
ROUNDS = 3


def repository(folder: Path) -> Path:
    """A small repository."""
    folder.mkdir()
    (folder / "README.md").write_text("bench\n")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@b.invalid", "commit", "-qm", "b"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def seconds(argv: list[str]) -> float:
    """How long the command takes."""
    began = time.perf_counter()
    subprocess.run(argv, stdout=DEVNULL, stderr=DEVNULL, check=False)
    return time.perf_counter() - began


def median(argv: list[str], times: int = 7) -> float:
    """How long it takes as a rule."""
    return statistics.median(seconds(argv) for _ in range(times))


def work(folder: Path, sandbox: str, turns: int) -> list[str]:
    """A live run of so many turns."""
    options = ["--sandbox", sandbox, "--max-turns", str(turns), "--max-repeats", "unlimited", "--output", "json"]
    return [str(AGENCY), "work", "bench", "--repo", str(folder), *options]


@contextmanager
def service(turns: int) -> Generator[tuple[IO[str], dict[str, str]]]:
    """The loopback service: what it prints, and the environment that points to it."""
    argv = [sys.executable, str(HERE / "service.py"), str(turns)]
    with subprocess.Popen(argv, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        yield process.stdout, {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none"}


def gaps(argv: list[str], cwd: Path) -> list[float]:
    """The gaps that the loopback service saw while the command ran against it."""
    with service(TURNS) as (printed, environment):
        subprocess.run(argv, cwd=cwd, env=environment, stdout=DEVNULL, stderr=DEVNULL, check=False)
        return list(json.loads(printed.read()))


def main() -> None:
    """Measure everything; what is slow comes last."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["XDG_STATE_HOME"] = str(place / "state")
        folder = repository(place / "repository")
        print("| what | median | baseline | ratio |\n|---|---|---|---|")
        row("`agency --help`", median([str(AGENCY), "--help"]), "`python -c pass`", median(PASS))
        first_turn(folder)
        first_request(folder)
        turns(folder, "bwrap")
        turns(folder, "docker")


def row(what: str, value: float, baseline: str, beside: float) -> None:
    """One line of the table; both values are seconds."""
    print(f"| {what} | {value * 1000:.1f} ms | {baseline} {beside * 1000:.1f} ms | {value / beside:.2f} |", flush=True)


def first_turn(folder: Path) -> None:
    """From the command to the first call's result in a replay of the demo."""
    options = ["--sandbox", "bwrap", "--output", "stream-json"]
    places = [str(folder.parent / f"demo-{number}") for number in range(5)]
    times = [until([str(AGENCY), "demo", place, *options], "reply") for place in places]
    row("replay to its first turn, bwrap", statistics.median(times), "`python -c pass`", median(PASS))


def until(argv: list[str], kind: str) -> float:
    """Seconds until the first event of a kind; the run is then ended."""
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=PIPE, stderr=DEVNULL, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line).get("type") == kind:
                elapsed = time.perf_counter() - began
                run.terminate()
                return elapsed
    raise SystemExit(f"{argv[1]} ended without {kind}")


def first_request(folder: Path) -> None:
    """A live run's first request against the bare import of the SDK."""
    times: list[float] = []
    for _ in range(5):
        with service(1) as (printed, environment):
            began = time.perf_counter()
            with subprocess.Popen(work(folder, "bwrap", 1), env=environment, stdout=DEVNULL, stderr=DEVNULL):
                printed.readline()
                times.append(time.perf_counter() - began - 0.2)  # the service waits that long before it prints
    sdk = median([sys.executable, "-c", "import anthropic"], 5)
    row("live run to its first request", statistics.median(times), "`import anthropic`", sdk)


def turns(folder: Path, sandbox: str) -> None:
    """Rounds of both, one after the other, so that both see the same machine."""
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for _ in range(ROUNDS):
        theirs.append(gaps([sys.executable, str(HERE / "baseline.py")], folder))
        ours.append(gaps(work(folder, sandbox, TURNS), folder))
    row(f"gap between turns, {sandbox}", typical(ours) / 1000, "SDK's runner", typical(theirs) / 1000)
    growth = statistics.median(ours[-1][-50:]) / statistics.median(ours[-1][:50])
    print(f"| last quarter of the turns over the first, {sandbox} | {growth:.2f} | | |")


def typical(rounds: list[list[float]]) -> float:
    """The median of the rounds' medians."""
    return statistics.median(statistics.median(each) for each in rounds)


if __name__ == "__main__":
    main()
