"""Terraform's arguments and references, judged without terraform and without a provider."""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from agency_tools.image import provider_table
from agency_tools.validators.inside import hcl, modules
from agency_tools.validators.inside import registry as _registry
from agency_tools.validators.inside.arguments import VALIDATORS as ARGUMENTS
from agency_tools.validators.inside.engine import sources_of
from agency_tools.validators.inside.providers import OTHER_PLACE, bounds, providers
from agency_tools.validators.inside.running import Runner
from agency_tools.validators.inside.values import Finding, NotRun, Unchecked

PACKAGE = """\
import typing
class Bucket(
    _cdktf.TerraformResource,
    metaclass=jsii.JSIIMeta,
):
    \'\'\'Represents a {@link https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/resources/bucket aws_bucket}.\'\'\'

    def __init__(
        self,
        scope: _constructs.Construct,
        id_: builtins.str,
        *,
        bucket: builtins.str,
        size: typing.Optional[jsii.Number] = None,
        force: typing.Optional[typing.Union[builtins.bool, _cdktf.IResolvable]] = None,
        zones: typing.Optional[typing.Sequence[builtins.str]] = None,
        tags: typing.Optional[typing.Mapping[builtins.str, builtins.str]] = None,
        fetch_password: typing.Optional[builtins.str] = None,
        rule: typing.Optional[typing.Union[_cdktf.IResolvable, typing.Sequence[typing.Union["BucketRule", typing.Dict[builtins.str, typing.Any]]]]] = None,
        count: typing.Optional[jsii.Number] = None,
    ) -> None:
        \'\'\'Create one.

        :param bucket: Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/resources/bucket#bucket Bucket#bucket}.
        :param fetch_password: Docs at Terraform Registry: {@link https://registry.terraform.io/providers/hashicorp/aws/6.25.0/docs/resources/bucket#get_password Bucket#get_password}.
        \'\'\'

    @builtins.property
    @jsii.member(jsii_name="arn")
    def arn(self) -> builtins.str:
        return typing.cast(builtins.str, jsii.get(self, "arn"))

@jsii.data_type()
class BucketRule:
    def __init__(
        self,
        *,
        name: builtins.str,
    ) -> None:
        \'\'\'One rule.\'\'\'
"""

GOOD = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "name" {
  type = string
}

locals {
  sizes = { for key, size in { a = 1 } : key => size }
}

resource "aws_bucket" "logs" {
  for_each = local.sizes
  bucket   = "${var.name}-${each.key}"
  size     = each.value
  zones    = ["a"]
  tags = {
    Name = var.name # not an argument
  }
  dynamic "rule" {
    for_each = ["x"]
    content {
      name = rule.value
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_bucket" "one" {
  bucket = <<-EOT
    ${var.name}
  EOT
  size   = "12"
}

output "arn" {
  value = aws_bucket.one.arn
}
"""

FAULTS = [
    ("bucket   =", "buckt    =", "aws_bucket.logs has no argument 'buckt'; 'bucket' was meant?"),
    ('size     = each.value', 'size     = "many"', "size must be a number, not the text 'many'"),
    ('zones    = ["a"]', 'zones    = "a"', "zones must be a list"),
    ("tags = {", "tags {", "tags is an argument (a mapping), not a block"),
    ("      name = rule.value\n", "", "aws_bucket.logs.rule lacks the required 'name'"),
    ('"aws_bucket" "logs"', '"aws_buckets" "logs"', "hashicorp/aws has no resource 'aws_buckets'; 'aws_bucket' was meant?"),
    ("${var.name}-", "${var.nmae}-", "there is no variable 'nmae' in this module; 'name' was meant?"),
    ("local.sizes", "local.size", "there is no local value 'size' in this module; 'sizes' was meant?"),
    ("aws_bucket.one.arn", "aws_bucket.on.arn", "there is no resource aws_bucket.on in this module"),
    ("aws_bucket.one.arn", "aws_bucket.one.arm", "aws_bucket has no attribute 'arm'; 'arn' was meant?"),
    ("  for_each = local.sizes\n", "", "each.key needs for_each"),
    ('"one"', '"logs"', "resource aws_bucket.logs is declared more than once"),
    ('variable "name"', 'varaible "name"', "terraform has no block 'varaible'; 'variable' was meant?"),
    ("  value = aws", "  vaule = aws", "output arn has no value"),
    ("  type = string", "  typ = string", "variable has no argument 'typ'; 'type' was meant?"),
]  # fmt: skip
"""What to replace in the good file, by what, and what is said of it."""


@pytest.fixture(autouse=True)
def table(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path_factory.mktemp("providers")
    package = place / "provider.whl"
    with zipfile.ZipFile(package, "w") as wheel:
        wheel.writestr("cdktf_cdktf_provider_aws/bucket/__init__.py", PACKAGE)
    argv = [sys.executable, provider_table.__file__, str(package), str(place / "aws.json.gz")]
    assert subprocess.run(argv, check=False).returncode == 0
    monkeypatch.setenv(OTHER_PLACE, str(place))
    providers.cache_clear()
    return place


def said(root: Path, files: Mapping[str, str]) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    sources = sources_of(str(root), list(files))
    found = [each for one in (*modules.VALIDATORS, *ARGUMENTS) for each in one.check(sources, Runner(str(root)))]
    return [each.message if isinstance(each, Finding) else each.why for each in found]


def test_a_providers_table_is_what_its_package_says(table: Path) -> None:
    with gzip.open(table / "aws.json.gz", "rt") as file:
        value = json.load(file)
    assert (value["provider"], value["version"], value["data"]) == ("hashicorp/aws", "6.25.0", {})
    required, accepted = value["blocks"][value["resources"]["aws_bucket"]]
    assert required == ["bucket"]
    rule = accepted.pop("rule")
    assert accepted == {"bucket": -2, "size": -3, "force": -4, "zones": -5, "tags": -6, "get_password": -2}
    assert value["blocks"][rule] == [["name"], {"name": -2}]
    assert "arn" in value["exports"]["aws_bucket"]


def test_a_good_module_stays_silent(tmp_path: Path) -> None:
    assert said(tmp_path, {"main.tf": GOOD}) == []


@pytest.mark.parametrize(("old", "new", "message"), FAULTS)
def test_each_fault_is_told_with_what_was_meant(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    found = said(tmp_path, {"main.tf": GOOD.replace(old, new, 1)})
    assert [each for each in found if message in each] != [], found


def test_what_another_file_of_the_module_declares_counts(tmp_path: Path) -> None:
    main, rest = GOOD.split("locals {")
    assert said(tmp_path, {"main.tf": main, "more.tf": "locals {" + rest}) == []


def test_a_call_of_a_module_in_the_repository_is_held_to_its_variables_and_outputs(tmp_path: Path) -> None:
    call = 'module "logs" {\n  source = "./logs"\n  nmae   = "x"\n}\noutput "x" {\n  value = module.logs.arm\n}\n'
    found = said(tmp_path, {"main.tf": call, "logs/main.tf": GOOD})
    assert found == [
        "module logs has no variable 'nmae'; 'name' was meant?",
        "module logs lacks name",
        "module logs has no output 'arm'; 'arn' was meant?",
    ]


def test_a_module_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = said(tmp_path, {"main.tf": 'module "a" {\n  source = "./absent"\n}\n'})
    assert found == ["module a: no module at './absent'"]


def test_a_provider_without_a_table_is_not_checked_and_named(tmp_path: Path) -> None:
    found = said(tmp_path, {"main.tf": 'resource "google_thing" "a" {\n  nonsense = 1\n}\n'})
    assert found == ["no table for the provider google"]


def test_without_any_table_the_check_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OTHER_PLACE, str(tmp_path / "absent"))
    providers.cache_clear()
    with pytest.raises(NotRun, match="no provider's table"):
        said(tmp_path, {"main.tf": GOOD})


def test_a_module_for_a_newer_provider_than_the_tables_is_not_blamed(tmp_path: Path) -> None:
    text = GOOD.replace("~> 6.0", ">= 6.30").replace("  size   =", "  novel  =")
    assert said(tmp_path, {"main.tf": text}) == []


def test_a_file_that_is_no_hcl_is_left_to_terraform(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "a" {', encoding="utf-8")
    sources = sources_of(str(tmp_path), ["main.tf"])
    assert list(modules.VALIDATORS[0].check(sources, Runner(str(tmp_path)))) == [
        Unchecked("main.tf", "it cannot be read as HCL")
    ]


def test_a_reference_in_a_strings_template_is_found_at_its_place() -> None:
    text = 'a = "x ${var.one} $${no.reference} ${f("${local.two}")}"\n'
    (item,) = hcl.read(text)
    found = hcl.references(item.expression)
    assert [parts for parts, _ in found if len(parts) > 1] == [("var", "one"), ("local", "two")]
    assert text[found[0][1] :].startswith("var.one")


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("~> 5.0", ((5, 0), (6,))),
        ("~> 5.1.2", ((5, 1, 2), (5, 2))),
        (">= 4.0, < 6.0", ((4, 0), (6, 0))),
        ("5.1.0", ((5, 1, 0), (5, 1, 1))),
        ("", ((), None)),
    ],
)
def test_a_constraints_bounds(constraint: str, expected: tuple[tuple[int, ...], tuple[int, ...] | None]) -> None:
    assert bounds(constraint) == expected


def test_both_checks_are_in_the_registry() -> None:
    assert {"terraform-module", "terraform-schema"} <= {each.name for each in _registry.VALIDATORS}
