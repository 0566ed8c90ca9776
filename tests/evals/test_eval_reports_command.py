"""`agency eval compare`, `report` and `merge`: from runs on disk to what is printed, written and answered."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agency_evals.baseline import read_baseline
from agency_evals.results import CaseResult, Run
from agency_evals.run_folder import RunFolder, runs_folder
from agency_evals.shards import Shard, shard, shard_lock
from agency_runtime.cli import main
from agency_tools.errors import UsageError

Make = Callable[..., CaseResult]
Keep = Callable[..., RunFolder]


@pytest.fixture
def keep(own_state: Path) -> Keep:
    """Keeps a run of these results under a name."""

    def kept(name: str, results: list[CaseResult], **lock: Any) -> RunFolder:
        folder = RunFolder(runs_folder() / name)
        attempts = {f"{each.id}.{each.epoch}": each.digest for each in results}
        usual = {"format": "agency-evals/1", "choices": {"agent": "replay"}, "agency": {"version": "0.1.0"}}
        folder.begin({**usual, "attempts": attempts, **lock})
        for each in results:
            folder.append(each)
        return folder

    return kept


def test_compare_names_what_got_worse_and_ends_with_1(
    keep: Keep, result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("one", [result("a"), result("b"), result("c", "failed")])
    keep("two", [result("a"), result("b", "failed"), result("c")])
    assert main(["eval", "compare", "one", "two"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "regression  b: passed → failed, tests: passed → failed",
        "fix         c: failed → passed, tests: failed → passed",
        "1 regression, 1 fix, 0 new, 0 gone, 1 unchanged",
        "difference +0.0 points, 95 %: -248.4 to +248.4, exact p = 1",
        "FAILED: 1 regression: b",
    ]
    assert main(["eval", "compare", "two", "two"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "PASSED: 2 of 3 as expected"


def test_compare_as_json(keep: Keep, result: Make, capsys: pytest.CaptureFixture[str]) -> None:
    keep("one", [result("a")])
    keep("two", [result("a", "error")])
    assert main(["eval", "compare", "one", "two", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == {"passed": False, "exit_code": 1, "reasons": ["1 regression: a"]}
    assert found["counts"] == {"regression": 1, "fix": 0, "new": 0, "gone": 0, "unchanged": 0}
    assert found["changes"][0]["id"] == "a"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "one", "three"], "no run 'three'"),
        (["compare", "one", "{tmp}/other.json"], "neither a run's JSON nor a baseline"),
        (["compare", "one", "{tmp}/broken.json"], "not JSON"),
        (["report", "one", "--fail-on-regression"], "--fail-on-regression needs --baseline FILE"),
        (["report", "one", "--update-baseline"], "--update-baseline needs --baseline FILE"),
        (["report", "one", "--baseline", "{tmp}/none.json"], "--update-baseline makes one"),
        (["report", "one", "--html", "{tmp}"], "is a folder; give a file"),
        (["report", "one", "--atif", "{tmp}/other.json"], "is a file; give a folder"),
        (["report", "one", "--json", "/proc/none/x.json"], "cannot be written"),
        (["merge", "one", "nowhere"], "no run 'nowhere'"),
    ],
)
def test_what_is_given_wrongly_is_named_in_one_line(
    keep: Keep, result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    keep("one", [result("a")])
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    assert main(["eval", *(word.format(tmp=tmp_path) for word in words)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("share", ["1.5", "-0.1", "120%", "many", "nan"])
def test_a_share_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], share: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["eval", "report", f"--fail-under={share}"])
    assert caught.value.code == 2
    assert "is no share" in capsys.readouterr().err


def test_a_report_writes_every_form(keep: Keep, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep("one", list(run.cases))
    session = folder.path / "sessions" / "alpha.1" / "events.jsonl"
    session.parent.mkdir(parents=True)
    session.write_text('{"n": 1, "at": "2026-11-25T01:00:00Z", "type": "session.started", "issue": "the issue"}\n')
    folder.append(replace(run.cases[0], session="sessions/alpha.1/events.jsonl"))
    forms = {
        name: tmp_path / "out" / f"run.{name}" for name in ("json", "jsonl", "junit", "html", "markdown", "inspect")
    }
    options = [word for name, path in forms.items() for word in (f"--{name}", str(path))]
    assert main(["eval", "report", "one", *options, "--atif", str(tmp_path / "atif")]) == 1
    value = json.loads(forms["json"].read_text(encoding="utf-8"))
    assert [each["id"] for each in value["cases"]][:2] == ["alpha", "alpha"]
    assert value["totals"]["as_expected"] == 2
    assert value["verdict"]["passed"] is False
    assert len(forms["jsonl"].read_text(encoding="utf-8").splitlines()) == 7
    assert forms["junit"].read_text(encoding="utf-8").startswith("<?xml")
    assert "the issue" in forms["html"].read_text(encoding="utf-8")
    assert forms["markdown"].read_text(encoding="utf-8").startswith("## Agency evals: FAILED")
    assert json.loads(forms["inspect"].read_text(encoding="utf-8"))["version"] == 2
    assert [path.name for path in (tmp_path / "atif").iterdir()] == ["alpha.1.trajectory.json"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAILED: 2 of 7 as expected, not alpha (epoch 2), bravo")
    assert main(["eval", "compare", "one", str(forms["json"])]) == 0


def test_a_report_on_standard_output_is_alone_there(
    keep: Keep, result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("one", [result("a")])
    assert main(["eval", "report", "one", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["passed"] == 1
    assert main(["eval", "report", "one", "--junit", "-"]) == 0
    assert capsys.readouterr().out.startswith("<?xml")


def test_a_jobs_summary_is_added_to(keep: Keep, result: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("one", [result("a")])
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(["eval", "report", "one", "--markdown", str(summary)]) == 0
    assert summary.read_text(encoding="utf-8").startswith("before\n## Agency evals: PASSED\n")


def test_a_baseline_is_made_kept_and_held(
    keep: Keep, result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baseline = str(tmp_path / "evals" / "baseline.json")
    keep("one", [result("a"), result("b", "failed")])
    gate = ["--baseline", baseline, "--fail-on-regression"]
    assert main(["eval", "report", "one", "--baseline", baseline, "--update-baseline"]) == 0
    assert "2 added, 0 altered, 0 removed" in capsys.readouterr().out
    assert main(["eval", "report", "one", *gate]) == 0
    keep("two", [result("a", "failed"), result("b", "failed")])
    assert main(["eval", "report", "two", *gate]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAILED: 1 regression: a"
    assert main(["eval", "report", "two", "--baseline", baseline, "--update-baseline"]) == 0
    assert "0 added, 1 altered, 0 removed" in capsys.readouterr().out
    assert main(["eval", "report", "two", *gate]) == 0


def test_an_error_is_written_into_no_baseline_but_reports_are_written(
    keep: Keep, result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("one", [result("a", "error")])
    gate = ["--baseline", str(tmp_path / "b.json"), "--update-baseline", "--junit", str(tmp_path / "junit.xml")]
    assert main(["eval", "report", "one", *gate]) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "FAILED: the baseline is left as it was: a is error; run them again with --failed-from one"
    assert not (tmp_path / "b.json").exists()
    assert (tmp_path / "junit.xml").is_file()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.floats(0, 1),
)
def test_what_is_printed_written_and_answered_never_disagree(
    keep: Keep, result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    seed: int, under: float | None, case_under: float | None, regressions: bool, tolerance: float,
) -> None:  # fmt: skip
    draw = random.Random(seed)
    outcomes = ["passed", "passed", "failed", "unscored", "error"]
    made = [result(name, draw.choice(outcomes), epoch=epoch) for name in "abc" for epoch in (1, 2)]
    baseline = tmp_path / "baseline.json"
    entries = [{"id": each.id, "epoch": each.epoch, "outcome": draw.choice(["passed", "failed"])} for each in made]
    baseline.write_text(json.dumps({"format": "agency-eval-baseline/1", "cases": entries}), encoding="utf-8")
    name = f"run-{seed}-{draw.random()}"
    keep(name, made)
    words = ["eval", "report", name, "--tolerance", str(tolerance), "--json", str(tmp_path / "run.json")]
    words += [] if under is None else ["--fail-under", str(under)]
    words += [] if case_under is None else ["--case-fail-under", str(case_under)]
    words += ["--baseline", str(baseline), "--fail-on-regression"] if regressions else []
    words += ["--markdown", str(tmp_path / "run.md"), "--html", str(tmp_path / "run.html")]
    code = main(words)
    word = capsys.readouterr().out.splitlines()[-1].split(":")[0]
    verdict = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["verdict"]
    assert (code, word) in {(0, "PASSED"), (1, "FAILED")}
    assert (verdict["exit_code"], verdict["passed"]) == (code, code == 0)
    assert (tmp_path / "run.md").read_text(encoding="utf-8").startswith(f"## Agency evals: {word}\n")
    assert f'<div class="verdict {word.lower()}"' in (tmp_path / "run.html").read_text(encoding="utf-8")


def test_a_shard_is_told_by_the_name_alone() -> None:
    names = [f"case-{number}" for number in range(300)]
    parts = [{name for name in names if Shard(index=index, of=3).holds(name)} for index in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert min(len(part) for part in parts) > 75
    assert Shard(index=1, of=1).holds("anything")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="give I/N"):
        shard(text)


@pytest.fixture
def suite(result: Make) -> list[CaseResult]:
    """Twelve results."""
    return [result(f"case-{number}", "failed" if number == 7 else "passed") for number in range(12)]


def keep_shards(keep: Keep, suite: list[CaseResult], of: int = 3) -> list[str]:
    """Keeps each shard as a run; their names."""
    attempts = {f"{each.id}.{each.epoch}": each.digest for each in suite}
    parts = [Shard(index=index, of=of) for index in range(1, of + 1)]
    for part in parts:
        keep(f"part-{part.index}", list(part.of_all(suite)), shard=shard_lock(part, attempts))
    return [f"part-{part.index}" for part in parts]


def test_shards_together_are_the_whole(
    keep: Keep, suite: list[CaseResult], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = keep_shards(keep, suite)
    session = runs_folder() / "part-2" / "sessions" / "x.1" / "events.jsonl"
    session.parent.mkdir(parents=True)
    session.write_text("{}\n", encoding="utf-8")
    whole = tmp_path / "whole"
    assert main(["eval", "merge", *names, "--out", str(whole)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAILED: 11 of 12 as expected, not case-7"
    run = RunFolder(whole).read()
    assert sorted(each.id for each in run.cases) == sorted(each.id for each in suite)
    assert run.lock["merged"] == names
    assert len(run.lock["attempts"]) == 12
    assert (whole / "sessions" / "x.1" / "events.jsonl").is_file()
    keep("serial", suite)
    assert main(["eval", "compare", "serial", str(whole)]) == 0


def test_a_missing_shard_is_named(keep: Keep, suite: list[CaseResult], capsys: pytest.CaptureFixture[str]) -> None:
    keep_shards(keep, suite)
    assert main(["eval", "merge", "part-1", "part-3"]) == 2
    assert "shards are missing: 2/3" in capsys.readouterr().err
    assert not list(runs_folder().glob("2*"))


def test_a_shard_that_was_interrupted_is_named(
    keep: Keep, suite: list[CaseResult], capsys: pytest.CaptureFixture[str]
) -> None:
    keep("part-1", suite[:-1], attempts={f"{each.id}.1": "d" for each in suite})
    assert main(["eval", "merge", "part-1"]) == 2
    assert "part-1 is not whole: 1 undone, case-11.1; run it again to go on" in capsys.readouterr().err


def test_shards_of_different_suites_are_refused(
    keep: Keep, suite: list[CaseResult], capsys: pytest.CaptureFixture[str]
) -> None:
    keep_shards(keep, suite)
    keep("part-3", suite[:1], shard=shard_lock(Shard(index=3, of=3), {"a": "b"}))
    assert main(["eval", "merge", "part-1", "part-2", "part-3"]) == 2
    assert "parts of different suites: part-1 is 1/3 of 12" in capsys.readouterr().err


def test_runs_of_another_making_are_refused_with_what_differs(
    keep: Keep, result: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("one", [result("a")])
    keep("two", [result("b")], agency={"version": "0.2.0"})
    assert main(["eval", "merge", "one", "two"]) == 2
    assert "they differ in agency.version (0.1.0 and 0.2.0)" in capsys.readouterr().err


def test_the_same_result_twice_counts_once(keep: Keep, result: Make, tmp_path: Path) -> None:
    keep("one", [result("a"), result("b")])
    keep("two", [result("b", seconds=9.0), result("c")])
    assert main(["eval", "merge", "one", "two", "--out", str(tmp_path / "whole")]) == 0
    assert [each.id for each in RunFolder(tmp_path / "whole").read().cases] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"digest": "e"}, "b is another case in two than in one: their digests differ"),
        ({"outcome": "failed"}, "b is passed in one and failed in two, on the same case"),
    ],
)
def test_results_that_disagree_are_nobodys_to_resolve(
    keep: Keep, result: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: dict[str, Any], said: str
) -> None:
    keep("one", [result("a"), result("b")])
    keep("two", [result("b", **other)])
    assert main(["eval", "merge", "one", "two", "--out", str(tmp_path / "whole")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "whole").exists()


def test_a_whole_is_not_written_over_a_run(keep: Keep, result: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = keep("one", [result("a")])
    assert main(["eval", "merge", "one", "--out", str(folder.path)]) == 2
    assert "there is a run already" in capsys.readouterr().err


def test_the_baseline_is_written_by_a_merge_too(keep: Keep, suite: list[CaseResult], tmp_path: Path) -> None:
    names = keep_shards(keep, suite)
    baseline = tmp_path / "baseline.json"
    assert main(["eval", "merge", *names, "--baseline", str(baseline), "--update-baseline"]) == 0
    assert len(read_baseline(baseline)) == 12
