"""Grafana dashboards: what Grafana would refuse or show wrongly, and PromQL with its variables."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

Judge = Callable[[Mapping[str, str], str], list[str]]

PROMETHEUS = {"type": "prometheus", "uid": "${source}"}
GOOD: dict[str, Any] = {
    "title": "Shop",
    "uid": "shop-overview",
    "schemaVersion": 39,
    "tags": ["shop"],
    "time": {"from": "now-6h", "to": "now"},
    "templating": {
        "list": [
            {"name": "source", "type": "datasource", "query": "prometheus"},
            {"name": "job", "type": "query", "datasource": PROMETHEUS, "query": 'label_values(up{job=~".+"}, job)'},
            {"name": "by", "type": "custom", "query": "pod,node"},
        ]
    },
    "panels": [
        {"id": 1, "type": "row", "title": "Traffic", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}, "panels": []},
        {
            "id": 2,
            "type": "timeseries",
            "title": "Requests",
            "datasource": PROMETHEUS,
            "gridPos": {"h": 8, "w": 12, "x": 0, "y": 1},
            "targets": [
                {"refId": "A", "expr": 'sum by ($by) (rate(requests_total{job="$job"}[$__rate_interval]))'},
                {"refId": "B", "expr": "max_over_time(up{job=~\"$job\"}[${__range_s}s:1m]) # all"},
            ],
        },
        {
            "id": 3,
            "type": "logs",
            "title": "Logs",
            "datasource": {"type": "loki", "uid": "loki"},
            "gridPos": {"h": 8, "w": 12, "x": 12, "y": 1},
            "targets": [{"refId": "A", "expr": '{job="$job"} |= "error" | json'}],
        },
    ],
}  # fmt: skip

FAULTS = [
    ('"title": "Shop"', '"titel": "Shop"', "the dashboard has no title"),
    ('"shop-overview"', '"shop overview"', "uid 'shop overview'"),
    ('"schemaVersion": 39', '"schemaVersion": "39"', "schemaVersion must be a whole number"),
    ('"tags": ["shop"]', '"tags": "shop"', "tags must be a list"),
    ('"h": 8, "w": 12, "x": 12', '"h": 8, "w": 12, "x": 18', "x + w is more than the grid's 24 columns"),
    ('"h": 8, "w": 12, "x": 12', '"h": "8", "w": 12, "x": 12', "gridPos.h must be a number"),
    ('"id": 3', '"id": 2', "another panel has the id 2 already"),
    ('"type": "timeseries"', '"tpye": "timeseries"', "panel 'Requests' has no type"),
    ('"targets": [{"refId": "A", "expr": "sum', '"tragets": [{"refId": "A", "expr": "sum', "unknown key 'tragets'"),
    ('"refId": "B"', '"refId": "A"', "another target of the panel has the refId 'A'"),
    ('"expr": "max', '"exp": "max', "unknown key 'exp'; 'expr' was meant?"),
    ("[$__rate_interval]", "", "Requests: "),
    ("sum by ($by) (rate", "sum by ($by (rate", "Requests: "),
    ('$job\\"}[$__rate', '$jobb\\"}[$__rate', "the dashboard has no variable 'jobb'; 'job' was meant?"),
    ('"type": "custom"', '"type": "costum"', "variable 'by': 'costum' is no type of variable"),
    ('"name": "by"', '"name": "job"', "there are two variables 'job'"),
    (", job)", ", job", "variable job: a bracket is not closed"),
]  # fmt: skip
"""What to replace in the good dashboard's JSON, by what, and what is said of it."""


def test_a_good_dashboard_stays_silent_and_its_logs_are_not_read_as_metrics(judge: Judge) -> None:
    assert judge({"shop.json": json.dumps(GOOD, indent="\t")}, "grafana") == []


def test_a_dashboard_as_the_api_takes_it_is_read_too(judge: Judge) -> None:
    found = judge(
        {"shop.json": json.dumps({"dashboard": {**GOOD, "title": ""}, "overwrite": True}, indent=1)}, "grafana"
    )
    assert [each.split(": ", 1)[0] for each in found] == ["shop.json:2"]


@pytest.mark.parametrize(("old", "new", "message"), FAULTS)
def test_each_fault_is_told(judge: Judge, old: str, new: str, message: str) -> None:
    text = json.dumps(GOOD)
    assert old in text
    found = judge({"shop.json": text.replace(old, new, 1)}, "grafana")
    assert [each for each in found if message in each] != [], found


def test_a_fault_stands_at_its_line(judge: Judge) -> None:
    lines = json.dumps(GOOD, indent=1).replace("max_over_time(", "max_over_time((").splitlines()
    number = next(number for number, line in enumerate(lines, 1) if "max_over_time" in line)
    found = judge({"shop.json": "\n".join(lines)}, "grafana")
    assert [each.split(": ", 1)[0] for each in found] == [f"shop.json:{number}"]


def test_what_is_no_json_is_left_to_the_reader_of_json(judge: Judge) -> None:
    assert judge({"shop.json": json.dumps(GOOD)[:-1]}, "grafana") == ["shop.json: it cannot be read as JSON"]


def test_legends_in_braces_make_no_template_of_broken_json(judge: Judge) -> None:
    text = json.dumps({**GOOD, "description": "{{instance}}"}, indent=1)
    found = judge({"shop.json": text[:-1] + ",}"}, "json")
    assert [each.split(": ", 1)[0] for each in found] == [f"shop.json:{text.count(chr(10)) + 1}"]


def test_json_whose_braces_stand_outside_of_strings_is_a_template(judge: Judge) -> None:
    assert judge({"a.json": '{"replicas": {{ count }}}'}, "json") == [
        "a.json: a template, which is no JSON before it is filled in"
    ]
