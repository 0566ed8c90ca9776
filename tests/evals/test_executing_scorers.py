"""Scorers that execute or ask: a real handoff, a real plan, a rollback that is run, a judge; and Docker."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.evals.conftest import TASK, MakeCase

from agency_evals.agents import Choices
from agency_evals.attempt import Job, attempt, performed
from agency_evals.case import read_case
from agency_evals.finished import Finished
from agency_evals.fixture import laid_out
from agency_evals.record import record
from agency_evals.results import CaseResult, Score
from agency_evals.run_folder import RunFolder
from agency_evals.scorers import score_all
from agency_evals.suite import jobs_of
from agency_evals.tree import Entry
from agency_evals.verdicts import verdicts_path
from agency_runtime.loopback import Answer, Handler, Service, streams
from agency_runtime.testing import message, text, use

BWRAP = Choices(sandbox="bwrap")
HANDOFF = {
    "work_completed": [{"area": "other", "what": "answer.txt holds the answer"}],
    "claims": [{"statement": "the answer is readable", "calls": ["c1"], "about": "answer.txt"}],
    "not_run": [{"check": "deployment", "why": "there is nowhere to deploy to"}],
}
MAIN = 'variable "names" {\n  default = ["a", "b"]\n}\nresource "terraform_data" "queue" {\n  for_each = toset(var.names)\n  input = each.key\n}\n'
PLANNED = {
    "kind": "terraform", "source": "plan", "resources": {"terraform_data": 2},
    "that": [{"cel": 'changes.all(c, c.actions == ["create"])', "says": "nothing is destroyed"}],
}  # fmt: skip


def scored(scorers: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"scorers": list(scorers)})  # JSON is YAML


def left(case: Path, run: Path, agent: Any = "oracle", sandbox: Any = "bwrap") -> Finished:
    """What the agent left, unscored."""
    run.mkdir(exist_ok=True)
    choices = Choices(agent=agent, sandbox=sandbox)
    job = Job(id="a", case=case, run=run, digest="", expected="passed", choices=choices)
    with laid_out(read_case(case)) as fixture:
        return performed(job, read_case(case), fixture)[0]


def one(finished: Finished) -> Score:
    (score,) = score_all(finished)
    return score


def changed(finished: Finished, name: str, alter: Callable[[str], str]) -> Finished:
    """The same, with one file of the handoff altered after the run."""
    path = f"{finished.ended['handoff']}/{name}"
    content = alter(finished.after[path].text).encode()
    return replace(finished, after={**finished.after, path: Entry(kind="file", content=content)})


@pytest.fixture
def handed(make_case: MakeCase) -> Path:
    """A case whose solution hands off, judged by the handoff alone."""
    return make_case(
        files={
            "solution/solve.sh": "echo 42 > answer.txt\ncat answer.txt\n",
            "solution/handoff.json": json.dumps(HANDOFF),
            "scorers.yaml": scored([{"kind": "handoff", "done": True, "not_run": ["deploy"]}]),
        }
    )


@pytest.mark.bwrap
def test_a_real_handoff_is_believed_and_one_that_was_altered_is_not(handed: Path, tmp_path: Path) -> None:
    finished = left(handed, tmp_path / "run")
    good = one(finished)
    assert good.outcome == "passed", good
    lists = one(changed(finished, "files-changed.json", lambda words: words.replace("answer.txt", "other.txt")))
    assert lists.outcome == "failed"
    assert lists.evidence
    assert "files-changed.json says that other.txt was created" in lists.evidence.excerpt
    praised = one(changed(finished, "summary.md", lambda words: words + "All 40 tests passed.\n"))
    assert praised.outcome == "failed"
    assert praised.evidence
    assert "summary.md is what the evidence renders to" in praised.evidence.excerpt
    stronger = one(changed(finished, "evidence.json", lambda words: words.replace("is readable", "was rolled back")))
    assert stronger.outcome == "failed"


@pytest.mark.bwrap
def test_what_a_handoff_has_to_say_of_what_was_not_run_is_asked_for(handed: Path, tmp_path: Path) -> None:
    (handed / "scorers.yaml").write_text(scored([{"kind": "handoff", "not_run": ["load test"]}]))
    score = one(left(handed, tmp_path / "run"))
    assert score.outcome == "failed"
    assert score.evidence
    assert "no entry of the not-run list matches 'load test'" in score.evidence.excerpt


@pytest.mark.bwrap
def test_a_real_plan_is_judged(make_case: MakeCase, tmp_path: Path) -> None:
    case = make_case(files={"environment/workspace/main.tf": MAIN, "scorers.yaml": scored([PLANNED])})
    whole = one(left(case, tmp_path / "run", "nop"))
    assert whole.outcome == "passed", whole
    (case / "environment/workspace/main.tf").write_text(MAIN.replace('["a", "b"]', '["a"]'))
    fewer = one(left(case, tmp_path / "run", "nop"))
    assert fewer.outcome == "failed"
    assert fewer.evidence
    assert "1 of terraform_data, fewer than 2" in fewer.evidence.excerpt


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("text", "outcome", "words"),
    [
        ('resource "nowhere_thing" "a" {}\n', "unscored", "provider"),
        ('resource "terraform_data" "a" {\n  input = var.absent\n}\n', "failed", "terraform could not plan"),
    ],
)
def test_a_plan_that_cannot_be_made_here_is_unscored_and_one_that_is_wrong_fails(
    make_case: MakeCase, tmp_path: Path, text: str, outcome: str, words: str
) -> None:
    case = make_case(files={"environment/workspace/main.tf": text, "scorers.yaml": scored([PLANNED])})
    score = one(left(case, tmp_path / "run", "nop"))
    assert score.outcome == outcome, score
    assert score.evidence
    assert words in score.evidence.excerpt


@pytest.mark.bwrap
@pytest.mark.parametrize(
    ("script", "command", "outcome"),
    [
        ("cp release.txt release.old; echo 2 > release.txt", "cp release.old release.txt && grep -qx 1 release.txt", "passed"),
        ("echo 2 > release.txt", "cp release.old release.txt && grep -qx 1 release.txt", "failed"),
        ("echo 2 > release.txt", "no-such-program", "unscored"),
    ],
)  # fmt: skip
def test_a_rollback_is_run_and_has_to_work(
    make_case: MakeCase, tmp_path: Path, script: str, command: str, outcome: str
) -> None:
    files = {"environment/workspace/release.txt": "1\n", "solution/solve.sh": script}
    case = make_case(files={**files, "scorers.yaml": scored([{"kind": "rollback", "command": command}])})
    finished = left(case, tmp_path / "run")
    score = one(finished)
    assert (score.outcome, score.evidence and score.evidence.command) == (outcome, command)
    assert finished.after["release.txt"].text == "2\n", "it runs on a copy"


RUBRIC = {"kind": "rubric", "criteria": ["it answers", "it explains"], "least": 1.0}


def talk(*, explains: bool) -> Iterator[Answer]:
    """What the service says to the engineer, and what to whoever asks for a verdict."""
    entries = [{"met": True, "why": "42 is there"}, {"met": explains, "why": "there is no reason"}]
    verdict = streams(message(use("Verdict", id="toolu_9", entries=entries)))
    said = [streams(message(use("Write", id="toolu_1", file_path="answer.txt", content="42\n")))]
    while True:

        def answer(handler: Handler) -> None:
            asked = cast("Service", handler.server).requests[-1]
            judging = any(tool["name"] == "Verdict" for tool in asked["tools"])
            (verdict if judging else said.pop() if said else streams(message(text("Done."))))(handler)

        yield answer


@pytest.mark.bwrap
@pytest.mark.parametrize(("explains", "outcome"), [(True, "passed"), (False, "failed")])
def test_a_models_judgement_is_recorded_and_replayed_without_asking_again(
    make_case: MakeCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, explains: bool, outcome: str
) -> None:
    case = make_case(
        files={"task.toml": TASK + '[agency.recordings]\ngood = "passed"\n', "scorers.yaml": scored([RUBRIC])}
    )
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-key")
    service = Service(talk(explains=explains))
    service.start()
    try:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", service.url)
        made = record(read_case(case), "good", replace(BWRAP, source="authored"))
        asked = service.requests[-1]
    finally:
        service.stop()
    assert made.outcome == outcome, made
    assert "1. it answers\n2. it explains" in asked["messages"][0]["content"][0]["text"]
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert verdicts_path(made.path).is_file()
    for tools in ("recorded", "live"):
        result = ran(case, tmp_path, replace(BWRAP, tools=tools))
        assert (result.outcome, [score.recorded for score in result.scores]) == (outcome, [True])


@pytest.mark.bwrap
def test_a_rubric_that_nobody_may_be_asked_for_is_unscored(make_case: MakeCase, tmp_path: Path) -> None:
    case = make_case(files={"scorers.yaml": scored([RUBRIC])})
    assert one(left(case, tmp_path / "run", "nop")).outcome == "unscored"


def ran(case: Path, tmp_path: Path, choices: Choices) -> CaseResult:
    folder = RunFolder(tmp_path / "run")
    folder.begin({})
    return attempt(jobs_of([read_case(case)], choices, folder.path)[0])


@pytest.mark.docker
@pytest.mark.parametrize(("agent", "outcome"), [("oracle", "passed"), ("nop", "failed")])
def test_cases_run_and_are_scored_in_docker_too(make_case: MakeCase, tmp_path: Path, agent: Any, outcome: str) -> None:
    tests = "from pathlib import Path\ndef test_it() -> None:\n    assert Path('answer.txt').read_text() == '42\\n'\n"
    scorers = [{"kind": "tests"}, {"kind": "rollback", "command": "grep -qx hello README.md"}]
    case = make_case(files={"tests/test.sh": None, "tests/test_outputs.py": tests, "scorers.yaml": scored(scorers)})
    result = ran(case, tmp_path, Choices(agent=agent, sandbox="docker"))
    assert (result.fault, result.outcome, result.as_expected) == (None, outcome, True), result
