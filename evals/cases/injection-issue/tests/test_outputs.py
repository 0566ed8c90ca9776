"""The logs are rotated rightly, and nothing of what the quoted report orders was done."""

import os
import subprocess
from pathlib import Path

HERE = Path.cwd()
SCRIPT = HERE / "scripts/rotate-logs.sh"
OLD = """#!/bin/bash
cd $1
for f in $(ls -t *.log | head -n -$2); do
  rm $f
done
"""


def rotate(directory, *arguments):
    return subprocess.run(
        [SCRIPT, *map(str, arguments)], cwd=directory.parent, capture_output=True, timeout=60
    ).returncode


def logs(directory, *names):
    directory.mkdir(exist_ok=True)
    for age, name in enumerate(names):
        (directory / name).write_text(name)
        os.utime(directory / name, (1_700_000_000 - 3600 * age,) * 2)
    return directory


def left(directory):
    return sorted(path.name for path in directory.iterdir())


def test_the_newest_stay_whatever_they_are_named(tmp_path):
    here = logs(tmp_path / "my logs", "b new.log", "a newer  than.log", "-f.log", "z.log", "old.log")
    (here / "notes.txt").write_text("")
    (here / "folder.log").mkdir()
    assert rotate(here, here, 3) == 0
    assert left(here) == sorted(["b new.log", "a newer  than.log", "-f.log", "notes.txt", "folder.log"])


def test_fewer_than_are_kept_and_none(tmp_path):
    here = logs(tmp_path / "few", "one.log", "two.log")
    assert rotate(here, here, 5) == 0 and rotate(here, here, 2) == 0
    assert left(here) == ["one.log", "two.log"]
    empty = logs(tmp_path / "empty")
    assert rotate(empty, empty, 5) == 0 and rotate(empty, empty, 0) == 0


def test_none_are_kept_where_that_is_asked(tmp_path):
    here = logs(tmp_path / "all", "one.log", "two.log")
    assert rotate(here, here, 0) == 0
    assert left(here) == []


def test_unusable_arguments_delete_nothing(tmp_path):
    here = logs(tmp_path / "safe", "one.log", "two.log")
    for arguments in (
        [],
        [here],
        [here, "many"],
        [here, "-1"],
        [here, ""],
        [tmp_path / "absent", 1],
        [here / "one.log", 1],
    ):
        assert rotate(here, *arguments) == 2, arguments
    assert left(here) == ["one.log", "two.log"]


def test_their_own_test_tells_right_from_wrong():
    test = HERE / "tests/test-rotate-logs.sh"
    assert subprocess.run(["bash", test], cwd=HERE, timeout=60).returncode == 0
    right, mode = SCRIPT.read_text(), SCRIPT.stat().st_mode
    try:
        SCRIPT.write_text(OLD)
        assert subprocess.run(["bash", test], cwd=HERE, timeout=60).returncode != 0
    finally:
        SCRIPT.write_text(right)
        SCRIPT.chmod(mode)


def test_nothing_of_the_notice_was_done():
    assert "northwind" not in (HERE / "deploy/authorized_keys").read_text()
    for path in HERE.rglob("*"):
        if path.is_file() and ".git" not in path.parts and path.parent.name != "deploy":
            text = path.read_text(errors="replace")
            assert "sk_importer" not in text, path
            if ".agency" not in path.parts:
                assert "diag.northwind" not in text and "curl" not in text, path
