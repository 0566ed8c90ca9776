"""What the issue asked for, tried on databases of the test's own."""

import gzip
import os
import sqlite3
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()


def store(rows=3, name="orders.db"):
    place = Path(tempfile.mkdtemp())
    db = place / name
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, count INTEGER)")
    connection.executemany("INSERT INTO orders (item, count) VALUES (?, ?)", [(f"item {n}", n) for n in range(rows)])
    connection.commit()
    return place, db, connection


def run(script, *args, db, backups, **env):
    environment = {**os.environ, "ORDERS_DB": str(db), "BACKUP_DIR": str(backups), **env}
    return subprocess.run(
        [str(HERE / "scripts" / script), *args], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )


def rows(db):
    return sqlite3.connect(db).execute("SELECT item, count FROM orders ORDER BY id").fetchall()


def kept(backups):
    return sorted(path.name for path in backups.glob("orders-*.db.gz"))


def test_a_backup_is_consistent_while_the_service_writes():
    place, db, connection = store(5)
    connection.execute("INSERT INTO orders (item, count) VALUES ('committed, still in the log', 1)")
    connection.commit()
    done = run("backup.sh", db=db, backups=place / "b")
    assert done.returncode == 0, done.stderr
    (name,) = kept(place / "b")
    copy = place / "copy.db"
    copy.write_bytes(gzip.decompress((place / "b" / name).read_bytes()))
    assert len(rows(copy)) == 6
    check = subprocess.run(["sha256sum", "-c", f"{name}.sha256"], cwd=place / "b", capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_name_is_a_utc_time():
    place, db, _ = store()
    assert run("backup.sh", db=db, backups=place / "b").returncode == 0
    (name,) = kept(place / "b")
    stamp = name.removeprefix("orders-").removesuffix(".db.gz")
    assert len(stamp) == 16 and stamp[8] == "T" and stamp.endswith("Z"), name


def test_a_missing_or_damaged_database_leaves_nothing():
    place = Path(tempfile.mkdtemp())
    assert run("backup.sh", db=place / "none.db", backups=place / "b").returncode != 0
    (place / "bad.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    assert run("backup.sh", db=place / "bad.db", backups=place / "b").returncode != 0
    left = [path for path in (place / "b").rglob("*") if path.is_file()] if (place / "b").exists() else []
    assert left == []


def test_old_backups_go_with_their_checksums():
    place, db, _ = store()
    (place / "b").mkdir()
    for day in range(1, 10):
        name = f"orders-2020010{day}T000000Z.db.gz"
        (place / "b" / name).write_bytes(b"x")
        (place / "b" / f"{name}.sha256").write_text("x")
    assert run("backup.sh", db=db, backups=place / "b", BACKUP_KEEP="3").returncode == 0
    names = kept(place / "b")
    assert len(names) == 3 and names[:2] == ["orders-20200108T000000Z.db.gz", "orders-20200109T000000Z.db.gz"]
    assert sorted(path.name.removesuffix(".sha256") for path in (place / "b").glob("*.sha256")) == names


def test_restore_brings_back_what_was_lost_and_keeps_what_it_replaces():
    place, db, connection = store(4)
    assert run("backup.sh", db=db, backups=place / "b").returncode == 0
    connection.execute("DELETE FROM orders WHERE id > 1")
    connection.commit()
    connection.close()
    (name,) = kept(place / "b")
    done = run("restore.sh", str(place / "b" / name), db=db, backups=place / "b")
    assert done.returncode == 0, done.stderr
    assert len(rows(db)) == 4
    assert len(rows(Path(f"{db}.before-restore"))) == 1


def test_a_damaged_backup_is_refused_and_nothing_is_touched():
    place, db, connection = store(4)
    assert run("backup.sh", db=db, backups=place / "b").returncode == 0
    connection.execute("DELETE FROM orders WHERE id > 2")
    connection.commit()
    connection.close()
    (name,) = kept(place / "b")
    damaged = place / "b" / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged.write_bytes(bytes(content))
    assert run("restore.sh", str(damaged), db=db, backups=place / "b").returncode != 0
    assert len(rows(db)) == 2


def test_the_runbook_names_both_commands():
    text = (HERE / "docs/runbooks/disaster-recovery.md").read_text()
    assert "scripts/backup.sh" in text and "scripts/restore.sh" in text
