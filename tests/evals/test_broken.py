"""A deliberately broken persona or tool turns the comparison red and names the cases."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agency_evals.agents import Choices
from agency_evals.attempt import Job, performed
from agency_evals.case import read_case
from agency_evals.fixture import laid_out
from agency_runtime.cli import main
from agency_tools.bash import Bash
from agency_tools.errors import ToolError

pytestmark = pytest.mark.bwrap
RUN = ["eval", "run", "--sandbox", "bwrap", "-j", "1"]
READER = """\
---
name: devops-automator
description: The shipped persona with its hands tied.
tools: Read, Grep
---
Automate.
"""


@pytest.fixture
def suite(make_case: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two cases with a recording each: one writes by Bash what its test asks for, one asks only for what is there."""
    for name, script in (("writes", "echo 42 > answer.txt\n"), ("reads", "cat README.md\n")):
        wanted = {"tests/test.sh": "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n"} if name == "reads" else {}
        recorded(make_case(name, {"solution/solve.sh": script, **wanted}), tmp_path / f"{name}-run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(folder: Path, run: Path) -> None:
    """Keep what the solution did as the case's recording: the same calls, made by the commands themselves."""
    script = (folder / "solution" / "solve.sh").read_text(encoding="utf-8")
    run.mkdir()
    job = Job(
        id=folder.name, case=folder, run=run, digest="", expected="passed", choices=Choices(agent="oracle", sandbox="bwrap")
    )  # fmt: skip
    with laid_out(read_case(folder)) as fixture:
        fixed = run / "recording.jsonl"
        performed(job, read_case(folder), fixture, record=fixed)
    text = fixed.read_text(encoding="utf-8").replace("bash /solution/solve.sh", script.strip())
    (folder / "recordings").mkdir()
    (folder / "recordings" / "good.jsonl").write_text(text, encoding="utf-8")


def test_a_broken_persona_turns_the_comparison_red_and_names_the_case(
    suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    persona = suite / "broken.md"
    persona.write_text(READER, encoding="utf-8")
    assert main([*RUN, "--out", "good"]) == 0, capsys.readouterr()
    assert main([*RUN, "--out", "bad", "--persona", str(persona)]) == 1
    capsys.readouterr()
    assert main(["eval", "compare", "good", "bad"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("regression  writes: passed → failed, tests: passed → failed")
    assert lines[-1] == "FAILED: 1 regression: writes"


def test_a_broken_tool_turns_the_comparison_red_and_names_the_case(
    suite: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*RUN, "--out", "good", "--baseline", "baseline.json", "--update-baseline"]) == 0

    async def broken(self: Bash, *given: Any, **more: Any) -> Any:
        raise ToolError("broken")

    monkeypatch.setattr(Bash, "run", broken)
    assert main([*RUN, "--out", "bad", "--baseline", "baseline.json", "--fail-on-regression"]) == 1
    assert "FAILED: 1 regression: writes" in capsys.readouterr().out.splitlines()
    assert Path("bad/results.jsonl").is_file()
