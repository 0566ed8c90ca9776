"""The dashboard as Grafana would read it, the script tried on dashboards with a fault each."""

import copy
import json
import re
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path.cwd()
METRICS = {"gateway_requests_total", "gateway_request_duration_seconds_bucket", "gateway_build_info", "up", "process_cpu_seconds_total", "gateway_cpu_limit_cores",
           "process_resident_memory_bytes", "gateway_memory_limit_bytes"}  # fmt: skip


def dashboard():
    return json.loads((HERE / "monitoring/dashboards/gateway.json").read_text())


def panels(kind=None):
    found = [each for each in dashboard()["panels"] if each["type"] != "row"]
    return [each for each in found if kind in (None, each["type"])]


def expressions(panel):
    return [target["expr"] for target in panel["targets"]]


def test_the_head():
    found = dashboard()
    assert (found["uid"], found["title"], found["refresh"], found["time"]["from"], found["timezone"]) == (
        "gateway-oncall",
        "Gateway",
        "30s",
        "now-3h",
        "utc",
    )
    assert {"gateway", "on-call"} <= set(found["tags"]) and isinstance(found["schemaVersion"], int)


def test_the_variables():
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    region = variables["region"]
    assert (
        "gateway_requests_total" in json.dumps(region["query"])
        and "region" in json.dumps(region["query"])
        and region["multi"] is True
        and region["includeAll"] is True
    )
    assert "All" in json.dumps(region.get("current", "All")) or "$__all" in json.dumps(region["current"])


def source(each):
    found = each.get("datasource")
    return found.get("uid") if isinstance(found, dict) else found


def test_every_query_heeds_both_variables():
    for panel in panels():
        for target in panel["targets"]:
            assert source(target) in ("${datasource}", "$datasource") or source(panel) in (
                "${datasource}",
                "$datasource",
            ), panel["title"]
            selectors = re.findall(
                r"([a-z_]+(?:_total|_bucket|_info|_cores|_bytes)|\bup)\s*(\{[^}]*\})?", target["expr"]
            )
            assert selectors and all(
                re.search(r"region\s*=~\s*\"(\$region|\$\{region(:\w+)?\})\"", labels) for _, labels in selectors
            ), target["expr"]


def test_only_metrics_that_there_are():
    for panel in panels():
        for expr in expressions(panel):
            text = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expr)
            names = {each for each in re.findall(r"\b[a-z_]{2,}\b(?!\s*\()", text) if "_" in each or each == "up"}
            names -= {"group_left", "group_right", "__rate_interval", "__interval", "__range"}
            assert names <= METRICS, names - METRICS


def test_four_stats_on_top_and_four_time_series_below():
    stats, series = panels("stat"), panels("timeseries")
    assert len(stats) == 4 and len(series) == 4 and len({each["gridPos"]["y"] for each in stats}) == 1
    assert max(each["gridPos"]["y"] for each in stats) < min(each["gridPos"]["y"] for each in series)
    for panel in stats + series:
        assert panel["fieldConfig"]["defaults"]["unit"] and panel["description"]


def steps(panel):
    return [(each["color"], each["value"]) for each in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def test_the_thresholds():
    errors = next(each for each in panels("stat") if "5.." in expressions(each)[0] or "5[0-9]" in expressions(each)[0])
    scale = 100 if "100" in expressions(errors)[0] else 1
    found = steps(errors)
    assert [color for color, _ in found] == ["green", "orange", "red"] and [value for _, value in found[1:]] == [
        0.001 * scale,
        0.01 * scale,
    ]
    assert errors["fieldConfig"]["defaults"]["unit"] == ("percent" if scale == 100 else "percentunit")
    slow = next(each for each in panels("stat") if "histogram_quantile" in expressions(each)[0])
    scale = 1000 if slow["fieldConfig"]["defaults"]["unit"] == "ms" else 1
    assert "0.99" in expressions(slow)[0] and steps(slow)[-1] == ("red", 0.5 * scale)


def test_the_time_series():
    texts = [" ".join(expressions(each)) for each in panels("timeseries")]
    assert any("code" in text and re.search(r"by\s*\([^)]*code", text) for text in texts)
    assert any(re.search(r"by\s*\([^)]*region", text) and "5" in text for text in texts)
    durations = next(text for text in texts if "histogram_quantile" in text)
    assert all(each in durations for each in ("0.5", "0.9", "0.99"))
    saturation = next(each for each in panels("timeseries") if "gateway_cpu_limit_cores" in " ".join(expressions(each)))
    assert "gateway_memory_limit_bytes" in " ".join(expressions(saturation)) and 100 in [
        value for _, value in steps(saturation)
    ]


def test_deployments_are_annotations():
    found = [each for each in dashboard()["annotations"]["list"] if "gateway_build_info" in json.dumps(each)]
    assert found and source(found[0]) in ("${datasource}", "$datasource")


def test_the_provisioning():
    (provider,) = yaml.safe_load((HERE / "monitoring/provisioning/dashboards.yaml").read_text())["providers"]
    assert (
        provider["folder"] == "On-call"
        and provider["type"] == "file"
        and provider["options"]["path"] == "/etc/grafana/dashboards"
    )
    assert provider.get("allowUiUpdates", False) is False


def check(change=lambda board: None):
    place = Path(tempfile.mkdtemp())
    board = copy.deepcopy(dashboard())
    change(board)
    (place / "some.json").write_text(json.dumps(board))
    return subprocess.run(
        ["python3", str(HERE / "scripts/check-dashboards.py"), str(place)],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
    )


def stat(board, number=0):
    return [each for each in board["panels"] if each["type"] == "stat"][number]


def test_the_script_passes_what_is_well():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


FAULTS = {
    "overlap": lambda board: stat(board, 1).update(gridPos=dict(stat(board)["gridPos"])),
    "duplicate id": lambda board: stat(board, 1).update(id=stat(board)["id"]),
    "no unit": lambda board: stat(board, 1)["fieldConfig"]["defaults"].pop("unit"),
    "no description": lambda board: stat(board, 1).pop("description"),
    "hard-coded": lambda board: (
        stat(board, 1).update(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}),
        [
            target.update(datasource={"type": "prometheus", "uid": "P1809F7CD0C75ACF3"})
            for target in stat(board, 1)["targets"]
        ],
    ),
}


def test_the_script_finds_each_fault():
    title = stat(dashboard(), 1)["title"]
    for name, fault in FAULTS.items():
        done = check(fault)
        assert done.returncode == 1, name
        assert "some.json" in done.stdout + done.stderr and title in done.stdout + done.stderr, name


def test_nothing_overlaps_or_is_too_wide():
    found = dashboard()["panels"]
    assert len({each["id"] for each in found}) == len(found) and all(
        each["gridPos"]["x"] + each["gridPos"]["w"] <= 24 for each in found
    )
