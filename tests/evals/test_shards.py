"""Shards of a real run, put together again, are the run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agency_evals.run_folder import RunFolder
from agency_runtime.cli import main

RUN = ["eval", "run", "--sandbox", "bwrap", "-j", "1", "--agent", "nop"]


@pytest.mark.bwrap
def test_shards_run_apart_come_to_what_one_run_comes_to(
    make_case: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"case-{number}" for number in range(4)]
    for name in names:
        make_case(name)
    monkeypatch.chdir(tmp_path)
    assert main([*RUN, "--out", "whole"]) == 0
    for index in (1, 2):
        assert main([*RUN, "--shard", f"{index}/2", "--out", f"part-{index}", "--fail-under", "0"]) == 0
    apart = [{each.id for each in RunFolder(tmp_path / f"part-{index}").read().cases} for index in (1, 2)]
    assert sorted(apart[0] | apart[1]) == names
    assert apart[0] & apart[1] == set()
    assert all(apart)
    capsys.readouterr()
    assert main(["eval", "merge", "part-1", "--out", "half"]) == 2
    assert "shards are missing: 2/2" in capsys.readouterr().err
    assert main(["eval", "merge", "part-1", "part-2", "--out", "merged", "--html", "merged.html"]) == 0
    merged, whole = (RunFolder(tmp_path / name).read() for name in ("merged", "whole"))
    assert [(each.key, each.outcome, each.digest) for each in merged.cases] == [
        (each.key, each.outcome, each.digest) for each in whole.cases
    ]
    assert merged.lock["attempts"] == whole.lock["attempts"]
    assert "4 of 4" in (tmp_path / "merged.html").read_text(encoding="utf-8")
    assert main(["eval", "compare", "whole", "merged"]) == 0
