"""The script tried on folders of the test's own, the units by what they say."""

import configparser
import datetime
import os
import subprocess
import tempfile
from pathlib import Path

HERE = Path.cwd()
YESTERDAY = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date().isoformat()


def run(old=0, count=5):
    folder = Path(tempfile.mkdtemp())
    data = folder / "data.csv"
    data.write_text(f"date,city,count\n{YESTERDAY},Oslo,{count}\n")
    reports = folder / "reports"
    reports.mkdir()
    for number in range(old):
        (reports / f"report-2020-{1 + number // 28:02d}-{1 + number % 28:02d}.csv").write_text("old")
    environment = {**os.environ, "REPORT_DIR": str(reports), "PARCELS_DATA": str(data)}
    done = subprocess.run(
        [str(HERE / "scripts/nightly.sh")], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60
    )
    return done, reports


def names(reports):
    return sorted(path.name for path in reports.iterdir())


def test_yesterdays_report_is_made():
    done, reports = run()
    assert done.returncode == 0, done.stderr
    assert (
        names(reports) == [f"report-{YESTERDAY}.csv"] and "Oslo,5" in (reports / f"report-{YESTERDAY}.csv").read_text()
    )


def test_thirty_are_kept_the_newest():
    done, reports = run(old=33)
    assert done.returncode == 0 and len(names(reports)) == 30
    assert names(reports)[0] == "report-2020-01-05.csv" and f"report-{YESTERDAY}.csv" in names(reports)


def test_a_failed_report_leaves_everything_as_it_was():
    done, reports = run(old=33, count=-1)
    assert (
        done.returncode != 0
        and len(names(reports)) == 33
        and all(name.startswith("report-2020") for name in names(reports))
    )


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(HERE / "systemd" / name)
    return parser


def test_the_service_is_hardened():
    service = unit("parcels-report.service")["Service"]
    assert (
        service["Type"] == "oneshot" and service["User"] == "parcels" and service["WorkingDirectory"] == "/opt/parcels"
    )
    assert "nightly.sh" in service["ExecStart"]
    on = ("yes", "true", "1", "on")
    assert (
        service["NoNewPrivileges"].lower() in on
        and service["PrivateTmp"].lower() in on
        and service["ProtectSystem"] in ("strict", "full")
    )
    assert service["ReadWritePaths"] == "/var/lib/parcels/reports" or "parcels" in service.get("StateDirectory", "")


def test_the_timer_fires_at_night_and_catches_up():
    timer = unit("parcels-report.timer")["Timer"]
    assert "02:30" in timer["OnCalendar"] and "UTC" in timer["OnCalendar"]
    assert timer["Persistent"].lower() in ("yes", "true", "1", "on")
    assert timer["RandomizedDelaySec"].replace(" ", "") in ("5min", "5m", "300", "300s", "5minutes")
    assert timer.get("Unit", "parcels-report.service") == "parcels-report.service"
    assert unit("parcels-report.timer")["Install"]["WantedBy"] == "timers.target"


def test_its_own_tests_pass_and_can_fail():
    done = subprocess.run(
        ["python3", "-m", "unittest", "tests.test_nightly"], cwd=HERE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "Ran 0 tests" not in done.stderr, done.stderr
    script = HERE / "scripts/nightly.sh"
    text, mode = script.read_text(), script.stat().st_mode
    try:
        script.write_text("#!/bin/bash\nexit 0\n")
        script.chmod(mode)
        broken = subprocess.run(
            ["python3", "-m", "unittest", "tests.test_nightly"],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        script.write_text(text)
    assert broken.returncode != 0, "tests that pass without the script test nothing"


def test_the_runbook_is_there():
    text = (HERE / "docs/runbooks/nightly-report.md").read_text()
    assert "systemctl" in text and "journalctl" in text
