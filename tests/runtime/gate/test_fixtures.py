"""Every line of the tables: a command, a mode, the verdict and the class it must get."""

from pathlib import Path

import pytest

from agency_runtime.gate import Gate, Mode, Rules

TABLES = sorted((Path(__file__).parents[2] / "fixtures" / "gate").glob("*.tsv"))


def lines(only: str = "") -> list[tuple[str, Mode, str, str]]:
    found: list[tuple[str, Mode, str, str]] = []
    for table in [table for table in TABLES if not only or table.stem == only]:
        for line in table.read_text(encoding="utf-8").splitlines():
            command, mode, verdict, kind = line.split("\t")
            found.append((command.replace("\\n", "\n"), mode, verdict, kind))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("command", "mode", "verdict", "kind"), lines())
def test_a_command_gets_its_verdict_and_class(command: str, mode: Mode, verdict: str, kind: str) -> None:
    decision = Gate(mode=mode, rules=Rules(), target=None).judge("Bash", {"command": command})
    assert (decision.verdict, decision.kind) == (verdict, kind), decision.rule


def test_the_tables_are_many() -> None:
    assert len({command for command, *_ in lines()}) >= 1200


def test_the_work_of_every_day_runs_unasked_where_nobody_can_be_asked() -> None:
    everyday = lines("everyday")
    assert len(everyday) >= 80
    assert [line for line in everyday if line[1:3] != ("acceptEdits", "allow")] == []


def test_no_hostile_line_is_allowed_beyond_the_sandbox() -> None:
    loose = [line for line in lines("hostile") if line[2] == "allow" and line[3] != "local"]
    assert loose == []
