"""`agency check`: what it prints, what it exits with, and what a person can give it wrongly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.bwrap
BAD = "#!/bin/sh\nexit 300\n"
GOOD = "#!/bin/sh\nexit 3\n"
SAID = "run.sh:2:6: error: Can only exit with status 0-255. Other data should be written to stdout/stderr. [shellcheck SC2242]"


def agency(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "agency_runtime.cli", "check", "--sandbox", "bwrap", *words]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))


def git(repository: Path, *words: str) -> None:
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *settings, *words], cwd=repository, check=True, capture_output=True)


def test_findings_come_as_lines_and_exit_1(repository: Path) -> None:
    (repository / "run.sh").write_text(BAD)
    done = agency(repository)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0] == SAID
    assert "shellcheck: failed, 1 found in 1 file" in done.stdout.splitlines()


def test_nothing_found_is_exit_0_and_says_what_was_checked(repository: Path) -> None:
    (repository / "run.sh").write_text(GOOD)
    done = agency(repository, "run.sh")
    assert (done.returncode, done.stdout) == (0, "shellcheck: passed in 1 file\ndetect-secrets: passed in 1 file\n")


def test_json_has_findings_and_outcomes(repository: Path) -> None:
    (repository / "run.sh").write_text(BAD)
    done = agency(repository, "--json", "run.sh")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["findings"] == [
        {
            "path": "run.sh",
            "line": 2,
            "column": 6,
            "validator": "shellcheck",
            "rule": "SC2242",
            "severity": "error",
            "message": "Can only exit with status 0-255. Other data should be written to stdout/stderr.",
        }
    ]
    assert [(each["name"], each["files"], each["outcome"], each["why"]) for each in told["validators"]] == [
        ("shellcheck", 1, "failed", None),
        ("detect-secrets", 1, "passed", None),
    ]


def test_sarif_and_junit_go_to_files_beside_the_text(repository: Path) -> None:
    (repository / "run.sh").write_text(BAD)
    done = agency(repository, "run.sh", "--sarif", "out.sarif", "--junit", "out.xml")
    assert done.stdout.splitlines()[0] == SAID
    sarif = json.loads((repository / "out.sarif").read_text())
    result = sarif["runs"][0]["results"][0]
    assert (sarif["version"], result["ruleId"], result["level"]) == ("2.1.0", "SC2242", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 6}
    suites = ElementTree.parse(repository / "out.xml").getroot()
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [
        ("shellcheck", "1"),
        ("detect-secrets", "0"),
    ]


def test_a_path_after_sarif_is_checked_and_not_overwritten(repository: Path) -> None:
    (repository / "run.sh").write_text(BAD)
    done = agency(repository, "--sarif", "run.sh")
    assert json.loads(done.stdout)["runs"][0]["results"][0]["ruleId"] == "SC2242"
    assert (repository / "run.sh").read_text() == BAD


def test_with_a_base_only_what_the_change_brought_counts_however_lines_moved(repository: Path) -> None:
    (repository / "run.sh").write_text(BAD)
    git(repository, "add", "run.sh")
    git(repository, "commit", "-qm", "bad")
    (repository / "run.sh").write_text("#!/bin/sh\n# more\n\nexit 300\n")
    (repository / "new.sh").write_text("#!/bin/sh\nexit 400\n")
    done = agency(repository, "--base", "HEAD", "--json")
    assert [(each["path"], each["line"]) for each in json.loads(done.stdout)["findings"]] == [("new.sh", 2)]
    assert agency(repository, "--base", "HEAD", "run.sh").returncode == 0


def test_with_a_base_a_renamed_file_brings_nothing_that_was_there_before(repository: Path) -> None:
    (repository / "run.sh").write_text("#!/bin/sh\n# one\n# two\n# three\nexit 300\n")
    git(repository, "add", "run.sh")
    git(repository, "commit", "-qm", "bad")
    git(repository, "mv", "run.sh", "start.sh")
    assert agency(repository, "--base", "HEAD").returncode == 0
    assert agency(repository, "start.sh").returncode == 1


@pytest.mark.parametrize(
    ("make", "why"),
    [
        ("printf '[%2097153d]' 1 >big.json", "big.json: 2,097,155 bytes; files of up to 2 MiB are read"),
        ("head -c 3 /dev/zero >big.json", "big.json: no text"),
        ("ln -s big.json big.json", "big.json: a link; name the file that it leads to"),
        ("mkfifo big.json", "big.json: no regular file"),
    ],
)  # fmt: skip
def test_a_named_file_that_nothing_reads_is_not_run_and_no_pass(repository: Path, make: str, why: str) -> None:
    subprocess.run(["bash", "-c", make], cwd=repository, check=True)
    done = agency(repository, "big.json", "--json")
    assert [each["why"] for each in json.loads(done.stdout)["validators"] if each["name"] == "reading"] == [why]
    assert done.returncode == 1
    assert agency(repository).returncode == 0


def test_paths_are_relative_to_where_one_stands(repository: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "sub" / "run.sh").write_text(BAD)
    done = agency(repository / "sub", "run.sh", "--json")
    assert [each["path"] for each in json.loads(done.stdout)["findings"]] == ["sub/run.sh"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.sh"], "agency: gone.sh: no such file or folder"),
        (["/etc/passwd"], "agency: /etc/passwd: lies outside "),
        (["--repo", "gone"], "agency: --repo gone: no such folder"),
        (
            ["--base", "nosuch"],
            "agency: --base nosuch: no such commit in this repository; give a branch, tag or commit",
        ),
        (["--base", "-x"], "expected one argument"),
        (
            ["--json", "--sarif"],
            "agency: --json and --sarif: only one can go to standard output; give the others a FILE",
        ),
        (["--junit", "gone/out.xml"], "agency: --junit gone/out.xml: cannot be written: No such file or directory"),
    ],
)
def test_what_is_given_wrongly_is_one_line_and_exit_2(repository: Path, words: list[str], said: str) -> None:
    done = agency(repository, *words)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_validator_that_is_not_run_fails_only_where_strict(repository: Path) -> None:
    (repository / "rules.yml").write_text("groups: [{name: a, rules: [{alert: A, expr: up == 0}]}]\n")
    done = agency(repository, "rules.yml", "--json")
    not_run = [each["name"] for each in json.loads(done.stdout)["validators"] if each["outcome"] == "not_run"]
    assert done.returncode == 0
    assert agency(repository, "rules.yml", "--strict").returncode == (1 if not_run else 0)
