"""Every line of the tables: a command, a mode, the verdict and the class it must get."""

from pathlib import Path

import pytest

from agency_runtime.gate import Gate, Mode, Rules

TABLES = sorted((Path(__file__).parents[2] / "fixtures" / "gate").glob("*.tsv"))


def lines() -> list[tuple[str, Mode, str, str]]:
    found: list[tuple[str, Mode, str, str]] = []
    for table in TABLES:
        for line in table.read_text(encoding="utf-8").splitlines():
            command, mode, verdict, kind = line.split("\t")
            found.append((command.replace("\\n", "\n"), mode, verdict, kind))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("command", "mode", "verdict", "kind"), lines())
def test_a_command_gets_its_verdict_and_class(command: str, mode: Mode, verdict: str, kind: str) -> None:
    decision = Gate(mode=mode, rules=Rules(), target=None).judge("Bash", {"command": command})
    assert (decision.verdict, decision.kind) == (verdict, kind), decision.rule


def test_the_tables_are_many() -> None:
    assert len(lines()) >= 300
