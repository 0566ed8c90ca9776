"""The CI examples in the documentation: our own validators find nothing, and every command in them is one of ours."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agency_runtime.cli import build, main

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "evals"
PLACES = {"github-actions.yml": ".github/workflows/evals.yml", "gitlab-ci.yml": ".gitlab-ci.yml"}


def scripts(name: str) -> list[str]:
    """Every command line of an example."""
    document: Any = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    if name == "github-actions.yml":
        return [step["run"] for job in document["jobs"].values() for step in job["steps"] if "run" in step]
    return [line for job in ("replay", "judge") for line in document[job]["script"]]


@pytest.mark.parametrize("name", PLACES)
def test_every_command_of_ours_is_understood(name: str) -> None:
    ours = [shlex.split(line)[1:] for line in scripts(name) if line.startswith("agency ")]
    assert [words[:2] for words in ours] == [["image", "build"], ["eval", "run"], ["eval", "merge"]]
    for words in ours:
        assert build(words).parse_args(words).run


@pytest.mark.parametrize("name", PLACES)
def test_the_merge_names_as_many_shards_as_there_are(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    document: Any = yaml.safe_load(text)
    of = (
        len(document["jobs"]["replay"]["strategy"]["matrix"]["shard"])
        if name == "github-actions.yml"
        else document["replay"]["parallel"]
    )
    merge = next(line for line in scripts(name) if "eval merge" in line)
    assert re.findall(r"runs/shard-(\d+)", merge) == [str(index) for index in range(1, of + 1)]


@pytest.mark.docker
@pytest.mark.parametrize(
    ("name", "validators"),
    [
        ("github-actions.yml", {"zizmor", "schema", "yamllint"}),
        ("gitlab-ci.yml", {"schema", "yamllint"}),
    ],
)
def test_our_validators_find_nothing(
    name: str, validators: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / PLACES[name]
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLES / name, place)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    code = main(["check", "--repo", str(tmp_path), "--sandbox", "docker", "--severity", "info", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["findings"] == []
    ran = {each["name"] for each in found["validators"] if each["outcome"] == "passed"}
    assert validators <= ran, found["validators"]
    assert code == 0
