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
from pathlib import Path

HERE = Path(__file__).parent
AGENCY = Path(sys.executable).parent / "agency"
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


def seconds(argv: list[str], **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run(argv, env={**os.environ, **environment}, stdout=-3, stderr=-3, check=False)
    return time.perf_counter() - began


def median(argv: list[str], times: int = 7, **environment: str) -> float:
    return statistics.median(seconds(argv, **environment) for _ in range(times))


def gaps(argv: list[str], cwd: Path) -> list[float]:
    """The gaps that the loopback service saw while the command ran against it."""
    with subprocess.Popen([sys.executable, str(HERE / "service.py"), str(TURNS)], stdout=-1, text=True) as service:
        assert service.stdout is not None
        url = service.stdout.readline().strip()
        environment = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none"}
        subprocess.run(argv, cwd=cwd, env=environment, stdout=-3, stderr=-3, check=False)
        return list(json.loads(service.stdout.read()))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        os.environ["XDG_STATE_HOME"] = str(work / "state")
        folder = repository(work / "repository")
        print("| what | median | baseline | ratio |\n|---|---|---|---|")
        row(
            "`agency --help`",
            median([str(AGENCY), "--help"]),
            "`python -c pass`",
            median([sys.executable, "-c", "pass"]),
        )
        first_turn(folder)
        first_request(folder)
        turns(folder, "bwrap")
        turns(folder, "docker")


def row(what: str, value: float, baseline: str, beside: float) -> None:
    print(f"| {what} | {value * 1000:.1f} ms | {baseline} {beside * 1000:.1f} ms | {value / beside:.2f} |", flush=True)


def first_turn(folder: Path) -> None:
    """From the command to the first call's result in a replay of the demo."""
    times = [
        until(
            [
                str(AGENCY),
                "demo",
                str(folder.parent / f"demo-{number}"),
                "--sandbox",
                "bwrap",
                "--output",
                "stream-json",
            ],
            "reply",
        )
        for number in range(5)
    ]
    row(
        "replay to its first turn, bwrap",
        statistics.median(times),
        "`python -c pass`",
        median([sys.executable, "-c", "pass"]),
    )


def until(argv: list[str], kind: str) -> float:
    """Seconds until the first event of a kind; the run is then ended."""
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=-1, stderr=-3, text=True) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line)["type"] == kind:
                elapsed = time.perf_counter() - began
                run.terminate()
                return elapsed
    raise SystemExit(f"{argv[1]} ended without {kind}")


def first_request(folder: Path) -> None:
    """A live run's first request against the bare import of the SDK."""
    times = []
    for _ in range(5):
        with subprocess.Popen([sys.executable, str(HERE / "service.py"), "1"], stdout=-1, text=True) as service:
            assert service.stdout is not None
            url = service.stdout.readline().strip()
            environment = {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none"}
            began = time.perf_counter()
            argv = [
                str(AGENCY),
                "work",
                "bench",
                "--repo",
                str(folder),
                "--sandbox",
                "bwrap",
                "--max-turns",
                "1",
                "--output",
                "json",
            ]
            with subprocess.Popen(argv, env=environment, stdout=-3, stderr=-3):
                service.stdout.readline()
                times.append(time.perf_counter() - began - 0.2)  # the service waits that long before it prints
    row(
        "live run to its first request",
        statistics.median(times),
        "`import anthropic`",
        median([sys.executable, "-c", "import anthropic"], 5),
    )


def turns(folder: Path, sandbox: str) -> None:
    """Rounds of both, one after the other, so that both see the same machine."""
    ours: list[float] = []
    theirs: list[float] = []
    argv = [
        str(AGENCY),
        "work",
        "bench",
        "--repo",
        str(folder),
        "--sandbox",
        sandbox,
        "--max-turns",
        str(TURNS),
        "--output",
        "json",
    ]
    for _ in range(ROUNDS):
        theirs.append(statistics.median(gaps([sys.executable, str(HERE / "baseline.py")], folder)))
        found = gaps(argv, folder)
        ours.append(statistics.median(found))
    growth = statistics.median(found[-50:]) / statistics.median(found[:50])
    row(
        f"gap between turns, {sandbox}",
        statistics.median(ours) / 1000,
        "SDK's runner",
        statistics.median(theirs) / 1000,
    )
    print(f"| last quarter of the turns over the first, {sandbox} | {growth:.2f} | | |")


if __name__ == "__main__":
    main()
