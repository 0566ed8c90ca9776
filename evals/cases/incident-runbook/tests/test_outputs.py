"""The script tried on other logs, alerts and runbooks held to each other, the report held to the logs."""

import re
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()


def triage(*args):
    return subprocess.run(
        [str(HERE / "scripts/triage.sh"), *args], cwd=HERE, capture_output=True, text=True, timeout=60
    )


def log(*lines):
    path = Path(tempfile.mkdtemp()) / "a log.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_the_three_most_frequent_errors_in_order():
    lines = [f"2026-01-01T00:00:0{n}Z INFO fine" for n in range(3)]
    for code, count in (("B", 4), ("A", 9), ("D", 1), ("C", 2)):
        lines += [f"2026-01-01T00:01:{n:02d}Z ERROR {code} text with ERROR in it" for n in range(count)]
    done = triage(log(*lines))
    assert done.returncode == 1
    assert [line.split() for line in done.stdout.splitlines() if re.match(r"\s*\d+ ", line)] == [
        ["9", "A"],
        ["4", "B"],
        ["2", "C"],
    ]
    assert "first error: 2026-01-01T00:01:00Z" in done.stdout


def test_a_log_without_errors_is_fine():
    assert triage(log("2026-01-01T00:00:00Z INFO no ERROR here", "2026-01-01T00:00:01Z WARN x")).returncode == 0
    assert triage(log()).returncode == 0


def test_what_cannot_be_read_is_told_apart():
    assert triage("/nowhere/at/all").returncode == 2


def test_last_night_s_log():
    done = triage(str(HERE / "incident/relay.log"))
    assert done.stdout.splitlines()[0].split() == ["55", "SPOOL_WRITE"] and "02:20:03" in done.stdout


def rules():
    return [
        rule
        for group in yaml.safe_load((HERE / "monitoring/alerts.yaml").read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def kebab(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def seconds(text):
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def test_every_alert_has_what_the_person_woken_needs():
    for rule in rules():
        path = f"docs/runbooks/{kebab(rule['alert'])}.md"
        assert path in rule["annotations"]["runbook_url"], rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket") and seconds(rule["for"]) >= 60
        text = (HERE / path).read_text()
        commands = re.findall(r"(?m)^(?:    |\t)\S.*|`[^`\n]+`|(?s:```.*?```)", text)
        assert len(commands) >= 2 and re.search(r"kubectl|scripts/", text), path


def test_the_old_alerts_still_mean_the_same():
    before = {
        "RelayDown": 'up{job="relay"} == 0',
        "MailQueueFull": "relay_queue_messages / relay_queue_capacity_messages > 0.9",
    }
    found = {rule["alert"]: " ".join(rule["expr"].split()) for rule in rules()}
    assert {name: found.get(name) for name in before} == before and "DeliveryFailing" in found


def test_the_missing_alert_warns_before_the_disk_is_full():
    new = [rule for rule in rules() if "relay_spool_used_bytes" in rule["expr"]]
    assert new and all("relay_spool_size_bytes" in rule["expr"] for rule in new)
    assert all(not re.search(r"(==|>=)\s*1(\.0+)?\s*$", rule["expr"].strip()) for rule in new)


def test_the_report_says_what_the_logs_say():
    text = (HERE / "docs/incidents/2026-03-14-mail-relay.md").read_text()
    for time in ("02:20", "02:31", "02:36", "03:18"):
        assert time in text, f"{time} is missing"
    assert re.search(r"spool|no space|disk", text, re.IGNORECASE)
    times = set(re.findall(r"\b0[23]:\d\d:\d\d\b", text))
    logs = (HERE / "incident/relay.log").read_text() + (HERE / "incident/pager.log").read_text()
    assert all(time in logs for time in times), f"not in any log: {[time for time in times if time not in logs]}"
