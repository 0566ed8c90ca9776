#!/bin/bash
set -euo pipefail
mkdir -p systemd scripts docs/runbooks
cat >systemd/parcels-report.service <<'UNIT'
[Unit]
Description=Report of yesterday's parcels

[Service]
Type=oneshot
User=parcels
WorkingDirectory=/opt/parcels
Environment=REPORT_DIR=/var/lib/parcels/reports
ExecStart=/opt/parcels/scripts/nightly.sh
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ReadWritePaths=/var/lib/parcels/reports
UNIT
cat >systemd/parcels-report.timer <<'UNIT'
[Unit]
Description=Each night, the report of yesterday's parcels

[Timer]
OnCalendar=*-*-* 02:30:00 UTC
Persistent=yes
RandomizedDelaySec=5min
Unit=parcels-report.service

[Install]
WantedBy=timers.target
UNIT
cat >scripts/nightly.sh <<'SH'
#!/bin/bash
# Makes yesterday's report and keeps the newest 30.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${REPORT_DIR:-/var/lib/parcels/reports}
day=$(date -u -d yesterday +%F)
mkdir -p "$dir"
work=$(mktemp -d "$dir/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT
REPORT_DIR=$work python3 report.py "$day"
mv "$work/report-$day.csv" "$dir/"
find "$dir" -maxdepth 1 -name 'report-*.csv' -printf '%f\n' | sort -r | tail -n +31 | while read -r old; do rm -f "$dir/$old"; done
SH
chmod 755 scripts/nightly.sh
cat >tests/test_nightly.py <<'PY'
import datetime
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

YESTERDAY = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date().isoformat()


class Nightly(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        for day in range(1, 32):
            (self.folder / f"report-2020-01-{day:02d}.csv").write_text("old")

    def run_it(self, count):
        data = self.folder / "data"
        data.write_text(f"date,city,count\n{YESTERDAY},Oslo,{count}\n")
        environment = {**os.environ, "REPORT_DIR": str(self.folder), "PARCELS_DATA": str(data)}
        return subprocess.run(["scripts/nightly.sh"], env=environment, capture_output=True)

    def test_yesterday_is_made_and_thirty_are_kept(self):
        self.assertEqual(self.run_it(3).returncode, 0)
        self.assertIn("Oslo,3", (self.folder / f"report-{YESTERDAY}.csv").read_text())
        self.assertEqual(len(list(self.folder.glob("report-*.csv"))), 30)

    def test_a_failure_deletes_nothing(self):
        self.assertNotEqual(self.run_it(-1).returncode, 0)
        self.assertEqual(len(list(self.folder.glob("report-*.csv"))), 31)
PY
cat >docs/runbooks/nightly-report.md <<'MD'
# Nightly report

Install: `cp systemd/parcels-report.* /etc/systemd/system/ && systemctl enable --now parcels-report.timer`.
Last run: `journalctl -u parcels-report -n 50`. By hand: `systemctl start parcels-report`. A missed day: `REPORT_DIR=/var/lib/parcels/reports python3 report.py DATE`.
MD
