"""The rules by what they do to series of the test's own, judged by promtool."""

import re
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()
RULES = HERE / "monitoring/rules.yml"


def promtool(*args, cwd=HERE):
    return subprocess.run(["promtool", *args], cwd=cwd, capture_output=True, text=True, timeout=120)


def rules():
    return {
        rule["alert"]: rule
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def fires(alert, minute, series, labels=None):
    """Whether an alert fires at that minute; with its labels where they are given."""
    place = Path(tempfile.mkdtemp())
    (place / "rules.yml").write_text(RULES.read_text())
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series.items()],
                   "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}]}],
    }  # fmt: skip
    (place / "test.yml").write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", "test.yml", cwd=place)
    text = done.stdout + done.stderr
    if done.returncode == 0:
        return False
    assert "got:[" in re.sub(r"\s+", "", text) and "exp:[]" in re.sub(r"\s+", "", text), text
    assert labels is None or labels in text, text
    return True


def requests(region, good, bad):
    return {
        f'http_requests_total{{job="payments",region="{region}",code="200"}}': good,
        f'http_requests_total{{job="payments",region="{region}",code="503"}}': bad,
    }


def test_the_file_is_valid_and_its_own_tests_pass():
    assert promtool("check", "rules", str(RULES)).returncode == 0
    done = promtool("test", "rules", "rules_test.yml", cwd=HERE / "monitoring")
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_hold_each_alert_both_ways():
    tests = yaml.safe_load((HERE / "monitoring/rules_test.yml").read_text())["tests"]
    seen = {
        (each["alertname"], bool(each.get("exp_alerts"))) for test in tests for each in test.get("alert_rule_test", [])
    }
    assert {(name, fired) for name in rules() for fired in (True, False)} <= seen


def test_the_recording_rule():
    place = Path(tempfile.mkdtemp())
    (place / "rules.yml").write_text(RULES.read_text())
    test = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [{"interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in {**requests("eu", "0+90x60", "0+10x60"), **requests("us", "0+60x60", "0+0x60")}.items()],
            "promql_expr_test": [{"expr": 'payments:error_ratio:rate5m{region="eu"}', "eval_time": "30m", "exp_samples": [{"labels": 'payments:error_ratio:rate5m{region="eu"}', "value": 0.1}]}]}]}  # fmt: skip
    (place / "test.yml").write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", "test.yml", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr


def test_errors_page_by_region():
    assert fires(
        "PaymentsErrorBudgetBurn",
        90,
        {**requests("eu", "0+98x120", "0+2x120"), **requests("us", "0+100x120", "0+0x120")},
        'region="eu"',
    )
    assert not fires("PaymentsErrorBudgetBurn", 90, requests("eu", "0+990x120", "0+10x120"))


def test_an_old_burst_and_a_short_one_do_not_page():
    assert not fires("PaymentsErrorBudgetBurn", 119, requests("eu", "0+100x120", "0+50x70 3500x50")), (
        "five minutes are clean again"
    )
    assert not fires("PaymentsErrorBudgetBurn", 118, requests("eu", "0+1000x120", "0x116 0+20x4")), (
        "the hour is still within"
    )


def test_no_traffic_does_not_page():
    assert not fires("PaymentsErrorBudgetBurn", 90, requests("eu", "5x120", "0x120"))
    assert not fires("PaymentsErrorBudgetBurn", 90, requests("eu", "5x120", "5x120"))


def histogram(region, fast):
    name = "http_request_duration_seconds_bucket"
    return {f'{name}{{job="payments",region="{region}",le="0.5"}}': f"0+{fast}x60", f'{name}{{job="payments",region="{region}",le="1"}}': f"0+{fast}x60", f'{name}{{job="payments",region="{region}",le="+Inf"}}': "0+100x60",
            f'{name}{{job="payments",region="{region}",le="2"}}': "0+100x60"}  # fmt: skip


def test_slow_answers_make_a_ticket():
    assert fires("PaymentsSlow", 30, histogram("eu", 90), 'region="eu"')
    assert not fires("PaymentsSlow", 30, histogram("eu", 100)) and not fires("PaymentsSlow", 8, histogram("eu", 90))


def test_an_absent_service_pages():
    assert fires("PaymentsAbsent", 10, {}) and not fires("PaymentsAbsent", 3, {})
    assert not fires("PaymentsAbsent", 10, {'up{job="payments",instance="a"}': "1x20"})


def test_a_stuck_queue_pages():
    length, done = (
        'payments_queue_length{region="eu",instance="a"}',
        'payments_processed_total{region="eu",instance="a"}',
    )
    assert fires("PaymentsQueueStuck", 40, {length: "4x60", done: "9x60"}, 'region="eu"')
    assert not fires("PaymentsQueueStuck", 40, {length: "4x60", done: "0+1x60"})
    assert not fires("PaymentsQueueStuck", 40, {length: "0x60", done: "9x60"}) and not fires(
        "PaymentsQueueStuck", 10, {length: "4x60", done: "9x60"}
    )


def test_severities_and_annotations():
    found = rules()
    assert {name: rule["labels"]["severity"] for name, rule in found.items()} == {
        "PaymentsErrorBudgetBurn": "page", "PaymentsSlow": "ticket", "PaymentsAbsent": "page", "PaymentsQueueStuck": "page"}  # fmt: skip
    runbook = (HERE / "docs/runbooks/payments.md").read_text()
    for name, rule in found.items():
        assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
        assert "docs/runbooks/payments.md" in rule["annotations"]["runbook_url"]
        assert re.search(rf"(?m)^#+ .*{name}", runbook), name
        if name != "PaymentsAbsent":
            assert "labels.region" in rule["annotations"]["description"]
