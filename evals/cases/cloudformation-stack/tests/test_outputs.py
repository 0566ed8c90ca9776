"""The template as data: its resources and what their properties say."""

import json
from pathlib import Path

import yaml

HERE = Path.cwd()


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their long ones."""


def _short(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    return {
        name: loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node, deep=True)
    }


Loader.add_multi_constructor("!", _short)


def template():
    return yaml.load((HERE / "cloudformation/uploads.yaml").read_text(), Loader)


def of(kind):
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


def buckets():
    return of("AWS::S3::Bucket")


def statements(resource):
    found = resource["Properties"]["PolicyDocument"]["Statement"]
    return found if isinstance(found, list) else [found]


def many(value):
    return value if isinstance(value, list) else [value]


def test_two_parameters():
    parameters = template()["Parameters"]
    required = {name for name, each in parameters.items() if "Default" not in each}
    assert required == {"Environment", "AlarmTopicArn"}
    assert sorted(parameters["Environment"]["AllowedValues"]) == ["dev", "prod", "staging"]


def test_the_bucket_is_closed_encrypted_and_versioned():
    for bucket in buckets().values():
        properties = bucket["Properties"]
        assert properties["VersioningConfiguration"]["Status"] == "Enabled"
        assert (
            set(properties["PublicAccessBlockConfiguration"].values()) <= {True, "true"}
            and len(properties["PublicAccessBlockConfiguration"]) == 4
        )
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")


def test_old_versions_and_broken_uploads_go():
    for bucket in buckets().values():
        rules = [
            rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"] if rule["Status"] == "Enabled"
        ]
        assert any(
            int(rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation", 0)) == 7 for rule in rules
        )
        days = [
            int(
                rule.get("NoncurrentVersionExpiration", {}).get(
                    "NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays", 0)
                )
            )
            for rule in rules
        ]
        assert 90 in days


def test_prods_bucket_outlives_its_stack():
    """A deletion policy cannot depend on a parameter without a transform: one bucket kept everywhere, or two, one of them made."""
    found = list(buckets().values())
    policies = sorted(each.get("DeletionPolicy", "Delete") for each in found)
    if len(found) == 1:
        assert policies[0] in ("Retain", "RetainExceptOnCreate") and "Condition" not in found[0]
        return
    assert (
        len(found) == 2
        and all("Condition" in each for each in found)
        and "prod" in json.dumps(template()["Conditions"])
    )
    assert policies in (["Delete", "Retain"], ["Delete", "RetainExceptOnCreate"])
    assert json.dumps(found[0]["Properties"]) == json.dumps(found[1]["Properties"])


def test_the_service_can_read_it():
    text = (HERE / "cloudformation/uploads.yaml").read_text()
    assert not any(isinstance(token, (yaml.AliasToken, yaml.AnchorToken)) for token in yaml.scan(text)), (
        "aliases are rejected"
    )
    assert "Transform" not in template()


def test_plain_http_is_refused():
    found = [each for policy in of("AWS::S3::BucketPolicy").values() for each in statements(policy)]
    deny = [
        each
        for each in found
        if each["Effect"] == "Deny" and "aws:SecureTransport" in json.dumps(each.get("Condition", {}))
    ]
    assert deny and str(deny[0]["Condition"]["Bool"]["aws:SecureTransport"]).lower() == "false"
    assert len(many(deny[0]["Resource"])) == 2, "the bucket and its objects"


def test_uploads_are_announced_to_the_queue():
    queues = of("AWS::SQS::Queue")
    assert set(queues) == {"Uploads", "UploadsDead"}
    for bucket in buckets().values():
        (configuration,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
        assert configuration["Event"].startswith("s3:ObjectCreated") and "Uploads" in json.dumps(configuration["Queue"])
    for name, queue in queues.items():
        properties = queue["Properties"]
        assert properties.get("SqsManagedSseEnabled") in (True, "true") or "KmsMasterKeyId" in properties, name
    redrive = queues["Uploads"]["Properties"]["RedrivePolicy"]
    assert int(redrive["maxReceiveCount"]) == 5 and redrive["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["UploadsDead", "Arn"]
    }
    assert int(queues["UploadsDead"]["Properties"]["MessageRetentionPeriod"]) == 14 * 86400


def test_only_the_bucket_may_send():
    (policy,) = of("AWS::SQS::QueuePolicy").values()
    (statement,) = statements(policy)
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"} and many(statement["Action"]) in (
        ["sqs:SendMessage"],
        ["SQS:SendMessage"],
    )
    condition = json.dumps(statement["Condition"])
    assert "aws:SourceAccount" in condition and "aws:SourceArn" in condition


def test_the_stack_can_be_created():
    """S3 tries the queue when the notification is set, so the queue's policy must be there first."""
    (name,) = of("AWS::SQS::QueuePolicy")
    for bucket in buckets().values():
        assert name in many(bucket.get("DependsOn", []))
    for policy in of("AWS::SQS::QueuePolicy").values():
        text = json.dumps(policy)
        assert not any(
            f'"Ref": "{bucket}"' in text or f'["{bucket}", "Arn"]' in text or f"${{{bucket}}}" in text
            for bucket in buckets()
        ), "a circle"


def test_two_environments_fit_into_one_account():
    for kind, key in (
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
    ):
        for name, each in of(kind).items():
            value = each["Properties"].get(key)
            assert value is None or "Environment" in json.dumps(value) or "StackName" in json.dumps(value), (
                f"{name}: {value}"
            )


def test_two_alarms_tell_the_topic():
    alarms = [each["Properties"] for each in of("AWS::CloudWatch::Alarm").values()]
    by = {each["MetricName"]: each for each in alarms}
    assert {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"} == set(by)
    assert all(each["AlarmActions"] == [{"Ref": "AlarmTopicArn"}] for each in alarms)
    assert "UploadsDead" in json.dumps(by["ApproximateNumberOfMessagesVisible"]["Dimensions"])
    age = by["ApproximateAgeOfOldestMessage"]
    assert (
        float(age["Threshold"]) == 900
        and age["ComparisonOperator"].startswith("GreaterThan")
        and '"Uploads"' in json.dumps(age["Dimensions"])
    )


def test_the_worker_may_do_its_work_and_nothing_else():
    (policy,) = of("AWS::IAM::ManagedPolicy").values()
    allowed = {action for each in statements(policy) for action in many(each["Action"])}
    assert {"sqs:ReceiveMessage", "sqs:DeleteMessage", "s3:GetObject"} <= allowed <= {
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "s3:GetObject", "s3:GetObjectVersion", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"}  # fmt: skip
    for each in statements(policy):
        assert each["Effect"] == "Allow"
        for resource in many(each["Resource"]):
            text = json.dumps(resource)
            assert text != '"*"' and text.count("*") == (
                1 if "s3" in text.lower() or "bucket" in text.lower() else 0
            ), text


TAGGED = ("AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm")


def test_what_takes_tags_is_tagged():
    for kind in TAGGED:
        for name, each in of(kind).items():
            tags = {tag["Key"]: tag["Value"] for tag in each["Properties"].get("Tags", [])}
            if kind != "AWS::CloudWatch::Alarm" or tags:
                assert tags.get("service") == "uploads" and tags.get("environment") == {"Ref": "Environment"}, name


def test_three_outputs():
    text = [json.dumps(each["Value"]) for each in template()["Outputs"].values()]
    assert any(any(bucket in each for bucket in buckets()) for each in text)
    assert any(each in ('{"Ref": "Uploads"}', '{"Fn::GetAtt": ["Uploads", "QueueUrl"]}') for each in text)
    (policy,) = of("AWS::IAM::ManagedPolicy")
    assert any(policy in each for each in text)
