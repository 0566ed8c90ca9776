"""Cloud: its commands as lists, and what it will not read."""

from typing import Any

import pytest
from pydantic import ValidationError

from agency_tools.cloud import Cloud, CloudInput, cloud_argv
from agency_tools.compartment import Ran
from agency_tools.compartment_testing import Scripted, aimed
from agency_tools.errors import ToolError


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        (
            {
                "provider": "aws",
                "service": "ec2",
                "operation": "describe-instances",
                "parameters": {"instance-ids": ["i-1", "i-2"], "region": ["eu-west-1"]},
            },
            "aws ec2 describe-instances --instance-ids i-1 i-2 --region eu-west-1 --output=json",
        ),
        (
            {
                "provider": "aws",
                "service": "cloudformation",
                "operation": "validate-template",
                "template": "cfn/a.yaml",
            },
            "aws cloudformation validate-template --template-body=file:///workspace/cfn/a.yaml --output=json",
        ),
        (
            {"provider": "gcloud", "service": "compute instances", "operation": "list", "parameters": {"limit": ["5"]}},
            "gcloud compute instances list --limit 5 --format=json --quiet",
        ),
        (
            {
                "provider": "az",
                "service": "vm",
                "operation": "show",
                "parameters": {"name": ["web"], "show-details": []},
            },
            "az vm show --name web --show-details --output=json --only-show-errors",
        ),
    ],
)
def test_a_reading_call_is_one_command(given: dict[str, Any], argv: str) -> None:
    assert cloud_argv(CloudInput.model_validate(given)) == argv.split(" ")


@pytest.mark.parametrize(
    ("provider", "service", "operation"),
    [
        ("aws", "ec2", "terminate-instances"),
        ("aws", "s3", "rm"),
        ("aws", "s3api", "get-object"),
        ("aws", "secretsmanager", "get-secret-value"),
        ("aws", "ssm", "get-parameter"),
        ("aws", "ssm", "get-parameters-by-path"),
        ("aws", "sts", "get-session-token"),
        ("aws", "sts", "get-federation-token"),
        ("aws", "ecr", "get-login-password"),
        ("aws", "ecr", "get-authorization-token"),
        ("aws", "sso", "get-role-credentials"),
        ("aws", "cloudformation", "deploy"),
        ("aws", "lambda", "get-function-configuration"),
        ("aws", "s3api put-object", "list-objects"),
        ("aws", "configure", "list"),
        ("aws", "configure", "get"),
        ("gcloud", "compute instances", "delete"),
        ("gcloud", "auth", "print-access-token"),
        ("gcloud", "secrets versions", "access"),
        ("gcloud", "config configurations", "list"),
        ("gcloud", "iam service-accounts keys", "list"),
        ("az", "account", "get-access-token"),
        ("az", "vm", "delete"),
        ("az", "keyvault secret", "show"),
        ("az", "storage account keys", "list"),
    ],
)
def test_what_changes_or_answers_with_secrets_is_refused(provider: str, service: str, operation: str) -> None:
    with pytest.raises(ValidationError, match="reading operations"):
        CloudInput.model_validate({"provider": provider, "service": service, "operation": operation})


@pytest.mark.parametrize(
    "parameters",
    [
        {"profile": ["prod"]},
        {"--endpoint-url": ["http://127.0.0.1"]},
        {"cli-input-json": ["{}"]},
        {"impersonate-service-account": ["root"]},
        {"subscription": ["other"]},
        {"filters": ["file:///etc/passwd"]},
        {"filters": ["fileb://x"]},
        {"filters": ["@/etc/passwd"]},
        {"filters": ["--profile=prod"]},
        {"filters": ["a\nb"]},
        {"Profile": ["x"]},
    ],
)
def test_options_that_leave_the_target_or_read_files_are_refused(parameters: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError):
        CloudInput.model_validate(
            {"provider": "aws", "service": "ec2", "operation": "describe-vpcs", "parameters": parameters}
        )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"operation": "create-change-set", "stack": "web"}, "needs 'template'"),
        ({"operation": "execute-change-set", "stack": "web"}, "needs 'change_set'"),
        ({"operation": "create-change-set", "stack": "-x", "template": "t"}, "pattern"),
        ({"operation": "create-change-set", "stack": "web", "template": "../t"}, "lies outside"),
        ({"operation": "create-change-set", "stack": "web", "template": "t", "parameters": {"role-arn": ["arn:x"]}}, "takes no parameters"),
        ({"operation": "create-change-set", "stack": "web", "template": "t", "stack_parameters": {"A": "file:///etc/passwd"}}, "taken literally"),
        ({"operation": "create-change-set", "stack": "web", "template": "t", "capabilities": ["ALL"]}, "CAPABILITY_IAM"),
        ({"operation": "deploy", "stack": "web"}, "reading operations"),
        ({"operation": "delete-stack", "stack": "web"}, "reading operations"),
        ({"operation": "execute-change-set", "service": "ec2", "stack": "web", "change_set": "x"}, "reading operations"),
    ],
)  # fmt: skip
def test_a_change_set_takes_its_own_fields_and_nothing_else(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CloudInput.model_validate({"provider": "aws", "service": "cloudformation", **given})


async def test_every_call_needs_a_target() -> None:
    with pytest.raises(ToolError, match="this run has no target: start it with --target NAME"):
        await Cloud().run(CloudInput(provider="aws", service="sts", operation="get-caller-identity"))


async def test_a_call_is_made_where_the_targets_credentials_are() -> None:
    reach = Scripted([Ran(exit_code=0, output='{"Account": "1", "Arn": "arn:x"}', seconds=1)])
    cloud = Cloud(targets=aimed(reach))
    answer = await cloud.run(CloudInput(provider="aws", service="sts", operation="get-caller-identity"))
    assert answer.content == 'account 1 as arn:x\n{"Account": "1", "Arn": "arn:x"}'
