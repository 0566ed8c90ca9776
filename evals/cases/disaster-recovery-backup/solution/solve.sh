#!/bin/bash
# The reference solution, run in the workspace.
set -euo pipefail
mkdir -p scripts docs/runbooks
cat >scripts/backup.sh <<'SH'
#!/bin/bash
# Writes a consistent, compressed copy of the orders database and its checksum, then deletes what is too old.
set -euo pipefail
umask 077
db=${ORDERS_DB:-data/orders.db}
dir=${BACKUP_DIR:-backups}
keep=${BACKUP_KEEP:-7}
[[ $keep =~ ^[1-9][0-9]*$ ]] || { echo "backup: BACKUP_KEEP must be a number above 0, not '$keep'" >&2; exit 2; }
[ -f "$db" ] || { echo "backup: $db: no such database" >&2; exit 1; }
mkdir -p "$dir"
name=orders-$(date -u +%Y%m%dT%H%M%SZ).db.gz
work=$(mktemp -d "$dir/.backup.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 - "$db" "$work/copy.db" <<'PY'
import sqlite3
import sys

try:
    source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
    copy = sqlite3.connect(sys.argv[2])
    source.backup(copy)
    answer = copy.execute("PRAGMA integrity_check").fetchone()[0]
except sqlite3.Error as error:
    sys.exit(f"backup: {sys.argv[1]}: {error}")
if answer != "ok":
    sys.exit(f"backup: {sys.argv[1]}: integrity check: {answer}")
copy.close()
PY
gzip -c "$work/copy.db" >"$work/$name"
(cd "$work" && sha256sum "$name" >"$name.sha256")
mv "$work/$name.sha256" "$work/$name" "$dir/"
echo "$dir/$name"
find "$dir" -maxdepth 1 -name 'orders-*.db.gz' -printf '%f\n' | sort -r | tail -n +$((keep + 1)) | while read -r old; do
    [ "$old" = "$name" ] || rm -f "$dir/$old" "$dir/$old.sha256"
done
SH
cat >scripts/restore.sh <<'SH'
#!/bin/bash
# Restores one backup to the orders database; refuses what does not match its checksum.
set -euo pipefail
umask 077
[ $# -eq 1 ] || { echo "usage: scripts/restore.sh FILE" >&2; exit 2; }
file=$1
db=${ORDERS_DB:-data/orders.db}
[ -f "$file" ] || { echo "restore: $file: no such backup" >&2; exit 1; }
[ -f "$file.sha256" ] || { echo "restore: $file.sha256 is missing: not restored" >&2; exit 1; }
(cd "$(dirname "$file")" && sha256sum --quiet --strict -c "$(basename "$file").sha256") || {
    echo "restore: $file does not match its checksum: not restored" >&2
    exit 1
}
mkdir -p "$(dirname "$db")"
work=$(mktemp "$(dirname "$db")/.restore.XXXXXX")
trap 'rm -f "$work"' EXIT
gzip -dc "$file" >"$work"
python3 - "$work" <<'PY'
import sqlite3
import sys

try:
    answer = sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0]
except sqlite3.Error as error:
    answer = str(error)
if answer != "ok":
    sys.exit(f"restore: the backup is damaged: {answer}")
PY
if [ -f "$db" ]; then
    python3 - "$db" "$db.before-restore" <<'PY'
import os
import shutil
import sqlite3
import sys

if os.path.exists(sys.argv[2]):
    os.remove(sys.argv[2])
try:
    sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))
except sqlite3.Error:  # what is replaced may be damaged: keep it as it is
    shutil.copyfile(sys.argv[1], sys.argv[2])
PY
fi
rm -f "$db-wal" "$db-shm"
mv "$work" "$db"
trap - EXIT
echo "restored $file to $db"
SH
chmod 755 scripts/*.sh
cat >docs/runbooks/disaster-recovery.md <<'MD'
# Disaster recovery of the orders database

Run `scripts/backup.sh` from cron every hour: at most one hour of orders is lost (plus what was taken during the run).

## Restore

1. Stop the service.
2. `ls -t backups/` and choose a backup; `sha256sum -c` its checksum file.
3. `scripts/restore.sh backups/orders-YYYYMMDDTHHMMSSZ.db.gz`
4. `python3 -m orders list | tail` and start the service. What was replaced is `data/orders.db.before-restore`.

## Rehearse, each quarter

    export ORDERS_DB=/tmp/rehearsal/orders.db BACKUP_DIR=/tmp/rehearsal/backups
    mkdir -p /tmp/rehearsal && python3 -m orders init && python3 -m orders add rehearsal 1
    file=$(scripts/backup.sh) && rm "$ORDERS_DB"* && scripts/restore.sh "$file" && python3 -m orders list
MD
