"""What the programs themselves say of a configuration as they load it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from agency_tools.image.recipe import tool_paths
from agency_tools.validators.inside import actions, charts, loaded, prometheus, secrets
from agency_tools.validators.inside.document import UNQUOTED, Fault, is_placeholder, parsed
from agency_tools.validators.inside.engine import sources_of
from agency_tools.validators.inside.running import Runner
from agency_tools.validators.inside.values import Finding, Unchecked, Validator


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace's own commands, before the machine's."""
    monkeypatch.setenv("PATH", ":".join([*tool_paths(), *("/usr/local/bin", "/usr/bin", "/bin")]))


def judged(root: Path, files: Mapping[str, str], validator: Validator) -> list[Finding | Unchecked]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    sources = [source for source in sources_of(str(root), list(files)) if source.kinds & validator.kinds]
    return list(validator.check(sources, Runner(str(root))))


def told(said: list[Finding | Unchecked]) -> list[tuple[str, int, str]]:
    return [(each.path, each.line, each.message) for each in said if isinstance(each, Finding)]


needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform here")


@needs_terraform
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('variable "n" {\n  type = strng\n}\n', 2, "Invalid type specification"),
        ('variable "n" {\n  type    = number\n  default = "x"\n}\n', 3, "Invalid default value for variable"),
        (
            'resource "a_b" "c" {\n  count    = 1\n  for_each = {}\n}\n',
            3,
            'Invalid combination of "count" and "for_each"',
        ),
        ('resource "a_b" "c" {\n  lifecycle {\n    prevent_destroy = "ABC"\n  }\n}\n', 3, "Unsuitable value type"),
    ],
)
def test_terraforms_own_word_on_a_module_counts(tmp_path: Path, text: str, line: int, message: str) -> None:
    (found,) = told(judged(tmp_path, {"m/main.tf": text}, loaded.VALIDATORS[0]))
    assert found[:2] == ("m/main.tf", line)
    assert found[2].startswith(message)


@needs_terraform
def test_what_only_says_that_nothing_is_installed_does_not_count(tmp_path: Path) -> None:
    module = 'module "a" {\n  source = "terraform-aws-modules/vpc/aws"\n}\n\nresource "aws_vpc" "a" {}\n'
    assert judged(tmp_path, {"main.tf": module}, loaded.VALIDATORS[0]) == []


@needs_terraform
def test_names_of_later_releases_and_a_module_for_another_one_are_no_faults(tmp_path: Path) -> None:
    later = 'variable "a" {\n  const = true\n}\n'
    other = 'terraform {\n  required_version = ">= 99.0"\n}\n'
    assert judged(tmp_path, {"a/main.tf": later, "b/main.tf": other}, loaded.VALIDATORS[0]) == [
        Unchecked("b/main.tf", "its module is for another version of terraform")
    ]


@needs_terraform
def test_a_module_in_json_is_loaded_too(tmp_path: Path) -> None:
    said = told(judged(tmp_path, {"main.tf.json": '{"varable": {}}\n'}, loaded.VALIDATORS[0]))
    assert [each[0] for each in said] == ["main.tf.json"]


def test_a_chart_may_ask_for_a_version_of_kubernetes(tmp_path: Path) -> None:
    if not any((Path(place) / "helm").exists() for place in tool_paths()) and shutil.which("helm") is None:
        pytest.skip("there is no helm here")
    files = {
        "Chart.yaml": 'apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: ">=1.25.0-0"\n',
        "values.yaml": "size: 1\n",
        "templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  size: {{ .Values.size | quote }}\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert Runner(str(tmp_path)).run(["helm", "lint", *charts.CLUSTER, "."]).code == 0
    assert Runner(str(tmp_path)).run(["helm", "template", "web", *charts.CLUSTER, "."]).code == 0


def test_the_first_fault_of_a_prometheus_configuration_is_told(tmp_path: Path) -> None:
    if not any((Path(place) / "promtool").exists() for place in tool_paths()) and shutil.which("promtool") is None:
        pytest.skip("there is no promtool here")
    text = "scrape_configs:\n  - job_name: a\n    static_configs: [{targets: [a:1]}]\n  - job_name: a\n    static_configs: [{targets: [a:1]}]\n"
    validator = next(each for each in prometheus.VALIDATORS if each.name == "promtool-config")
    (found,) = told(judged(tmp_path, {"prometheus.yml": text}, validator))
    assert 'multiple scrape configs with job name "a"' in found[2]


def test_what_gitlab_takes_from_elsewhere_is_of_any_form() -> None:
    (document,) = parsed("a: {image: !reference [.b, image], script: [make]}\n").documents
    assert document.value == {"a": {"image": UNQUOTED, "script": ["make"]}}
    assert is_placeholder(UNQUOTED)


@pytest.mark.parametrize(
    ("body", "found"), [("...", 0), ("MIIEpAIBAAKCAQEAx4UbaDzY5xjW6hc9jwN0mX33XpTDVW8WqNXYpQpb", 1)]
)
def test_a_private_key_is_one_only_with_its_content(tmp_path: Path, body: str, found: int) -> None:
    mark = "-----{} RSA PRIVATE KEY-----"
    text = f"key: |\n  {mark.format('BEGIN')}\n  {body}\n  {mark.format('END')}\n"
    assert len(told(judged(tmp_path, {"a.yaml": text}, secrets.VALIDATORS[0]))) == found


JOB = "    runs-on: ubuntu-latest\n    steps:\n      - run: make ${{ matrix.name }}\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "on: {schedule: [{cron: $cron-weekly}]}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n",
            0,
        ),
        ("on: push\njobs:\n  a:\n    strategy: ${{ fromJSON(vars.ALL) }}\n" + JOB, 0),
        ("on: push\njobs:\n  a:\n" + JOB, 1),
        ("on: {schedule: [{cron: weekly}]}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{run: make}]\n", 1),
    ],
)
def test_what_a_workflow_gets_later_is_no_fault_of_it(tmp_path: Path, text: str, messages: int) -> None:
    if shutil.which("actionlint") is None:
        pytest.skip("there is no actionlint here")
    found = told(judged(tmp_path, {".github/workflows/a.yml": text}, actions.VALIDATORS[0]))
    assert len(found) == messages


def test_what_nests_without_end_is_a_fault_at_once() -> None:
    assert parsed("[" * 20_000 + "]" * 20_000).fault == Fault(1, 1, "it nests deeper than 1,000")
    assert parsed("[" * 90 + "]" * 90).fault is None
