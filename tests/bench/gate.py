"""What a verdict costs: the median of judging a command of ten segments, and the first verdict of a process."""

import statistics
import subprocess
import sys
import time

from agency_runtime.gate import Gate, Rules, Target

COMMAND = (
    "cd infra && terraform fmt -check && terraform validate | tee out.log; kubectl get pods -n web | grep api; "
    "git status && git diff --stat; helm lint chart; echo done"
)
RULES = Rules.parse(
    allow=["Bash(npm test *)", "Bash(cargo *)", "Edit(docs/**)"],
    ask=["Bash(git push *)"],
    deny=["Bash(terraform destroy *)", "Read(.env)", "Edit(/secrets/**)"],
)
FIRST = (
    "import time; start = time.perf_counter()\n"
    "from agency_runtime.gate import Gate, Rules\n"
    "Gate(mode='acceptEdits', rules=Rules(), target=None).judge('Bash', {'command': 'ls'})\n"
    "print((time.perf_counter() - start) * 1000)"
)


def median_ms(rounds: int = 1000) -> float:
    """Milliseconds a verdict, import and first parse not counted."""
    gate = Gate(mode="acceptEdits", rules=RULES, target=Target(name="staging", namespaces=("web",)))
    assert len(gate.judge("Bash", {"command": COMMAND}).segments) == 10
    took: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        gate.judge("Bash", {"command": COMMAND})
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def first_ms(rounds: int = 5) -> float:
    """Milliseconds from import to the first verdict in a fresh process."""
    runs = [
        subprocess.run([sys.executable, "-c", FIRST], capture_output=True, check=True, text=True) for _ in range(rounds)
    ]
    return statistics.median(float(run.stdout) for run in runs)


if __name__ == "__main__":
    print(f"verdict on 10 segments  median {median_ms():.2f} ms")
    print(f"import and first verdict  median {first_ms():.0f} ms")
