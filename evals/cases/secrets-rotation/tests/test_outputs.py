"""The repository holds no key; the service and the script are tried on folders of the test's own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

HERE = Path.cwd()
OLD = "7f3e9c1b5a2d4f6088aa1c3e5d7b9f02"


def files():
    return [
        path
        for path in HERE.rglob("*")
        if path.is_file()
        and ".git" not in path.relative_to(HERE).parts
        and ".agency" not in path.relative_to(HERE).parts
    ]


def test_the_key_is_nowhere():
    assert [str(path) for path in files() if OLD in path.read_text(errors="replace")] == []


def folder(**keys):
    place = Path(tempfile.mkdtemp())
    for name, key in keys.items():
        (place / name).write_text(key)
    if keys:
        (place / "current").symlink_to(list(keys)[-1])
    return place


def python(code, keys):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE,
        env={**os.environ, "TOKEN_KEYS": str(keys)},
        capture_output=True,
        text=True,
        timeout=60,
    )


SIGN = "from tokens import signing; print(signing.sign('ann'))"


def verified(token, keys):
    return python(f"from tokens import signing; print(signing.verify({token!r}))", keys).stdout.strip()


def test_tokens_outlive_a_rotation_and_die_with_their_key():
    keys = folder(first="first key, long enough to be one")
    token = python(SIGN, keys).stdout.strip()
    assert verified(token, keys) == "ann"
    (keys / "second").write_text("second key, long enough to be one")
    (keys / "current").unlink()
    (keys / "current").symlink_to("second")
    newer = python(SIGN, keys).stdout.strip()
    assert newer.rpartition(".")[2] != token.rpartition(".")[2]
    assert verified(token, keys) == "ann" and verified(newer, keys) == "ann"
    (keys / "first").unlink()
    assert verified(token, keys) == "None" and verified(newer, keys) == "ann"


def test_without_keys_it_does_not_start_and_says_where_it_looked():
    for keys in (folder(), Path(tempfile.mkdtemp()) / "missing"):
        done = python(SIGN, keys)
        assert done.returncode != 0 and str(keys) in done.stderr


def rotate(keys, **env):
    return subprocess.run(
        [str(HERE / "scripts/rotate-key.sh")],
        cwd=HERE,
        env={**os.environ, "TOKEN_KEYS": str(keys), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_rotation_makes_a_strong_key_and_prints_its_name_alone():
    keys = folder(old="old key, long enough to be one")
    done = rotate(keys)
    assert done.returncode == 0, done.stderr
    new = (keys / "current").resolve()
    assert new.name != "old" and new.parent == keys.resolve() and new.stat().st_mode & 0o777 == 0o600
    content = new.read_bytes().strip()
    assert len(content) >= 32 and (len(content) >= 43 or not re.fullmatch(rb"[0-9a-f]+", content))
    assert new.name in done.stdout and content.decode(errors="replace") not in done.stdout + done.stderr
    assert (keys / "old").exists(), "a young key still verifies"
    assert verified(python(SIGN, keys).stdout.strip(), keys) == "ann"


def test_two_rotations_make_two_keys():
    keys = folder()
    rotate(keys), rotate(keys)
    names = [path for path in keys.iterdir() if path.name != "current"]
    assert len(names) == 2 and len({path.read_bytes() for path in names}) == 2


def test_old_keys_go_and_the_current_one_stays():
    keys = folder()
    assert rotate(keys).returncode == 0
    first = (keys / "current").resolve()
    assert rotate(keys).returncode == 0
    second = (keys / "current").resolve()
    past = time.time() - 40 * 86400
    os.utime(first, (past, past))  # not the one that signs: tokens signed just before a rotation are to stay good
    assert rotate(keys, KEEP_DAYS="30").returncode == 0
    assert not first.exists()
    assert second.exists(), "a young key still verifies"
    assert (keys / "current").resolve().exists()


def test_current_never_points_nowhere():
    keys = folder()
    rotate(keys)
    watch = (
        "import os, sys\nwhile not os.path.exists(sys.argv[2]):\n    open(os.path.join(sys.argv[1], 'current')).read()"
    )
    stop = Path(tempfile.mkdtemp()) / "stop"
    watcher = subprocess.Popen([sys.executable, "-c", watch, str(keys), str(stop)], stderr=subprocess.PIPE, text=True)
    for _ in range(25):
        assert rotate(keys).returncode == 0
    stop.touch()
    _, complaint = watcher.communicate(timeout=60)
    assert watcher.returncode == 0, complaint


def test_compose_mounts_the_keys_read_only():
    service = yaml.safe_load((HERE / "compose.yaml").read_text())["services"]["tokens"]
    mounts = [
        each
        if isinstance(each, dict)
        else dict(zip(("source", "target", "mode"), re.sub(r"\$\{[^}]*\}", "host", each).split(":")))
        for each in service.get("volumes", [])
    ]
    (mount,) = [each for each in mounts if str(each.get("target", "")).startswith("/run/secrets")]
    assert mount.get("read_only") is True or "ro" in str(mount.get("mode", "")).split(",")
    assert not re.search(r"SIGNING_KEY\s*[:=]\s*\S", str(service.get("environment", "")))


def test_the_tests_pass():
    environment = {name: value for name, value in os.environ.items() if name != "TOKEN_KEYS"}
    done = subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"Ran (\d+) test", done.stderr).group(1)) >= 3


def test_there_is_a_runbook():
    assert "rotate-key.sh" in (HERE / "docs/runbooks/key-rotation.md").read_text()
