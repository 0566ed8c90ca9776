"""The scripts there and back, and no provider chosen."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()


def passphrase(text="correct horse battery staple"):
    path = Path(tempfile.mkdtemp()) / "passphrase"
    path.write_text(text)
    return str(path)


def upload(code=0):
    place = Path(tempfile.mkdtemp())
    (place / "upload").write_text(
        f'#!/bin/bash\ncp "${{@: -1}}" "{place}/got"\necho "${{@: -1}}" >"{place}/path"\nexit {code}\n'
    )
    (place / "upload").chmod(0o755)
    return place, str(place / "upload")


def run(*argv, **env):
    base = {
        name: value for name, value in os.environ.items() if name not in ("BACKUP_PASSPHRASE_FILE", "UPLOAD_COMMAND")
    }
    return subprocess.run(
        [str(HERE / argv[0]), *argv[1:]], cwd=HERE, env={**base, **env}, capture_output=True, text=True, timeout=60
    )


def backup(**env):
    return run("scripts/backup-archive.sh", **env)


def test_there_and_back():
    place, command = upload()
    key = passphrase()
    done = backup(BACKUP_PASSPHRASE_FILE=key, UPLOAD_COMMAND=command)
    assert done.returncode == 0, done.stderr
    assert b"Contract" not in (place / "got").read_bytes()
    assert not Path((place / "path").read_text().strip()).exists(), "the file must not stay behind"
    out = Path(tempfile.mkdtemp()) / "out"
    restored = run("scripts/restore-archive.sh", str(place / "got"), str(out), BACKUP_PASSPHRASE_FILE=key)
    assert restored.returncode == 0, restored.stderr
    assert sorted(path.name for path in out.rglob("*.txt")) == ["contract-17.txt", "invoice-3.txt"]


def test_another_passphrase_does_not_open_it():
    place, command = upload()
    backup(BACKUP_PASSPHRASE_FILE=passphrase(), UPLOAD_COMMAND=command)
    out = Path(tempfile.mkdtemp()) / "out"
    done = run("scripts/restore-archive.sh", str(place / "got"), str(out), BACKUP_PASSPHRASE_FILE=passphrase("wrong"))
    assert done.returncode != 0 and not list(out.rglob("*.txt"))


def test_it_refuses_without_passphrase_or_command():
    _, command = upload()
    assert backup(UPLOAD_COMMAND=command).returncode != 0
    assert backup(BACKUP_PASSPHRASE_FILE=passphrase()).returncode != 0


def test_a_failed_upload_is_a_failure_and_leaves_nothing():
    place, command = upload(code=3)
    assert backup(BACKUP_PASSPHRASE_FILE=passphrase(), UPLOAD_COMMAND=command).returncode != 0
    assert not Path((place / "path").read_text().strip()).exists()


def test_no_provider_was_chosen():
    for path in [*HERE.glob("scripts/*"), *HERE.glob("terraform/**/*"), *HERE.glob("infra*/**/*")]:
        if path.is_file():
            assert not re.search(
                r"\b(s3://|gs://|aws s3|azcopy|b2 upload|rclone|wasabi|backblaze)\b|amazonaws",
                path.read_text(),
                re.IGNORECASE,
            ), path
